"""Views: ways to make rows from the corpus, their columns, and the rows of each split."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headstart.cache import cached_rows, key_of
from headstart.data.docs.corpus import (
    KEY_BOUNDS,
    TEXT_BOUND,
    Entry,
    clusters,
    corpus_key,
    entries,
    split_of,
)
from headstart.data.docs.docstrings import CORPUS_VERSION, docstrings, version
from headstart.data.docs.prose import (
    Parameter,
    first_sentence,
    is_prose,
    prose,
    short_signature,
    shortened,
    signature_names,
)
from headstart.data.rows import SPLITS, hashed_rank, numbered
from headstart.screen import progress

VIEWS_VERSION = 2  # raise it whenever a view makes other rows of the same entries
FACTS = ("name", "library", "split")  # what is kept of a row's entry
LIBRARY_COLUMNS = ("text", "library", "name", "kind")

# match
FEWEST_PARAMETERS = 2  # of a signature
OWN_NAME = "function"  # replaces the name of the function in its description

# params
OUTSIDE, INSIDE = "O", "B-PARAM"
UNTAGGED_SHARE = 0.08  # of the texts without a parameter these are kept: about a fifth of all rows
SIGN = "\ue000"  # put before a name in markup; from the private use area, so that no text has it
MARKED = re.compile(r"(`{1,2}|(?<![\w*])\*)(\w+)(`{1,2}|\*)(?![\w*])")
WORD = re.compile(rf"{SIGN}?\w+(?:['.-]\w+)*|[^\w\s]")

# qa
DESCRIPTION = 500  # characters of the context that come before the parameters
ANSWER_BOUNDS = 15, 200
HEADING = " Parameters:"
UNANSWERABLE, RETURNS = 0.15, 0.15  # shares of rows

# summary
SUMMARY_BOUNDS = 20, 200

Row = dict[str, Any]
Made = Iterator[tuple[Entry, tuple[Any, ...]]]  # an entry and the cells of its row


@dataclass(frozen=True)
class View:
    """A way to make rows from entries."""

    columns: tuple[str, ...]  # the first is the text, which no two rows share
    bounds: tuple[int, int]  # default of shortest and longest: characters of the text
    rows: Callable[[Sequence[Entry], int, int], Made]


def key(seed: int, settings: Any, manifest: int | str | None = None) -> str:
    """32 hex digits of the corpus, of how views are made of it, and of some settings."""
    return key_of([VIEWS_VERSION, corpus_key(seed, manifest), settings])


def view_rows(view: str, bounds: tuple[int, int], seed: int, manifest: int | str | None = None) -> list[Row]:
    """The rows of a view with the FACTS, of all libraries, in the order of the entries; cached."""

    def made() -> Iterator[Row]:
        rows = list(VIEWS[view].rows(entries(seed, manifest), *bounds))
        # No text twice: of two copies the one in test stays, before validation, before train.
        order = sorted(range(len(rows)), key=lambda n: (SPLITS.index(rows[n][0].split), -n))
        kept = {json.dumps(rows[n][1][0]): n for n in order}  # of equal texts the last of the order
        for n in sorted(kept.values()):
            entry, cells = rows[n]
            facts = {name: getattr(entry, name) for name in FACTS}
            yield {**dict(zip(VIEWS[view].columns, cells, strict=True)), **facts}

    return cached_rows(f"docs-{view}-{key(seed, [view, *bounds], manifest)}.parquet", made)


def view_parts(
    rows: Sequence[Row], libraries: Sequence[str], caps: Mapping[str, int | None]
) -> tuple[dict[str, list[Row]], list[str]]:
    """Rows per split, and notes on caps that were not reached. Labels alternate, so that every prefix is
    balanced to within one row."""
    parts, notes = {}, []
    for split, cap in caps.items():
        part = [row for row in rows if row["split"] == split and row["library"] in libraries]
        if part and "label" in part[0]:
            labels = sorted({row["label"] for row in part})
            queues = ([row for row in part if row["label"] == label] for label in labels)
            part = [row for turn in zip(*queues, strict=False) for row in turn]
        if cap is not None and len(part) < cap:
            notes.append(f"{split}: {len(part)} rows, fewer than {split}_rows={cap}")
        parts[split] = part[:cap]
    return parts, notes


def class_parts(
    rows: Sequence[Row], libraries: Sequence[str], caps: Mapping[str, int]
) -> tuple[dict[str, list[Row]], list[str]]:
    """Rows per split, of each library the first up to the cap; and notes on caps that were not reached."""
    parts: dict[str, list[Row]] = {split: [] for split in SPLITS}
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        split, library = row["split"], row["library"]
        if library in libraries and counts[split, library] < caps[split]:
            counts[split, library] += 1
            parts[split].append(row)
    notes = [
        f"{split}: {counts[split, library]} rows of {library}, fewer than {split}_per_class={caps[split]}"
        for split in SPLITS
        for library in libraries
        if counts[split, library] < caps[split]
    ]
    return parts, notes


def library_rows(libraries: Sequence[str], bounds: tuple[int, int]) -> list[Row]:
    """LIBRARY_COLUMNS of the view `library`: one masked text per cluster of near-duplicates; cached.

    Clusters with texts of several libraries are dropped.
    """

    def made() -> Iterator[Row]:
        clean = progress(docstrings(libraries), "cleaning docstrings")
        cells = [(prose(doc.text, *bounds), doc.library, doc.name, doc.kind) for doc in clean]
        rows = [row for row in cells if row[0]]
        groups: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
        for cluster, row in zip(clusters([row[0] for row in rows]), rows, strict=True):
            groups[cluster].append(row)
        of_one_library = [group for group in groups.values() if len({row[1] for row in group}) == 1]
        chosen = [min(group, key=lambda row: (hashed_rank(0, row[0]), row)) for group in of_one_library]
        chosen.sort(key=lambda row: row[2:])
        for row, name in zip(chosen, numbered((row[2] for row in chosen), "#"), strict=True):
            yield {**dict(zip(LIBRARY_COLUMNS, row, strict=True)), "name": name}

    versions = [(library, version(library)) for library in libraries]
    return cached_rows(f"prose-{CORPUS_VERSION}-{key_of([CORPUS_VERSION, versions, bounds])}.parquet", made)


def library_parts(
    rows: Sequence[Row], libraries: Sequence[str], caps: Mapping[str, int], seed: int
) -> tuple[dict[str, list[Row]], list[str]]:
    """Rows per split, and notes on caps that were not reached.

    The hash of a text determines its split; the caps then take the first rows of each library in hash order.
    """
    ordered = sorted(rows, key=lambda row: hashed_rank(seed, row["text"]))
    return class_parts([{**row, "split": split_of(row["text"], seed)} for row in ordered], libraries, caps)


def library_view(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(text, kind): the masked prose of docstrings that no other library nearly repeats."""
    for entry in entries:
        is_known = (shortest, longest) == KEY_BOUNDS and entry.key != entry.text[:TEXT_BOUND]
        text = entry.key if is_known else prose(entry.text, shortest, longest)
        if text and not entry.shared:
            yield entry, (text, entry.kind)


def match_rows(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(text, signature, label): does the description belong to the signature, yes or no?

    A wrong signature is that of the next function in hash order, of the same library and split, whose
    parameters have other names.
    """
    peers: defaultdict[tuple[str, str], list[tuple[Entry, set[str]]]] = defaultdict(list)
    for entry in entries:
        names = set(signature_names(entry.signature)) if entry.kind == "function" else set[str]()
        if len(names) >= FEWEST_PARAMETERS:
            peers[entry.library, entry.split].append((entry, names))
    for group in peers.values():
        for position, (entry, names) in enumerate(group):
            text = shortened(without_name(entry.prose, entry.name), longest)
            if len(text) < shortest:
                continue
            if hashed_rank(0, f"match\0{entry.key}")[0] < 128:
                yield entry, (text, short_signature(entry.signature), "yes")
                continue
            peers_of = (group[(position + step) % len(group)] for step in range(1, len(group)))
            donor = next((peer for peer, peer_names in peers_of if peer_names != names), None)
            if donor is not None:
                yield entry, (text, short_signature(donor.signature), "no")


def without_name(text: str, name: str) -> str:
    """The text with the last part of a dotted name replaced, as a separate word, in any case."""
    word = re.escape(name.split("#")[0].rsplit(".", 1)[-1].strip("_"))
    return re.sub(rf"(?i)(?<![^\W_])_*{word}_*(?![^\W_])", OWN_NAME, text) if word else text


def params_rows(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(words, tags): the words of a description; parameters are tagged.

    A parameter is a name that the authors marked up (the markup is removed), or that is no English word
    (keep_dims). Texts where another word equals a parameter's name are dropped: its tag is unclear.
    """
    for entry in entries:
        text = shortened(entry.prose, longest)
        names = {*signature_names(entry.signature), *(parameter.name for parameter in entry.parameters)}
        words = WORD.findall(text)
        tags = [OUTSIDE] * len(words)
        if len(text) < shortest or not names:
            continue
        if not names.isdisjoint(words):
            words, tags = _tagged(entry.text, names, shortest, longest)
            tagged = zip(words, tags, strict=True)
            if any(tag == OUTSIDE and len(word) > 1 and word in names for word, tag in tagged):
                continue
        is_kept = INSIDE in tags or hashed_rank(0, f"params\0{entry.key}")[0] < 256 * UNTAGGED_SHARE
        if words and is_kept:
            yield entry, (words, tags)


def _tagged(text: str, names: set[str], shortest: int, longest: int) -> tuple[list[str], list[str]]:
    """The words of a docstring's prose, and a tag for each."""
    signed = MARKED.sub(lambda mark: SIGN + mark[2] if mark[2] in names else mark[0], text)
    words = WORD.findall(prose(signed, shortest, longest))
    code = {name for name in names if "_" in name or any(map(str.isdigit, name))}
    tags = [INSIDE if word.startswith(SIGN) or word in code else OUTSIDE for word in words]
    return [word.removeprefix(SIGN) for word in words], tags


@dataclass(frozen=True)
class Passage:
    """A docstring as one text, and the positions of the answers in it."""

    context: str
    answers: dict[str, tuple[int, str]]  # parameter, or "" for the return value -> (start, answer)
    names: frozenset[str]  # all parameters of the docstring, including dropped ones


def qa_rows(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(context, question, answers, starts), one question per docstring.

    Some ask for a parameter of another function, and have no answer. Functions share descriptions of
    parameters: one that is asked for in evaluation is not asked for in training.
    """
    passages = [(entry, passage(entry, longest)) for entry in entries]
    usable = [pair for pair in passages if pair[1].answers and len(pair[1].context) >= shortest]
    rows = [(usable[n][0], row) for n in range(len(usable)) if (row := _qa_row(usable, n)) is not None]
    held_out = {answer for entry, (_, _, answers, _) in rows if entry.split != "train" for answer in answers}
    for entry, row in rows:
        if entry.split != "train" or held_out.isdisjoint(row[2]):
            yield entry, row


def _qa_row(
    usable: Sequence[tuple[Entry, Passage]], position: int
) -> tuple[str, str, list[str], list[int]] | None:
    entry, passage = usable[position]
    draw = int.from_bytes(hashed_rank(0, f"qa kind\0{entry.key}"), "big") / 2**64
    if draw < UNANSWERABLE:
        name = _foreign_parameter(usable, position)
        return (passage.context, f"What does the parameter {name} do?", [], []) if name else None
    names = sorted(name for name in passage.answers if name)
    if "" in passage.answers and (draw < UNANSWERABLE + RETURNS or not names):
        name, question = "", "What does it return?"
    else:
        name = min(names, key=lambda name: hashed_rank(0, f"{name}\0{entry.key}"))
        question = f"What does the parameter {name} do?"
    start, answer = passage.answers[name]
    return passage.context, question, [answer], [start]


def passage(entry: Entry, longest: int) -> Passage:
    """Description, parameters and return value in one line; parts that do not fit are dropped."""
    context = shortened(entry.description, DESCRIPTION)
    answers: dict[str, tuple[int, str]] = {}
    for parameter in [*entry.parameters, Parameter("", "", entry.returns)]:
        kind = f" ({parameter.type})" if parameter.type else ""
        heading = "" if HEADING.strip() in context else HEADING
        head = f"{heading} {parameter.name}{kind}: " if parameter.name else " Returns: "
        if not parameter.text or len(context) + len(head) + len(parameter.text) > longest:
            continue
        start = len(context := f"{context}{head}".lstrip())
        context += parameter.text
        answer = first_sentence(parameter.text)
        if ANSWER_BOUNDS[0] <= len(answer) <= ANSWER_BOUNDS[1]:
            answers[parameter.name] = (start, answer)
    return Passage(context, answers, frozenset(parameter.name for parameter in entry.parameters))


def _foreign_parameter(usable: Sequence[tuple[Entry, Passage]], position: int) -> str:
    """A parameter of the next docstring of the library and split that this one does not name."""
    entry, current = usable[position]
    words = set(re.findall(r"\w+", current.context)) | current.names
    for step in range(1, len(usable)):
        other, passage = usable[(position + step) % len(usable)]
        if (other.library, other.split) == (entry.library, entry.split):
            foreign = sorted(name for name in passage.answers if name and name not in words)
            if foreign:
                return min(foreign, key=lambda name: hashed_rank(0, f"{name}\0{entry.key}"))
    return ""


def text_rows(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(text,): a whole docstring as prose, cut at a sentence, for language modelling."""
    for entry in entries:
        text = shortened(entry.whole, longest)
        if len(text) >= shortest and is_prose(text):
            yield entry, (text,)


def summary_rows(entries: Sequence[Entry], shortest: int, longest: int) -> Made:
    """(body, summary): a description and its first sentence, if the body does not repeat it."""
    for entry in entries:
        summary = first_sentence(entry.prose)
        body = shortened(entry.prose[len(summary) :].strip(), longest)
        fits = SUMMARY_BOUNDS[0] <= len(summary) <= SUMMARY_BOUNDS[1] and len(body) >= shortest
        if fits and summary.casefold().rstrip(".!?: ") not in body.casefold():
            yield entry, (body, summary)


VIEWS = {
    "library": View(("text", "kind"), (80, 1000), library_view),
    "match": View(("text", "signature", "label"), (80, 300), match_rows),
    "params": View(("words", "tags"), (80, 300), params_rows),
    "qa": View(("context", "question", "answers", "starts"), (200, 1500), qa_rows),
    "text": View(("text",), (80, 4000), text_rows),
    "summary": View(("text", "summary"), (150, 1000), summary_rows),
}

"""Views: ways to make rows from the corpus, their columns, and the rows of each split."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.cache import cached, progress
from headstart.data.docs.corpus import Entry, clusters, corpus_key, entries, split_of
from headstart.data.docs.docstrings import CORPUS_VERSION, docstrings
from headstart.data.docs.prose import (
    Parameter,
    first_sentence,
    is_prose,
    prose,
    short_signature,
    shortened,
    signature_names,
)
from headstart.data.rows import SPLITS, hashed_rank

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

Made = Iterator[tuple[Entry, tuple[Any, ...]]]  # an entry and the cells of its row


@dataclass(frozen=True)
class View:
    """A way to make rows from entries."""

    columns: tuple[str, ...]  # the first is the text, which no two rows share
    bounds: tuple[int, int]  # default of shortest and longest: characters of the text
    rows: Callable[[Sequence[Entry], int, int], Made]


def key(seed: int, settings: Any) -> str:
    """32 hex digits of the corpus, of how views are made of it, and of some settings."""
    facts = json.dumps([VIEWS_VERSION, corpus_key(seed), settings])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def table(view: str, bounds: tuple[int, int], seed: int) -> dict[str, list[Any]]:
    """The columns of a view and FACTS, of all libraries, in the order of the entries; cached."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(path: Path) -> None:
        rows = list(VIEWS[view].rows(entries(seed), *bounds))
        # No text twice: of two copies the one in test stays, before validation, before train.
        first_cells = [json.dumps(cells[0]) for _, cells in rows]
        kept: dict[str, int] = {}
        for n in sorted(range(len(rows)), key=lambda n: (-SPLITS.index(rows[n][0].split), n)):
            kept.setdefault(first_cells[n], n)
        rows = [rows[n] for n in sorted(kept.values())]
        columns = {name: [cells[n] for _, cells in rows] for n, name in enumerate(VIEWS[view].columns)}
        facts = {name: [getattr(entry, name) for entry, _ in rows] for name in FACTS}
        pq.write_table(pa.table(columns | facts), path)

    return pq.read_table(cached(f"docs-{view}-{key(seed, [view, *bounds])}.parquet", write)).to_pydict()


def parts(
    table: Mapping[str, list[Any]], libraries: Sequence[str], caps: Mapping[str, int | None]
) -> tuple[dict[str, list[int]], list[str]]:
    """Row numbers per split, and notes on caps that were not reached. Labels have equally many rows each."""
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    for row, (library, split) in enumerate(zip(table["library"], table["split"], strict=True)):
        if library in libraries:
            chosen[split].append(row)
    notes = []
    for split, cap in caps.items():
        rows = _balanced(chosen[split], table["label"]) if "label" in table else chosen[split]
        chosen[split] = rows[:cap]
        if cap is not None and len(rows) < cap:
            notes.append(f"{split}: {len(rows)} rows, fewer than {split}_rows={cap}")
    return chosen, notes


def _balanced(rows: Sequence[int], labels: Sequence[str]) -> list[int]:
    """Rows with alternating labels, so that every prefix is balanced to within one row."""
    queues: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        queues[labels[row]].append(row)
    return [row for turn in zip(*(queues[label] for label in sorted(queues)), strict=False) for row in turn]


def library_table(key: str, libraries: Sequence[str], bounds: tuple[int, int]) -> dict[str, list[str]]:
    """LIBRARY_COLUMNS of the view `library`: one masked text per cluster of near-duplicates.

    Clusters with texts of several libraries are dropped. Cached under `key`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    def write(path: Path) -> None:
        clean = progress(docstrings(libraries), "cleaning docstrings")
        rows = [(prose(doc.text, *bounds), doc.library, doc.name, doc.kind) for doc in clean]
        rows = [row for row in rows if row[0]]
        members: defaultdict[int, list[tuple[str, ...]]] = defaultdict(list)
        for cluster, row in zip(clusters([row[0] for row in rows]), rows, strict=True):
            members[cluster].append(row)
        of_one_library = [group for group in members.values() if len({row[1] for row in group}) == 1]
        chosen = [min(group, key=lambda row: (hashed_rank(0, row[0]), row)) for group in of_one_library]
        names: Counter[str] = Counter()
        columns: dict[str, list[str]] = {name: [] for name in LIBRARY_COLUMNS}
        for text, library, name, kind in sorted(chosen, key=lambda row: row[2:]):
            names[name] += 1
            unique = name if names[name] == 1 else f"{name}#{names[name]}"
            for column, cell in zip(columns.values(), (text, library, unique, kind), strict=True):
                column.append(cell)
        pq.write_table(pa.table(columns), path)

    return pq.read_table(cached(f"prose-{CORPUS_VERSION}-{key}.parquet", write)).to_pydict()


def library_parts(
    table: Mapping[str, list[str]], libraries: Sequence[str], caps: Mapping[str, int], seed: int
) -> tuple[dict[str, list[int]], list[str]]:
    """Row numbers per split, and notes on caps that were not reached.

    The hash of a text determines its split; the caps then take the first rows of each library in hash order.
    """
    texts = table["text"]
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    counts: Counter[tuple[str, str]] = Counter()
    for row in sorted(range(len(texts)), key=lambda row: hashed_rank(seed, texts[row])):
        split, library = split_of(texts[row], seed), table["library"][row]
        if counts[split, library] < caps[split]:
            counts[split, library] += 1
            chosen[split].append(row)
    notes = [
        f"{split}: {counts[split, library]} rows of {library}, fewer than {split}_per_class={caps[split]}"
        for split in SPLITS
        for library in libraries
        if counts[split, library] < caps[split]
    ]
    return chosen, notes


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
            words = WORD.findall(prose(_signed(entry.text, names), shortest, longest))
            tags = [INSIDE if _is_parameter(word, names) else OUTSIDE for word in words]
            words = [word.removeprefix(SIGN) for word in words]
            tagged = zip(words, tags, strict=True)
            if any(tag == OUTSIDE and len(word) > 1 and word in names for word, tag in tagged):
                continue
        is_kept = INSIDE in tags or hashed_rank(0, f"params\0{entry.key}")[0] < 256 * UNTAGGED_SHARE
        if words and is_kept:
            yield entry, (words, tags)


def _signed(text: str, names: set[str]) -> str:
    """The text with a sign before every name that is in markup."""
    return MARKED.sub(lambda match: SIGN + match[2] if match[2] in names else match[0], text)


def _is_parameter(word: str, names: set[str]) -> bool:
    return word.startswith(SIGN) or (word in names and ("_" in word or any(map(str.isdigit, word))))


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
    "match": View(("text", "signature", "label"), (80, 300), match_rows),
    "params": View(("words", "tags"), (80, 300), params_rows),
    "qa": View(("context", "question", "answers", "starts"), (200, 1500), qa_rows),
    "text": View(("text",), (80, 4000), text_rows),
    "summary": View(("text", "summary"), (150, 1000), summary_rows),
}

"""Corpus: one docstring of each cluster of near-duplicates, taken apart, and in one split for good."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from headstart.data.cache import cached, shown
from headstart.data.docs.docstrings import CORPUS_VERSION, LIBRARIES, Docstring, docstrings, version
from headstart.data.docs.duplicates import clusters
from headstart.data.docs.prose import description_of, masked, prose_lines, prose_of, reads_as_prose
from headstart.data.docs.sections import Parameter, parameters, returned
from headstart.data.overlap import grams, places
from headstart.data.rows import hashed_rank

ENTRIES_VERSION = 2  # raise it whenever the choice, the split or the cleaning of an entry changes
TEST_SHARE, VALIDATION_SHARE = 0.20, 0.10  # of the entries
KEY_BOUNDS = 80, 300  # characters of the prose that stands for a docstring; what docs_library cuts
WHOLE_BOUND = 2000  # characters that stand for a docstring without prose
AT_ONCE = 1000  # docstrings that one process takes
RUN = 8  # no description for training shares so many words in a row with an evaluation entry


T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A docstring and the split it belongs to, in every view and for every choice of libraries."""

    library: str
    name: str  # dotted, unique
    kind: str  # module, class or function
    signature: str
    text: str  # as its library wrote it
    description: str  # without sections and markup, in one line
    prose: str  # the same with names masked; "" where it does not read as prose
    parameters: tuple[Parameter, ...]
    returns: str  # what is said about the return value
    whole: str  # description, parameters and return value in one line, names masked; for training, without
    # what also stands in an evaluation entry
    key: str  # what the split and the order were decided by
    split: str


def split_of(text: str, seed: int) -> str:
    """The split that a text's own hash gives it, so that a new text elsewhere moves no other."""
    place = int.from_bytes(hashed_rank(seed, f"split\0{text}"), "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


def entries(seed: int) -> list[Entry]:
    """All entries of all libraries in the order of their keys' hashes; cached by versions and seed.

    Always of all libraries: a text may have its twin in any of them, and near and far corpora must
    agree about what is held out.
    """
    import pyarrow.parquet as pq

    path = cached(f"entries-{corpus_key(seed)}.parquet", lambda path: _write(path, seed))
    return [_read(row) for row in pq.read_table(path).to_pylist()]


def _read(row: dict[str, Any]) -> Entry:
    described = tuple(Parameter(**parameter) for parameter in row.pop("parameters"))
    return Entry(**row, parameters=described)


def corpus_key(seed: int) -> str:
    """32 hex digits of the versions that entries are made of, and the seed."""
    versions = [[library, version(library).split("+")[0]] for library in LIBRARIES]
    facts = json.dumps([CORPUS_VERSION, ENTRIES_VERSION, versions, seed])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _write(path: Path, seed: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [asdict(entry) for entry in _without_copies(list(_built(list(docstrings(LIBRARIES)), seed)))]
    pq.write_table(pa.Table.from_pylist(rows), path)


def _built(raw: Sequence[Docstring], seed: int) -> Iterator[Entry]:
    keys = _spread(_key, [(doc.text,) for doc in raw], "cleaning docstrings")
    chosen = _chosen(raw, list(keys))
    ordered = sorted(chosen, key=lambda pair: (hashed_rank(seed, pair[1]), raw[pair[0]].name))
    seen: Counter[str] = Counter()
    named: list[tuple[Docstring, str, str]] = []
    for number, key in ordered:
        doc = raw[number]
        seen[doc.name] += 1
        name = doc.name if seen[doc.name] == 1 else f"{doc.name}#{seen[doc.name]}"
        named.append((replace(doc, name=name), key, split_of(key, seed)))
    yield from _spread(_entry, named, "taking docstrings apart")


def _spread(make: Callable[..., T], arguments: Sequence[tuple[Any, ...]], doing: str) -> Iterator[T]:
    """`make` of every tuple of arguments, in their order, on all cores."""
    from joblib import Parallel, delayed

    some = [arguments[start : start + AT_ONCE] for start in range(0, len(arguments), AT_ONCE)]
    made: Any = Parallel(n_jobs=-1, return_as="generator")(delayed(_each)(make, part) for part in some)
    for part in shown(made, doing, len(some)):
        yield from part


def _each(make: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]:
    return [make(*some) for some in arguments]


def _key(text: str) -> str:
    return prose_of(prose_lines(text), *KEY_BOUNDS) if len(text) >= KEY_BOUNDS[0] else ""


def _entry(doc: Docstring, key: str, split: str) -> Entry:
    description = description_of(prose_lines(doc.text))
    described, returns = tuple(parameters(doc.text)), returned(doc.text)
    said = masked(description)
    return Entry(
        *(doc.library, doc.name, doc.kind, doc.signature, doc.text),
        description=description,
        prose=said if len(said) >= KEY_BOUNDS[0] and reads_as_prose(said) else "",
        parameters=described,
        returns=returns,
        whole=_joined([said, masked(_joined(_told(described, returns)))]),
        key=key,
        split=split,
    )


def _told(described: Sequence[Parameter], returns: str) -> list[str]:
    """What is said about each parameter and the return value."""
    told = [f"{parameter.name}: {parameter.text}" for parameter in described if parameter.text]
    return [*told, f"Returns: {returns}"] if returns else told


def _joined(parts: Sequence[str]) -> str:
    """The parts in one line, each with a full stop."""
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in parts if part)


def _chosen(raw: Sequence[Docstring], keys: Sequence[str]) -> list[tuple[int, str]]:
    """(number, key) of one docstring per cluster.

    Those with prose are clustered by it alone, so that a cluster here is a cluster of docs_library,
    and its split is the same. Those without are clustered by their whole text; where a text with prose
    is nearly the same, it stands for them.
    """
    with_prose = [number for number, key in enumerate(keys) if key]
    first = [keys[number] for number in with_prose]
    kept = [(with_prose[place], first[place]) for place in _representatives(first)]
    rest = [number for number, key in enumerate(keys) if not key and raw[number].text.strip()]
    wholes = [key for _, key in kept] + [raw[number].text[:WHOLE_BOUND] for number in rest]
    known = len(kept)
    groups = clusters(wholes)
    taken = set(groups[:known])
    free = [place for place in range(known, len(wholes)) if groups[place] not in taken]
    chosen = _representatives([wholes[place] for place in free], [groups[place] for place in free])
    return kept + [(rest[free[place] - known], wholes[free[place]]) for place in chosen]


def _representatives(texts: Sequence[str], groups: Sequence[int] | None = None) -> list[int]:
    """Of each cluster the text with the least hash: whatever the order they came in."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(clusters(texts) if groups is None else groups):
        members[group].append(place)
    return [min(group, key=lambda place: (hashed_rank(0, texts[place]), place)) for group in members.values()]


def _without_copies(found: Sequence[Entry]) -> Iterator[Entry]:
    """All but the training entries whose description shares a run of words with an evaluation entry;
    of the others' whole text, the parts that share none."""
    import numpy as np

    held_out = [grams(entry.whole, RUN) for entry in found if entry.split != "train"]
    known = np.unique(np.concatenate([*held_out, np.empty(0, np.uint64)]))

    def is_new(part: str) -> bool:
        return not len(places(known, grams(part, RUN)))

    for entry in found:
        if entry.split != "train" or is_new(entry.whole):
            yield entry
        elif is_new(said := masked(entry.description)):
            told = filter(is_new, map(masked, _told(entry.parameters, entry.returns)))
            rest = _joined([said, *told])  # where what is left meets, a run may arise that was not there
            yield replace(entry, whole=rest if is_new(rest) else said)

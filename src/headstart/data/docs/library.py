"""The view `library` of the corpus: one text and the library it comes from, names masked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from headstart.data.cache import cached, shown
from headstart.data.docs.corpus import split_of
from headstart.data.docs.docstrings import CORPUS_VERSION, docstrings
from headstart.data.docs.duplicates import clusters
from headstart.data.docs.prose import prose
from headstart.data.rows import SPLITS, hashed_rank
from headstart.errors import DataError

COLUMNS = ("text", "library", "name", "kind")
BOUNDS = 80, 1000  # characters, unless the configuration says otherwise
Row = tuple[str, str, str, str]


def table(key: str, libraries: Sequence[str], bounds: tuple[int, int]) -> dict[str, list[str]]:
    """The columns of all texts, cleaned, masked and distinct; cached under `key`."""
    import pyarrow.parquet as pq

    name = f"prose-{CORPUS_VERSION}-{key}.parquet"
    path = cached(name, lambda path: _write(path, libraries, bounds))
    return pq.read_table(path).to_pydict()


def parts(
    table: Mapping[str, list[str]],
    wanted: Sequence[str],
    caps: Mapping[str, int],
    bounds: tuple[int, int],
    seed: int,
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Row numbers per split, and what was short. A text's own hash decides its split; the caps then take
    the first of each library in the order of that hash."""
    libraries, texts = table["library"], table["text"]
    ranks = [hashed_rank(seed, text) for text in texts]
    chosen: dict[str, list[int]] = defaultdict(list)
    taken: Counter[tuple[str, str]] = Counter()
    for row in sorted(range(len(texts)), key=ranks.__getitem__):
        split = split_of(texts[row], seed)
        if taken[split, libraries[row]] < caps[split]:
            taken[split, libraries[row]] += 1
            chosen[split].append(row)
    _check_present(taken, wanted, bounds)
    notes = [
        f"{split}: {taken[split, library]} rows of {library}, fewer than {split}_per_class={caps[split]}"
        for split in SPLITS
        for library in wanted
        if taken[split, library] < caps[split]
    ]
    return chosen, tuple(notes)


def _check_present(taken: Counter[tuple[str, str]], wanted: Sequence[str], bounds: tuple[int, int]) -> None:
    short = [(library, split) for library in wanted for split in SPLITS if not taken[split, library]]
    if short:
        raise DataError(
            f"the embedded corpus has no {short[0][1]} texts of {short[0][0]} between task.docs.shortest="
            f"{bounds[0]} and longest={bounds[1]} characters: widen these bounds"
        )


def _write(path: Path, libraries: Sequence[str], bounds: tuple[int, int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = shown(list(docstrings(libraries)), "cleaning docstrings")
    found = [(prose(doc.text, *bounds), doc) for doc in raw]
    rows = _distinct([(text, doc.library, doc.name, doc.kind) for text, doc in found if text])
    pq.write_table(pa.table({name: [row[n] for row in rows] for n, name in enumerate(COLUMNS)}), path)


def _distinct(rows: list[Row]) -> list[Row]:
    """One row per cluster of near-duplicates, and none where libraries share a text; names made unique."""
    members: dict[int, list[Row]] = defaultdict(list)
    for cluster, row in zip(clusters([row[0] for row in rows]), rows, strict=True):
        members[cluster].append(row)
    alone = [group for group in members.values() if len({library for _, library, _, _ in group}) == 1]
    kept = [min(group, key=lambda row: (hashed_rank(0, row[0]), row)) for group in alone]
    seen: Counter[str] = Counter()
    named = []
    for text, library, name, kind in sorted(kept, key=lambda row: row[2:]):
        seen[name] += 1
        named.append((text, library, name if seen[name] == 1 else f"{name}#{seen[name]}", kind))
    return named

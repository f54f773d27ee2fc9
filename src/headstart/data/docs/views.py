"""The views of the corpus beside `library`: which columns each has, and their rows by split."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.cache import cached
from headstart.data.docs import match, params, qa, summary, text
from headstart.data.docs.corpus import Entry, corpus_key, entries
from headstart.data.rows import SPLITS

VIEWS_VERSION = 2  # raise it whenever a view makes other rows of the same entries
FACTS = ("name", "library", "split")  # what is kept of a row's entry


@dataclass(frozen=True)
class View:
    """One way to make rows of entries."""

    columns: tuple[str, ...]  # the first is the text, which no two rows share
    bounds: tuple[int, int]  # shortest and longest, in characters, unless the configuration says otherwise
    rows: Callable[[Sequence[Entry], int, int], Iterator[tuple[Entry, tuple[Any, ...]]]]


VIEWS = {
    "match": View(match.COLUMNS, match.BOUNDS, match.rows),
    "params": View(params.COLUMNS, params.BOUNDS, params.rows),
    "qa": View(qa.COLUMNS, qa.BOUNDS, qa.rows),
    "text": View(text.COLUMNS, text.BOUNDS, text.rows),
    "summary": View(summary.COLUMNS, summary.BOUNDS, summary.rows),
}


def key(seed: int, settings: Any) -> str:
    """32 hex digits of the corpus, of how views are made of it, and of some settings."""
    facts = json.dumps([VIEWS_VERSION, corpus_key(seed), settings])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def table(view: str, bounds: tuple[int, int], seed: int) -> dict[str, list[Any]]:
    """The columns of a view and FACTS, of all libraries, in the order of the entries; cached."""
    import pyarrow.parquet as pq

    name = f"docs-{view}-{key(seed, [view, *bounds])}.parquet"
    return pq.read_table(cached(name, lambda path: _write(path, view, bounds, seed))).to_pydict()


def parts(
    table: Mapping[str, list[Any]], libraries: Sequence[str], caps: Mapping[str, int | None]
) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """Row numbers per split, and what was short. Where rows have a label, each has as many as the other."""
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    for row, (library, split) in enumerate(zip(table["library"], table["split"], strict=True)):
        if library in libraries:
            chosen[split].append(row)
    notes = []
    for split, rows in chosen.items():
        chosen[split] = (_balanced(rows, table["label"]) if "label" in table else rows)[: caps[split]]
        cap = caps[split]
        if cap is not None and len(chosen[split]) < cap:
            notes.append(f"{split}: {len(chosen[split])} rows, fewer than {split}_rows={cap}")
    return chosen, tuple(notes)


def _balanced(rows: Sequence[int], labels: Sequence[str]) -> list[int]:
    """Labels in turn, so that any number of first rows is balanced to within one row."""
    queues: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        queues[labels[row]].append(row)
    return [row for turn in zip(*(queues[label] for label in sorted(queues)), strict=False) for row in turn]


def _write(path: Path, view: str, bounds: tuple[int, int], seed: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = VIEWS[view].columns
    made = _distinct(list(VIEWS[view].rows(entries(seed), *bounds)))
    cells = {name: [row[place] for _, row in made] for place, name in enumerate(columns)}
    facts = {name: [getattr(entry, name) for entry, _ in made] for name in FACTS}
    pq.write_table(pa.table(cells | facts), path)


def _distinct(made: list[tuple[Entry, tuple[Any, ...]]]) -> list[tuple[Entry, tuple[Any, ...]]]:
    """No first cell (text, words, context) twice: of two copies the one that is held out longer stays."""
    best: dict[str, int] = {}
    keys = [json.dumps(row[0]) for _, row in made]
    for place in sorted(range(len(made)), key=lambda place: (-SPLITS.index(made[place][0].split), place)):
        best.setdefault(keys[place], place)
    return [made[place] for place in sorted(best.values())]

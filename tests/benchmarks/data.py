"""Data: docstrings as csv files, the same rows for every contender."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.data.docs.source import Docs

Row = tuple[str, str]  # text and label
MINILM = ("model=minilm",)


@dataclass(frozen=True)
class Csv:
    """A folder with train.csv, dev.csv and test.csv."""

    folder: Path
    splits: dict[str, list[Row]]

    def overrides(self) -> list[str]:
        """The task of these rows."""
        return ["task=files", f"task.files.train={self.folder / 'train.csv'}", "task.label=label", "size=all"]


def docstrings(folder: Path, train: int, others: int, words: tuple[int, int] | None = None) -> Csv:
    """Docstrings of six libraries, as often as needed; `words`: cut to a length drawn from this range."""
    splits = Docs(longest=300).load({"text": "text", "label": "library"}, "label")
    rng = random.Random(0)
    pool = [*zip(splits.train["text"][:], splits.train["label"][:], strict=True)]
    rng.shuffle(pool)
    sizes = {"train": train, "dev": others, "test": others}
    rows = [_cut(pool[number % len(pool)], words, rng, number) for number in range(sum(sizes.values()))]
    made: dict[str, list[Row]] = {}
    for name, size in sizes.items():
        made[name], rows = rows[:size], rows[size:]
        write(folder / f"{name}.csv", made[name])
    return Csv(folder, made)


def write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """A csv with the columns text and label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


def _cut(row: Row, words: tuple[int, int] | None, rng: random.Random, number: int) -> Row:
    if words is None:
        return row
    text = " ".join([*row[0].split(), *f"row {number}".split()][-rng.randint(*words) :])
    return text, row[1]

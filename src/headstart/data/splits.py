"""Holdout: rows of train that become validation or test if a source has no such split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from headstart.config import Config
from headstart.data.blocks import Texts
from headstart.data.cells import CLASSES, GROUP, INPUTS, Cell, as_text
from headstart.data.rows import SPLITS, Cells, Splits, as_dataset, hashed_number, row_keys
from headstart.errors import DataError


class Holdout(Config):
    """Shares of train that are held out when the source has no validation or test split."""

    validation: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave some of train, so stay below 1")
        return self

    def complete(
        self,
        existing: Mapping[str, Cells],
        stratify: str | None,
        seed: int,
        source: str,
        notes: Sequence[str] = (),
    ) -> Splits:
        """All three splits, from `existing` with `train` and perhaps others; missing ones are held out."""
        if stratify is not None and stratify not in CLASSES:
            raise ValueError(f"rows cannot be stratified by {stratify}: only by {', '.join(sorted(CLASSES))}")
        missing = [split for split in SPLITS if split not in existing]
        notes = [*notes]
        train = existing["train"]
        texts = {split: _text_keys(cells, stratify) for split, cells in existing.items()}
        rows = self.cut(train, missing, stratify, seed, texts["train"])
        texts |= {split: texts["train"][own] for split, own in rows.items()}
        held_out = {
            split: {role: _taken(column, rows[split]) for role, column in train.items()} for split in rows
        }
        cells = {**existing, **held_out}
        if stratify is not None:
            _check_classes(cells, stratify)
        whole = "" if GROUP not in train else f", {len({*train[GROUP]})} groups kept whole"
        for split in missing:
            share = f"share {getattr(self, split):g}, split seed {seed}{whole}"
            notes.append(f"{split}: {len(rows[split])} rows held out of train ({share})")
        groups = {*cells["train"].get(GROUP, ())}
        for split in SPLITS[1:]:
            if copies := int(np.isin(texts[split], texts["train"]).sum()):
                notes.append(f"{split}: {copies} of {len(texts[split])} rows also occur in train (same text)")
            if known := sum(group in groups for group in cells[split].get(GROUP, ())):
                notes.append(f"{split}: {known} of {len(texts[split])} rows have a group that train has, too")
        datasets = {split: as_dataset(cells[split]) for split in SPLITS}
        return Splits(**datasets, source=source, notes=tuple(notes))

    def cut(
        self,
        cells: Cells,
        missing: Sequence[str],
        stratify: str | None,
        seed: int,
        texts: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Row numbers per split. They depend on content and seed, not on the order of a file; copies of a
        text stay together, and so do the rows of a group: neither is in two splits. `texts`: the key of
        each row's text, where it is known."""
        texts = _text_keys(cells, stratify) if texts is None else texts
        distinct, unit = np.unique(_units(cells, texts), return_inverse=True)  # of each row: its unit
        names = (key if isinstance(key, str) else key.decode() for key in distinct)  # one at a time
        ranks = np.fromiter((hashed_number(seed, name) for name in names), np.uint64, len(distinct))
        stratum = _least(unit, cells[stratify], len(distinct)) if stratify else np.zeros(len(distinct), int)
        order = np.lexsort((ranks, stratum))  # of units, class by class; equal ranks by their key
        into = np.zeros(len(distinct), np.int64)  # number of the split of a unit; 0: train
        for members in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
            start = 0  # every split gets its share, and one text at least if there are three
            for split, name in enumerate(missing, 1):
                count = max(round(getattr(self, name) * len(members)), int(len(members) >= 3))
                end = max(start, min(start + count, len(members) - 1))
                into[members[start:end]] = split
                start = end
        rows = {name: np.flatnonzero(into[unit] == split) for split, name in enumerate(("train", *missing))}
        if not all(len(own) for own in rows.values()):
            what = "groups" if GROUP in cells else "rows"
            raise DataError(
                f"train has {len(distinct)} different {what}, too few to hold out {' and '.join(missing)}: "
                "give more rows, or files for these splits"
            )
        return rows


def _taken(column: Sequence[Cell], rows: np.ndarray) -> Sequence[Cell]:
    return column.take(rows) if isinstance(column, Texts) else [column[row] for row in rows.tolist()]


def _least(unit: np.ndarray, labels: Sequence[Cell], units: int) -> np.ndarray:
    """The number of the first class, in sorted order, of each unit's rows: (units,)."""
    numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
    least = np.full(units, len(numbers), np.int64)
    np.minimum.at(least, unit, np.fromiter((numbers[label] for label in labels), np.int64, len(labels)))
    return least


def _units(cells: Cells, texts: np.ndarray) -> np.ndarray:
    """One key per row, bytes or text, equal for rows that no split may part: copies of a text, and rows of a
    group, joined where a text occurs in several groups."""
    if GROUP not in cells:
        return texts
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def first(node: tuple[str, str]) -> tuple[str, str]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]  # shorter for the next one who asks
            node = above
        return node

    names = [text.decode() for text in texts.tolist()]
    for text, group in zip(names, cells[GROUP], strict=True):
        ends = sorted([first(("text", text)), first(("group", group))])
        parent[ends[1]] = ends[0]  # the smallest name stands for all, whatever the order of the rows
    return np.array([first(("text", name))[1] for name in names], dtype=object)


def _text_keys(cells: Cells, stratify: str | None) -> np.ndarray:
    """One key per row, equal for rows with the same model input, ignoring case and spacing.
    Questions about one context have one key, since each contains the context."""
    inputs = {role: cells[role] for role in cells if role in INPUTS and role != stratify}
    question = {"context": cells["context"]} if "context" in cells else inputs or cells
    return row_keys(
        {
            role: (" ".join(as_text(cell).casefold().split()) for cell in column)
            for role, column in question.items()
        }
    )


def _check_classes(splits: Mapping[str, Cells], stratify: str) -> None:
    """DataError if train has only one class, or lacks a class of another split."""
    classes = set(splits["train"][stratify])
    if len(classes) < 2:
        raise DataError(
            f"train has one {stratify} only ({next(iter(classes))!r}): there is nothing to tell apart, "
            f"choose another column for task.{stratify} or other rows"
        )
    for split in SPLITS[1:]:
        if unknown := sorted(set(splits[split][stratify]) - classes):
            raise DataError(
                f"{split} has the {stratify} {unknown[0]!r}, which no train row has: "
                "correct it, or add train rows of that class"
            )

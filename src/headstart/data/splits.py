"""Holdout: rows of train that become validation or test if a source has no such split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from headstart.config import Config
from headstart.data.cells import CLASSES, GROUP, INPUTS, as_text
from headstart.data.rows import SPLITS, Cells, Splits, as_dataset, hashed_rank, row_keys
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
        rows = self.cut(train, missing, stratify, seed)
        held_out = {
            split: {role: [column[row] for row in rows[split]] for role, column in train.items()}
            for split in rows
        }
        cells = {**existing, **held_out}
        if stratify is not None:
            _check_classes(cells, stratify)
        whole = "" if GROUP not in train else f", {len({*train[GROUP]})} groups kept whole"
        for split in missing:
            share = f"share {getattr(self, split):g}, split seed {seed}{whole}"
            notes.append(f"{split}: {len(rows[split])} rows held out of train ({share})")
        texts = {split: _text_keys(cells[split], stratify) for split in SPLITS}
        in_train = set(texts["train"])
        for split in SPLITS[1:]:
            if copies := sum(key in in_train for key in texts[split]):
                notes.append(f"{split}: {copies} of {len(texts[split])} rows also occur in train (same text)")
            groups = {*cells["train"].get(GROUP, ())}
            if known := sum(group in groups for group in cells[split].get(GROUP, ())):
                notes.append(f"{split}: {known} of {len(texts[split])} rows have a group that train has, too")
        datasets = {split: as_dataset(cells[split]) for split in SPLITS}
        return Splits(**datasets, source=source, notes=tuple(notes))

    def cut(
        self, cells: Cells, missing: Sequence[str], stratify: str | None, seed: int
    ) -> dict[str, list[int]]:
        """Row numbers per split. They depend on content and seed, not on the order of a file; copies of a
        text stay together, and so do the rows of a group: neither is in two splits."""
        copies: dict[str, list[int]] = defaultdict(list)
        for row, key in enumerate(_units(cells, stratify)):
            copies[key].append(row)
        strata: dict[str, list[str]] = defaultdict(list)
        for key in sorted(copies, key=lambda key: (hashed_rank(seed, key), key)):
            strata[min(cells[stratify][row] for row in copies[key]) if stratify else ""].append(key)
        rows: dict[str, list[int]] = {split: [] for split in ("train", *missing)}
        for keys in strata.values():  # every split gets its share, and one text at least if there are three
            start = 0
            for split in missing:
                count = max(round(getattr(self, split) * len(keys)), int(len(keys) >= 3))
                end = max(start, min(start + count, len(keys) - 1))
                rows[split] += [row for key in keys[start:end] for row in copies[key]]
                start = end
            rows["train"] += [row for key in keys[start:] for row in copies[key]]
        if not all(rows.values()):
            what = "groups" if GROUP in cells else "rows"
            raise DataError(
                f"train has {len(copies)} different {what}, too few to hold out {' and '.join(missing)}: "
                "give more rows, or files for these splits"
            )
        return {split: sorted(rows[split]) for split in rows}


def _units(cells: Cells, stratify: str | None) -> list[str]:
    """One key per row, equal for rows that no split may part: copies of a text, and rows of a group, joined
    where a text occurs in several groups."""
    texts = _text_keys(cells, stratify)
    if GROUP not in cells:
        return texts
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def first(node: tuple[str, str]) -> tuple[str, str]:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]  # shorter for the next one who asks
            node = above
        return node

    for text, group in zip(texts, cells[GROUP], strict=True):
        ends = sorted([first(("text", text)), first(("group", group))])
        parent[ends[1]] = ends[0]  # the smallest name stands for all, whatever the order of the rows
    return [first(("text", text))[1] for text in texts]


def _text_keys(cells: Cells, stratify: str | None) -> list[str]:
    """One key per row, equal for rows with the same model input, ignoring case and spacing.
    Questions about one context have one key, since each contains the context."""
    inputs = {role: cells[role] for role in cells if role in INPUTS and role != stratify}
    question = {"context": cells["context"]} if "context" in cells else inputs or cells
    return row_keys(
        {
            role: [" ".join(as_text(cell).casefold().split()) for cell in column]
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

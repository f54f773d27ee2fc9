"""Holdout: the rows of train that serve as validation or test where a source has no such split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field, model_validator

from headstart.config import Config
from headstart.data.cells import CLASSES, INPUTS, as_text
from headstart.data.rows import SPLITS, Cells, Splits, as_dataset, hashed_rank, row_keys
from headstart.errors import DataError


class Holdout(Config):
    """Shares of train that are held out when the source has no validation or test split of its own."""

    validation: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must leave some of train, so stay below 1")
        return self

    def share(self, split: str) -> float:
        """The share of train that `split` gets."""
        return self.validation if split == "validation" else self.test

    def complete(
        self,
        given: Mapping[str, Cells],
        stratify: str | None,
        seed: int,
        source: str,
        notes: Sequence[str] = (),
    ) -> Splits:
        """All three splits of `given`, which has `train` and perhaps the others; the rest is held out."""
        if stratify is not None and stratify not in CLASSES:
            raise ValueError(f"rows cannot be stratified by {stratify}: only by {', '.join(sorted(CLASSES))}")
        missing = [split for split in SPLITS if split not in given]
        cut = self.cut(given["train"], missing, stratify, seed)
        parts = {**given, **{split: _rows(given["train"], rows) for split, rows in cut.items()}}
        _check_classes(parts, stratify)
        said = [_held_out(split, len(cut[split]), self.share(split), seed) for split in missing]
        said += _overlaps(parts, stratify)
        datasets = {split: as_dataset(parts[split]) for split in SPLITS}
        return Splits(**datasets, source=source, notes=(*notes, *said))

    def cut(
        self, cells: Cells, missing: Sequence[str], stratify: str | None, seed: int
    ) -> dict[str, list[int]]:
        """Row numbers per split. Content and seed decide, so the order of a file does not matter, and
        copies of a text stay together, so that none is both learnt from and tested on."""
        copies: dict[str, list[int]] = defaultdict(list)
        for row, key in enumerate(_text_keys(cells, stratify)):
            copies[key].append(row)
        strata: dict[str, list[str]] = defaultdict(list)
        for key in sorted(copies, key=lambda key: (hashed_rank(seed, key), key)):
            strata[min(cells[stratify][row] for row in copies[key]) if stratify else ""].append(key)
        parts: dict[str, list[int]] = {split: [] for split in ("train", *missing)}
        for keys in strata.values():
            for split, chosen in self._portions(keys, missing).items():
                parts[split] += [row for key in chosen for row in copies[key]]
        if not all(parts.values()):
            raise DataError(
                f"train has {len(copies)} different rows, too few to hold out {' and '.join(missing)}: "
                "give more rows, or files for these splits"
            )
        return {split: sorted(rows) for split, rows in parts.items()}

    def _portions(self, keys: list[str], missing: Sequence[str]) -> dict[str, list[str]]:
        """One class, cut: every split gets its share, at least one row where three or more exist."""
        portions, start = {}, 0
        for split in missing:
            count = max(round(self.share(split) * len(keys)), int(len(keys) >= 3))
            portions[split] = keys[start : min(start + count, len(keys) - 1)]
            start += len(portions[split])
        return {"train": keys[start:], **portions}


def _rows(cells: Cells, rows: Sequence[int]) -> Cells:
    return {role: [column[row] for row in rows] for role, column in cells.items()}


def _text_keys(cells: Cells, stratify: str | None) -> list[str]:
    """What makes two rows the same question: all that the model is given, case and spacing aside.
    Questions about one context go together, since each gives the context away."""
    inputs = {role: cells[role] for role in cells if role in INPUTS and role != stratify}
    asked = {"context": cells["context"]} if "context" in cells else inputs or cells
    return row_keys(
        {role: [" ".join(as_text(cell).casefold().split()) for cell in asked[role]] for role in asked}
    )


def _held_out(split: str, count: int, share: float, seed: int) -> str:
    return f"{split}: {count} rows held out of train (share {share:g}, split seed {seed})"


def _overlaps(parts: Mapping[str, Cells], stratify: str | None) -> list[str]:
    train = set(_text_keys(parts["train"], stratify))
    notes = []
    for split in SPLITS[1:]:
        keys = _text_keys(parts[split], stratify)
        if again := sum(key in train for key in keys):
            notes.append(f"{split}: {again} of {len(keys)} rows also occur in train (same text)")
    return notes


def _check_classes(parts: Mapping[str, Cells], stratify: str | None) -> None:
    if stratify is None:
        return
    known = set(parts["train"][stratify])
    if len(known) < 2:
        raise DataError(
            f"train has one {stratify} only ({next(iter(known))!r}): there is nothing to tell apart, "
            f"choose another column for task.{stratify} or other rows"
        )
    for split in SPLITS[1:]:
        if strange := sorted(set(parts[split][stratify]) - known):
            raise DataError(
                f"{split} has the {stratify} {strange[0]!r}, which no train row has: "
                "correct it, or add train rows of that class"
            )

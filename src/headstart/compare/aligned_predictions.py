"""Answers: the predictions of both sides of a comparison, aligned pair by pair and example by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.errors import RecordError
from headstart.metrics import Examples, can_recompute
from headstart.records.predictions import Predictions
from headstart.records.record import Record

Form = Literal["overlap", "exact", "class", "loss", "number", "tags"]

# What one answer is, told by the statistics that the family of task leaves; the first that fits counts.
_FORMS: Mapping[Form, tuple[str, ...]] = {
    "overlap": ("exact", "chrf"),  # texts of which none is right to the letter
    "exact": ("exact",),
    "class": ("score",),
    "loss": ("loss", "tokens"),
    "number": ("target", "estimate"),
    "tags": ("correct", "tokens"),
}
# By the identities of the columns of a run: the order of its ids, the columns, and the columns in that order.
Orders = dict[tuple[int, ...], tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]]
MOST_CLASSES = 50  # labels beyond which a table of classes is no longer read
FEWEST_GROUPS = 20  # below, too few independent units carry an interval over test examples


@dataclass(frozen=True)
class Answers:
    """Arrays of one comparison; side 0 is the baseline, side 1 the arm."""

    classes: tuple[str, ...]  # what labels and predictions are numbers of: class names, or any text
    ids: np.ndarray  # (examples,)
    texts: np.ndarray  # (examples,)
    labels: np.ndarray  # (examples,)
    predictions: np.ndarray  # (2, pairs, examples)
    statistics: Mapping[str, np.ndarray]  # (2, pairs, examples) each; those that all runs have
    groups: np.ndarray | None = None  # (examples,) numbers from 0; None: each example is its own group

    @property
    def units(self) -> int:
        """What was drawn independently: groups, or examples without any."""
        return len(self.ids) if self.groups is None else int(self.groups.max()) + 1

    @property
    def resamples(self) -> bool:
        """Whether there are enough groups for an interval over test examples."""
        return self.groups is None or self.units >= FEWEST_GROUPS

    def same_rows(self, other: Answers) -> bool:
        """Whether the same examples are answered, in the same groups."""
        own, others = (np.arange(len(one.ids)) if one.groups is None else one.groups for one in (self, other))
        return np.array_equal(self.ids, other.ids) and np.array_equal(own, others)

    @property
    def identical(self) -> bool:
        """Whether both sides answer the same, to the last bit, in every pair."""
        told = (self.predictions, *self.statistics.values())
        return all(np.array_equal(baseline, arm) for baseline, arm in told)

    @property
    def form(self) -> Form | None:
        """What one answer is; None when the statistics tell nothing of it."""
        given = self.statistics
        fits: list[Form] = [form for form, needed in _FORMS.items() if given.keys() >= set(needed)]
        if "overlap" in fits and (given["exact"] > 0.5).any():
            fits.remove("overlap")
        return fits[0] if fits else None

    @property
    def right(self) -> np.ndarray | None:
        """(2, pairs, examples): whether an answer is right; None where answers are near or far instead."""
        given = self.statistics
        if self.form == "exact":
            return given["exact"] > 0.5
        if self.form == "class":
            return self.predictions == self.labels
        return given["correct"] == given["tokens"] if self.form == "tags" else None

    @property
    def distance(self) -> np.ndarray | None:
        """(2, pairs, examples): how far off an answer is; None where answers are right or wrong instead.

        Nats per token, the difference of two numbers, or what a text lacks of the best chrF, 100.
        """
        given = self.statistics
        if self.form == "loss":
            return given["loss"] / np.maximum(given["tokens"], 1)
        if self.form == "overlap":
            return 100 - given["chrf"]
        return np.abs(given["target"] - given["estimate"]) if self.form == "number" else None

    @property
    def has_classes(self) -> bool:
        """Whether labels are classes, few enough to be told one by one."""
        return self.form == "class" and len(np.unique(self.labels)) <= MOST_CLASSES

    def is_constant(self, side: int, pair: int) -> bool:
        """Whether a run gives the same answer to every example, though their labels differ."""
        if len(np.unique(self.labels)) < 2 or self.form in (None, "loss"):
            return False
        given = {name: values[side, pair] for name, values in self.statistics.items()}
        if "predicted" in given:  # of tags, or of several labels: the answer is that there are none
            return not given["predicted"].any() and bool(given["true"].any())
        if self.form == "number":
            return not np.ptp(given["estimate"])
        return len(np.unique(self.predictions[side, pair])) == 1

    def trivial(self) -> tuple[float, np.ndarray] | None:
        """The share of the most frequent label, and the runs that are right no more often, (2, pairs).

        Up to one standard error above it counts as no more often. None where answers are no classes.
        """
        if self.form != "class":
            return None
        frequent = self.labels == np.bincount(self.labels).argmax()
        share = float(frequent.mean())
        slack = np.linalg.norm(self.by_group(frequent - share)) / len(frequent)
        return share, (self.predictions == self.labels).mean(axis=2) <= share + slack

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """Sums over the examples of each group: (examples, ...) -> (units, ...)."""
        if self.groups is None:
            return values
        sums = np.zeros((self.units, *values.shape[1:]))
        np.add.at(sums, self.groups, values)
        return sums

    def recomputes(self, metric: str) -> bool:
        """Whether the statistics hold all that the metric needs."""
        return can_recompute(metric, self.statistics)

    def run(self, side: int, pair: int) -> Examples:
        """What a metric is computed from, of one run."""
        statistics = {name: values[side, pair] for name, values in self.statistics.items()}
        return Examples(self.labels, self.predictions[side, pair], statistics, len(self.classes))


def align(pairs: Sequence[tuple[Record, Record]]) -> tuple[Answers | None, str | None]:
    """The answers of all pairs in one order of examples, or None and the reason."""
    try:
        orders: Orders = {}
        read = [[_sorted(record, orders) for record in pair] for pair in pairs]
    except RecordError as error:
        return None, str(error)
    first, every = read[0][0], [one for pair in read for one in pair]
    if not all(_same(one.ids, first.ids) and _same(one.labels, first.labels) for one in every):
        return None, "the test examples in predictions.parquet differ between runs"
    known = [one.groups for one in every if one.groups is not None]
    if any(not np.array_equal(groups, known[0]) for groups in known):
        return None, "the groups of the test examples in predictions.parquet differ between runs"
    groups = None
    if known:  # numbers from 0; an example without a group has its own; None: no group has two examples
        names = [("alone", row) if group is None else ("group", group) for row, group in enumerate(known[0])]
        number = {name: place for place, name in enumerate(dict.fromkeys(names))}
        groups = np.array([number[name] for name in names]) if len(number) < len(names) else None
    return _answers(read, first, groups), None


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return one is other or np.array_equal(one, other)


def _sorted(record: Record, orders: Orders) -> Predictions:
    """Predictions in order of their ids; RecordError when there are none or an id stands twice.

    `orders`: of the ids that were put in order before, which most runs share.
    """
    found = record.predictions()
    if found is None:
        raise RecordError(f"{record.label} left no predictions")
    if not len(found) or len(set(found.ids)) < len(found):
        raise RecordError(f"{record.label}: predictions.parquet is empty or repeats an id")
    for name, values in found.statistics.items():
        if not np.isfinite(values).all():
            raise RecordError(f"{record.label}: predictions.parquet holds a {name} that is not finite")
    shared = [found.ids, found.texts, found.labels]
    key = tuple(map(id, shared))
    if key not in orders:
        order = np.argsort(found.ids, kind="stable")
        orders[key] = order, shared, [column[order] for column in shared]
    order, _, (ids, texts, labels) = orders[key]
    statistics = {name: values[order] for name, values in found.statistics.items()}
    groups = None if found.groups is None else found.groups[order]
    return Predictions(ids, texts, labels, found.predictions[order], statistics=statistics, groups=groups)


def _answers(read: Sequence[Sequence[Predictions]], first: Predictions, groups: np.ndarray | None) -> Answers:
    """Number the labels and predictions and stack the runs: baseline first, pairs in the order given."""
    every = [one for pair in read for one in pair]
    texts: set[str] = set()
    for column in (first.labels, *(one.predictions for one in every)):
        texts.update(column)
    names = sorted(texts)
    number = {name: place for place, name in enumerate(names)}
    shared = [name for name in first.statistics if all(name in one.statistics for one in every)]
    sides = [[pair[side] for pair in read] for side in (0, 1)]
    return Answers(
        classes=tuple(names),
        ids=first.ids,
        texts=first.texts,
        labels=np.array([number[label] for label in first.labels]),
        predictions=np.array([[[number[p] for p in one.predictions] for one in side] for side in sides]),
        statistics={n: np.array([[one.statistics[n] for one in side] for side in sides]) for n in shared},
        groups=groups,
    )

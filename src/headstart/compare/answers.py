"""Answers: the predictions of both sides of a comparison, aligned pair by pair and example by example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.scoring import METRICS, score
from headstart.node import RecordError
from headstart.records.record import Predictions, Record


@dataclass(frozen=True)
class Answers:
    """Arrays of one comparison; side 0 is the baseline, side 1 the arm; classes are numbers."""

    classes: tuple[str, ...]
    ids: np.ndarray  # (examples,)
    texts: np.ndarray  # (examples,)
    labels: np.ndarray  # (examples,)
    predictions: np.ndarray  # (2, pairs, examples)
    scores: np.ndarray  # (2, pairs, examples), probability given to the true label

    @property
    def identical(self) -> bool:
        """Whether both sides answer the same, to the last bit, in every pair."""
        same = np.array_equal(self.predictions[0], self.predictions[1])
        return same and np.array_equal(self.scores[0], self.scores[1])

    @property
    def right(self) -> np.ndarray:
        """(2, pairs, examples): whether the prediction is the label."""
        return self.predictions == self.labels

    def scores_of(self, metric: str) -> np.ndarray:
        """(2, pairs): the metric, recomputed from the predictions."""
        sides = [zip(p, s, strict=True) for p, s in zip(self.predictions, self.scores, strict=True)]
        size = len(self.classes)
        rows = [[score(metric, self.labels, p, s, size) for p, s in side] for side in sides]
        return np.array(rows, dtype=np.float64)


def align(pairs: Sequence[tuple[Record, Record]]) -> tuple[Answers | None, str | None]:
    """The answers of all pairs in one order of examples, or None and the reason."""
    try:
        read = [[_sorted(record) for record in pair] for pair in pairs]
    except RecordError as error:
        return None, str(error)
    first = read[0][0]
    for pair in read:
        for one in pair:
            if not np.array_equal(one.ids, first.ids) or not np.array_equal(one.labels, first.labels):
                return None, "the test examples in predictions.parquet differ between runs"
    return _answers(read, first), None


def _sorted(record: Record) -> Predictions:
    """Predictions in order of their ids; RecordError when there are none or an id stands twice."""
    found = record.predictions()
    if found is None:
        raise RecordError(f"{record.label} left no predictions")
    if not len(found) or len(np.unique(found.ids)) < len(found):
        raise RecordError(f"{record.label}: predictions.parquet is empty or repeats an id")
    if not np.isfinite(found.scores).all():
        raise RecordError(f"{record.label}: predictions.parquet holds scores that are not finite")
    order = np.argsort(found.ids, kind="stable")
    columns = (found.ids, found.texts, found.labels, found.predictions, found.scores)
    return Predictions(*(column[order] for column in columns))


def _answers(read: Sequence[Sequence[Predictions]], first: Predictions) -> Answers:
    """Number the classes and stack the runs: baseline first, pairs in the order given."""
    names = np.unique(np.concatenate([first.labels, *(one.predictions for pair in read for one in pair)]))
    sides = [[pair[side] for pair in read] for side in (0, 1)]
    return Answers(
        classes=tuple(names.tolist()),
        ids=first.ids,
        texts=first.texts,
        labels=np.searchsorted(names, first.labels),
        predictions=np.array([[np.searchsorted(names, one.predictions) for one in side] for side in sides]),
        scores=np.array([[one.scores for one in side] for side in sides]),
    )


def disagreement(answers: Answers, metric: str, recorded: np.ndarray) -> str | None:
    """A note when the scores in the records are not those of the predictions. recorded: (2, pairs)."""
    if metric not in METRICS:
        return None
    worst = float(np.abs(answers.scores_of(metric) - recorded).max())
    tolerance = 2e-3 * max(1.0, float(np.abs(recorded).max()))
    if worst <= tolerance:
        return None
    return f"{metric} in the records and recomputed from the predictions differ by up to {worst:.4f}"

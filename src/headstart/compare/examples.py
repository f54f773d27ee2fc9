"""Examples: which classes and which test examples make the difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.aligned_predictions import Answers

SHOWN = 20
LONGEST = 400  # characters of a label or a prediction, as many as are kept of a text


@dataclass(frozen=True)
class ClassGain:
    """One class: how often each arm is right on its test examples (recall, mean over pairs)."""

    label: str
    examples: int
    baseline: float
    arm: float
    gain: float


@dataclass(frozen=True)
class Confusion:
    """Where an arm's predictions go: rows are true classes, columns predicted ones, mean counts."""

    arm: str
    classes: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Example:
    """One test example that speaks for one arm, cut where it is long.

    Only that arm gets it right, in most of its runs. Where answers are not right or wrong but nearer or
    farther (`Comparison.nearer`), that arm is nearer: its loss per token is lower, its estimate less off.
    """

    id: str
    text: str
    label: str  # "" for a language model, whose label is the text
    baseline_prediction: str  # most frequent over seeds; "2.31 nats per token", or a mean estimate
    arm_prediction: str
    baseline_right: int  # runs that are right, or nearer than the other side's, of `pairs`
    arm_right: int
    pairs: int


def class_gains(answers: Answers) -> tuple[ClassGain, ...]:
    """Recall of every class in both arms, mean over pairs, largest gain first; () without classes."""
    right = answers.right
    if right is None or not answers.has_classes:
        return ()
    rates = right.mean(axis=1)  # (2, examples)
    found: list[ClassGain] = []
    for number, label in enumerate(answers.classes):
        here = answers.labels == number
        if here.any():
            baseline, arm = (float(side[here].mean()) for side in rates)
            found.append(ClassGain(label, int(here.sum()), baseline, arm, arm - baseline))
    return tuple(sorted(found, key=lambda one: (-one.gain, one.label)))


def confusions(answers: Answers, arms: Sequence[str]) -> tuple[Confusion, ...]:
    """Where the predictions of both sides go; () without classes."""
    if not answers.has_classes:
        return ()
    size = len(answers.classes)
    found: list[Confusion] = []
    for side, arm in enumerate(arms):
        cells = answers.labels * size + answers.predictions[side]  # (pairs, examples)
        counts = np.bincount(cells.ravel(), minlength=size * size).reshape(size, size) / len(cells)
        found.append(Confusion(arm, answers.classes, tuple(tuple(row) for row in counts.tolist())))
    return tuple(found)


def telling(answers: Answers, side: int) -> tuple[tuple[Example, ...], int]:
    """Examples that speak for `side`, the clearest first and then by id, and how many there are.

    Of a task with classes, the clearest of every class come first.

    Where answers are right or wrong: those that most runs of this side get right and most of the other do
    not. Where they are nearer or farther: those on which this side is nearer, mean over its runs.
    """
    if (right := answers.right) is not None:
        runs, pairs = right.sum(axis=1), right.shape[1]  # (2, examples): runs that are right
        lead = runs[side] - runs[1 - side]
        speaks = (2 * runs[side] > pairs) & (2 * runs[1 - side] <= pairs)
        words = _most_frequent
    elif (distance := answers.distance) is not None:
        runs = np.stack([distance[i] < distance[1 - i] for i in (0, 1)]).sum(axis=1)  # that are nearer
        means = distance.mean(axis=1)
        lead = means[1 - side] - means[side]
        speaks = lead > 0
        words = _distance_words
    else:
        return (), 0
    chosen = np.flatnonzero(speaks)  # in order of their ids, which a stable sort keeps
    clearest = chosen[np.argsort(-lead[chosen], kind="stable")]
    if answers.has_classes:  # the clearest of every class, then the second of every class, ...
        seen: Counter[int] = Counter()
        turns: list[int] = []
        for label in answers.labels[clearest].tolist():
            turns.append(seen[label])
            seen[label] += 1
        clearest = clearest[np.argsort(turns, kind="stable")]
    examples = tuple(
        Example(
            id=str(answers.ids[i]),
            text=str(answers.texts[i]),
            label=_cut("" if answers.form == "loss" else answers.classes[answers.labels[i]]),
            baseline_prediction=words(answers, 0, i),
            arm_prediction=words(answers, 1, i),
            baseline_right=int(runs[0][i]),
            arm_right=int(runs[1][i]),
            pairs=answers.predictions.shape[1],
        )
        for i in clearest[:SHOWN]
    )
    return examples, len(chosen)


def _most_frequent(answers: Answers, side: int, example: int) -> str:
    """What is most often predicted over the runs of one side; the first in the alphabet on a tie."""
    numbers, counts = np.unique(answers.predictions[side, :, example], return_counts=True)
    return _cut(answers.classes[int(numbers[counts.argmax()])])


def _distance_words(answers: Answers, side: int, example: int) -> str:
    """What one side answers where answers are near or far, mean over its runs."""
    given = {name: values[side, :, example] for name, values in answers.statistics.items()}
    if answers.form == "number":
        return f"{given['estimate'].mean():.4g}"
    if answers.form == "overlap":
        return f"{_most_frequent(answers, side, example)} (mean chrF {given['chrf'].mean():.1f})"
    return f"{(given['loss'] / np.maximum(given['tokens'], 1)).mean():.2f} nats per token"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"

"""Examples: which classes and which test examples make the difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.compare.answers import Answers
from headstart.compare.findings import ClassGain, Confusion, Example

SHOWN = 20


def class_gains(answers: Answers) -> tuple[ClassGain, ...]:
    """Recall of every class in both arms, mean over pairs; largest gain first."""
    rates = answers.right.mean(axis=1)  # (2, examples)
    found = []
    for number, label in enumerate(answers.classes):
        here = answers.labels == number
        if here.any():
            baseline, arm = (float(side[here].mean()) for side in rates)
            found.append(ClassGain(label, int(here.sum()), baseline, arm, arm - baseline))
    return tuple(sorted(found, key=lambda one: (-one.gain, one.label)))


def confusion(answers: Answers, side: int, arm: str) -> Confusion:
    """Mean confusion counts of one side over its runs."""
    size = len(answers.classes)
    cells = answers.labels * size + answers.predictions[side]  # (pairs, examples)
    counts = np.bincount(cells.ravel(), minlength=size * size).reshape(size, size) / len(cells)
    return Confusion(arm, answers.classes, tuple(tuple(row) for row in counts.tolist()))


def only_right(answers: Answers, side: int) -> tuple[tuple[Example, ...], int]:
    """Examples that most runs of `side` get right and most of the other side do not, and how many there are.

    The clearest first (largest difference of right runs), then by id.
    """
    right = answers.right.sum(axis=1)  # (2, examples), runs that are right
    pairs = answers.predictions.shape[1]
    chosen = np.flatnonzero((2 * right[side] > pairs) & (2 * right[1 - side] <= pairs))
    clear = right[side][chosen] - right[1 - side][chosen]
    order = chosen[np.lexsort((answers.ids[chosen], -clear))]
    return _examples(answers, order[:SHOWN], right, pairs), len(chosen)


def _examples(
    answers: Answers, chosen: Sequence[int] | np.ndarray, right: np.ndarray, pairs: int
) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=str(answers.ids[i]),
            text=str(answers.texts[i]),
            label=answers.classes[answers.labels[i]],
            baseline_prediction=_most_frequent(answers, 0, i),
            arm_prediction=_most_frequent(answers, 1, i),
            baseline_right=int(right[0][i]),
            arm_right=int(right[1][i]),
            pairs=pairs,
        )
        for i in chosen
    )


def _most_frequent(answers: Answers, side: int, example: int) -> str:
    """The class most often predicted over the runs of one side; the first in the alphabet on a tie."""
    counts = np.bincount(answers.predictions[side][:, example], minlength=len(answers.classes))
    return answers.classes[int(counts.argmax())]

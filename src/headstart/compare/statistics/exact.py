"""Exact tests: the probability of what was seen, or more, if there were no difference; beside the interval.

They need no model of the scores, and few pairs cannot make them small: with five pairs no two-sided p is
below 2 / 2**5 = 0.0625. The word of the verdict does not rest on them, since they leave the examples out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import bdtr  # pyright: ignore[reportMissingTypeStubs] - scipy has none

MOST_PAIRS = 100  # for the signed-rank test: beyond, its distribution is long to count and no longer needed


@dataclass(frozen=True)
class ExactTest:
    """An exact two-sided test of "no difference", beside the interval that the verdict rests on."""

    key: Literal["signed_rank", "sign", "mcnemar"]
    p: float
    number: int  # of pairs (McNemar: of test examples) that differ; ties are left out
    meaning: str  # what the p is the probability of, in words


def exact_tests(gains: np.ndarray, right: np.ndarray | None) -> tuple[ExactTest, ...]:
    """Over pairs, or over the examples (groups) of a single one.

    gains: (pairs,); right: (2, pairs, examples or groups).
    """
    if len(gains) > 1:
        return tuple(test for test in (signed_rank(gains), sign(gains)) if test)
    return (mcnemar(right[:, 0]),) if right is not None and right.shape[1] == 1 else ()


def sign(gains: Sequence[float] | np.ndarray) -> ExactTest:
    """The sign test: how many pairs favour the arm (Conover 1999, section 3.4). Ties are left out."""
    values = _untied(gains)
    number, favour = len(values), int((values > 0).sum())
    meaning = f"of a split as uneven as {favour} of {number} pairs, if each fell either way by a fair coin"
    return ExactTest("sign", _coin(favour, number), number, meaning)


def signed_rank(gains: Sequence[float] | np.ndarray) -> ExactTest | None:
    """Wilcoxon's signed-rank test, exact given the ties; None beyond 100 pairs.

    Ranks of tied sizes are averaged and pairs without a gain left out (Wilcoxon 1945); the distribution of
    the rank sum is counted over all 2**pairs signs.
    """
    values = _untied(gains)
    number = len(values)
    if number > MOST_PAIRS:
        return None
    sizes = np.abs(values)[:, None]
    below, equal = (sizes > sizes.T).sum(axis=1), (sizes == sizes.T).sum(axis=1)
    doubled = 2 * below + equal + 1  # twice the average rank of every value: whole numbers, whatever the ties
    chances = np.ones(1)
    for rank in doubled:
        chances = (np.pad(chances, (0, rank)) + np.pad(chances, (rank, 0))) / 2
    seen = int(doubled[values > 0].sum())
    p = min(1.0, 2 * min(float(chances[: seen + 1].sum()), float(chances[seen:].sum())))
    meaning = f"of a rank sum as far out, if each of {number} pairs were as likely to favour either arm"
    return ExactTest("signed_rank", p, number, meaning)


def mcnemar(right: np.ndarray) -> ExactTest:
    """McNemar's test, exact: do the examples that one arm alone gets right favour that arm?

    right: (2, examples), true or false; or (2, groups), how many of a group are right: then each group in
    which the arms differ counts once, for the arm that gets more of it right.
    """
    only_baseline, only_arm = int((right[0] > right[1]).sum()), int((right[1] > right[0]).sum())
    number = only_baseline + only_arm
    which = "examples that one arm alone gets right"
    if right.dtype != bool:
        which = "groups of examples of which one arm gets more right"
    meaning = (
        f"of a split as uneven as {only_arm} to {only_baseline} among the {which}, "
        "if they fell either way; about this one pair of runs, not about other seeds"
    )
    return ExactTest("mcnemar", _coin(only_arm, number), number, meaning)


def _untied(gains: Sequence[float] | np.ndarray) -> np.ndarray:
    """Gains that are not 0; differences of scores are equal where only rounding tells them apart."""
    values = np.round(np.asarray(gains, dtype=float), 12)
    return values[values != 0]


def _coin(heads: int, number: int) -> float:
    """Two-sided p of so many heads of a fair coin."""
    # Not scipy.stats.binomtest, whose import takes longer than the rest of a small study's report.
    return min(1.0, 2 * float(bdtr(min(heads, number - heads), number, 0.5)))

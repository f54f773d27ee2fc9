"""Seeds that collapse: one arm answers everything alike in a fifth of the seeds, a mixture and no spread.

`python -m pytest tests/compare/test_collapse.py -m slow -s` prints the lines. Measured, 500 studies per line:

| pairs | collapses | told | holds the mean, seen | unseen | mean of the seeds that learn, unseen |
|-------|-----------|------|----------------------|--------|-------------------------------------|
| 3     | baseline  | 100  | 98.8                 | 56.5   | 98.5                                |
| 5     | baseline  | 100  | 100                  | 23.7   | 93.6                                |
| 3     | arm       | 100  | 97.6                 | 6.8    | 95.2                                |
| 5     | arm       | 100  | 99.1                 | 0      | 95.8                                |

No interval can hold what is not among the pairs: the report says how many seeds may be of another kind.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.compare.simulated import BASE, scores_of, simulate

from headstart.compare.aligned_predictions import Answers
from headstart.compare.statistics.bootstrap import resampled_gains, spread

RATE, GAIN = 0.2, 0.2


def study(rng: np.random.Generator, pairs: int, side: int, number: int) -> tuple[bool, bool, bool, bool]:
    """Was a collapse among the pairs, and detected; does the interval hold the mean gain of all seeds, and
    that of the seeds that learn?"""
    answers, learnt = simulate(rng, pairs, 600, 0.01, gain=GAIN)
    collapses = rng.random(pairs) < RATE
    predictions = answers.predictions.copy()
    predictions[side, collapses] = 0
    answers = replace(answers, predictions=predictions)
    lost = RATE * (BASE + GAIN * side - 0.5)  # a constant answer is right in half of the examples
    scores = scores_of(answers, "accuracy")
    resampled = resampled_gains(answers, ["accuracy"], number, 600)["accuracy"]
    found = spread(scores[1] - scores[0], resampled, number)
    assert found is not None
    ends, mean = found.interval(), learnt + (-lost if side else lost)
    holds = [ends.low <= truth <= ends.high for truth in (mean, learnt)]
    return bool(collapses.any()), detected(answers), holds[0], holds[1]


def detected(answers: Answers) -> bool:
    """As the first lines of a report tell it."""
    pairs = answers.predictions.shape[1]
    return any(answers.is_constant(side, pair) for side in (0, 1) for pair in range(pairs))


def shares(pairs: int, side: int, studies: int) -> tuple[float, float, float, float]:
    """With a collapse: detected, mean held. Without: mean of all held, mean of those that learn held."""
    rng = np.random.default_rng([pairs, side])
    seen, told, held, rest = np.array([study(rng, pairs, side, n) for n in range(studies)]).T
    assert not told[~seen].any()
    return tuple(float(part.mean()) for part in (told[seen], held[seen], held[~seen], rest[~seen]))  # pyright: ignore[reportReturnType]


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [3, 5])
@pytest.mark.parametrize("side", [0, 1])
def test_a_collapse_that_was_seen_is_told_and_its_interval_is_wide(pairs, side):
    """One that was not seen cannot be in the interval: the report says how many seeds may be so."""
    told, held, unseen, rest = shares(pairs, side, 500)
    who = f"{pairs} pairs, {('baseline', 'arm')[side]} collapses in {RATE:.0%} of seeds"
    seen = f"seen: told in {told:.1%}, interval holds the mean in {held:.1%}"
    print(f"\n{who}; {seen}; unseen: in {unseen:.1%}, the mean of the seeds that learn in {rest:.1%}")
    assert told == 1
    assert held >= 0.935
    assert rest >= 0.92


def test_a_quick_look_at_collapses():
    told, held, _, rest = shares(3, 1, 60)
    assert told == 1 and held >= 0.85 and rest >= 0.85

"""How sure the score of a rule is: over examples, or over groups of them."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.tasks.rules.rule import Rule, bound_of, thinned


def rule(right: np.ndarray) -> Rule:
    predictions = ["yes" if hit else "no" for hit in right]
    statistics = {"score": right.astype(float)}
    return Rule("mine", "by hand", {"accuracy": float(right.mean()), "own": 1.0}, statistics, 9,
                ["yes"] * len(right), predictions)  # fmt: skip


def test_the_error_of_a_share_is_that_of_the_binomial() -> None:
    right = np.arange(400) % 4 > 0
    errors = rule(right).standard_errors()
    assert errors.keys() == {"accuracy"}  # a metric of the hub cannot be resampled
    assert errors["accuracy"] == pytest.approx((0.75 * 0.25 / 400) ** 0.5, rel=0.15)


def test_examples_of_one_group_are_drawn_together() -> None:
    right = np.repeat(np.arange(40) % 4 > 0, 10)  # ten copies of each answer
    groups = [f"group {row // 10}" for row in range(400)]
    error = rule(right).standard_errors(groups)["accuracy"]
    assert error == pytest.approx((0.75 * 0.25 / 40) ** 0.5, rel=0.15)
    alone = rule(right).standard_errors([None] * 400)["accuracy"]
    assert alone == pytest.approx(rule(right).standard_errors()["accuracy"])


def test_rows_are_thinned_evenly_and_that_is_said() -> None:
    assert thinned(10, 4).tolist() == [0, 3, 6, 9] and thinned(3, 10).tolist() == [0, 1, 2]
    assert bound_of(4, 10) == "4 of 10 training rows" and bound_of(10, 10) is None

"""N-grams: probabilities that add up to one, those of Witten and Bell by hand, the likeliest token."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.tasks.rules.ngrams import NGrams, Scored, before

TEXT = st.lists(st.integers(0, 4), min_size=1, max_size=60)


def scored(ids: list[int]) -> Scored:
    tokens = np.array(ids)
    return Scored(before(tokens, np.arange(len(ids)) - 1), tokens, 0 * tokens, 0 * tokens)


@given(TEXT, TEXT, st.integers(1, 5))
def test_probabilities_add_up_to_one_after_every_context(train: list[int], test: list[int], n: int) -> None:
    model, asked = NGrams(scored(train), n, 6), scored(test)
    whole = [
        model.probabilities(Scored(asked.before, np.full(len(test), token), asked.bytes, asked.block))
        for token in range(6)
    ]
    assert np.sum(whole, axis=0) == pytest.approx(1)
    assert np.min(whole) > 0


@given(TEXT, TEXT, st.integers(1, 5))
def test_they_are_those_of_witten_and_bell(train: list[int], test: list[int], n: int) -> None:
    told = NGrams(scored(train), n, 6).probabilities(scored(test))
    padded = [-1] * 4
    for place, token in enumerate(test):
        known, chance = [*padded, *test], 1 / 6
        for length in range(n):
            context = known[place + 4 - length : place + 4]
            after = [
                b for at, b in enumerate(train) if [*padded, *train][at + 4 - length : at + 4] == context
            ]
            if after:
                kinds = len(set(after))
                chance = (after.count(token) + kinds * chance) / (len(after) + kinds)
        assert told[place] == pytest.approx(chance)


def test_the_guess_is_the_likeliest_token_after_the_longest_context_that_was_seen() -> None:
    train, test = scored([1, 2, 3, 1, 2, 3, 1, 2, 4, 4, 4, 4]), scored([1, 2, 9, 2])
    assert NGrams(train, 1, 10).guesses(test).tolist() == [4, 4, 4, 4]
    assert NGrams(train, 3, 10).guesses(test)[1:].tolist() == [2, 3, 4]  # 9 was never seen: all tokens

"""N-grams: tokens predicted from up to four before them, interpolated as by Witten and Bell (1991).

The probability of a token after a context of k tokens is (c + T p) / (C + T): its count c there, T different
tokens among the C seen there, and p its probability after the last k - 1. After no token p is uniform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NONE = -1  # before the first token
MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Scored:
    """Tokens to be predicted: what stands before each, the last first, and which block it is of."""

    before: np.ndarray  # (tokens, 4) int64, NONE where nothing stands
    tokens: np.ndarray  # (tokens,) int64
    bytes: np.ndarray  # (tokens,) of text that each stands for
    block: np.ndarray  # (tokens,) int64


def before(read: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The four tokens up to each of these places, the last first: (places, 4); NONE before the first."""
    places = last[:, None] - np.arange(4)
    return np.where(places >= 0, read[np.maximum(places, 0)], NONE)


class NGrams:
    """Counts of the training tokens and of what stood before them."""

    def __init__(self, train: Scored, order: int, vocabulary: int) -> None:
        self.order, self.vocabulary = order, vocabulary
        self.tables = [_Table(_keys(train.before, k), train.tokens) for k in range(order)]

    def probabilities(self, test: Scored) -> np.ndarray:
        """Of every token after what stands before it: (tokens,)."""
        chances = np.full(len(test.tokens), 1 / self.vocabulary)
        for k, table in enumerate(self.tables):
            chances = table.interpolated(_keys(test.before, k), test.tokens, chances)
        return chances

    def guesses(self, test: Scored) -> np.ndarray:
        """The most frequent token after the longest context that was seen: (tokens,)."""
        guesses = np.full(len(test.tokens), NONE)
        for k, table in enumerate(self.tables):
            guesses = table.guesses(_keys(test.before, k), guesses)
        return guesses


class _Table:
    """Counts after contexts of one length, whose keys are sorted."""

    def __init__(self, contexts: np.ndarray, tokens: np.ndarray) -> None:
        both, first, counts = np.unique(_joined(contexts, tokens), return_index=True, return_counts=True)
        self.both, self.counts = both, counts
        self.contexts, place = np.unique(contexts[first], return_inverse=True)
        self.kinds = np.bincount(place)
        self.totals = np.bincount(place, weights=counts)
        ranked = np.lexsort((-tokens[first], counts, place))  # the last of a context is its most frequent
        ends = np.append(np.diff(place[ranked]) > 0, True)
        self.best = tokens[first][ranked[ends]]

    def interpolated(self, contexts: np.ndarray, tokens: np.ndarray, lower: np.ndarray) -> np.ndarray:
        place, seen = _find(self.contexts, contexts)
        pair, there = _find(self.both, _joined(contexts, tokens))
        counts = np.where(there, self.counts[pair], 0)
        return np.where(
            seen,
            (counts + self.kinds[place] * lower) / (self.totals[place] + self.kinds[place]),
            lower,
        )

    def guesses(self, contexts: np.ndarray, lower: np.ndarray) -> np.ndarray:
        place, seen = _find(self.contexts, contexts)
        return np.where(seen, self.best[place], lower)


def _find(keys: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each key, and whether it is there."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _keys(before: np.ndarray, length: int) -> np.ndarray:
    """A number for the last `length` tokens, different for different tokens but for a chance of 2 ** -64."""
    keys = np.zeros(len(before), dtype=np.uint64)
    for column in before.T[:length]:
        keys = _joined(keys, column)
    return keys


def _joined(keys: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The number of a context with one more token (Steele et al. 2014, splitmix64)."""
    mixed = keys * MIX + (tokens + 2).astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

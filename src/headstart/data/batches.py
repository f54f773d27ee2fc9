"""Batches: the rows of every step, chosen before training, the same for both arms."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

WINDOW = 8  # batches sorted together: a larger window has less padding, a smaller one more shuffling
MULTIPLE = 8  # lengths are padded to a multiple of this: fewer distinct shapes, at the same speed


def training_order(lengths: Any, batch_size: int, steps: int, seed: int) -> list[np.ndarray]:
    """Row positions of every step: a pure function of its arguments, so that a run can be resumed.

    Each epoch shuffles all rows, sorts windows of a few batches by length (little padding), cuts
    them into batches and shuffles those. The last batch of an epoch may be short.
    """
    sizes, span = np.asarray(lengths), batch_size * WINDOW
    order: list[np.ndarray] = []
    epoch = 0
    while len(order) < steps:
        rng = np.random.default_rng([seed, epoch])
        rows = rng.permutation(len(sizes))
        windows = [rows[i : i + span] for i in range(0, len(rows), span)]
        by_length = np.concatenate([w[np.argsort(sizes[w], kind="stable")] for w in windows])
        batches = [by_length[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        order += [batches[i] for i in rng.permutation(len(batches))]
        epoch += 1
    return order[:steps]


def evaluation_order(lengths: Any, batch_size: int) -> list[np.ndarray]:
    """All rows once, by length, so that a batch holds almost no padding."""
    rows = np.argsort(np.asarray(lengths), kind="stable")
    return [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]


def padded_length(longest: int, limit: int) -> int:
    """The padded length of a batch: the next multiple of 8, at most the model's limit."""
    return min(limit, -(-longest // MULTIPLE) * MULTIPLE)


def order_digest(order: Sequence[np.ndarray], keys: Sequence[str]) -> str:
    """sha256 (16 hex) of the row ids of every step, which must be equal in both arms of a pair."""
    digest = hashlib.sha256()
    for batch in order:
        digest.update("\x1f".join([keys[int(i)] for i in batch]).encode() + b"\x1e")
    return digest.hexdigest()[:16]

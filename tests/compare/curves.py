"""Scores of two arms by number of rows, of which one transfers rows to the other."""

from __future__ import annotations

import numpy as np

ROWS = np.array([64.0, 128, 256, 512, 1024, 2048])


def grown(rows):
    """Accuracy of a baseline: a power law of its rows."""
    return 1 - 1.5 * np.asarray(rows, dtype=float) ** -0.3


def with_transfer(rows=ROWS, k=30.0, alpha=0.4):
    """Scores of both arms where k * n**alpha rows are transferred: (sizes, 2)."""
    return np.stack([grown(rows), grown(rows + k * rows**alpha)], axis=1)

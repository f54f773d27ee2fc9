"""Holm's correction: what is left of each claim when all claims of a study are looked at together."""

from __future__ import annotations

from collections.abc import Sequence

ALPHA = 0.05


def holm(chances: Sequence[float | None]) -> list[float | None]:
    """Corrected p: below alpha where Holm's (1979) step-down rejects. An unknown p counts and stays None.

    With p sorted, the corrected one is the largest so far of (claims - place) * p, at most 1.
    """
    order = sorted((p, place) for place, p in enumerate(chances) if p is not None)
    corrected: list[float | None] = [None] * len(chances)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * p))
        corrected[place] = largest
    return corrected

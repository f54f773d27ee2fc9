"""Families of claims: what is left of each when all of them are looked at together (Holm 1979)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.compare import phrases
from headstart.compare.findings import Comparison, Gain
from headstart.compare.values.claims import NO_WORD, Corrected

ALPHA = 0.05


def holm(chances: Sequence[float | None]) -> list[float | None]:
    """Corrected p: below alpha where Holm's step-down rejects. An unknown p counts as a claim and stays None.

    With p sorted, the corrected one is the largest so far of (claims - place) * p, at most 1.
    """
    order = sorted((p, place) for place, p in enumerate(chances) if p is not None)
    corrected: list[float | None] = [None] * len(chances)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * p))
        corrected[place] = largest
    return corrected


def with_families(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons, each with what is left of its claim among all of them; a single one is no family."""
    gains = [one.gain for one in comparisons]
    if sum(gain is not None for gain in gains) < 2:
        return list(comparisons)
    of_zero = holm([gain and gain.p for gain in gains if gain])
    of_margin = holm([gain and gain.p_margin for gain in gains if gain])
    both = iter(zip(of_zero, of_margin, strict=True))
    return [
        replace(one, corrected=_corrected(one.gain, *next(both), len(of_zero))) if one.gain else one
        for one in comparisons
    ]


def _corrected(gain: Gain, of_zero: float | None, of_margin: float | None, claims: int) -> Corrected:
    same = gain.word == "equivalent"
    p, corrected = (gain.p_margin, of_margin) if same else (gain.p, of_zero)
    claimed = gain.word not in ("undecided", NO_WORD) and corrected is not None
    survives = bool(corrected is not None and corrected < ALPHA) if claimed else None
    return Corrected(claims, p, corrected, survives, _sentence(gain, p, corrected, claims, survives))


def _sentence(
    gain: Gain, p: float | None, corrected: float | None, claims: int, survives: bool | None
) -> str:
    """'Alone it is better, but not among the 6 comparisons of this study (p = 0.021, and = 0.13 ...).'."""
    if p is None or corrected is None:
        return f"One of {claims} comparisons in this study; without an interval there is no p to correct."
    told = f"p {_chance(p)}, and {_chance(corrected)} when corrected for all of them, Holm 1979"
    if survives is None:
        return f"Undecided alone and among the {claims} comparisons of this study ({told})."
    if survives:
        return f"It stays {gain.word} among the {claims} comparisons of this study ({told})."
    return f"Alone it is {gain.word}, but not among the {claims} comparisons of this study ({told})."


def _chance(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {phrases.short(p)}"

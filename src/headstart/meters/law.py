"""Law: a whole number that is quadratic in a few sizes, learnt from exact values and checked by others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import combinations_with_replacement
from math import prod

Sizes = tuple[int, ...]

CHECKS = 2  # values that the law must foretell before it is believed


class Law:
    """Answers for sizes that nobody counted, once exact counts leave only one answer.

    The FLOPs of a transformer are a polynomial of degree two in its lengths, so a few exact counts decide all
    others. Nothing is taken on trust: the law is believed after it has foretold `CHECKS` counts, only between
    the smallest and the largest sizes that were counted, and never again after it was once wrong.
    """

    def __init__(self) -> None:
        self._counted: dict[Sizes, int] = {}
        self._foretold: dict[Sizes, int] = {}
        self._rows: list[tuple[int, list[Fraction], Fraction]] = []  # eliminated: pivot, terms, value
        self._checked, self._broken = 0, False

    def value(self, sizes: Sizes, count: Callable[[], int]) -> int:
        """The number for these sizes: known, foretold, or else counted now."""
        for known in (self._counted, self._foretold):
            if sizes in known:
                return known[sizes]
        left, told = self._eliminated(_terms(sizes))
        if not any(left) and self._believed(sizes):
            self._foretold[sizes] = int(told)
            return int(told)
        found = count()
        self.know(sizes, found)
        return found

    def know(self, sizes: Sizes, found: int) -> None:
        """Take an exact count, also one that came about with another."""
        if sizes not in self._counted:
            left, told = self._eliminated(_terms(sizes))
            self._counted[sizes] = found
            self._learn(left, told, found)

    @property
    def nothing(self) -> bool:
        """Whether everything that was counted came to 0; not before something was."""
        return bool(self._counted) and not any(self._counted.values())

    def _learn(self, left: list[Fraction], told: Fraction, found: int) -> None:
        """A new count decides one term more, or checks those that were decided before."""
        if any(left):
            pivot = next(place for place, term in enumerate(left) if term)
            self._rows.append((pivot, left, found - told))
        elif found == told:
            self._checked += 1
        else:
            self._broken = True
            self._foretold.clear()

    def _believed(self, sizes: Sizes) -> bool:
        seen = zip(*self._counted, strict=True)
        inside = all(min(among) <= size <= max(among) for size, among in zip(sizes, seen, strict=True))
        return inside and self._checked >= CHECKS and not self._broken

    def _eliminated(self, terms: list[Fraction]) -> tuple[list[Fraction], Fraction]:
        """What the counts so far leave open of these terms, and the number that they explain."""
        told = Fraction(0)
        for pivot, row, value in self._rows:
            if factor := terms[pivot] / row[pivot]:
                terms = [term - factor * other for term, other in zip(terms, row, strict=True)]
                told += factor * value
        return terms, told


def outside_in(points: Iterable[Sizes]) -> list[Sizes]:
    """Distinct points: the largest, the smallest, the next; so that the first few bound most others."""
    left = sorted(set(points), key=lambda point: (sum(point), point))
    return [left.pop(-1 if place % 2 == 0 else 0) for place in range(len(left))]


def _terms(sizes: Sizes) -> list[Fraction]:
    """Products of up to two sizes: 1, a, b, a*a, a*b, b*b for (a, b)."""
    return [Fraction(prod(pair)) for pair in combinations_with_replacement((1, *sizes), 2)]

"""Expected: what a notebook page says a study shows, and whether a re-run shows it again.

`claim.json` beside the page holds a command per scale and, for each number that carries the claim, its
direction, its interval and a tolerance: another machine gives other digits, and must give the same answer. At
another scale than the page's own the digits are another matter; the directions must still be the same. A
claim is written before the run that tests it: until then `came_out` is null, and no value is known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from headstart.compare.quantity import Quantity
from headstart.compare.verdicts import NO_VERDICT
from headstart.errors import RecordError

FILE = "claim.json"
SCALE = "laptop"  # at which the numbers of a page were found
Direction = Literal["above", "below", "either", "around"]  # either: none is claimed; around: on neither side


@dataclass(frozen=True)
class Expectation:
    """One number of the claim: on which side of `than` it lies, and how far from `value` it may come out."""

    quantity: str
    condition: str
    arm: str
    direction: Direction
    than: float
    value: float | None  # None: only its ends are known ("at least")
    low: float | None
    high: float | None
    tolerance: float  # in the unit of the quantity


@dataclass(frozen=True)
class Claim:
    """What a page claims, how to run it, and what must come out."""

    folder: Path
    claim: str
    came_out: bool | None  # whether the page's own run bore the claim out; None: not run yet as it stands
    commands: Mapping[str, tuple[str, ...]]  # by scale; SCALE is always there
    expects: tuple[Expectation, ...]

    def command(self, scale: str = SCALE) -> tuple[str, ...]:
        """The study's settings at a scale; RecordError when the page has none for it."""
        if scale in self.commands:
            return self.commands[scale]
        known = ", ".join(self.commands)
        raise RecordError(f"{self.folder}: has no scale {scale!r}, only {known}; choose --scale {SCALE}")


@dataclass(frozen=True)
class Checked:
    """An expectation beside what a re-run gave."""

    expectation: Expectation
    found: Quantity | None
    holds: bool
    reason: str


def read_claim(folder: Path) -> Claim:
    """The claim of a notebook page; RecordError when there is none or it cannot be read."""
    file = folder / FILE
    try:
        raw = json.loads(file.read_text("utf8"))
        expects = tuple(Expectation(**one) for one in raw["expects"])
        commands = {scale: tuple(command) for scale, command in raw["commands"].items()}
        if SCALE not in commands:
            raise KeyError(f"commands.{SCALE}")
        return Claim(folder, raw["claim"], raw["came_out"], commands, expects)
    except FileNotFoundError:
        names = ", ".join(page.name for page in pages(folder.parent)) or "none"
        raise RecordError(f"{file}: there is no such file; pages with a claim: {names}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{file}: is not a claim ({type(error).__name__}: {error})") from None


def pages(folder: Path) -> list[Path]:
    """Every page with a claim, by name."""
    return sorted(file.parent for file in folder.glob(f"*/{FILE}"))


def check(claim: Claim, found: Iterable[Quantity], scale: str = SCALE) -> tuple[Checked, ...]:
    """Every expectation against the quantities of a re-run at that scale."""
    named = _named(found)
    return tuple(_checked(one, named, scale) for one in claim.expects)


def filled(claim: Claim, study: str, found: Iterable[Quantity]) -> tuple[str, tuple[Checked, ...]]:
    """The text of a page's claim with the numbers of its finished study, and what these bear out.

    A claim that did not come out stays so, since what it expects may have been changed to what was found: set
    `came_out` to null to ask again. RecordError when the study is not the page's or lacks a number.
    """
    file, named = claim.folder / FILE, _named(found)
    chosen = [word for word in claim.command() if word.startswith("study=")]
    if chosen not in ([], [f"study={study}"]):
        raise RecordError(f"{file}: is about {' '.join(chosen)}, and this study is called {study}")
    raw = json.loads(file.read_text("utf8"))
    for line, one in zip(raw["expects"], claim.expects, strict=True):
        number = named.get((one.quantity, one.condition, one.arm))
        if number is None:
            where = f" under {one.condition}" if one.condition else ""
            raise RecordError(f"{file}: study {study} has no {one.quantity} of arm {one.arm}{where}")
        line |= {"value": number.value, "low": number.low, "high": number.high}
    new = replace(claim, expects=tuple(Expectation(**line) for line in raw["expects"]))
    checked = tuple(_checked(one, named, SCALE) for one in new.expects)
    raw["came_out"] = claim.came_out is not False and all(one.holds for one in checked)
    return json.dumps(raw, indent=1, ensure_ascii=False) + "\n", checked


def _named(found: Iterable[Quantity]) -> Mapping[tuple[str, str, str], Quantity]:
    """The quantities by what an expectation names; of several metrics the headline's comes first."""
    named: dict[tuple[str, str, str], Quantity] = {}
    for one in found:
        named.setdefault((one.key, one.condition, one.arm), one)
    return named


def _checked(one: Expectation, named: Mapping[tuple[str, str, str], Quantity], scale: str) -> Checked:
    found = named.get((one.quantity, one.condition, one.arm))
    if found is None or not found.known:
        note = found.note if found is not None and found.note else "the re-run has no such number"
        return Checked(one, found, False, note)
    if found.verdict == NO_VERDICT:
        return Checked(one, found, False, "one pair cannot say: run more seeds")
    side = side_of(found, one.than)
    if one.direction == "around" and side != "either":
        return Checked(one, found, False, f"it lies {side} {one.than:g}, which it was claimed to contain")
    if one.direction not in ("either", "around", side):
        told = "does not leave" if side == "either" else f"lies {side}"
        return Checked(one, found, False, f"it {told} {one.than:g}, where {one.direction} was claimed")
    if scale != SCALE:
        return Checked(one, found, True, f"on the side that was claimed, at scale {scale}")
    if one.value is None or found.value is None:
        return Checked(one, found, True, "as claimed, as far as it is known")
    away = abs(found.value - one.value)
    ends = (one.low, one.high, found.low, found.high)
    low, high, its_low, its_high = (math.nan if end is None else end for end in ends)  # nan meets nothing
    if away > one.tolerance and not (low <= its_high and its_low <= high):
        return Checked(one, found, False, f"{away:.3g} away, further than {one.tolerance:g}")
    return Checked(one, found, True, "as claimed")


def side_of(found: Quantity, than: float) -> Direction:
    """Where the whole interval lies; without one, where the value does."""
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    if low is not None and low > than:
        return "above"
    return "below" if high is not None and high < than else "either"

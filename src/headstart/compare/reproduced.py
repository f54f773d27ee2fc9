"""Reproduced: the verdicts of a study beside those of the same study trained again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.compare.findings import Comparison, Findings, Gain
from headstart.compare.verdicts import NO_VERDICT

Result = Literal["bit-identical", "holds again", "differs"]


@dataclass(frozen=True)
class Claimed:
    """One comparison before and now, on the headline metric."""

    title: str
    before: Gain
    now: Gain | None  # None: its runs did not end with scores

    @property
    def holds(self) -> bool:
        """Is the verdict the same, and one that can be said?"""
        return self.now is not None and self.now.verdict == self.before.verdict != NO_VERDICT


def claimed(before: Findings, now: Findings) -> tuple[Claimed, ...]:
    """Every verdict of a study, with the one that it has now."""
    new = {_title(item): item.gain for item in now.comparisons}
    return tuple(
        Claimed(_title(item), item.gain, new.get(_title(item)))
        for item in before.comparisons
        if item.gain is not None
    )


def result(same: bool, claims: tuple[Claimed, ...]) -> Result:
    """The word for a study that was trained again."""
    if same:
        return "bit-identical"
    return "holds again" if claims and all(claim.holds for claim in claims) else "differs"


def _title(item: Comparison) -> str:
    """'pretrained over scratch', with its condition where there is one."""
    condition = item.condition.name or f"{item.condition.train_rows} rows"
    return f"{item.arm} over {item.baseline}, {condition}"

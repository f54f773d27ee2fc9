"""Outcome: how one run of a study ended, small enough to come back from another process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Status = Literal["finished", "diverged", "failed", "interrupted", "kept"]


@dataclass(frozen=True)
class Outcome:
    """`kept`: it was finished before and not trained again. `reason` is the sentence for the others."""

    title: str
    study_folder: str
    folder: str
    status: Status
    headline: float | None = None  # test score, of a trial the validation score
    seconds: float | None = None
    reason: str | None = None
    code: int = 0
    margin: float | None = None  # of a kept run, where it is not the one that is asked for now
    trial: bool = False  # of a tuning: it has no test score, and no report of its own

    @property
    def well(self) -> bool:
        """Did the run end with scores?"""
        return self.status in ("finished", "kept")


def faults(outcomes: Iterable[Outcome]) -> list[str]:
    """One sentence per way in which runs ended without scores: ten runs with one fault are one sentence."""
    alike: dict[tuple[str, str | None], list[str]] = {}
    for outcome in outcomes:
        if not outcome.well:
            alike.setdefault((outcome.status, outcome.reason), []).append(outcome.title)
    return [
        f"{titles[0]}{f' and {len(titles) - 1} more' if titles[1:] else ''}: {status}: {reason}"
        for (status, reason), titles in alike.items()
    ]


class Interrupted(BaseException):
    """Somebody pressed Ctrl-C or sent a termination signal; no Exception, so that no library swallows it."""

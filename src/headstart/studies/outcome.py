"""Outcome: how one run of a study ended; small, since it may come from another process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["finished", "diverged", "failed", "interrupted", "kept", "claimed"]


@dataclass(frozen=True)
class Outcome:
    """`kept`: finished before and not trained again. `reason`: why a run has no scores.

    `claimed`: another process trains it, or the run whose weights it loads; `claim` is the name of the claim.
    """

    title: str
    study_folder: str
    folder: str
    status: Status
    headline: float | None = None  # test score, of a trial the validation score
    seconds: float | None = None
    reason: str | None = None
    code: int = 0
    margin: float | None = None  # of a kept run, if it differs from the margin in the current settings
    trial: bool = False  # of a tuning: without a test score and a report
    claim: tuple[str, str] | None = None  # folder of the study, name

    @property
    def well(self) -> bool:
        """Did the run end with scores?"""
        return self.status in ("finished", "kept")


def faults(outcomes: Iterable[Outcome]) -> list[str]:
    """One sentence per reason why runs ended without scores, however many runs it stopped."""
    alike: dict[tuple[str, str | None], list[str]] = {}
    for outcome in outcomes:
        if not outcome.well:
            alike.setdefault((outcome.status, outcome.reason), []).append(outcome.title)
    return [f"{titled(titles)}: {status}: {reason}" for (status, reason), titles in alike.items()]


def titled(titles: Sequence[str]) -> str:
    """`first and 2 more`."""
    return f"{titles[0]}{f' and {len(titles) - 1} more' if titles[1:] else ''}"


class Interrupted(BaseException):
    """Ctrl-C or a termination signal; not an Exception, so that no library catches it."""

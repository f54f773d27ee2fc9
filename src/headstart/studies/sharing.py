"""Sharing: several processes, of one command or of several, train the runs of a study together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from headstart.errors import WeightsError
from headstart.records.fingerprint import digest
from headstart.records.store import read_status
from headstart.studies.claims import Claim, wait
from headstart.studies.outcome import Outcome
from headstart.studies.pretraining import with_weights
from headstart.studies.progress import StudyProgress, duration
from headstart.studies.run_folder import identify, run_folder
from headstart.studies.sweep_points import SweepPoint, shared_settings

Pair = Sequence[SweepPoint]


class Share:
    """Trains pairs with `launch`, which gives one outcome per point. A pair that another process trains is
    left for later.

    `whole`: a process claims a pair before its first run, so that both arms are measured on one machine.
    `limit`: no pair is begun that would end after so many seconds since `began`; the first always is.
    """

    def __init__(
        self,
        launch: Callable[[Pair], Sequence[Outcome]],
        progress: StudyProgress,
        whole: bool,
        limit: float | None = None,
        began: float = 0.0,
    ) -> None:
        self.launch, self.progress, self.whole = launch, progress, whole
        self.limit, self.began, self.longest = limit, began, 0.0
        self.ended: dict[tuple[str, ...], Outcome] = {}

    def train(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """The outcomes of all pairs, in their order; only of those that there was time for."""
        left = list(pairs)
        while left:
            later: list[Pair] = []
            claims: list[Claim] = []
            before = len(self.ended)
            for pair in left:
                if self._too_late():
                    self._say_stopped(pairs)
                    return self._outcomes(pairs)
                points, claim = self._train(pair)
                if claim is not None:
                    later.append(points)
                    claims.append(claim)
            if later and len(self.ended) == before:
                rest = None if self.limit is None else self.limit - (time.monotonic() - self.began)
                wait(claims, self.progress.note, rest)
                later = [[point for point in pair if not self._ended_elsewhere(point)] for pair in later]
            left = [pair for pair in later if pair]
        return self._outcomes(pairs)

    def _train(self, pair: Pair) -> tuple[Pair, Claim | None]:
        """Train a pair; returns the points that another process has claimed, and one of these claims."""
        run = pair[0].run
        start = time.monotonic()
        if self.whole:
            claim = Claim(run.study_folder, f"pair-{digest(shared_settings(run))}")
            if not claim.acquire():
                return pair, claim
            with claim:
                outcomes = self.launch(pair)
        else:
            outcomes = self.launch(pair)
        self.longest = max(self.longest, time.monotonic() - start)
        claimed: list[SweepPoint] = []
        held: Claim | None = None
        for point, outcome in zip(pair, outcomes, strict=True):
            if outcome.claim is None:
                self.ended[point.overrides] = outcome
            else:
                claimed.append(point)
                held = held or Claim(Path(outcome.claim[0]), outcome.claim[1])
        return claimed, held

    def _ended_elsewhere(self, point: SweepPoint) -> bool:
        """Did the process that had claimed this run end it without scores? Then it is not tried again."""
        try:
            run = with_weights(point.run)
        except WeightsError:  # its pretraining is not finished
            return False
        names = identify(run)
        folder = run_folder(run, names)
        status, reason = read_status(folder, names.run_id)
        if status != "failed":
            return False
        outcome = Outcome(
            run.title, str(run.study_folder), str(folder), "failed",
            reason=reason, code=1, trial=run.study.trial,
        )  # fmt: skip
        self.ended[point.overrides] = outcome
        self.progress.end(outcome)
        return True

    def _too_late(self) -> bool:
        if self.limit is None or not self.ended:
            return False
        return self.limit - (time.monotonic() - self.began) < self.longest

    def _say_stopped(self, pairs: Sequence[Pair]) -> None:
        done = sum(all(point.overrides in self.ended for point in pair) for pair in pairs)
        rest = f"{done} of {len(pairs)} pairs are done; the same command continues with the others"
        self.progress.note(f"stopped after {duration(time.monotonic() - self.began)}: {rest}")

    def _outcomes(self, pairs: Sequence[Pair]) -> list[Outcome]:
        points = [point for pair in pairs for point in pair]
        return [self.ended[point.overrides] for point in points if point.overrides in self.ended]

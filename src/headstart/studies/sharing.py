"""Sharing: several processes, of one command or of several, train the runs of a study together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import WeightsError
from headstart.records.fingerprint import digest
from headstart.records.store import read_status
from headstart.studies.claims import Claim, wait
from headstart.studies.frozen import freeze_chosen, read_frozen
from headstart.studies.job import failed
from headstart.studies.outcome import Outcome
from headstart.studies.pretraining import with_weights
from headstart.studies.progress import StudyProgress, duration
from headstart.studies.run_folder import identify, run_folder
from headstart.studies.sweep_points import SweepPoint, pairs_of, shared_settings
from headstart.studies.tuning import tuned

if TYPE_CHECKING:
    from headstart.run import Run

Pair = Sequence[SweepPoint]


def train_study(
    points: Sequence[SweepPoint], folder: Path, train: Callable[[Sequence[Pair]], list[Outcome]]
) -> list[Outcome]:
    """Tune, then train all pairs with `train`; outcomes of trials are left out."""
    if (tune := points[0].run.study.tune) is None:
        return train(pairs_of(points))

    def trials(points: Sequence[SweepPoint]) -> list[Outcome]:
        freeze_chosen(points, folder)
        pairs = pairs_of(points)
        by_overrides = dict(zip((p.overrides for pair in pairs for p in pair), train(pairs), strict=True))
        return [by_overrides[point.overrides] for point in points]

    best = tuned(points, tune, read_frozen(folder).choices, trials)
    freeze_chosen(best, folder)
    return train(pairs_of(best))


class Share:
    """Trains pairs with `launch`, which gives one outcome per point. A pair that another process trains is
    left for later.

    `whole`: a process claims a pair before its first run, so that both arms are measured on one machine.
    `stopped`: asked before every pair.
    `limit`: no pair is begun that would end after so many seconds since `began`; the first always is.
    `after`: called with a run of every whole pair that has ended.
    """

    def __init__(
        self,
        launch: Callable[[Pair], Sequence[Outcome]],
        progress: StudyProgress,
        whole: bool,
        limit: float | None = None,
        began: float = 0.0,
        stopped: Callable[[], bool] = lambda: False,
        after: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self.launch, self.progress, self.whole, self.stopped = launch, progress, whole, stopped
        self.after = after
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
                if self.stopped():
                    return self._outcomes(pairs)
                if self._too_late():
                    done = sum(all(point.overrides in self.ended for point in pair) for pair in pairs)
                    rest = (
                        f"{done} of {len(pairs)} pairs are done; the same command continues with the others"
                    )
                    took = duration(time.monotonic() - self.began)
                    self.progress.note(f"stopped after {took}: {rest}")
                    return self._outcomes(pairs)
                points, claim = self._train(pair)
                if claim is not None:
                    later.append(points)
                    claims.append(claim)
            if later and len(self.ended) == before:
                rest = None if self.limit is None else self.limit - (time.monotonic() - self.began)
                wait(claims, self.progress.note, rest, self.stopped)
                later = [[point for point in pair if not self._ended_elsewhere(point)] for pair in later]
            left = [pair for pair in later if pair]
        return self._outcomes(pairs)

    def _train(self, pair: Pair) -> tuple[Pair, Claim | None]:
        """Train a pair; returns the points that another process has claimed, and one of these claims."""
        run = pair[0].run
        start = time.monotonic()
        if self.whole:
            name = f"pair-{digest(shared_settings(run))}"
            claim = Claim(run.study_folder, name, " · ".join([*run.shared_names, f"seed {run.seed}"]))
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
        if self.whole and held is None:
            self.after(run)
        return claimed, held

    def _ended_elsewhere(self, point: SweepPoint) -> bool:
        """Did the process that had claimed this run end it without scores? Then it is not tried again."""
        try:
            run = with_weights(point.run)
        except WeightsError:  # its pretraining is not finished
            return False
        names = identify(run)
        status, reason = read_status(run_folder(run, names), names.run_id)
        if status != "failed":
            return False
        self.ended[point.overrides] = outcome = failed(run, reason)
        self.progress.end(outcome)
        return True

    def _too_late(self) -> bool:
        if self.limit is None or not self.ended:
            return False
        return self.limit - (time.monotonic() - self.began) < self.longest

    def _outcomes(self, pairs: Sequence[Pair]) -> list[Outcome]:
        points = [point for pair in pairs for point in pair]
        return [self.ended[point.overrides] for point in points if point.overrides in self.ended]

"""Sweeper: a study's runs in an order that is fair to both arms, started by Hydra's launcher."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from headstart.studies.outcome import Outcome
from headstart.studies.progress import StudyProgress, duration, showing
from headstart.studies.sweep_points import SweepPoint, pairs_of
from headstart.studies.tuning import tuned


class PairedSweeper(Sweeper):
    """A Hydra sweeper, pair by pair: AB for one pair, BA for the next, so that drift cancels out.

    studies/compose.py has composed and checked the runs from `params`, the axes, and `per_arm`, the settings
    of single arms (`lora.optim.lr=1e-3`). `stop_after`: no pair is started that would end after so many
    seconds.
    """

    def __init__(
        self,
        params: dict[str, Any] | None = None,
        per_arm: list[str] | None = None,
        stop_after: float | None = None,
    ) -> None:
        self.params, self.per_arm, self.stop_after = params, per_arm, stop_after
        self.began, self.launched = time.monotonic(), 0

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep the loader, which holds the plan, and make the launcher."""
        self.config, self.hydra_context = config, hydra_context
        self.loader: Any = hydra_context.config_loader  # a PlannedLoader
        self._launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Outcome]:
        """Tune, then launch all pairs at once, or one after the other while there is time."""
        pairs = pairs_of(tuned(self.loader.plan, self._trials))
        points = [point for pair in pairs for point in pair]
        with showing(len(points)) as progress:
            if self.stop_after is None:
                return self._batch(points, progress)
            return self._in_time(pairs, self.stop_after, progress)

    def _trials(self, trials: Sequence[SweepPoint]) -> list[Outcome]:
        """Run one complete round of trials: choosing from half a round would be unfair."""
        launched = [point for pair in pairs_of(trials) for point in pair]
        with showing(len(launched), f"tuning: {len(trials)} trials") as progress:
            outcomes = self._batch(launched, progress)
        by_overrides = dict(zip((point.overrides for point in launched), outcomes, strict=True))
        return [by_overrides[point.overrides] for point in trials]

    def _in_time(
        self, pairs: Sequence[Sequence[SweepPoint]], limit: float, progress: StudyProgress
    ) -> list[Outcome]:
        """Start a pair while one as long as the longest so far still fits; the first always runs."""
        outcomes: list[Outcome] = []
        longest = 0.0
        for number, pair in enumerate(pairs):
            start = time.monotonic()
            if number and limit - (start - self.began) < longest:
                done = f"{number} of {len(pairs)} pairs are done; the same command continues with the others"
                progress.note(f"stopped after {duration(start - self.began)}: {done}")
                break
            outcomes += self._batch(pair, progress)
            longest = max(longest, time.monotonic() - start)
        return outcomes

    def _batch(self, points: Sequence[SweepPoint], progress: StudyProgress) -> list[Outcome]:
        before = progress.done
        self.loader.runs = {point.overrides: point.run for point in points}
        overrides = [list(point.overrides) for point in points]
        returned = self._launcher.launch(overrides, initial_job_idx=self.launched)
        self.launched += len(points)
        outcomes = [result.return_value for result in returned]
        if progress.done == before:  # they ran in other processes, which cannot update the bars
            for outcome in outcomes:
                progress.end(outcome)
        return outcomes

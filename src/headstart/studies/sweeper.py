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

from headstart.errors import HeadstartError
from headstart.studies.job import outcome_of_lost
from headstart.studies.outcome import Outcome
from headstart.studies.progress import StudyProgress, showing
from headstart.studies.sharing import Share, train_study
from headstart.studies.sweep_points import SweepPoint


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
        self.here = config.hydra.launcher._target_.endswith(".BasicLauncher")
        self.loader: Any = hydra_context.config_loader  # a PlannedLoader
        self._launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Outcome]:
        """Tune, then train all pairs, or as many as there is time for."""
        return train_study(self.loader.plan.points, self.loader.file.parent, self._train)

    def _train(self, pairs: Sequence[Sequence[SweepPoint]]) -> list[Outcome]:
        """Pair by pair in this process, or while there is time; other processes get all runs at once.

        Trials run in complete rounds: choosing from half a round would be unfair.
        """
        trial, points = pairs[0][0].run.study.trial, [point for pair in pairs for point in pair]
        limit = None if trial else self.stop_after
        if not self.here and limit is None:
            pairs = [points]
        with showing(len(points), f"tuning: {len(points)} trials" if trial else "study") as progress:
            share = Share(
                lambda p: self._launch(p, progress), progress, self.here, limit, self.began,
                after=self.loader.after,
            )  # fmt: skip
            return share.train(pairs)

    def _launch(self, points: Sequence[SweepPoint], progress: StudyProgress) -> list[Outcome]:
        before = progress.done
        self.loader.runs = {point.overrides: point.run for point in points}
        overrides = [list(point.overrides) for point in points]
        try:
            returned = self._launcher.launch(overrides, initial_job_idx=self.launched)
            outcomes = [result.return_value for result in returned]
        except Exception as error:
            if self.here:
                raise
            reason = " ".join(str(error).split())[:160]
            died = f"its process ended ({type(error).__name__}: {reason}); the same command trains it"
            if points[0].run.study.trial:  # to choose without it would be unfair
                raise HeadstartError(f"{points[0].run.study.name}: of a trial, {died}") from None
            outcomes = [outcome_of_lost(point.run, died) for point in points]
        self.launched += len(points)
        if progress.done == before:  # they ran in other processes, which cannot update the bars
            for outcome in outcomes:
                if outcome.claim is None:
                    progress.end(outcome)
        return outcomes

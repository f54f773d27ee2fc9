"""Sweeper: a study's runs in an order that is fair to both arms, launched by whichever launcher Hydra has."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, NoReturn

from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from headstart.errors import ConfigError
from headstart.studies.hydra_config import plain
from headstart.studies.outcome import OUTCOMES, Outcome
from headstart.studies.progress import StudyProgress, duration, showing
from headstart.studies.sweep_points import Point, expand, named_axes, pairs_of, read_all
from headstart.studies.tuning import Trials, tuned


class PairedSweeper(Sweeper):
    """A Hydra sweeper, pair by pair: AB for one pair, BA for the next, so that drift cancels out.

    Everything is composed and checked before the first run starts; after the last, outcomes are in OUTCOMES.
    `params` are the axes, `per_arm` the settings of single arms (`lora.optim.lr=1e-3`), `stop_after` the
    seconds after which no further pair is begun that would not be finished by then.
    """

    def __init__(
        self,
        params: dict[str, Any] | None = None,
        per_arm: list[str] | None = None,
        stop_after: float | None = None,
    ) -> None:
        self.params, self.per_arm, self.stop_after = params or {}, per_arm or [], stop_after
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over, and make its launcher."""
        from hydra.core.plugins import Plugins

        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Expand, check, tune, order and launch. Configuration errors end the program with 2."""
        if self.hydra_context is None or self.launcher is None or self.config is None:
            raise RuntimeError("sweep() before setup()")
        self.began, self.launched = time.monotonic(), 0
        loader = self.hydra_context.config_loader
        try:
            points = named_axes(expand(self.params, self.per_arm, arguments, loader))
            points = tuned(points, self._runs, self._trials)
            pairs = [[points[i] for i in pair] for pair in pairs_of(self._runs(points))]
        except (ConfigError, HydraException) as error:
            refuse(error)
        outcomes = self._launch(pairs)
        OUTCOMES[:] = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        return outcomes

    def _runs(self, points: Sequence[Point]) -> list[Any]:
        """The checked runs of these points."""
        if self.hydra_context is None or self.config is None:
            raise RuntimeError("sweep() before setup()")
        load = self.hydra_context.config_loader.load_sweep_config
        return read_all([plain(load(self.config, point)) for point in points])

    def _trials(self, trials: Trials) -> list[Outcome]:
        """Run one round of trials, whole: a winner of half a round would be unfair."""
        pairs = [[trials.points[i] for i in pair] for pair in pairs_of(self._runs(trials.points))]
        launched = [point for pair in pairs for point in pair]
        with showing(len(launched), trials.title) as progress:
            outcomes = self._batch(launched, progress)
        place = {id(point): outcome for point, outcome in zip(launched, outcomes, strict=True)}
        return [place[id(point)] for point in trials.points]

    def _launch(self, pairs: Sequence[Sequence[Point]]) -> list[Outcome]:
        """All pairs at once, or one after the other while there is time."""
        total = sum(map(len, pairs))
        with showing(total) as progress:
            if self.stop_after is None:
                return self._batch([point for pair in pairs for point in pair], progress)
            return self._in_time(pairs, progress)

    def _in_time(self, pairs: Sequence[Sequence[Point]], progress: StudyProgress) -> list[Outcome]:
        """Whole pairs while another one of the longest so far would still fit; the first always runs."""
        outcomes: list[Outcome] = []
        longest = 0.0
        for number, pair in enumerate(pairs):
            left = (self.stop_after or 0) - (time.monotonic() - self.began)
            if number and left < longest:
                spent = duration(time.monotonic() - self.began)
                done = f"{number} of {len(pairs)} pairs are done"
                progress.note(f"stopped after {spent}: {done}; the same command goes on with the others")
                break
            start = time.monotonic()
            outcomes += self._batch(pair, progress)
            longest = max(longest, time.monotonic() - start)
        return outcomes

    def _batch(self, points: Sequence[Point], progress: StudyProgress) -> list[Outcome]:
        before = progress.done
        returned = self.launcher.launch(list(points), initial_job_idx=self.launched)  # pyright: ignore[reportOptionalMemberAccess]
        self.launched += len(points)
        outcomes = [result.return_value for result in returned]
        if progress.done == before:  # they ran in other processes, which cannot draw here
            for outcome in outcomes:
                progress.end(outcome)
        return outcomes


def refuse(error: Exception) -> NoReturn:
    """Print a configuration error and end the program with 2."""
    for line in str(error).splitlines():
        print(f"headstart: {line}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from None

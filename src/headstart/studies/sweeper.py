"""Sweeper: a study's runs in the order that is fair to both arms, launched by whichever launcher Hydra has."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from headstart.node import ConfigError
from headstart.run import Run
from headstart.studies.job import plain
from headstart.studies.outcome import OUTCOMES, Outcome
from headstart.studies.progress import showing


class PairedSweeper(BasicSweeper):
    """Hydra's basic sweeper, pair by pair: AB for one pair, BA for the next, so that drift cancels out.

    Everything is composed and checked before the first run starts; after the last, outcomes are in OUTCOMES.
    """

    def sweep(self, arguments: list[str]) -> Any:
        """Expand, check, order and launch. Configuration errors end the program with 2."""
        if self.hydra_context is None or self.launcher is None or self.config is None:
            raise RuntimeError("sweep() before setup()")
        loader = self.hydra_context.config_loader
        points = expand(self.params, arguments, OverridesParser.create(config_loader=loader))
        try:
            jobs = [(point, loader.load_sweep_config(self.config, list(point))) for point in points]
            runs = read_all([plain(config) for _, config in jobs])
        except (ConfigError, HydraException) as error:
            refuse(error)
        ordered = [points[i] for i in pairwise(runs)]
        Path(self.config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
        with showing(len(ordered)) as progress:
            returned = self.launcher.launch(ordered, initial_job_idx=0)
            outcomes = [result.return_value for result in returned]
            if progress.done == 0:  # they ran in other processes
                for outcome in outcomes:
                    progress.end(outcome)
        OUTCOMES[:] = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        return returned


def expand(params: dict[str, Any] | None, arguments: Sequence[str], parser: OverridesParser) -> list[list[str]]:
    """Every point of the sweep as Hydra overrides; what the command line names replaces the study's own axes."""
    written = [f"{key}={value}" for key, value in (params or {}).items()]
    overrides = parser.parse_overrides([*written, *arguments])
    named = {override.get_key_element(): override for override in overrides}
    return BasicSweeper.split_arguments(list(named.values()), None)[0]


def read_all(configs: Iterable[dict[str, Any]]) -> list[Run]:
    """All runs, or one ConfigError with every mistake of every run, each once."""
    runs: list[Run] = []
    mistakes: dict[str, None] = {}
    for config in configs:
        try:
            runs.append(Run.read(config))
        except ConfigError as error:
            mistakes |= dict.fromkeys(error.lines)
    if mistakes:
        raise ConfigError(mistakes)
    return runs


def pairwise(runs: Sequence[Run]) -> list[int]:
    """Positions of the runs, whole pairs together, every second pair with its arms in reverse."""
    pairs: dict[str, list[int]] = {}
    for position, run in enumerate(runs):
        rest = run.model_dump(exclude={"arm"}, mode="json")
        pairs.setdefault(repr(rest), []).append(position)
    turned = (arms if number % 2 == 0 else arms[::-1] for number, arms in enumerate(pairs.values()))
    return [position for arms in turned for position in arms]


def refuse(error: Exception) -> Any:
    """Print a configuration error and end the program with 2."""
    for line in str(error).splitlines():
        print(f"headstart: {line}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from None

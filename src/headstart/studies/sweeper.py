"""Sweeper: a study's runs in an order that is fair to both arms, launched by whichever launcher Hydra has."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from headstart.node import ConfigError
from headstart.records.fingerprint import PLUMBING
from headstart.run import Run
from headstart.studies.job import plain
from headstart.studies.outcome import OUTCOMES, Outcome
from headstart.studies.progress import showing


class PairedSweeper(Sweeper):
    """A Hydra sweeper, pair by pair: AB for one pair, BA for the next, so that drift cancels out.

    Everything is composed and checked before the first run starts; after the last, outcomes are in OUTCOMES.
    """

    def __init__(self, params: dict[str, Any] | None = None, max_batch_size: int | None = None) -> None:
        self.params = params or {}
        self.launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over, and make its launcher."""
        from hydra.core.plugins import Plugins

        self.config, self.hydra_context = config, hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Expand, check, order and launch. Configuration errors end the program with 2."""
        if self.hydra_context is None or self.launcher is None or self.config is None:
            raise RuntimeError("sweep() before setup()")
        loader = self.hydra_context.config_loader
        try:
            points = expand(self.params, arguments, loader)
            configs = [loader.load_sweep_config(self.config, point) for point in points]
            runs = read_all([plain(config) for config in configs])
        except (ConfigError, HydraException) as error:
            refuse(error)
        ordered = [points[i] for i in pairwise(runs)]
        with showing(len(ordered)) as progress:
            returned = self.launcher.launch(ordered, initial_job_idx=0)
            outcomes = [result.return_value for result in returned]
            if progress.done == 0:  # they ran in other processes, which cannot draw here
                for outcome in outcomes:
                    progress.end(outcome)
        OUTCOMES[:] = [outcome for outcome in outcomes if isinstance(outcome, Outcome)]
        return returned


def expand(params: Mapping[str, Any], arguments: Sequence[str], loader: ConfigLoader) -> list[list[str]]:
    """Every point of the sweep as overrides; what the command line names replaces the study's own axes."""
    written = [f"{key}={value}" for key, value in params.items()]
    parsed = OverridesParser.create(loader).parse_overrides([*written, *arguments])
    axes = {override.get_key_element(): _values(override) for override in parsed}
    empty = [key for key, values in axes.items() if not values]
    if empty:
        raise ConfigError(f"{key}: no choice fits the pattern" for key in empty)
    return [list(point) for point in itertools.product(*axes.values())]


def _values(override: Override) -> list[str]:
    """One override per value of an axis; an override that is no axis is an axis of one."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [
            f"{key}={override.get_value_element_as_str()}" if "=" in (override.input_line or "=") else key
        ]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: a study needs listed values, such as {key}=1,2,3")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def read_all(configs: Iterable[dict[str, Any]]) -> list[Run]:
    """All runs, or one ConfigError with every mistake of every run, each once."""
    runs: list[Run] = []
    mistakes: dict[str, None] = {}
    for config in configs:
        try:
            runs.append(Run.read(config))
        except ConfigError as error:
            mistakes |= dict.fromkeys(error.lines)
    mistakes |= dict.fromkeys(_idle_axes(runs))
    if mistakes:
        raise ConfigError(mistakes)
    return runs


def _idle_axes(runs: Iterable[Run]) -> list[str]:
    """A sentence per axis that cannot change the answer: its points would be one run in one folder."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    idle: dict[str, None] = {}
    for run in runs:
        science = run.model_dump(mode="json")
        plumbing = {name: science.pop(name) for name in PLUMBING}
        known = first.setdefault((repr(science), str(run.study_folder)), plumbing)
        idle |= {name: None for name in PLUMBING if known[name] != plumbing[name]}
    return [
        f"{name}: cannot change the answer, so it cannot be swept; run it under two study.name"
        for name in idle
    ]


def pairwise(runs: Sequence[Run]) -> list[int]:
    """Positions of the runs, whole pairs together, every second pair with its arms in reverse.

    A run that is written twice (seed=1,1) is one run.
    """
    pairs: dict[str, dict[str, int]] = {}
    for position, run in enumerate(runs):
        rest = run.model_dump(exclude={"arm"}, mode="json")
        pairs.setdefault(repr(rest), {}).setdefault(repr(run.arm), position)
    orders = (list(arms.values()) for arms in pairs.values())
    return [position for number, arms in enumerate(orders) for position in (arms, arms[::-1])[number % 2]]


def refuse(error: Exception) -> NoReturn:
    """Print a configuration error and end the program with 2."""
    for line in str(error).splitlines():
        print(f"headstart: {line}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2) from None

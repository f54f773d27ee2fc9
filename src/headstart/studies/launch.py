"""Launch: Hydra runs a planned study with the study's launcher, or shows settings."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from headstart.errors import ConfigError
from headstart.run import Run
from headstart.studies.compose import StudyPlan, composing
from headstart.studies.frozen import FILE, FrozenStudy, freeze, run_of
from headstart.studies.job import job
from headstart.studies.outcome import Outcome
from headstart.studies.scheduler import check_devices, stand_alone
from headstart.studies.tuning import choices_of
from headstart.wandb_server import try_again


class PlannedLoader:
    """Replaces Hydra's config loader: returns the configurations of the plan, so nothing is composed again.

    Pickled for another process, which has no plan, it returns those of the study's file, whatever the yaml
    says by now.
    """

    def __init__(
        self, loader: Any, plan: StudyPlan | None, file: Path, after: Callable[[Run], None] = lambda run: None
    ) -> None:
        self.loader, self.plan, self.file, self.after = loader, plan, file, after
        self.runs: dict[tuple[str, ...], Run] = {}  # by overrides: the next batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return PlannedLoader, (self.loader, None, self.file.resolve())

    def load_configuration(self, *arguments: Any, **more: Any) -> DictConfig:
        """The configuration of the whole study, or of its one run."""
        return self.plan.config.copy() if self.plan else self.loader.load_configuration(*arguments, **more)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        key = tuple(sweep_overrides)
        run = self.runs.get(key) if self.plan else run_of(self.file, key)
        if run is None:  # of another sweeper
            return self.loader.load_sweep_config(master_config, sweep_overrides)
        whole = OmegaConf.create(run.config() if isinstance(run, Run) else dict(run.config))
        with open_dict(whole):
            whole.hydra = master_config.hydra
        whole.hydra.overrides.task = sweep_overrides
        return whole


def launch(
    plan: StudyPlan,
    typed: Sequence[str],
    extend: bool = False,
    after: Callable[[Run], None] = lambda run: None,
) -> list[Outcome]:
    """Freeze the planned runs and train them; records store the `typed` words.

    `extend`: the study's file may hold other runs of this command. `after`: called with a run of every pair
    that has ended, where pairs are trained here. Outcomes of trials are left out.
    """
    stand_alone()
    check_devices(plan.runs, plan.config.hydra.runtime.choices.get("hydra/launcher", ""))
    study = freeze(plan.points, typed, extend, choices_of(plan))
    file = plan.points[0].run.study_folder / FILE
    for folder in {point.run.study_folder for point in plan.points}:
        try_again(folder)
    with composing() as hydra:
        study.use()
        hydra.config_loader = PlannedLoader(hydra.config_loader, plan, file, after)
        # Our sweeper comes back to the runs that other processes train; others need an outcome now.
        waits = not plan.swept or not plan.config.hydra.sweeper._target_.endswith("PairedSweeper")
        task = partial(job, argv=["headstart", *typed], waits=waits)
        try:
            ended = hydra.multirun("config", task, []) if plan.swept else [hydra.run("config", task, [])]
        except HydraException as error:
            raise ConfigError(" ".join(str(error).split())) from None
        finally:
            FrozenStudy().use()
    return list(_outcomes(ended))


def _outcomes(ended: Iterable[Any]) -> Iterator[Outcome]:
    """The outcomes in the result of a sweeper; Hydra's own sweepers return nested lists."""
    for item in ended:
        if isinstance(item, Outcome):
            yield item
        elif isinstance(item, JobReturn):
            yield item.return_value
        else:
            yield from _outcomes(item)


def show(options: Namespace) -> None:
    """Let Hydra print settings (--cfg), what it knows (--info) or its own help."""
    from hydra._internal.utils import get_args_parser

    with composing() as hydra:
        try:
            if options.cfg:
                hydra.show_cfg("config", options.settings, options.cfg, options.package, options.resolve)
            elif options.info:
                hydra.show_info(options.info, "config", options.settings)
            else:
                hydra.hydra_help("config", get_args_parser(), Namespace(overrides=options.settings))
        except HydraException as error:
            raise ConfigError(" ".join(str(error).split())) from None

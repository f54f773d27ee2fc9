"""Compose: a study is composed and checked once, as a plan that commands, sweeper and jobs share."""

from __future__ import annotations

import os
import pickle
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import MissingConfigException, compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from headstart.config import nearest
from headstart.errors import ConfigError
from headstart.extras import install
from headstart.run import Run
from headstart.studies.composed import Composed, Mistakes
from headstart.studies.config_search import choices, own_files, own_folders, shipped
from headstart.studies.naming import naming
from headstart.studies.overrides import (
    arm_of,
    as_text,
    is_axis,
    parsed,
    put,
    put_value,
    readable,
    unused,
)
from headstart.studies.parts import Parts, Sources, sources_of
from headstart.studies.run_folder import check_study_folder
from headstart.studies.sweep_points import SweepPoint, contradictions, expand, located, named_axes, pairs_of
from headstart.studies.trust import asks_for_code, home_asks_for_code, refusal
from headstart.studies.weights import try_arms

UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)  # what Hydra raises
SEARCHED = "hydra.searchpath"
LAUNCHERS = {
    "joblib": install("joblib"),
    **dict.fromkeys(("submitit_local", "submitit_slurm"), install("submitit")),
}


_composed: dict[tuple[Any, ...], Composed] = {}  # by the user's own yaml and choices, of this process


@dataclass(frozen=True)
class StudyPlan:
    """What a command line describes: its sweep points with their checked runs, and Hydra's configuration."""

    points: list[SweepPoint]  # as they are written
    config: DictConfig  # of the whole study, Hydra's own part included
    swept: bool  # False: one run, which is not a sweep
    composer: Composer

    @property
    def runs(self) -> list[Run]:
        """Every run in the order in which it is trained."""
        return [point.run for pair in pairs_of(self.points) for point in pair]


class Composer:
    """Composes each combination of choices once; plain settings are put into copies of it.

    `hydra` are the choices of Hydra's own groups (`hydra/launcher=joblib`), which all configurations share.
    `trusting`: a person asked for the code of the models.
    """

    def __init__(self, hydra: Sequence[str] = (), trusting: bool = False) -> None:
        self.choices, self.trusting = choices(), trusting
        self._own = (*(folder.resolve() for folder in own_folders()), *own_files())
        self._first: tuple[list[str], DictConfig] | None = None
        self._refusals: dict[tuple[int, str], str | None] = {}
        self._is_choice = cache(self._answered_by_yaml)  # asked for each setting of each point
        self._known: dict[tuple[str, ...], tuple[Composed, Mistakes]] = {}
        self._hydra = [text for text in hydra if self._is_choice(text)]

    def config(
        self, overrides: Sequence[str], with_hydra_part: bool = False
    ) -> tuple[DictConfig | None, Mistakes]:
        """The configuration, and a sentence for each override that was left out of it.

        `with_hydra_part`: keep Hydra's own part. The configuration is None when Hydra cannot read the yaml.
        """
        composed, mistakes = self._chosen(overrides)
        if composed is None:
            return None, mistakes
        config = composed.config.copy() if with_hydra_part else composed.copy()
        if with_hydra_part:
            config.hydra.runtime.cwd = os.getcwd()  # it may have been composed in another folder
        for text in overrides:
            if not self._is_choice(text) and (sentence := put(config, text)):
                mistakes[sentence] = parsed(text).key_or_group
        return config, mistakes

    def settings(self, overrides: Sequence[str]) -> tuple[dict[str, Any] | None, Mistakes]:
        """The same as plain data; ConfigError with every mistake when a ${...} leads nowhere."""
        composed, mistakes = self._chosen(overrides)
        if composed is None:
            return None, mistakes
        if (replaced := self._replaced(composed, overrides)) is not None:
            settings, refusals = replaced
            return settings, mistakes | refusals
        config, mistakes = self.config(overrides)
        try:
            return None if config is None else plain(config), mistakes
        except ConfigError as error:
            raise ConfigError([*mistakes, *error.lines]) from None

    def _replaced(
        self, composed: Composed, overrides: Sequence[str]
    ) -> tuple[dict[str, Any], Mistakes] | None:
        """The plain configuration with single values replaced, without OmegaConf: a sweep has many points.

        None when an override adds or leaves out a setting, replaces a group or refers to another setting.
        """
        if composed.plain is None:
            return None
        settings: dict[str, Any] = pickle.loads(composed.plain)  # noqa: S301 - our own
        mistakes: Mistakes = {}
        for text in overrides:
            if self._is_choice(text) or put_value(settings, text):
                continue
            if (sentence := self._refusal(composed, text)) is None:
                return None
            mistakes[sentence] = parsed(text).key_or_group
        return settings, mistakes

    def _refusal(self, composed: Composed, text: str) -> str | None:
        """Why this setting cannot be put into this configuration; asked once for all points of a sweep."""
        key = (id(composed), text)
        if key not in self._refusals:
            self._refusals[key] = put(composed.copy(), text)
        return self._refusals[key]

    def _chosen(self, overrides: Sequence[str]) -> tuple[Composed | None, Mistakes]:
        """What the choices among the overrides compose to, and a sentence for each that does not exist."""
        texts = tuple(text for text in [*self._hydra, *overrides] if self._is_choice(text))
        if texts in self._known:
            composed, mistakes = self._known[texts]
            return composed, {**mistakes}
        mistakes: Mistakes = {}
        chosen: dict[tuple[str, str | None], str] = {}  # by group and package: the last one counts
        for text in texts:
            override = parsed(text)
            if sentence := self._unknown_choice(override):
                mistakes[sentence] = override.key_or_group
            else:
                chosen[override.key_or_group, override.package] = text
        try:
            composed = self._compose([*chosen.values()])
            self._known[texts] = composed, mistakes | composed.faults
            return composed, mistakes | composed.faults
        except UNREADABLE as error:
            return None, mistakes | {_sentence(error): None}

    def points(
        self, sweep: Sequence[Sequence[str]], mistakes: Mistakes | None = None, typed: Sequence[str] = ()
    ) -> list[SweepPoint]:
        """The points of a sweep with their checked runs.

        One ConfigError with every mistake, those in `mistakes` included; `typed` is what a person wrote.
        """
        mistakes = dict(mistakes or {})
        points, parts = list[SweepPoint](), Parts()
        affected: dict[str, list[int]] = {}  # sentence -> numbers of the points that it is about
        for number, overrides in enumerate(sweep):
            lines: list[str] = []
            refused = {f"{key}: must be given" for key in mistakes.values()}
            try:
                sources = self._sources(overrides)
                run = parts.run(sources) if sources else None
                settings, wrong = (None, {}) if run else self.settings(overrides)
                lines += wrong
                refused |= {f"{key}: must be given" for key in wrong.values()}
                if settings is not None:
                    run = Run.read(settings)
                    if sources and not wrong:
                        run = parts.shared(sources, run)
                if run is not None:
                    points.append(SweepPoint(tuple(overrides), run))
                    if run.model.trust_remote_code and not self._trusts(overrides):
                        lines.append(refusal(run.model.name))
            except ConfigError as error:
                lines += [_typed_as_text(line, typed) for line in error.lines if line not in refused]
            for line in lines:
                affected.setdefault(line, []).append(number)
        mistakes |= dict.fromkeys(located(line, numbers, sweep) for line, numbers in affected.items())
        mistakes |= dict.fromkeys(contradictions([point.run for point in points]))
        if mistakes:
            raise ConfigError(mistakes)
        return points

    def _sources(self, overrides: Sequence[str]) -> Sources | None:
        """Where the parts of the run come from; None where something is wrong with its choices."""
        composed, mistakes = self._chosen(overrides)
        if composed is None or mistakes:
            return None
        return sources_of(composed.parts, [text for text in overrides if not self._is_choice(text)])

    def _trusts(self, overrides: Sequence[str]) -> bool:
        """Was the code of the model asked for by a person, not by a yaml of the current folder?"""
        composed, _ = self._chosen(overrides)
        choice = None if composed is None else composed.config.hydra.runtime.choices.get("model")
        return self.trusting or home_asks_for_code(str(choice))

    def _compose(self, chosen: list[str]) -> Composed:
        if self._first is not None and _same_choices(*self._first, chosen):
            chosen = self._first[0]
        here = [Path.cwd() for text in chosen if text.startswith(SEARCHED)]  # may be relative to it
        key = (*self._own, *here, *chosen)
        if key not in _composed:
            with composing():
                _composed[key] = Composed.of(compose("config", overrides=chosen, return_hydra_config=True))
        self._first = self._first or (chosen, _composed[key].config)
        return _composed[key]

    def _answered_by_yaml(self, text: str) -> bool:
        """Is the override answered by other yaml files, not by a value?"""
        override = parsed(text)
        key = override.key_or_group
        return key in self.choices or "/" in key or key == SEARCHED or override.package is not None

    def _unknown_choice(self, override: Override) -> str | None:
        """A sentence when the choice does not exist; None also for groups that only Hydra knows."""
        group, value = override.key_or_group, override.value()
        if override.is_delete() or override.package or "/" in str(value):
            return None
        options = self.choices.get(group)
        if not options:
            with composing() as hydra:
                options = hydra.config_loader.get_group_options(group)
        chosen = [str(item) for item in value] if isinstance(value, list) else []  # tracker=[offline,csv]
        unknown = [name for name in chosen or [override.get_value_element_as_str()] if name not in options]
        if not options or not unknown:
            return None
        choice = unknown[0]
        if group == "hydra/launcher" and choice in LAUNCHERS:
            return f"{group}={choice}: is not installed; {LAUNCHERS[choice]}"
        return f"{group}={choice}: no such choice; {nearest(choice, options)}"


def check(arguments: Sequence[str]) -> StudyPlan:
    """The study of a command line; one ConfigError with every mistake.

    The studies' folders are tried as well, since Hydra makes them before the first run, and the weights of
    every arm: WeightsError.
    """
    from headstart.screen import waiting

    with waiting("reading the settings"):
        plan = plan_study(arguments)
    runs = plan.runs
    for run in {run.study_folder: run for run in runs}.values():
        check_study_folder(run)
    try_arms(runs)
    return plan


def runs_of(arguments: Sequence[str]) -> list[Run]:
    """Every run that `headstart ARGUMENTS` would train, in order; works while Hydra runs a study, too."""
    return plan_study(arguments).runs


def plan_study(arguments: Sequence[str]) -> StudyPlan:
    """The study that `headstart ARGUMENTS` describes, composed and checked; nothing is written."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    typed, mistakes = readable([argument for argument in arguments if argument not in flags])
    arms = choices()["arm"]
    per_arm = [text for text in typed if arm_of(text, arms)]
    of_hydra = [text for text in typed if parsed(text).is_hydra_override()]
    shared = [text for text in typed if text not in per_arm and text not in of_hydra]

    composer = Composer(of_hydra, asks_for_code(typed))
    config, wrong = composer.config([*of_hydra, *(text for text in shared if not is_axis(text))], True)
    if config is None:
        raise ConfigError(mistakes | wrong)
    mistakes |= {line: key for line, key in wrong.items() if key is not None and key.startswith("hydra")}
    mistakes |= dict.fromkeys(unused(config.hydra))
    if not mistakes:
        name = naming([*typed], lambda: composer.config([], with_hydra_part=True)[0])
        shared += name
        for text in name:
            put(config, text)
    config.hydra.overrides.task, config.hydra.overrides.hydra = shared, of_hydra

    swept = bool(flags) or "MULTIRUN" in str(config.hydra.mode)
    if swept:
        sweeper = config.hydra.sweeper
        per_arm = [*(sweeper.get("per_arm") or ()), *per_arm]
        with composing() as hydra:
            points = expand(sweeper.params or {}, per_arm, shared, hydra.config_loader)
        sweep = named_axes(points, composer.settings, {parsed(text).key_or_group for text in shared})
    else:
        axes = [text for text in shared if is_axis(text)]
        mistakes |= {f"{text}: one run takes one value; leave out hydra.mode=RUN": None for text in axes}
        mistakes |= {f"{text}: one run has one arm: {text.partition('.')[2]}": None for text in per_arm}
        sweep = [[text for text in shared if text not in axes]]
    return StudyPlan(composer.points(sweep, mistakes, typed), config, swept, composer)


def check_one(arguments: Sequence[str], resolve: bool, package: str | None) -> None:
    """ConfigError when these arguments do not describe the settings of one run, whose values may be open."""
    typed, mistakes = readable(arguments)
    axes = [text for text in typed if is_axis(text)]
    mistakes |= {f"{text}: --cfg shows one run; give one value": None for text in axes}
    hydra = [text for text in typed if parsed(text).is_hydra_override()]
    config, wrong = Composer(hydra).config([text for text in typed if text not in axes], True)
    if mistakes | wrong or config is None:
        raise ConfigError(mistakes | wrong)
    if resolve:
        plain(config)
    if package is not None and OmegaConf.select(config, package) is None:
        raise ConfigError(f"--package: there are no settings called {package}")


def config_of(arguments: Sequence[str]) -> dict[str, Any]:
    """The unchecked configuration of one run; ConfigError when a setting or a choice does not exist."""
    typed, mistakes = readable(arguments)
    config, wrong = Composer().config(typed)
    if mistakes or wrong or config is None:
        raise ConfigError(mistakes | wrong)
    return plain(config)


def plain(config: DictConfig) -> dict[str, Any]:
    """A configuration as plain data, without Hydra's own part; ConfigError on a ${...} that leads nowhere."""
    if "hydra" in config:
        config = config.copy()
        with open_dict(config):
            config.pop("hydra")
    try:
        return OmegaConf.to_container(config, resolve=True)  # pyright: ignore[reportReturnType]
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from None


@contextmanager
def composing() -> Generator[Any]:
    """A Hydra of its own (`hydra._internal.hydra.Hydra`) for a while; the one before is put back.

    Hydra's own way, `Singleton.set_state`, would import every plugin again.
    """
    outer, name = GlobalHydra.instance().hydra, JobRuntime.instance().get("name")
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(shipped()), job_name="headstart"):
            yield GlobalHydra.instance().hydra
    finally:
        GlobalHydra.instance().hydra = outer
        JobRuntime.instance().set("name", name)


def _same_choices(first_choices: Sequence[str], config: DictConfig, chosen: Sequence[str]) -> bool:
    """Do these choices give the first configuration? Only if it already has each additional choice."""
    further = [parsed(text) for text in chosen if text not in first_choices]
    composed = config.hydra.runtime.choices
    return {*first_choices} <= {*chosen} and all(
        override.input_line == f"{override.key_or_group}={composed.get(override.key_or_group)}"
        for override in further
    )


def _typed_as_text(mistake: str, typed: Sequence[str]) -> str:
    """The mistake; when a number was read where a text was meant, also how to type the text."""
    key, _, problem = mistake.partition(": ")
    text = next((text for text in typed if text.partition("=")[0] == key), "")
    return mistake + as_text(text) if problem.startswith("input should be a valid string") else mistake


def _sentence(error: Exception) -> str:
    """Hydra's error in one line, with the nearest name."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return f"{group}={choice}: no such choice; {nearest(choice, error.options)}"
    where = "a chosen yaml file is not utf-8: " if isinstance(error, UnicodeDecodeError) else ""
    return where + " ".join(str(error).split())

"""Compose: the configurations that a command line describes, without running any of them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from headstart.config import nearest, settings_at
from headstart.errors import ConfigError
from headstart.extras import install
from headstart.run import Run
from headstart.studies.config_search import choices, clashes, shipped
from headstart.studies.hydra_config import plain, settings_of
from headstart.studies.naming import naming
from headstart.studies.run_folder import check_study_folder
from headstart.studies.sweep_points import Point, at_odds, expand, located, named_axes, pairs_of
from headstart.studies.weights import try_arms

SUBMITIT = "pip install hydra-submitit-launcher"
UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)  # what Hydra raises
FOLDER = "a run's folder is RUNS/STUDY/...: choose it with runs=... and study.name=..."
UNUSED = {  # settings of Hydra's that would have no effect: what to do instead
    "run.dir": ("${runs}/${study.name}", FOLDER),
    "sweep.dir": ("${runs}/${study.name}", FOLDER),
    "sweep.subdir": (".", FOLDER),
    "output_subdir": (None, "record.json keeps the configuration of each run"),
    "job.chdir": (False, "runs stay in the current folder"),
}


@dataclass(frozen=True)
class Asked:
    """What a command line asks for: its runs in their order, and the arguments with which Hydra runs them."""

    runs: list[Run]
    arguments: list[str]


def check(arguments: Sequence[str]) -> Asked:
    """What the command line asks for; one ConfigError with every mistake.

    The studies' folders are tried out as well, since Hydra makes them before the first run, and the weights
    of every arm: WeightsError.
    """
    whole = asked(arguments)
    for run in {run.study_folder: run for run in whole.runs}.values():
        check_study_folder(run)
    try_arms(whole.runs)
    return whole


def runs_of(arguments: Sequence[str]) -> list[Run]:
    """Every run that `headstart ARGUMENTS` would train, in its order; also while Hydra runs a study."""
    return asked(arguments).runs


def asked(arguments: Sequence[str]) -> Asked:
    """The runs that `headstart ARGUMENTS` describes, composed and checked; nothing is written."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    with _composing():
        given, mistakes = _overrides([argument for argument in arguments if argument not in flags])
        per_arm = [override for override in given if _of_one_arm(override)]
        given = [override for override in given if override not in per_arm]
        study, wrong = _composed(_fixed(given))
        mistakes |= dict.fromkeys(clashes())
        if study is None:
            raise ConfigError(mistakes | wrong)
        mistakes |= dict.fromkeys(_unused(study.hydra))
        given = [override for override in given if override.partition("=")[0] not in _hopeless(wrong)]
        mistakes |= {sentence: key for sentence, key in wrong.items() if key in _hopeless(wrong)}
        if not mistakes:
            given += naming([*given, *per_arm], lambda: compose("config", return_hydra_config=True))
        if flags or "MULTIRUN" in str(study.hydra.mode):
            axes, of_study = settings_of(study.hydra.sweeper)
            per_arm = [*of_study, *per_arm]
            points = expand(axes, per_arm, given, GlobalHydra.instance().config_loader())
            composed = _all_composed(named_axes(points))
        else:
            mistakes |= dict.fromkeys(
                f"{o}: one run takes one value; leave out hydra.mode=RUN" for o in _axes(given)
            )
            mistakes |= dict.fromkeys(f"{o}: one run has one arm: {o.partition('.')[2]}" for o in per_arm)
            points, per_arm, composed = [_fixed(given)], [], [_composed(_fixed(given))]
        runs = _read(points, composed, given, mistakes)
    own = [f"hydra.sweeper.per_arm={_listed(per_arm)}"] if per_arm else []
    return Asked(runs, [*given, *own, *flags])


def check_one(arguments: Sequence[str], resolve: bool, package: str | None) -> None:
    """ConfigError when these arguments do not describe the settings of one run, whose values may be open."""
    with _composing():
        given, mistakes = _overrides(list(arguments))
        mistakes |= {f"{override}: --cfg shows one run; give one value": None for override in _axes(given)}
        config, wrong = _composed(_fixed(given))
        if mistakes | wrong:
            raise ConfigError(mistakes | wrong)
        if resolve:
            plain(config)
        if package is not None and OmegaConf.select(config, package) is None:
            raise ConfigError(f"--package: there are no settings called {package}")


def config_of(arguments: Sequence[str]) -> dict[str, Any]:
    """The unchecked configuration of one run; ConfigError when a setting or a choice does not exist."""
    with _composing():
        given, mistakes = _overrides(list(arguments))
        config, wrong = _composed(given)
        if mistakes or wrong or config is None:
            raise ConfigError(mistakes | wrong)
        return plain(config)


@contextmanager
def _composing() -> Iterator[None]:
    """Hydra as if nobody else used it, and afterwards as it was."""
    before = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(shipped()), job_name="headstart"):
            yield
    finally:
        Singleton.set_state(before)


def _read(
    points: Sequence[Point],
    composed: Sequence[tuple[Any, dict[str, Any]]],
    given: Sequence[str],
    mistakes: dict[str, Any],
) -> list[Run]:
    """The checked runs of these points in pair order, or one ConfigError with all mistakes."""
    runs: list[Run] = []
    places: dict[str, list[int]] = {}  # sentence -> the points that it is true of
    for place, (config, wrong) in enumerate(composed):
        lines = list(wrong)
        refused = {f"{key}: must be given" for key in [*mistakes.values(), *wrong.values()]}
        try:
            runs += [Run.read(plain(config))] if config is not None else []
        except ConfigError as error:
            lines += [_typed_as_text(line, given) for line in error.lines if line not in refused]
        for line in lines:
            places.setdefault(line, []).append(place)
    mistakes |= dict.fromkeys(located(line, at, points) for line, at in places.items())
    mistakes |= dict.fromkeys(at_odds(runs))
    if mistakes:
        raise ConfigError(mistakes)
    return [runs[i] for pair in pairs_of(runs) for i in pair]


def _overrides(given: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The overrides that can be parsed, and a sentence for each that cannot."""
    good: list[str] = []
    mistakes: dict[str, Any] = {}
    for override in given:
        name, _, value = override.lstrip("+").partition("=")
        try:
            parsed = OverridesParser.create().parse_overrides([override])[0]
        except HydraException:
            mistakes[f"{override}: not of the form setting=value{as_text(override)}"] = name
            continue
        if name in choices() and value in ("", "null"):
            mistakes[f"{override}: no such choice; {nearest(value, choices()[name])}"] = name
        elif name.startswith("hydra") and parsed.is_sweep_override():
            mistakes[
                f"{override}: Hydra's own settings take one value; a study's axis is written seed=0,1"
            ] = name
        elif parsed.is_sweep_override() and os.path.exists(value):  # False for a name that is too long
            mistakes[f"{override}: is read as several values{as_text(override)}"] = name
        else:
            good.append(override)
    return good, mistakes


def as_text(override: str) -> str:
    """How to type a value that is a text with characters which have a meaning to Hydra or to a shell."""
    name, equals, value = override.partition("=")
    if not equals or not re.fullmatch(r"[+\w.]+", name):
        return ""
    quoted = QuotedString(value.replace("${", "\\${"), Quote.double).with_quotes()
    return f"; as a text it is typed {shlex.quote(f'{name}={quoted}')}"


def _typed_as_text(mistake: str, given: Sequence[str]) -> str:
    """The mistake; where a text was meant and a number was read, with how it is typed."""
    key, _, what = mistake.partition(": ")
    typed = next((override for override in given if override.partition("=")[0] == key), None)
    return (
        mistake + as_text(typed) if typed and what.startswith("input should be a valid string") else mistake
    )


def _of_one_arm(override: str) -> bool:
    """Is the setting given to one arm alone, as `lora.arm.rank=16`?"""
    first, dot, _ = override.lstrip("+~").partition("=")[0].partition(".")
    return bool(dot) and first in choices()["arm"] and first not in Run.model_fields


def _listed(texts: Sequence[str]) -> str:
    """A list of texts as Hydra reads it."""
    return f"[{','.join(QuotedString(text, Quote.double).with_quotes() for text in texts)}]"


def _unused(given: Any) -> Iterator[str]:
    """A sentence per setting of Hydra's that would be ignored."""
    raw = OmegaConf.to_container(given, resolve=False)
    for path, (usual, instead) in UNUSED.items():
        value: Any = raw
        for name in path.split("."):
            value = value[name]
        if value != usual:
            yield f"hydra.{path}={value}: is not used by headstart; {instead}"


def _composed(overrides: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """The configuration, and a sentence for each override that had to be left out of it."""
    overrides, mistakes = list(overrides), {}
    while True:
        try:
            return compose("config", overrides=overrides, return_hydra_config=True), mistakes
        except UNREADABLE as error:
            sentence, name = _sentence(error)
            mistakes[sentence] = name
            rest = [o for o in overrides if name is None or o.partition("=")[0].lstrip("+~") != name]
            if len(rest) == len(overrides):
                return None, mistakes
            overrides = rest


def _hopeless(mistakes: Mapping[str, Any]) -> set[str]:
    """The overrides that are wrong whatever the arm: there is no need to compose every point with them."""
    return {
        key for sentence, key in mistakes.items() if key and re.search("no such (setting|choice)", sentence)
    }


def _all_composed(points: Sequence[Point]) -> list[tuple[Any, dict[str, Any]]]:
    """Every point composed; those that differ in plain values alone, such as the seed, only once."""
    swept = {column for column, axis in enumerate(zip(*points, strict=False)) if _is_value(axis)}
    known: dict[tuple[str, ...], tuple[Any, dict[str, Any]]] = {}
    found = []
    for point in points:
        shared = tuple(points[0][i] if i in swept else override for i, override in enumerate(point))
        config, wrong = known[shared] if shared in known else known.setdefault(shared, _composed(shared))
        if config is not None:
            config = config.copy()
            for override in OverridesParser.create().parse_overrides([point[i] for i in sorted(swept)]):
                if override.key_or_group not in wrong.values():
                    OmegaConf.update(config, override.key_or_group, override.value())
        found.append((config, wrong))
    return found


def _is_value(axis: Sequence[str]) -> bool:
    """Do these overrides give one plain setting several values? A group's choices are other yaml files."""
    keys = {override.partition("=")[0] for override in axis}
    return (
        len(set(axis)) > 1
        and len(keys) == 1
        and not keys & choices().keys()
        and not any(key[0] in "+~" for key in keys)
    )


def _fixed(overrides: Sequence[str]) -> list[str]:
    """The overrides without axes: what the whole sweep shares."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return [o.input_line for o in parsed if not o.is_sweep_override() and o.input_line is not None]


def _axes(overrides: Sequence[str]) -> list[str]:
    """The overrides that list several values."""
    return [override for override in overrides if not _fixed([override])]


def _sentence(error: Exception) -> tuple[str, str | None]:
    """Hydra's message in one line with the nearest name, and the override it is about."""
    text = str(error)
    absent = re.search(r"Could not find '([\w/]+)/([^'/]+)'", text)
    if absent:
        group, choice = absent[1], absent[2]
        launchers = {"joblib": install("joblib"), "submitit_local": SUBMITIT, "submitit_slurm": SUBMITIT}
        if group == "hydra/launcher" and choice in launchers:
            return f"{group}={choice}: is not installed; {launchers[choice]}", group
        known = choices().get(group) or re.findall(r"^\t([\w-]+)$", text, re.MULTILINE)
        return f"{group}={choice}: no such choice; {nearest(choice, known)}", group
    strange = re.search(r"Could not override '([^']+)'", text)
    if strange:
        return f"{strange[1]}: {_unknown(strange[1])}", strange[1]
    refused = re.search(r"Error merging override ([^=]+)=", text)
    if refused:
        return f"{refused[1]}: {str(error.__cause__).splitlines()[0]}", refused[1]
    where = "a chosen yaml file is not utf-8: " if isinstance(error, UnicodeDecodeError) else ""
    return where + " ".join(text.split()), None


def _unknown(path: str) -> str:
    """Why a setting cannot be given: Hydra's, absent from the chosen yaml, or there is none of that name."""
    *parents, last = path.split(".")
    if parents[:1] == ["hydra"]:
        return "Hydra has no such setting; --cfg hydra shows all of them"
    known = settings_at(Run, parents) if parents else {*choices(), *Run.model_fields}
    if last in known:
        return f"not in the chosen {parents[0]}; choose another {parents[0]}, or add it with +{path}=..."
    return f"no such setting; {nearest(path, ['.'.join([*parents, name]) for name in known])}"

"""Compose: the configurations that a command line describes, without running any of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.singleton import Singleton
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from headstart.node import ConfigError, nearest, settings_at
from headstart.run import Run
from headstart.studies.composed import plain, settings_of
from headstart.studies.identity import check_study_folder
from headstart.studies.points import expand, pairs_of, read_all
from headstart.studies.search import clashes, places, shipped

# fmt: off
EXTRAS = {  # launchers that are packages of their own
    "joblib": "'headstart[joblib]'",
    "submitit_local": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
}
HYDRA_FLAGS = (
    "-sc", "--shell-completion", "--cfg", "-c", "--info", "-i", "--hydra-help", "--config-name", "-cn",
    "--config-dir", "-cd", "--config-path", "-cp", "--package", "-p", "--resolve",
)
# fmt: on
UNREADABLE = (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError)  # what Hydra raises


def check(arguments: Sequence[str]) -> None:
    """One ConfigError with every mistake of a command line; Hydra's own flags are left to Hydra.

    The studies' folders are tried out as well, since Hydra makes them before the first run.
    """
    if not any(argument.split("=")[0] in HYDRA_FLAGS for argument in arguments):
        studies = {run.study_folder: run for run in runs_of(arguments)}
        for run in studies.values():
            check_study_folder(run)


def runs_of(arguments: Sequence[str]) -> list[Run]:
    """Every run that `headstart ARGUMENTS` would train, in its order; also while Hydra runs a study."""
    given = [argument for argument in arguments if not argument.startswith("-")]
    with (
        _alone(),
        initialize_config_dir(version_base="1.3", config_dir=str(shipped()), job_name="headstart"),
    ):
        given, mistakes = _overrides(given)
        study, wrong = _composed(_fixed(given))
        configs, mistakes = [study], mistakes | wrong | dict.fromkeys(clashes())
        if study is not None and _sweeps(study, arguments):
            axes, per_arm = settings_of(study.hydra.sweeper)
            points = expand(axes, per_arm, given, GlobalHydra.instance().config_loader())
            composed = [_composed(point) for point in points]
            configs = [config for config, _ in composed]
            mistakes |= {sentence: None for _, wrong in composed for sentence in wrong}
        elif study is not None:
            mistakes |= dict.fromkeys(
                f"{axis}: one run takes one value; leave out hydra.mode=RUN" for axis in _axes(given)
            )
        return _read([config for config in configs if config is not None], mistakes)


def config_of(arguments: Sequence[str]) -> dict[str, Any]:
    """The unchecked configuration of one run; ConfigError when a setting or a choice does not exist."""
    with (
        _alone(),
        initialize_config_dir(version_base="1.3", config_dir=str(shipped()), job_name="headstart"),
    ):
        given, mistakes = _overrides(list(arguments))
        config, wrong = _composed(given)
        if mistakes or wrong or config is None:
            raise ConfigError(mistakes | wrong)
        return plain(config)


@contextmanager
def _alone() -> Iterator[None]:
    """Hydra as if nobody else used it, and afterwards as it was."""
    before = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        Singleton.set_state(before)


def _read(configs: Sequence[Any], mistakes: dict[str, None]) -> list[Run]:
    try:
        runs = read_all(map(plain, configs))
    except ConfigError as error:
        raise ConfigError(mistakes | dict.fromkeys(error.lines)) from None
    if mistakes:
        raise ConfigError(mistakes)
    return [runs[i] for pair in pairs_of(runs) for i in pair]


def choices() -> dict[str, list[str]]:
    """The choices of every group that the package has: shipped ones and the user's own."""
    found: dict[str, set[str]] = {path.name: set() for path in shipped().iterdir() if path.is_dir()}
    for root in places():
        for group, names in found.items():
            names |= {path.stem for path in root.glob(f"{group}/*.yaml")}
    return {group: sorted(names, key=_natural) for group, names in sorted(found.items())}


def _overrides(given: list[str]) -> tuple[list[str], dict[str, None]]:
    """The overrides that can be parsed, and a sentence for each that cannot."""
    good: list[str] = []
    mistakes: dict[str, None] = {}
    for override in given:
        name, _, value = override.lstrip("+").partition("=")
        try:
            parsed = OverridesParser.create().parse_overrides([override])[0]
        except HydraException:
            mistakes[
                f"{override}: not of the form setting=value (quote values with spaces, commas or brackets)"
            ] = None
            continue
        if name in choices() and value in ("", "null"):
            mistakes[f"{override}: no such choice; {nearest(value, choices()[name])}"] = None
        elif name.startswith("hydra") and parsed.is_sweep_override():
            mistakes[
                f"{override}: Hydra's own settings take one value; a study's axis is written seed=0,1"
            ] = None
        else:
            good.append(override)
    return good, mistakes


def _composed(overrides: Sequence[str]) -> tuple[Any, dict[str, None]]:
    """The configuration, and a sentence for each override that had to be left out of it."""
    overrides, mistakes = list(overrides), {}
    while True:
        try:
            return compose("config", overrides=overrides, return_hydra_config=True), mistakes
        except UNREADABLE as error:
            sentence, name = _sentence(error)
            mistakes[sentence] = None
            rest = [o for o in overrides if name is None or o.partition("=")[0].lstrip("+~") != name]
            if len(rest) == len(overrides):
                return None, mistakes
            overrides = rest


def _sweeps(study: Any, arguments: Sequence[str]) -> bool:
    if "-m" in arguments or "--multirun" in arguments:
        return True
    return "MULTIRUN" in str(study.hydra.mode)


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
        if group == "hydra/launcher" and choice in EXTRAS:
            return f"{group}={choice}: is not installed; pip install {EXTRAS[choice]}", group
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


def _natural(name: str) -> tuple[Any, ...]:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))

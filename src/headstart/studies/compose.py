"""Compose: the configurations that a command line describes, without running any of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from headstart.node import ConfigError, nearest, settings_at
from headstart.run import Run
from headstart.studies.job import plain
from headstart.studies.search import shipped
from headstart.studies.sweeper import expand, pairwise, read_all

HYDRA_FLAGS = ("-sc", "--shell-completion", "--cfg", "-c", "--info", "-i", "--hydra-help", "--config-name",
               "-cn", "--config-dir", "-cd", "--config-path", "-cp", "--package", "-p", "--resolve")  # fmt: skip


def check(arguments: Sequence[str]) -> None:
    """One ConfigError with every mistake of a command line; Hydra's own flags are left to Hydra."""
    if not any(argument.split("=")[0] in HYDRA_FLAGS for argument in arguments):
        runs_of(arguments)


def runs_of(arguments: Sequence[str]) -> list[Run]:
    """Every run that `headstart ARGUMENTS` would train, in its order."""
    given = [argument for argument in arguments if not argument.startswith("-")]
    with initialize_config_dir(version_base="1.3", config_dir=str(shipped()), job_name="headstart"):
        given, mistakes = _overrides(given)
        study, wrong = _composed(_fixed(given))
        configs, mistakes = [study], mistakes | wrong
        if study is not None and _sweeps(study, arguments):
            points = expand(dict(study.hydra.sweeper.params or {}), given)
            composed = [_composed(point) for point in points]
            configs = [config for config, _ in composed]
            mistakes |= {sentence: None for _, wrong in composed for sentence in wrong}
        return _read([config for config in configs if config is not None], mistakes)


def _read(configs: Sequence[Any], mistakes: dict[str, None]) -> list[Run]:
    try:
        runs = read_all([plain(config) for config in configs])
    except ConfigError as error:
        raise ConfigError(mistakes | dict.fromkeys(error.lines)) from None
    if mistakes:
        raise ConfigError(mistakes)
    return [runs[i] for i in pairwise(runs)]


def choices() -> dict[str, list[str]]:
    """The choices of every group: shipped ones and the user's own."""
    found: dict[str, set[str]] = {}
    for root in (shipped(), Path.cwd() / "conf", Path.cwd() / "experiments"):
        for path in root.glob("*/*.yaml"):
            found.setdefault(path.parent.name, set()).add(path.stem)
    return {group: sorted(names, key=_natural) for group, names in sorted(found.items())}


def _overrides(given: list[str]) -> tuple[list[str], dict[str, None]]:
    """The overrides that can be parsed, and a sentence for each that cannot."""
    good: list[str] = []
    mistakes: dict[str, None] = {}
    for override in given:
        try:
            OverridesParser.create().parse_overrides([override])
            good.append(override)
        except HydraException:
            mistakes[f"{override}: not of the form setting=value (quote values with spaces, commas or brackets)"] = None
    return good, mistakes


def _composed(overrides: Sequence[str]) -> tuple[Any, dict[str, None]]:
    """The configuration, and a sentence for each override that had to be left out of it."""
    overrides, mistakes = list(overrides), {}
    while True:
        try:
            return compose("config", overrides=overrides, return_hydra_config=True), mistakes
        except (HydraException, OmegaConfBaseException) as error:
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


def _sentence(error: Exception) -> tuple[str, str | None]:
    """Hydra's message in one line with the nearest name, and the override it is about."""
    text = str(error)
    absent = re.search(r"Could not find '([\w/]+)/([^'/]+)'", text)
    if absent and absent[1] in choices():
        group, choice = absent[1], absent[2]
        return f"{group}={choice}: no such choice; {nearest(choice, choices()[group])}", group
    strange = re.search(r"Could not override '([^']+)'", text)
    if strange:
        *parents, last = strange[1].split(".")
        known = settings_at(Run, parents) if parents else _settings()
        close = nearest(strange[1], [".".join([*parents, name]) for name in known])
        return f"{strange[1]}: no such setting; {close}", strange[1]
    return " ".join(text.split()), None


def _settings() -> list[str]:
    return [*choices(), *Run.model_fields]


def _natural(name: str) -> tuple[Any, ...]:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))

"""Trust: yaml of the current folder describes runs, and runs nothing; only a person lets code run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import yaml
from omegaconf import DictConfig, OmegaConf

from headstart.errors import ConfigError
from headstart.records.fingerprint import as_mapping
from headstart.run import Run
from headstart.studies.config_search import config_folders, home_folder
from headstart.studies.overrides import parsed

SETTING = "model.trust_remote_code"
# What Hydra may construct: launchers and sweepers of its own and of installed plug-ins.
PLUGIN = re.compile(r"(hydra\._internal\.core_plugins|hydra_plugins)\.[\w.]+(Launcher|Sweeper)")
LOGGING = re.compile(r"(logging|colorlog)\.[\w.]+")  # what a logging section may construct


def commands_in(hydra: DictConfig) -> Iterator[str]:
    """A sentence for each setting in Hydra's part, as its yaml files have it, that could run something."""
    settings = as_mapping(OmegaConf.to_container(hydra, resolve=False))
    for path, value in _values(settings):
        name = path.rpartition(".")[2]
        logs = path.startswith(("job_logging.", "hydra_logging.")) and name in ("()", "class")
        sets = path.startswith("job.env_set.") and value is not None
        refused = not PLUGIN.fullmatch(str(value)) if name == "_target_" else False
        if refused or (logs and not LOGGING.fullmatch(str(value))) or sets:
            yield f"hydra.{path}: {value}: a yaml file runs nothing; leave it out, or type it as a setting"


def _values(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything that is no group, in mappings and lists."""
    if isinstance(value, (Mapping, list)):
        is_list = isinstance(value, list)
        pairs: Iterable[tuple[Any, Any]] = (
            enumerate(cast(list[Any], value)) if is_list else cast(Mapping[Any, Any], value).items()
        )
        for name, item in pairs:
            yield from _values(item, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


def asks_for_code(typed: Sequence[str]) -> bool:
    """Is the model's own code asked for on the command line?"""
    overrides = [parsed(text) for text in typed if SETTING in text]
    return any(item.key_or_group.endswith(SETTING) and item.value() is not False for item in overrides)


def home_asks_for_code(choice: str) -> bool:
    """Is the chosen model a yaml of the user's home, which asks for its code?"""
    files = [folder / "model" / f"{choice}.yaml" for folder in config_folders()]
    first = next((file for file in files if file.is_file()), None)
    if first is None or first.parents[1] != home_folder():
        return False
    return as_mapping(yaml.safe_load(first.read_text("utf8"))).get("trust_remote_code") is True


def refusal(name: str) -> str:
    return (
        f"{SETTING}: true: {name} brings code of its own, which runs with all your rights; this counts only "
        f"on the command line ({SETTING}=true) or in a yaml of {home_folder()}/model"
    )


def check_recorded(run: Run, trusted: bool) -> None:
    """ConfigError when a record asks for the code of its model, and nobody on the command line does."""
    if run.model.trust_remote_code and not trusted:
        raise ConfigError(f"{run.model.name} brings code of its own; to run it, add --trust-remote-code")

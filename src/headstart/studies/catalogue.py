"""Catalogue: the tasks that exist here, read from their yaml files, shipped ones and the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headstart.errors import ConfigError
from headstart.studies.config_search import places


@dataclass(frozen=True)
class TaskHere:
    """One choice of the group `task`."""

    choice: str
    kind: str
    source: str  # "docs", "files", "hub", "digits"
    what: str  # the name on the hub, the view of the docs
    headline: str  # metric; empty: it follows from the rows
    about: str  # the first comment of its yaml
    here: bool | None  # can it be loaded without a network? None: the user has to name files


def tasks_here() -> list[TaskHere]:
    """Every task, by kind and then by name."""
    files = {path.stem: path for place in reversed(places()) for path in place.glob("task/*.yaml")}
    found = [_read(choice, path) for choice, path in files.items()]
    return sorted(found, key=lambda task: (task.kind, task.choice))


def _read(choice: str, path: Path) -> TaskHere:
    text = path.read_text("utf8")
    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not yaml ({' '.join(str(error).split())[:120]})") from None
    sources = ("docs", "digits", "hub", "files")
    source = next((name for name in sources if given.get(name) is not None), "")
    settings = given.get(source) or {}
    return TaskHere(
        choice,
        str(given.get("kind", "")),
        source,
        str(settings.get("name") or settings.get("view") or ""),
        given.get("headline") or "",
        text.splitlines()[0].lstrip("# ") if text.startswith("#") else "",
        _is_here(source, settings),
    )


def _is_here(source: str, settings: dict[str, Any]) -> bool | None:
    if source in ("docs", "digits"):
        return True
    if source == "files":
        paths = [settings.get(split) for split in ("train", "validation", "test")]
        return None if "???" in paths else all(Path(str(path)).exists() for path in paths if path)
    return _cached(str(settings.get("name")), settings.get("revision"))


def _cached(name: str, revision: str | None) -> bool | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if name == "???":
        return None
    try:
        snapshot_download(name, repo_type="dataset", revision=revision, local_files_only=True)
    except (LocalEntryNotFoundError, ValueError, OSError):
        return False
    return True

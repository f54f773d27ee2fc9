"""Catalogue: every task, read from its yaml file: shipped ones and the user's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headstart.records.fingerprint import as_mapping
from headstart.studies.config_search import config_folders

log = logging.getLogger(__name__)
SOURCES = ("docs", "digits", "hub", "files")  # where the rows of a task come from


@dataclass(frozen=True)
class TaskHere:
    """One choice of the group `task`."""

    choice: str
    kind: str
    source: str  # one of SOURCES
    what: str  # the name on the hub, the view of the docs
    headline: str  # metric; empty: it depends on the rows
    about: str  # the first comment of its yaml
    here: bool | None  # available offline; None: the user has to name files


def tasks_here() -> list[TaskHere]:
    """Every task, by kind and then by name."""
    folders = reversed(config_folders())  # of two files with one name, the shipped one counts
    files = {path.stem: path for folder in folders for path in folder.glob("task/*.yaml")}
    tasks: list[TaskHere] = []
    for choice, path in files.items():
        try:
            tasks.append(_read(choice, path))
        except (yaml.YAMLError, OSError, ValueError, RecursionError) as error:
            log.warning("headstart: %s: left out: %s", path, " ".join(str(error).split())[:120])
    return sorted(tasks, key=lambda task: (task.kind, task.choice))


def _read(choice: str, path: Path) -> TaskHere:
    text = path.read_text("utf8")
    task = as_mapping(yaml.safe_load(text))
    source = next((name for name in SOURCES if task.get(name) is not None), "")
    settings = as_mapping(task.get(source))
    return TaskHere(
        choice,
        kind=str(task.get("kind", "")),
        source=source,
        what=str(settings.get("name") or settings.get("view") or ""),
        headline=str(task.get("headline") or ""),
        about=text.splitlines()[0].lstrip("# ") if text.startswith("#") else "",
        here=_is_here(source, settings),
    )


def _is_here(source: str, settings: Mapping[str, Any]) -> bool | None:
    if source in ("docs", "digits"):
        return True
    if source == "files":
        paths = [settings.get(split) for split in ("train", "validation", "test")]
        return None if "???" in paths else all(Path(str(path)).exists() for path in paths if path)
    if (name := str(settings.get("name"))) == "???":
        return None
    from huggingface_hub import snapshot_download  # pyright: ignore[reportUnknownVariableType] - its types
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot_download(name, repo_type="dataset", revision=settings.get("revision"), local_files_only=True)
    except (LocalEntryNotFoundError, ValueError, OSError):
        return False
    return True

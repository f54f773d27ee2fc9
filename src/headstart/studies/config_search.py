"""Config search: the package's configuration, then the user's folders in the current directory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

ENGINES = "engine"  # folder of what `headstart submit` can start workers on: no part of a run
CONFIG_DIR = "HEADSTART_CONFIG_DIR"  # a folder beside ./conf and ./experiments; set by --config-dir


def shipped() -> Path:
    """The `conf` folder: inside an installed wheel, or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def own_folders() -> list[Path]:
    """The user's folders with groups of yaml, where they exist."""
    named = [os.environ[CONFIG_DIR]] if os.environ.get(CONFIG_DIR) else []
    folders = [Path.cwd() / name for name in ("conf", "experiments", *named)] + [home_folder()]
    return [folder for folder in folders if folder.is_dir() and folder.resolve() != shipped()]


def home_folder() -> Path:
    """The folder of yaml in the user's home: $XDG_CONFIG_HOME/headstart, else ~/.config/headstart."""
    return Path(os.path.expanduser(os.environ.get("XDG_CONFIG_HOME") or "~/.config"), "headstart")


def config_folders() -> list[Path]:
    """Every folder with groups of yaml, the shipped one first."""
    return [shipped(), *own_folders()]


def own_files() -> list[tuple[Path, int]]:
    """The user's own yaml files, each with the time of its last change."""
    paths = [path for folder in own_folders() for path in sorted(folder.rglob("*.yaml"))]
    files = [path for path in paths if path.is_file()]  # no folders, and no links that lead nowhere
    return [(path, path.stat().st_mtime_ns) for path in files]


def choices() -> dict[str, list[str]]:
    """The choices of every group that the package has: shipped ones and the user's own."""
    folders = [path.name for path in shipped().iterdir() if path.is_dir() and path.name != ENGINES]
    names: dict[str, set[str]] = {name: set() for name in folders}
    for folder in config_folders():
        for group in names:
            names[group] |= {path.stem for path in folder.glob(f"{group}/*.yaml") if path.is_file()}

    def by_number(name: str) -> list[int | str]:  # n64 before n128
        return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]

    return {group: sorted(names[group], key=by_number) for group in sorted(names)}


def clashes(chosen: Mapping[str, object]) -> list[str]:
    """One sentence when yaml files of the user have names of shipped ones, which Hydra uses instead.

    `chosen`: the choice of each group; other files are not looked at.
    """
    files = [f"{group}/{choice}.yaml" for group, choice in sorted(chosen.items())]
    twins = [
        file
        for file, original in (
            (folder / name, shipped() / name) for folder in own_folders() for name in files
        )
        if file.is_file() and original.is_file() and _content(file) != original.read_bytes()
    ]
    if not twins:
        return []
    names = ", ".join("/".join(path.parts[-3:]) for path in twins[:3]) + (", ..." if twins[3:] else "")
    if (Path.cwd() / "src/headstart/studies").is_dir():  # a checkout, but another copy of headstart runs
        return [
            f"{names}: differs from the installed headstart, which is {shipped().parent}; "
            "install this checkout instead: pip install -e ."
        ]
    verb, pronoun = ("has the name", "it") if len(twins) == 1 else ("have names", "them")
    return [f"{names}: {verb} of a shipped choice, which would be used instead; rename {pronoun}"]


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None

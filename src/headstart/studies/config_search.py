"""Where configuration is found: the package's own, then the user's folders in the current directory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

CONFIG_DIR = "HEADSTART_CONFIG_DIR"  # a folder beside ./conf and ./experiments; set by --config-dir


def shipped() -> Path:
    """The `conf` folder: inside an installed wheel, or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def places() -> list[Path]:
    """Every folder with groups of yaml: the shipped one, then the user's own, where they exist."""
    named = [os.environ[CONFIG_DIR]] if os.environ.get(CONFIG_DIR) else []
    own = [Path.cwd() / name for name in ("conf", "experiments", *named)]
    return [shipped(), *(folder for folder in own if folder.is_dir() and folder.resolve() != shipped())]


def clashes() -> list[str]:
    """One sentence when yaml of the user's own has names of shipped ones, which Hydra would take instead."""
    twins = [
        own
        for place in places()[1:]
        for own in sorted(place.glob("*/*.yaml"))
        if _differs(own, shipped() / own.relative_to(place))
    ]
    if not twins:
        return []
    names = ", ".join("/".join(path.parts[-3:]) for path in twins[:3]) + (", ..." if twins[3:] else "")
    if (
        Path.cwd() / "src/headstart/studies"
    ).is_dir():  # somebody develops headstart here and runs another copy
        return [
            f"{names}: differs from the installed headstart, which is {shipped().parent}; "
            "install this checkout instead: pip install -e ."
        ]
    have, them = ("has the name", "it") if len(twins) == 1 else ("have names", "them")
    return [f"{names}: {have} of a shipped choice, which would be used instead; rename {them}"]


def own_files() -> list[tuple[Path, int]]:
    """The user's own yaml files, each with the time of its last change."""
    files = [path for place in places()[1:] for path in sorted(place.rglob("*.yaml"))]
    return [(path, path.stat().st_mtime_ns) for path in files]


def _differs(own: Path, other: Path) -> bool:
    return other.is_file() and own.read_bytes() != other.read_bytes()


def choices() -> dict[str, list[str]]:
    """The choices of every group that the package has: shipped ones and the user's own."""
    found: dict[str, set[str]] = {path.name: set() for path in shipped().iterdir() if path.is_dir()}
    for root in places():
        for group, names in found.items():
            names |= {path.stem for path in root.glob(f"{group}/*.yaml")}
    return {group: sorted(names, key=_natural) for group, names in sorted(found.items())}


def _natural(name: str) -> tuple[Any, ...]:
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name))

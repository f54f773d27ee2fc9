"""Extras: how to install optional dependencies."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path


def install(extra: str) -> str:
    """The command that installs an extra: into this checkout, or beside the installed package."""
    top = Path(__file__).resolve().parents[2]
    if not (top / "pyproject.toml").is_file():
        return f"pip install 'headstart[{extra}]'"
    checkout = "." if top == Path.cwd().resolve() else top
    return f"pip install -e {shlex.quote(f'{checkout}[{extra}]')}"


def missing(package: str, extra: str) -> str | None:
    """'needs peft, which is not installed: pip install ...'; None when the package is installed."""
    if importlib.util.find_spec(package) is not None:
        return None
    return f"needs {package}, which is not installed: {install(extra)}"

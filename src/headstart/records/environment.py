"""The environment of a run: versions, machine and code, without naming anybody's computer."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

LIBRARIES = (
    "torch", "pytorch-lightning", "transformers", "peft", "datasets", "tokenizers", "evaluate", "hydra-core",
    "wandb", "codecarbon", "numpy", "scipy", "scikit-learn", "pandas", "pyarrow",
)  # fmt: skip
PACKAGE = Path(__file__).resolve().parents[1]
READERS = ("compare", "reports", "api", "commands", "cli")  # of records: no run computes with them


def environment(device: str, precision: str, threads: int, cpu: str, started: datetime) -> dict[str, Any]:
    """The `environment` section of the record, `finished` being now."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "machine": machine(),
        "cpu": cpu,
        "threads": threads,
        "device": device,
        "precision": precision,
        "versions": versions(),
        "code": code(),
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@cache
def machine() -> str:
    """16 hex digits that are the same for every run on this computer and say nothing about it."""
    try:
        name = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        name = ""
    name = name or f"{uuid.getnode():x}"
    return hashlib.sha256(f"headstart:{name}:{platform.machine()}".encode()).hexdigest()[:16]


@cache
def versions() -> dict[str, str]:
    """Installed version of each library that can change a result."""
    installed: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def distributions() -> list[dict[str, Any]]:
    """Every installed distribution: name, version, where it came from, and a digest of its wheel's content.

    The digest (sha256) is over the hashes that the wheel lists of its own files, so it is the same in every
    environment; None where the distribution lists none, or is a folder that may change.
    """
    installed: dict[str, dict[str, Any]] = {}
    for item in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", str(item.metadata["Name"])).lower()
        origin = json.loads(item.read_text("direct_url.json") or "{}")
        editable = bool(origin.get("dir_info", {}).get("editable"))
        where = "a folder" if "dir_info" in origin else "a file or an address" if origin else "an index"
        facts = {"name": name, "version": item.version, "origin": where}
        installed.setdefault(name, facts | {"content": None if editable else _content(item)})
    return [installed[name] for name in sorted(installed)]


def _content(item: importlib.metadata.Distribution) -> str | None:
    """Digest of the hashes of the files in a wheel, without those that an installer adds."""
    added = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")
    lines: list[str] = []
    for line in (item.read_text("RECORD") or "").splitlines():
        name, _, digest = line.rpartition(",")[0].rpartition(",")
        if digest and not name.startswith("..") and name.rpartition("/")[2] not in added:
            lines.append(f"{name},{digest}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest() if lines else None


@cache
def code() -> dict[str, Any]:
    """Version of headstart, a digest of what trains, and the commit when it runs from a checkout."""
    version = importlib.metadata.version("headstart")
    commit, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", "src", "conf")
    dirty = None if commit is None else bool(changed)
    return {"version": version, "digest": training_digest(PACKAGE), "commit": commit, "dirty": dirty}


def training_digest(package: Path) -> str:
    """16 hex of every source file of headstart as it is now, without those that only read records."""
    sources = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        path, content = file.relative_to(package), file.read_bytes()
        if path.parts[0].removesuffix(".py") not in READERS:
            sources.update(f"{path.as_posix()}\0{len(content)}\0".encode() + content)
    return sources.hexdigest()[:16]


def _git(*arguments: str) -> str | None:
    if "site-packages" in PACKAGE.parts:  # an installed wheel inside somebody else's repository
        return None
    try:
        process = subprocess.run(  # noqa: S603
            ["git", "-C", os.fspath(PACKAGE.parents[1]), *arguments],  # noqa: S607
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None

"""Containerfile: the environment of a packed study: what is installed, and how to make it again."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import json
import platform
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headstart.hardware import cpu_name
from headstart.meters.hardware_state import gpu_driver
from headstart.records.archive import LONG_AGO
from headstart.records.environment import PACKAGE, code, distributions, machine
from headstart.records.record import Record
from headstart.studies.config_search import shipped

CONTAINERFILE = """\
# The environment of this study, made again: podman build -t study . && podman run --rm study
FROM docker.io/library/python:{python}-slim
WORKDIR /study
COPY . .
RUN pip install --no-cache-dir -r requirements.txt && pip install --no-cache-dir --no-deps {wheel}
CMD ["headstart", "reproduce", "."]
"""
WHEEL = "Wheel-Version: 1.0\nGenerator: headstart pack\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
INSTALLERS = {"pip", "setuptools", "wheel", "uv"}  # no part of what ran
OURS = "headstart"


def write_environment(folder: Path, records: Sequence[Record]) -> tuple[str, ...]:
    """Write environment.json, requirements.txt, a wheel of headstart and a Containerfile into `folder`.

    Returns one line for each version that is not the one that the runs were trained with.
    """
    installed, here = distributions(), code()
    recorded = _recorded(records)
    now = {item["name"]: item["version"] for item in installed} | {"python": platform.python_version()}
    now["headstart code"] = here["digest"]
    changed = tuple(
        f"{name} {' and '.join(then)} in the records, {now.get(name) or 'nothing'} here"
        for name, then in recorded.items()
        if then != [now.get(name)]
    )
    environment = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": _system(),
        "platform": platform.platform(terse=True),
        "machine": machine(),
        "cpu": cpu_name(),
        "gpu_driver": gpu_driver(),
        "devices": sorted({record.environment.device for record in records}),
        "headstart": here,
        "not_as_recorded": changed,
        "distributions": installed,
    }
    _write(folder / "environment.json", json.dumps(environment, indent=1, ensure_ascii=False) + "\n")
    versions = {name: then[0] for name, then in recorded.items() if len(then) == 1}
    _write(folder / "requirements.txt", "".join(_requirements(installed, versions)))
    wheel = write_wheel(folder)
    python = versions.get("python", platform.python_version())
    _write(folder / "Containerfile", CONTAINERFILE.format(python=python, wheel=wheel.name))
    return changed


def write_wheel(folder: Path) -> Path:
    """A wheel of the headstart that runs: its code, its configuration and its metadata."""
    installed = importlib.metadata.distribution(OURS)
    info = f"{OURS}-{installed.version}.dist-info"
    hydra = Path(str(importlib.util.find_spec("hydra_plugins.headstart").origin)).parent  # pyright: ignore[reportOptionalMemberAccess]
    parts = ((PACKAGE, OURS), (hydra, "hydra_plugins/headstart"), (shipped(), f"{OURS}/conf"))
    files = {
        f"{at}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for root, at in parts
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/WHEEL"] = WHEEL.encode()
    for name in ("METADATA", "entry_points.txt", "licenses/LICENSE"):
        if (text := installed.read_text(name)) is not None:
            files[f"{info}/{name}"] = text.encode("utf8")
    lines = [f"{name},sha256={_base64(content)},{len(content)}\n" for name, content in sorted(files.items())]
    files[f"{info}/RECORD"] = "".join([*lines, f"{info}/RECORD,,\n"]).encode()
    wheel = folder / f"{OURS}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return wheel


def _recorded(records: Sequence[Record]) -> dict[str, list[str]]:
    """Every version that the records name, by distribution: one, unless the runs disagree."""
    versions: dict[str, set[str]] = {}
    for record in records:
        environment = record.environment
        named = {**environment.versions, "python": environment.python}
        for name, version in (*named.items(), ("headstart code", environment.code.digest)):
            versions.setdefault(name, set()).add(version)
    return {name: sorted(then) for name, then in sorted(versions.items())}


def _requirements(installed: Iterable[Mapping[str, Any]], recorded: Mapping[str, str]) -> Iterable[str]:
    """Lines for pip: the versions of the records, and of everything else what is installed now."""
    yield "# Every distribution of this study's environment. A build label such as +cpu is in the comment.\n"
    for item in installed:
        name, version = item["name"], recorded.get(item["name"], item["version"])
        if name == OURS or name in INSTALLERS:
            continue
        public, _, label = version.partition("+")
        if item["origin"] != "an index":
            yield f"# {name}=={version}: was installed from {item['origin']}\n"
        else:
            yield f"{name}=={public}{f'  # +{label}' if label else ''}\n"


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return platform.system() or None


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf8", newline="\n")

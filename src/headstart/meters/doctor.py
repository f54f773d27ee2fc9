"""Doctor: this machine, its energy meters, and why others cannot be used, as plain data."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from headstart.hardware import Hardware, cpu_name
from headstart.meters.auto import BestOf
from headstart.meters.backend import Backend, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.contention import Contention
from headstart.meters.hardware_state import hardware_state
from headstart.meters.idle import idle_watts
from headstart.meters.matmul_peak import peak
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter

BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "nvml": lambda: GpuCounter(first_only=False),
    "rapl": PackageCounter,
    "codecarbon": Estimate,
}


def examine(
    libraries: Iterable[str] = (), caches: Mapping[str, Path] | None = None, seconds: float = 1.0
) -> dict[str, Any]:
    """This machine as plain data; `seconds` is the time for idle watts, contention and each peak."""
    device = Hardware().device()
    contention = Contention()
    contention.open()
    energy = {name: _examined(make()) for name, make in BACKENDS.items()}
    auto, idle, doubt = _auto(device, seconds)
    contention.close()
    return {
        "processor": cpu_name(),
        "cores": os.cpu_count(),
        "device": device,
        "state": hardware_state(),
        "energy": energy,
        "auto": auto,
        "idle_watts": idle,
        "idle_doubt": doubt,
        "others": contention.evidence(),
        "threads": _threads(),
        "peak": {name: peak(device, name, seconds) for name in ("fp32", "bf16")},
        "versions": {name: number for name in libraries if (number := _version(name))},
        "cached": {name: _folder(path) for name, path in (caches or {}).items()} | {"hub": hub_cache()},
    }


def _examined(backend: Backend) -> dict[str, Any]:
    """Can the backend be read here, and if not, why?"""
    try:
        backend.open()
        backend.read()
    except (Unreadable, ImportError) as why:
        return {"readable": False, "method": "none", "boundary": None, "reason": str(why), "doubts": []}
    finally:
        backend.close()
    return {
        "readable": True,
        "method": backend.method,
        "boundary": backend.boundary,
        "reason": None,
        "doubts": backend.doubts,
    }


def _auto(device: Any, seconds: float) -> tuple[dict[str, Any], dict[str, float] | None, str | None]:
    """The backend that meter=auto would use, idle watts, and a doubt about these."""
    backend = BestOf(device)
    try:
        backend.open()
        idle, doubt = idle_watts(backend, seconds)
        if idle is None:
            time.sleep(seconds)  # contention is still measured
    except Unreadable as why:
        return {"backend": None, "method": "none", "boundary": None, "reason": str(why)}, None, None
    finally:
        backend.close()
    chosen = {"backend": backend.name, "method": backend.method, "boundary": backend.boundary, "reason": None}
    return chosen, idle, doubt


def _threads() -> dict[str, Any]:
    import torch

    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    variables = {name: os.environ[name] for name in names if name in os.environ}
    return {"torch": torch.get_num_threads(), "environment": variables}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def hub_cache(folder: Path | None = None) -> dict[str, Any]:
    """Bytes of the models and data sets of the Hugging Face hub that are on this machine."""
    if folder is None:
        from huggingface_hub.constants import HF_HUB_CACHE

        folder = Path(HF_HUB_CACHE)
    sizes: dict[str, dict[str, int]] = {"models": {}, "datasets": {}}
    for path in sorted(folder.glob("*--*")):
        kind, _, name = path.name.partition("--")
        if kind in sizes:
            sizes[kind][name.replace("--", "/")] = _bytes(path / "blobs")
    return sizes


def _folder(path: Path) -> dict[str, Any]:
    return {"exists": path.is_dir(), "bytes": _bytes(path)}


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

"""Doctor: this machine, its energy meters, and why others cannot be used, as plain data."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from headstart.hardware import Hardware, cpu_name
from headstart.meters.auto import BestOf
from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.contention import Contention
from headstart.meters.hardware_state import hardware_state
from headstart.meters.idle import idle_watts
from headstart.meters.matmul_peak import peak
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter

BACKENDS: Mapping[str, Callable[[], Backend]] = {
    "nvml": lambda: GpuCounter(first=None),
    "rapl": PackageCounter,
    "codecarbon": Estimate,
}


def examine(
    versions: Mapping[str, str], caches: Mapping[str, Path] | None = None, seconds: float = 1.0
) -> dict[str, Any]:
    """This machine as plain data; `seconds` is the time for idle watts, contention and each peak."""
    import torch

    device = Hardware().device()
    contention = Contention()
    contention.open()
    energy = {name: _readable(make()) for name, make in BACKENDS.items()}
    auto, (idle, doubt) = _auto(device, seconds)
    contention.close()
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    variables = {name: os.environ[name] for name in names if name in os.environ}
    folders = {
        name: {"exists": path.is_dir(), "bytes": _bytes(path)} for name, path in (caches or {}).items()
    }
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
        "threads": {"torch": torch.get_num_threads(), "environment": variables},
        "peak": {name: peak(device, name, seconds) for name in ("fp32", "bf16")},
        "versions": dict(versions),
        "cached": folders | {"hub": hub_cache()},
    }


def _readable(backend: Backend) -> dict[str, Any]:
    """Can the backend be read here, and if not, why?"""
    facts, _ = _tried(backend, lambda: backend.read())
    readable = facts["reason"] is None
    return {"readable": readable, **facts, "doubts": backend.doubts if readable else []}


def _auto(device: DeviceKind, seconds: float) -> tuple[dict[str, Any], tuple[Any, str | None]]:
    """The backend that meter=auto would use; idle watts, and a doubt about these."""
    backend = BestOf(device)

    def wait() -> tuple[Any, str | None]:
        idle, doubt = idle_watts(backend, seconds)
        if idle is None:
            time.sleep(seconds)  # contention is still measured
        return idle, doubt

    facts, idle = _tried(backend, wait)
    return {"backend": backend.name if facts["reason"] is None else None, **facts}, idle or (None, None)


def _tried(backend: Backend, use: Callable[[], Any]) -> tuple[dict[str, Any], Any]:
    """What there is to say about a backend once it was opened, and the result of using it."""
    try:
        backend.open()
        result = use()
    except (Unreadable, ImportError) as why:
        return {"method": "none", "boundary": None, "reason": str(why)}, None
    finally:
        backend.close()
    return {"method": backend.method, "boundary": backend.boundary, "reason": None}, result


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


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

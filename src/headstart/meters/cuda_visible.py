"""Which NVIDIA GPUs this process may use: CUDA_VISIBLE_DEVICES read as the CUDA driver reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headstart.meters.backend import Unreadable


@dataclass(frozen=True)
class Gpu:
    """One GPU, as NVML knows it."""

    index: int
    uuid: str
    name: str
    handle: Any

    @property
    def key(self) -> str:
        """A short name for records: the first eight digits of the UUID, else the index."""
        digits = self.uuid.removeprefix("GPU-")
        return f"gpu:{digits[:8] if digits else self.index}"


def visible_gpus(nvml: Any, environ: Mapping[str, str] | None = None) -> list[Gpu]:
    """The visible GPUs in CUDA's order; empty when all are hidden. Raises Unreadable on a MIG instance."""
    gpus = [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    wanted = (os.environ if environ is None else environ).get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return gpus
    chosen: list[Gpu] = []
    for word in (part.strip() for part in wanted.split(",")):
        if word.startswith("MIG-"):
            raise Unreadable(
                f"CUDA_VISIBLE_DEVICES names the MIG instance {word[:12]}…: only the whole GPU has a counter"
            )
        gpu = _named(word, gpus)
        if gpu is None:
            break  # the driver hides everything from the first name that it does not know
        if gpu not in chosen:
            chosen.append(gpu)
    return chosen


def order_is_certain(gpus: list[Gpu], environ: Mapping[str, str] | None = None) -> bool:
    """Whether index n of CUDA is index n here: CUDA puts the fastest first unless told otherwise."""
    environ = os.environ if environ is None else environ
    by_uuid = environ.get("CUDA_VISIBLE_DEVICES", "").startswith("GPU-")
    alike = len({gpu.name for gpu in gpus}) <= 1
    return alike or by_uuid or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
    return Gpu(index, _text(uuid), _text(name), handle)


def _named(word: str, gpus: list[Gpu]) -> Gpu | None:
    if word.isdigit():
        return gpus[int(word)] if int(word) < len(gpus) else None
    found = [gpu for gpu in gpus if word.startswith("GPU-") and gpu.uuid.startswith(word)]
    return found[0] if len(found) == 1 else None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value

"""Peak memory of a run, by phase and along training, on the host and on the device."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any


class PeakMemory:
    """Peak memory since the last phase boundary; `note` stores it for the phase that ends.

    The system and CUDA's allocator count by themselves: a reading waits for no work of the device.
    """

    def __init__(self) -> None:
        import torch

        self._cuda = torch.cuda if torch.cuda.is_available() else None
        self._host: dict[str, int] = {}
        self._device: dict[str, int] = {}
        self._latest: dict[str, int] = {}  # host, device: the peaks since `take`
        self._reset()

    def note(self, phase: str) -> None:
        """Store the peaks of the phase that ends here, and start new ones."""
        device_peak = self._cuda.max_memory_allocated() if self._cuda else None
        found = (("host", self._host, _host_peak()), ("device", self._device, device_peak))
        for where, peaks, peak in found:
            if peak is not None:
                peaks[phase] = max(peak, peaks.get(phase, 0))
                self._latest[where] = max(peak, self._latest.get(where, 0))
        self._reset()

    def take(self) -> dict[str, int | None]:
        """Bytes on the host and on the device: the highest that `note` saw since the last call."""
        latest, self._latest = self._latest, {}
        return {where: latest.get(where) for where in ("host", "device")}

    def peaks(self) -> dict[str, Any]:
        """Bytes: highest resident memory of the process, highest allocated device memory; both by phase."""
        return {
            "host": max(self._host.values(), default=None),
            "device": max(self._device.values(), default=None),
            "by_phase": {"host": dict(self._host) or None, "device": dict(self._device) or None},
        }

    def _reset(self) -> None:
        """Reset the peaks. Where the system cannot, the peak of the whole process so far remains."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: resets VmHWM
        if self._cuda:
            self._cuda.reset_peak_memory_stats()


def _host_peak() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return int(kilobytes) * 1024 if kilobytes else None

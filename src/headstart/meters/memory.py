"""Peak memory of a run, on the host and on the device."""

from __future__ import annotations

from pathlib import Path


def reset_peak() -> None:
    """Start a new high-water mark; where the system cannot, the process's own peak so far remains."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # Linux: resets VmHWM
    except OSError:
        pass
    torch = _torch()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_bytes() -> dict[str, int | None]:
    """Highest resident memory of the process, and highest allocated device memory, since the reset."""
    torch = _torch()
    device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"host": _host_peak(), "device": device}


def _host_peak() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return int(kilobytes) * 1024 if kilobytes else None


def _torch():
    import torch

    return torch

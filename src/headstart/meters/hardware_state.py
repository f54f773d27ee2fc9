"""The state of the hardware when a run starts: temperature, clocks, power limits, where they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

THERMAL = Path("/sys/class/thermal")
CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def hardware_state(nvml: Any = None, thermal: Path = THERMAL, cpufreq: Path = CPUFREQ) -> dict[str, Any]:
    """Celsius, megahertz and watts of the processor and of every visible GPU; null for what is not told."""
    return {
        "cpu": {
            "celsius": _hottest(thermal),
            "megahertz": _megahertz(cpufreq),
            "governor": _text(cpufreq / "scaling_governor"),
        },
        "gpus": _gpus(nvml),
    }


def _gpus(nvml: Any) -> list[dict[str, Any]]:
    from headstart.meters.backend import Unreadable
    from headstart.meters.cuda_visible import visible_gpus

    if nvml is None:
        import pynvml as nvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return []
    try:
        return [_gpu(nvml, gpu) for gpu in visible_gpus(nvml)]
    except (nvml.NVMLError, Unreadable):
        return []
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, gpu: Any) -> dict[str, Any]:
    def told(ask: Callable[..., float], *arguments: Any, scale: float = 1.0) -> float | None:
        try:
            return ask(gpu.handle, *arguments) * scale
        except nvml.NVMLError:
            return None

    return {
        "device": gpu.key,
        "name": gpu.name,
        "celsius": told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        "megahertz": told(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
        "megahertz_max": told(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        "power_limit_watts": told(nvml.nvmlDeviceGetEnforcedPowerLimit, scale=1e-3),
        "watts": told(nvml.nvmlDeviceGetPowerUsage, scale=1e-3),
    }


def _hottest(folder: Path) -> float | None:
    readings = [_text(path / "temp") for path in folder.glob("thermal_zone*")]
    known = [int(text) / 1000 for text in readings if text and text.lstrip("-").isdigit()]
    return max(known, default=None)


def _megahertz(folder: Path) -> float | None:
    text = _text(folder / "scaling_cur_freq")
    return int(text) / 1000 if text and text.isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None

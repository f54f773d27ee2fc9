"""The state of the hardware when a run starts: temperature, clocks, power limits, and the GPU driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from headstart.meters.backend import Unreadable
from headstart.meters.nvml import visible_gpus

THERMAL = Path("/sys/class/thermal")
CPUFREQ = Path("/sys/devices/system/cpu/cpu0/cpufreq")


def hardware_state(nvml: Any = None, thermal: Path = THERMAL, cpufreq: Path = CPUFREQ) -> dict[str, Any]:
    """Celsius, megahertz and watts of the processor and of every visible GPU; None where unknown."""
    temperatures = [_read(path / "temp") for path in thermal.glob("thermal_zone*")]
    celsius = [int(text) / 1000 for text in temperatures if text and text.lstrip("-").isdigit()]
    frequency = _read(cpufreq / "scaling_cur_freq")
    return {
        "cpu": {
            "celsius": max(celsius, default=None),
            "megahertz": int(frequency) / 1000 if frequency and frequency.isdigit() else None,
            "governor": _read(cpufreq / "scaling_governor"),
        },
        "gpus": _query(lambda nvml: [_gpu(nvml, gpu) for gpu in visible_gpus(nvml)], nvml) or [],
    }


def gpu_driver(nvml: Any = None) -> str | None:
    """Version of the NVIDIA driver; None without one."""
    return _query(lambda nvml: nvml.nvmlSystemGetDriverVersion(), nvml)


def _query(query: Callable[[Any], Any], nvml: Any = None) -> Any:
    """The result of a query to the driver; None without a driver or after an error."""
    if nvml is None:
        import pynvml as nvml
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        return query(nvml)
    except (nvml.NVMLError, Unreadable):
        return None
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, gpu: Any) -> dict[str, Any]:
    def value(ask: Callable[..., float], *arguments: Any, scale: float = 1.0) -> float | None:
        try:
            return ask(gpu.handle, *arguments) * scale
        except nvml.NVMLError:
            return None

    return {
        "device": gpu.key,
        "name": gpu.name,
        "celsius": value(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        "megahertz": value(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
        "megahertz_max": value(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        "power_limit_watts": value(nvml.nvmlDeviceGetEnforcedPowerLimit, scale=1e-3),
        "watts": value(nvml.nvmlDeviceGetPowerUsage, scale=1e-3),
    }


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None

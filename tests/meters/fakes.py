"""Hardware that is not there: a clock, a powercap tree and an NVIDIA driver that behave like real ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from headstart.meters.backend import Backend, Method, Unreadable


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Counter(Backend):
    """A counter of `watts` on a fake clock; fails from `fails_at` on."""

    name = "fake"
    method: Method = "measured"
    boundary = "fake"
    claims = ("cpu",)

    def __init__(self, clock: Clock, watts: float = 100.0, fails_at: float | None = None) -> None:
        super().__init__()
        self.clock, self.watts, self.fails_at, self.closed = clock, watts, fails_at, 0

    def open(self) -> None:
        self.start = self.clock()

    def read(self) -> dict[str, float]:
        if self.fails_at is not None and self.clock() >= self.fails_at:
            raise Unreadable("the fake counter is gone")
        return {"cpu": self.watts * (self.clock() - self.start)}

    def close(self) -> None:
        self.closed += 1


class Powercap:
    """/sys/class/powercap in a folder: zones are links into a tree of devices, as in the kernel."""

    RANGE = 262_143_328_850  # microjoules, of most processors

    def __init__(self, folder: Path) -> None:
        self.root, self.devices = folder / "class", folder / "devices"
        self.root.mkdir(parents=True)

    def zone(self, path: str, name: str, value: int = 0, range_: int = RANGE) -> Path:
        """`intel-rapl:0/intel-rapl:0:1` named dram, say."""
        interface = path.split(":")[0]
        place = self.devices / interface / path
        place.mkdir(parents=True)
        (place / "name").write_text(f"{name}\n")
        (place / "max_energy_range_uj").write_text(f"{range_}\n")
        (place / "energy_uj").write_text(f"{value}\n")
        (self.root / place.name).symlink_to(place, target_is_directory=True)
        return place

    def laptop(self) -> dict[str, Path]:
        """All that a client processor shows: package, core, uncore, memory, psys, and the mmio twin."""
        return {
            "package": self.zone("intel-rapl:0", "package-0", 5_000_000),
            "core": self.zone("intel-rapl:0/intel-rapl:0:0", "core", 4_000_000),
            "uncore": self.zone("intel-rapl:0/intel-rapl:0:1", "uncore", 1_000_000),
            "dram": self.zone("intel-rapl:0/intel-rapl:0:2", "dram", 2_000_000),
            "psys": self.zone("intel-rapl:1", "psys", 9_000_000),
            "twin": self.zone("intel-rapl-mmio:0", "package-0", 5_000_100),
        }


def spend(zone: Path, joules: float) -> None:
    """Let a counter move, and start again at 0 after its range."""
    span = int((zone / "max_energy_range_uj").read_text())
    value = int((zone / "energy_uj").read_text()) + round(joules * 1e6)
    (zone / "energy_uj").write_text(str(value % (span + 1)))


class Nvml:
    """pynvml for GPUs that draw constant watts; counters move in steps of 100 ms."""

    NVML_TEMPERATURE_GPU = NVML_CLOCK_SM = 0

    class NVMLError(Exception):
        """The driver's only kind of error."""

    def __init__(self, clock: Clock, gpus: int = 1, names: str = "Fake") -> None:
        self.clock, self.begun, self.open = clock, clock(), 0
        self.watts, self.mig, self.counts = [250.0] * gpus, [False] * gpus, [True] * gpus
        self.offset = [10_000_000] * gpus  # millijoules
        self.pids: list[list[int]] = [[] for _ in range(gpus)]
        self.names = names.split(",") if "," in names else [names] * gpus
        self.missing = self.powerless = False

    def nvmlInit(self) -> None:  # noqa: N802
        if self.missing:
            raise self.NVMLError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        return "570.1"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.watts)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}{handle}aa{handle}{handle}bb-0000"

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        return self.names[handle]

    def nvmlDeviceGetMigMode(self, handle: int) -> tuple[int, int]:  # noqa: N802
        return int(self.mig[handle]), 0

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        if not self.counts[handle]:
            raise self.NVMLError("Not Supported")
        steps = int((self.clock() - self.begun) * 10 + 1e-9)
        return self.offset[handle] + round(steps * self.watts[handle] * 100)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        if self.powerless:
            raise self.NVMLError("Not Supported")
        return round(self.watts[handle] * 1e3)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:  # noqa: N802
        return [SimpleNamespace(pid=pid) for pid in self.pids[handle]]

    def nvmlDeviceGetTemperature(self, handle: int, kind: int) -> int:  # noqa: N802
        return 41

    def nvmlDeviceGetClockInfo(self, handle: int, kind: int) -> int:  # noqa: N802
        raise self.NVMLError("Not Supported")

    nvmlDeviceGetMaxClockInfo = nvmlDeviceGetClockInfo  # noqa: N815

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:  # noqa: N802
        return 700_000

"""The doctor's findings in the terminal: one table, one line per thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

GIGA, MEGA = 1e9, 1e6
GPU_STATE = {"celsius": "°C", "megahertz": "MHz", "power_limit_watts": "W limit"}


def render(findings: Mapping[str, Any]) -> Table:
    """A table of what and how; what cannot be measured says why."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _lines(findings):
        table.add_row(name, Text(value))
    return table


def _lines(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    threads, gpus, auto = findings["threads"], findings["state"]["gpus"], findings["auto"]
    cores = f"{findings['cores']} cores, torch uses {threads['torch']} threads"
    yield "processor", f"{findings['processor']}, {cores}"
    yield from (("", f"{name}={value}") for name, value in threads["environment"].items())
    for gpu in gpus:
        state = [f"{gpu[name]:.0f} {unit}" for name, unit in GPU_STATE.items() if gpu[name] is not None]
        yield gpu["device"], ", ".join([gpu["name"], *state])
    if not gpus:
        yield "GPU", "none that NVIDIA's driver knows"
    for name, meter in findings["energy"].items():
        readable = meter["readable"]
        yield name, f"{meter['method']}: {meter['boundary']}" if readable else f"no: {meter['reason']}"
        yield from (("", doubt) for doubt in meter["doubts"])
    yield "meter=auto", auto["reason"] or f"{auto['backend']}: {auto['method']}, {auto['boundary']}"
    idle = findings["idle_doubt"] or "not measured: there is no counter"
    if findings["idle_watts"] is not None:
        idle = ", ".join(f"{device} {value:.1f} W" for device, value in findings["idle_watts"].items())
    yield "idle", idle
    for dtype, peak in findings["peak"].items():
        speed = peak["flops_per_second"]
        known = peak["reason"] if speed is None else f"{speed / GIGA:,.0f} GFLOP/s"
        yield f"peak {dtype}", f"{known} ({peak['blas']})"
    others = findings["others"]
    share, load = others["foreign_cpu_share"], f"load average {others['load_average_1min_max']:g}"
    used = "" if share is None else f"{share:.1%} of the processor is used by other processes, "
    yield "others", used + load
    yield from _cached(findings["cached"])
    yield "versions", ", ".join(f"{name} {version}" for name, version in findings["versions"].items())


def _cached(cached: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, folder in cached.items():
        if name == "hub":
            for kind, items in folder.items():
                listed = ", ".join(f"{item} ({size / MEGA:,.0f} MB)" for item, size in items.items())
                yield f"hub {kind}", listed or "none cached: offline runs cannot use the hub"
        else:
            yield f"{name} cache", f"{folder['bytes'] / MEGA:,.0f} MB"

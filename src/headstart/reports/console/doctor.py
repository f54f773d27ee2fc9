"""The doctor's findings in the terminal: one table, one line per thing that was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

GIGA, MEGA = 1e9, 1e6


def render(findings: Mapping[str, Any]) -> Table:
    """A table of what and how; what cannot be measured says why."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for name, value in _lines(findings):
        table.add_row(name, Text(value))
    return table


def _lines(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    threads, gpus = findings["threads"], findings["state"]["gpus"]
    yield (
        "processor",
        f"{findings['processor']}, {findings['cores']} cores, torch uses {threads['torch']} threads",
    )
    yield from (("", f"{name}={value}") for name, value in threads["environment"].items())
    for gpu in gpus:
        yield gpu["device"], _gpu(gpu)
    if not gpus:
        yield "GPU", "none that NVIDIA's driver knows"
    for name, tried in findings["energy"].items():
        yield name, _energy(tried)
        yield from (("", doubt) for doubt in tried["doubts"])
    auto = findings["auto"]
    yield "meter=auto", auto["reason"] or f"{auto['backend']}: {auto['method']}, {auto['boundary']}"
    yield "idle", _idle(findings)
    yield from _peaks(findings["peak"])
    yield "others", _others(findings["others"])
    yield from _cached(findings["cached"])
    yield "versions", ", ".join(f"{name} {version}" for name, version in findings["versions"].items())


def _gpu(gpu: Mapping[str, Any]) -> str:
    units = {"celsius": "°C", "megahertz": "MHz", "power_limit_watts": "W limit"}
    told = [f"{gpu[name]:.0f} {unit}" for name, unit in units.items() if gpu[name] is not None]
    return ", ".join([gpu["name"], *told])


def _energy(tried: Mapping[str, Any]) -> str:
    return f"{tried['method']}: {tried['boundary']}" if tried["readable"] else f"no: {tried['reason']}"


def _idle(findings: Mapping[str, Any]) -> str:
    watts = findings["idle_watts"]
    if watts is None:
        return findings["idle_doubt"] or "not measured: there is no counter"
    return ", ".join(f"{device} {value:.1f} W" for device, value in watts.items())


def _peaks(peaks: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for dtype, peak in peaks.items():
        yield f"peak {dtype}", f"{peak['flops_per_second'] / GIGA:,.0f} GFLOP/s ({peak['blas']})"


def _others(evidence: Mapping[str, Any]) -> str:
    share = evidence["foreign_cpu_share"]
    load = f"load average {evidence['load_average_1min_max']:g}"
    return load if share is None else f"{share:.1%} of the processor is used by other processes, {load}"


def _cached(cached: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, folder in cached.items():
        if name == "hub":
            for kind, items in folder.items():
                listed = ", ".join(f"{item} ({size / MEGA:,.0f} MB)" for item, size in items.items())
                yield f"hub {kind}", listed or "none cached: offline runs cannot use the hub"
        else:
            yield f"{name} cache", f"{folder['bytes'] / MEGA:,.0f} MB"

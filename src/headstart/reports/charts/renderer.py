"""Renderer: charts as SVG, drawn by vl-convert in a process of its own, whose end costs no report."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from headstart.reports.charts.theme import LIGHT

# Letters that XML cannot hold: vl-convert aborts on them. Halves of letters, and two line ends of JavaScript.
UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
LONGEST = 300  # seconds for all charts
# A line of JSON per chart, with its key, in and out; -P, so that nothing in the current folder is imported.
PROGRAM = """
import json, sys, vl_convert
config = json.loads(sys.stdin.readline())
for line in sys.stdin:
    key, spec = json.loads(line)
    svg = vl_convert.vegalite_to_svg(spec, config=config, allowed_base_urls=[])
    print(json.dumps([key, svg]), flush=True)
"""


def renderer_version() -> str:
    """The version of vl-convert; "" where it is not installed."""
    try:
        return version("vl-convert-python")
    except PackageNotFoundError:
        return ""


def draw(specs: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The SVG of each chart by its key, on white paper; and why others are missing, "" when none is."""
    drawn: dict[str, str] = {}
    left, reason = dict(specs), ""
    while left:
        new, end = _drawn(left)
        drawn |= new
        if len(new) == len(left):
            break
        reason = end
        if not new:
            break
        rest = [key for key in left if key not in new]
        left = {key: left[key] for key in rest[1:]}  # without the chart that ended the process
    return drawn, reason


def _drawn(specs: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """What one process draws of these charts, and how it ended."""
    lines = [LIGHT.printed(), *([key, cleaned(spec)] for key, spec in specs.items())]
    command = [sys.executable, "-P", "-c", PROGRAM]
    try:
        done = subprocess.run(  # noqa: S603
            command, input="\n".join(map(json.dumps, lines)), capture_output=True, text=True,
            encoding="utf8", errors="replace", timeout=LONGEST, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return {}, str(error)
    whole = [line for line in done.stdout.splitlines(keepends=True) if line.endswith("\n")]
    return {key: _renumbered(svg) for key, svg in map(json.loads, whole)}, _end(done)


def _end(done: subprocess.CompletedProcess[str]) -> str:
    """How the process ended, in a few words."""
    if done.returncode < 0:
        return f"vl-convert ended with {signal.Signals(-done.returncode).name}"
    lines = done.stderr.strip().splitlines()
    return lines[-1][:200] if lines else f"vl-convert ended with code {done.returncode}"


def cleaned(value: Any) -> Any:
    """A chart whose texts hold only what can be drawn; other letters become a replacement character."""
    if isinstance(value, str):
        return UNDRAWABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    return [cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def _renumbered(svg: str) -> str:
    """Identifiers counted from 0 per picture: Vega counts them per process, and a rebuild would differ."""
    ids = dict.fromkeys(re.findall(r'\bid="((?:clip|gradient_)\d+)"', svg))
    renamed = {name: f"part{number}" for number, name in enumerate(ids)}
    return re.sub(r"\b(?:clip|gradient_)\d+\b", lambda name: renamed.get(name[0], name[0]), svg)

"""Drawing: the program that draws charts, started once per test process instead of once per report."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from headstart.reports.charts import renderer

Drawn = tuple[dict[str, str], str]
ONE_PER_REPORT: Callable[[Mapping[str, Any]], Drawn] = renderer._drawn
PROGRAM = renderer.PROGRAM


def drawn_together(specs: Mapping[str, Any]) -> Drawn:
    """Like the renderer's own, by a program that stays. A test that replaces the program gets its own."""
    if renderer.PROGRAM != PROGRAM:
        return ONE_PER_REPORT(specs)
    process = _program(os.getpid())
    assert process.stdin and process.stdout
    drawn: dict[str, str] = {}
    try:
        for key, spec in specs.items():
            process.stdin.write(json.dumps([key, renderer.cleaned(spec)]) + "\n")
            process.stdin.flush()
            _, svg = json.loads(process.stdout.readline())
            drawn[key] = renderer._renumbered(svg)
    except (BrokenPipeError, json.JSONDecodeError):  # it has ended: a signal, or a chart that it cannot draw
        _program.cache_clear()
        return ONE_PER_REPORT(specs)
    return drawn, ""


@cache
def _program(pid: int) -> subprocess.Popen[str]:
    """The program of this process: a fork has its own. It ends with its standard input."""
    program = [sys.executable, "-P", "-c", PROGRAM]
    process = subprocess.Popen(
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf8"
    )
    atexit.register(process.communicate)
    assert process.stdin
    process.stdin.write(json.dumps(renderer.LIGHT.printed()) + "\n")
    return process

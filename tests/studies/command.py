"""A command line typed in this process: its exit code and what it put on the screen."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.cli import main


@dataclass(frozen=True)
class Typed:
    """What came of one command line."""

    code: int
    out: str
    err: str


def headstart(*arguments: str) -> Typed:
    """Run `headstart ARGUMENTS` here; nothing of it may be a traceback."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments))
        except SystemExit as end:  # Hydra's own way out
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    typed = Typed(code, out.getvalue(), err.getvalue())
    assert "Traceback" not in typed.out + typed.err, typed.err
    return typed


def records(study: Path) -> list[dict[str, Any]]:
    """The records below a study's folder."""
    return [json.loads(path.read_text("utf8")) for path in sorted(study.glob("*/record.json"))]


def order_of(err: str) -> list[tuple[str, int]]:
    """(arm, seed) of the runs in the order in which their lines were printed."""
    lines = [line for line in err.splitlines() if line.startswith("[")]
    parts = [line.split(": ")[0].split(" · ") for line in lines]
    return [(part[-2], int(part[-1].removeprefix("seed "))) for part in parts]


def without(overrides: Sequence[str], *names: str) -> list[str]:
    """The overrides but those of these settings."""
    return [override for override in overrides if override.partition("=")[0] not in names]


def end_joblib_processes() -> None:
    """End the processes that joblib keeps: they are in the folder of the test that started them."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)

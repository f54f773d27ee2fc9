"""LoRA: nothing changes at step 0, only the adapters and the head train, and merging changes no answer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.arms.families import (
    BARE,
    CAUSAL,
    CLASSIFY,
    LAYERS,
    LOOK,
    SEQ2SEQ,
    WIDTH,
    attested,
    published,
    seeded,
)

from headstart.arms.attest import Attestation, digests
from headstart.arms.layers import layout
from headstart.arms.lora import Lora
from headstart.errors import ConfigError

H, INNER, RANK = WIDTH, 64, 4
ADAPTERS = {  # inputs + outputs of every linear layer of the backbone
    "bert": LAYERS * (4 * (H + H) + 2 * (H + INNER)) + (H + H),
    "gpt2": LAYERS * ((H + 3 * H) + (H + H) + 2 * (H + INNER)),
    "t5": LAYERS * (12 * (H + H) + 4 * (H + INNER)),
}
HEAD = {"bert": H * 3 + 3, "gpt2": H * 3, "t5": H * H + H + H * 3 + 3}
CELLS = [("bert", CLASSIFY), ("gpt2", CLASSIFY), ("t5", CLASSIFY)]


def lora(**settings: Any) -> Lora:
    return Lora.model_validate({"kind": "lora", "rank": RANK, **settings})


def poured(family: str, task: str, start: Lora) -> Any:
    model = published(family, BARE)
    made = seeded(model, task)
    start.load_weights(made, model)
    return made.eval()


def answers(model: torch.nn.Module) -> torch.Tensor:
    ids = torch.arange(3, 15).remainder(50).reshape(2, 6)
    ids[:, -1] = 2  # the end, which encoder-decoders classify by
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits


def train(model: torch.nn.Module, names: frozenset[str], steps: int = 3) -> None:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.3)
    ids = torch.arange(3, 15).remainder(50).reshape(2, 6)
    ids[:, -1] = 2
    for _ in range(steps):
        model(input_ids=ids, labels=torch.tensor([0, 2])).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize(("family", "task"), CELLS)
def test_step_zero_is_that_of_the_poured_model(family: str, task: str) -> None:
    start = lora()
    model = poured(family, task, start)
    before, attestation = answers(model), Attestation(model)
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    names = start.adapt(model, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state), "adapters draw from a stream of their own"
    assert torch.equal(answers(model), before)
    attestation.follow()
    init = attestation.at_step_zero([], [], None)
    assert init["added"] == {"tensors": len(names), "parameters": RANK * ADAPTERS[family]}
    assert init["changed"].keys() == set(names)


@pytest.mark.parametrize(("family", "task"), CELLS)
def test_adapters_and_head_train_and_nothing_else(family: str, task: str) -> None:
    start = lora()
    model = poured(family, task, start)
    names = start.adapt(model)
    (stage,) = start.stages(model)
    assert stage.trainable == set(names) | layout(model).head
    sizes = {name: p.numel() for name, p in model.named_parameters()}
    assert sum(sizes[name] for name in stage.trainable) == RANK * ADAPTERS[family] + HEAD[family]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    train(model, stage.trainable)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed <= stage.trainable
    assert {name for name in names if ".lora_B." in name} & changed


@pytest.mark.parametrize(("family", "task"), CELLS)
def test_merging_changes_no_answer_and_leaves_the_plain_architecture(
    family: str, task: str, tmp_path: Path
) -> None:
    start = lora()
    model = poured(family, task, start)
    plain = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    untouched = answers(model)
    start.adapt(model)
    train(model, start.stages(model)[0].trainable)
    model.eval()
    expected, held = answers(model), digests(model.state_dict())
    settled: Any = start.merged(model)
    assert not torch.allclose(expected, untouched, atol=1e-3)
    torch.testing.assert_close(answers(settled), expected, atol=1e-5, rtol=1e-5)
    assert {name: tuple(t.shape) for name, t in settled.state_dict().items()} == plain
    assert digests(model.state_dict()) == held, "the model in training stays as it is"
    settled.save_pretrained(tmp_path)
    again, report = type(settled).from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    torch.testing.assert_close(answers(again.eval()), expected, atol=1e-5, rtol=1e-5)


def test_adapters_depend_on_their_seed_alone() -> None:
    made = []
    for seed, noise in ((1, 3), (1, 9), (2, 3)):
        model = poured("bert", CLASSIFY, lora())
        torch.rand(noise)
        names = lora().adapt(model, seed)
        made.append(digests({name: model.state_dict()[name] for name in names}))
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_a_skeleton_takes_adapters_without_numbers() -> None:
    model = published("bert", BARE)
    bare = model.skeleton(CLASSIFY, model.transformers_config(num_labels=3))
    names = lora().adapt(bare)
    solid = poured("bert", CLASSIFY, lora())
    assert names == lora().adapt(solid)
    assert {p.device.type for p in bare.parameters()} == {"meta"}
    assert lora().stages(bare) == lora().stages(solid)


def test_targets_are_ends_of_names_in_the_backbone() -> None:
    names = lora(targets=("query", "value")).adapt(poured("bert", CLASSIFY, lora()))
    assert len(names) == LAYERS * 2 * 2
    assert all(".query." in name or ".value." in name for name in names)
    dense = lora(targets=("output.dense",)).adapt(poured("bert", CLASSIFY, lora()))
    assert len(dense) == LAYERS * 2 * 2  # of the attention and of the feed-forward part
    with pytest.raises(ConfigError, match=r"arm\.targets: q_proj names no linear layer; they end in dense"):
        lora(targets=("q_proj", "query")).adapt(poured("bert", CLASSIFY, lora()))
    with pytest.raises(ConfigError, match="an empty list names no linear layer"):
        lora(targets=()).adapt(poured("bert", CLASSIFY, lora()))


def test_what_stays_random_gets_no_adapter_but_trains() -> None:
    start = lora(newly_initialised=("pooler",))
    model = poured("bert", CLASSIFY, start)
    names = start.adapt(model)
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert not any("pooler" in name for name in names)
    assert pooler < start.stages(model)[0].trainable


@pytest.mark.parametrize(("family", "task"), [("gpt2", CAUSAL), ("t5", SEQ2SEQ)])
def test_a_language_model_without_a_head_of_its_own_trains_its_adapters(family: str, task: str) -> None:
    start = lora()
    model = poured(family, task, start)
    names = start.adapt(model)
    assert start.stages(model)[0].trainable == set(names)
    assert not any("lm_head" in name for name in names)


def test_convolutions_have_nothing_to_adapt() -> None:
    with pytest.raises(ConfigError, match="has no linear layers for LoRA"):
        lora().adapt(seeded(published("resnet", BARE), LOOK))


def test_the_attested_start_is_that_of_the_pretrained_arm() -> None:
    from headstart.arms.kinds import Pretrained

    arms = (lora(), Pretrained(kind="pretrained"))
    adapted, plain = (attested(arm, published("bert", BARE), CLASSIFY)[1] for arm in arms)
    assert adapted == plain


def test_the_transposed_layers_of_gpt2_are_adapted_without_a_warning() -> None:
    model = poured("gpt2", CLASSIFY, lora())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lora().adapt(model)

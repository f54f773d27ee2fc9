"""Checkpoints as people have them, loaded right or refused by name: adapters, wrappers, shards, numbers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tests.arms.families import ANSWER, BARE, CAUSAL, CLASSIFY, MASKED, attested, publish, published, seeded

from headstart.arms.kinds import Pretrained
from headstart.errors import WeightsError
from headstart.models.model import Model
from headstart.records.attestation import contradictions
from headstart.records.sections import Init

Tensors = dict[str, torch.Tensor]


def pretrained(adapter: str = "refuse") -> Pretrained:
    return Pretrained.model_validate({"kind": "pretrained", "adapter": adapter})


def loaded(folder: Path, task: str = CLASSIFY, adapter: str = "refuse") -> Tensors:
    """The model that starts from the weights in `folder`."""
    made, init = attested(pretrained(adapter), Model(name=str(folder)), task)
    assert list(contradictions(Init.model_validate(init))) == []
    return made.state_dict()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(publish("bert", BARE, tmp_path / "published").name)


def rewrite(folder: Path, change: Callable[[Tensors], Tensors], name: str = "model.safetensors") -> None:
    stored = load_file(folder / "model.safetensors")
    save_file(change(stored), folder / name, metadata={"format": "pt"})


def adapt(folder: Path, task: str = CLASSIFY, **settings: Any) -> Tensors:
    """Put a trained LoRA adapter beside the weights; the backbone that peft itself makes of both."""
    torch.manual_seed(4)
    made = seeded(Model(name=str(folder)), task)
    pretrained().load_weights(made, Model(name=str(folder)))
    adapted: Any = get_peft_model(made, LoraConfig(r=2, **settings))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name or "modules_to_save" in name:
                parameter.normal_()
    adapted.save_pretrained(folder)
    return adapted.merge_and_unload().state_dict()


BERT: dict[str, Any] = {"target_modules": ["query", "value"]}


class TestAdapterBesideWeights:
    def test_it_is_refused_unless_one_says_what_to_do(self, folder: Path) -> None:
        adapt(folder, **BERT)
        with pytest.raises(
            WeightsError, match=r"has an adapter .* choose arm\.adapter=merge .* or arm\.adap"
        ):
            loaded(folder)

    def test_ignored_it_changes_nothing(self, folder: Path) -> None:
        plain, digest = loaded(folder), pretrained().weights_digest(Model(name=str(folder)))
        adapt(folder, **BERT)
        alone = loaded(folder, adapter="ignore")
        assert all(torch.equal(alone[name], tensor) for name, tensor in plain.items())
        assert pretrained("ignore").weights_digest(Model(name=str(folder))) == digest

    @pytest.mark.parametrize(
        ("family", "task", "settings"),
        [
            ("bert", CLASSIFY, BERT),
            ("bert", CLASSIFY, {"target_modules": "all-linear"}),
            ("bert", CLASSIFY, {**BERT, "task_type": "SEQ_CLS", "modules_to_save": ["classifier", "pooler"]}),
            ("bert", MASKED, BERT),
            ("gpt2", CAUSAL, {"target_modules": ["c_attn"], "fan_in_fan_out": True}),
            ("gpt2", CLASSIFY, {"target_modules": ["c_attn", "score"], "fan_in_fan_out": True}),
            ("llama", CAUSAL, {"target_modules": ["q_proj"], "use_rslora": True, "task_type": "CAUSAL_LM"}),
            ("t5", CLASSIFY, {"target_modules": ["q", "v"]}),
        ],
    )
    def test_merged_it_is_what_peft_makes_of_it(
        self, tmp_path: Path, family: str, task: str, settings: dict[str, Any]
    ) -> None:
        model = publish(family, task if task != CLASSIFY else BARE, tmp_path / "adapted")
        arm, other = pretrained(), pretrained("merge")
        arm = arm.model_copy(update={"newly_initialised": ("pooler",)})
        before = arm.weights_digest(model)
        expected = adapt(tmp_path / "adapted", task, **settings)
        made, init = attested(other.model_copy(update={"newly_initialised": ("pooler",)}), model, task)
        names = init["checkpoint"]["tensors"]
        plain, _ = attested(arm.model_copy(update={"adapter": "ignore"}), model, task)
        assert any(not torch.equal(plain.state_dict()[n], expected[n]) for n in names)
        for name in names:
            torch.testing.assert_close(made.state_dict()[name], expected[name], atol=1e-6, rtol=1e-6)
        assert other.weights_digest(model) == init["checkpoint"]["sha256"] != before

    def test_it_merges_into_the_model_of_another_task(self, folder: Path) -> None:
        expected = adapt(folder, CLASSIFY, **BERT, modules_to_save=["classifier"])
        merged = loaded(folder, ANSWER, "merge")
        for name in (n for n in merged if n.startswith("bert.encoder")):
            torch.testing.assert_close(merged[name], expected[name], atol=1e-6, rtol=1e-6)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            (lambda tensors: {n.replace(".bert.", ".model."): t for n, t in tensors.items()}, "do not match"),
            (lambda tensors: dict(list(tensors.items())[1:]), "1 tensors of its adapter .* do not match"),
            (
                lambda tensors: {n: torch.zeros(2, 7) for n in tensors},
                "cannot be merged into BertFor.*size mism",
            ),
        ],
    )
    def test_an_adapter_that_does_not_fit_is_refused(self, folder: Path, change: Any, sentence: str) -> None:
        adapt(folder, **BERT)
        path = folder / "adapter_model.safetensors"
        save_file(change(load_file(path)), path, metadata={"format": "pt"})
        with pytest.raises(WeightsError, match=sentence):
            loaded(folder, adapter="merge")

    def test_prompts_cannot_be_merged(self, folder: Path) -> None:
        made = seeded(Model(name=str(folder)), CLASSIFY)
        kind = PromptTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2)
        get_peft_model(made, kind).save_pretrained(str(folder))
        with pytest.raises(WeightsError, match=r"its adapter \(PROMPT_TUNING\) cannot be merged"):
            loaded(folder, adapter="merge")

    def test_settings_without_an_adapter(self, folder: Path) -> None:
        adapt(folder, **BERT)
        (folder / "adapter_model.safetensors").unlink()
        with pytest.raises(WeightsError, match=r"has adapter_config\.json but no adapter_model\.safetensors"):
            loaded(folder, adapter="merge")


@pytest.mark.parametrize("config", [True, False])
@pytest.mark.parametrize("cached", [True, False])
def test_an_adapter_alone_says_so(
    folder: Path, config: bool, cached: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapt(folder, **BERT)
    (folder / "model.safetensors").unlink()
    if not config:
        (folder / "config.json").unlink()
    name = str(folder)
    if cached:
        place = tmp_path / "hub/models--somebody--adapter"
        shutil.copytree(folder, place / "snapshots/1")
        (place / "refs").mkdir()
        (place / "refs/main").write_text("1", "utf8")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        name = "somebody/adapter"
    with pytest.raises(WeightsError, match=r"holds an adapter without the weights that it was trained on \("):
        pretrained().weights_digest(Model(name=name))


WRAPPED: dict[str, Callable[[str], str]] = {
    "DistributedDataParallel": lambda name: f"module.{name}",
    "torch.compile": lambda name: f"_orig_mod.{name}",
    "both": lambda name: f"module._orig_mod.{name}",
    "a LightningModule": lambda name: f"model.{name}",
    "a compiled part": lambda name: name.replace("layer.1.", "layer.1._orig_mod.").replace(
        "h.1.", "h.1._orig_mod."
    ),
    "a wrapper in a wrapper": lambda name: f"model.module.{name}",
}


@pytest.mark.parametrize("wrapper", WRAPPED)
@pytest.mark.parametrize(
    ("family", "source", "task"),
    [("bert", BARE, CLASSIFY), ("bert", MASKED, MASKED), ("llama", CAUSAL, CAUSAL), ("gpt2", BARE, CLASSIFY)],
)
def test_wrapped_names_are_loaded_right(
    tmp_path: Path, wrapper: str, family: str, source: str, task: str
) -> None:
    plain = published(family, source)
    shutil.copytree(plain.name, tmp_path / "wrapped")
    rewrite(tmp_path / "wrapped", lambda stored: {WRAPPED[wrapper](n): t for n, t in stored.items()})
    fresh = {"newly_initialised": ("pooler",)}
    _, before = attested(pretrained().model_copy(update=fresh), plain, task)
    _, init = attested(pretrained().model_copy(update=fresh), Model(name=str(tmp_path / "wrapped")), task)
    assert init["checkpoint"]["tensors"] == before["checkpoint"]["tensors"]


def shard(folder: Path, number: int = 2) -> None:
    stored = load_file(folder / "model.safetensors")
    names = [f"model-{i + 1:05}-of-{number:05}.safetensors" for i in range(number)]
    place = {name: names[i % number] for i, name in enumerate(stored)}
    for file in names:
        part = {name: t for name, t in stored.items() if place[name] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": place}), "utf8")


def alone(folder: Path) -> None:
    shard(folder)
    (folder / "model.safetensors").unlink()


def without_second(folder: Path) -> None:
    alone(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def without_second_and_index(folder: Path) -> None:
    without_second(folder)
    (folder / "model.safetensors.index.json").unlink()


def quantize(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf8"))
    config["quantization_config"] = {"quant_method": "bitsandbytes", "load_in_8bit": True}
    (folder / "config.json").write_text(json.dumps(config), "utf8")


def with_number(number: float) -> Callable[[Path], None]:
    def change(stored: Tensors) -> Tensors:
        stored["encoder.layer.1.output.dense.bias"][3] = number
        return stored

    return lambda folder: rewrite(folder, change)


def cast(dtype: torch.dtype) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, lambda stored: {n: t.to(dtype) for n, t in stored.items()})


def rename(change: Callable[[str], str]) -> Callable[[Path], None]:
    return lambda folder: rewrite(folder, lambda stored: {change(n): t for n, t in stored.items()})


REFUSED: list[tuple[Callable[[Path], None], str]] = [
    (without_second, r"lacks model-00002-of-00002\.safetensors, one of 2 files of its weights; fetch"),
    (without_second_and_index, r"lacks model-00002-of-00002\.safetensors, one of 2 files"),
    (shard, r"holds two sets of weights, model\.safetensors and model-00001-of-00002\.safetensors;"),
    (quantize, r"are quantised \(bitsandbytes\)"),
    (cast(torch.int8), "holds quantised weights "),
    (cast(torch.uint8), "holds quantised weights "),
    (cast(torch.float8_e4m3fn), "holds quantised weights "),
    (with_number(float("nan")), r"NaN or infinite numbers in 1 tensors \(bert\.encoder\.layer\.1\.out"),
    (with_number(float("inf")), r"NaN or infinite numbers in 1 tensors"),
    (rename(lambda name: f"student.{name}"), "would silently stay random"),
    (rename(lambda name: f"module.{name}" if "1." in name else name), r"are missing from .* \(bert\.enc"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), REFUSED)
def test_what_cannot_be_loaded_is_refused_by_name(
    folder: Path, change: Callable[[Path], None], sentence: str
) -> None:
    change(folder)
    with pytest.raises(WeightsError, match=sentence):
        loaded(folder)


def variant(folder: Path) -> None:
    rewrite(
        folder, lambda stored: {n: torch.zeros_like(t) for n, t in stored.items()}, "model.fp16.safetensors"
    )


@pytest.mark.parametrize("change", [alone, variant])
def test_shards_are_read_and_variants_left(folder: Path, change: Callable[[Path], None]) -> None:
    before = loaded(folder)
    change(folder)
    assert all(torch.equal(before[name], tensor) for name, tensor in loaded(folder).items())

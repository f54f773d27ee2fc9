"""Dtypes: whatever type a checkpoint was stored in and run with, both arms train float32 from its numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as tf
from tests.arms.families import ANSWER, BERT, CAUSAL, CLASSIFY, FAMILIES, LOOK, SEQ2SEQ, TEXT, publish
from tests.studies.command import headstart, records

from headstart.arms.attest import dtypes
from headstart.arms.kinds import Pretrained
from headstart.arms.layers import layout
from headstart.errors import ConfigError, WeightsError
from headstart.models.model import Model

HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
WHOLE = Pretrained(kind="pretrained", newly_initialised=("pooler",))
HOW_IT_RAN = {
    "return_dict": False,
    "output_hidden_states": True,
    "output_attentions": True,
    "attn_implementation": "eager",
    "gradient_checkpointing": True,
    "torchscript": True,
    "use_cache": False,
}


def edit(folder: Path, **settings: Any) -> None:
    """Change config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf8")) | settings), "utf8")


def halved(family: str, dtype: str, folder: Path) -> Model:
    """A checkpoint of a family that was saved in a half-precision type, as its authors would."""
    model = publish(family, FAMILIES[family].pretraining, folder)
    auto = getattr(tf, FAMILIES[family].pretraining)
    auto.from_pretrained(folder, dtype=HALF[dtype]).save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text("utf8"))["dtype"] == dtype
    return model


def own(**settings: Any) -> Model:
    """A BERT by its architecture alone."""
    architecture = {"model_type": "bert", **BERT, **settings}
    return Model.read({"name": "mine", "max_length": 64, "architecture": architecture})


def inputs(model: Any) -> dict[str, torch.Tensor]:
    """Two rows of what a model reads."""
    if not hasattr(model.config, "vocab_size") and hasattr(model.config, "num_channels"):
        return {"pixel_values": torch.randn(2, 3, 16, 16)}
    ids = torch.randint(3, 50, (2, 8))
    ids[:, -1] = 2  # where T5 looks for the end of a text
    more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    return {"input_ids": ids, **more}


def trained(model: Any, steps: int = 3) -> None:
    """A few steps of a size that a half-precision weight of 1 would not show."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model.eval()
    for _ in range(steps):
        output = model(**inputs(model))
        (output.start_logits if "start_logits" in output else output.logits).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize(
    ("family", "task", "dtype"),
    [
        ("bert", CLASSIFY, "bfloat16"),
        ("modernbert", CLASSIFY, "float16"),
        ("gpt2", CAUSAL, "float16"),
        ("llama", CAUSAL, "bfloat16"),
        ("t5", SEQ2SEQ, "bfloat16"),
        ("bart", ANSWER, "float16"),
        ("vit", LOOK, "bfloat16"),
        ("resnet", LOOK, "float16"),
    ],
)
def test_both_arms_train_float32_from_a_half_precision_checkpoint(
    family: str, task: str, dtype: str, tmp_path: Path
) -> None:
    model = halved(family, dtype, tmp_path)
    config = model.transformers_config()
    scratch, pretrained = (model.seeded(task, config, 0) for _ in range(2))
    stored = (WHOLE.load_weights(pretrained, model).checkpoint or {})["dtypes"]
    half = stored[{"bfloat16": "BF16", "float16": "F16"}[dtype]]
    assert half >= sum(stored.values()) - 8  # but for counted batches
    for made in (scratch, pretrained, model.skeleton(task, config)):
        parameters = sum(p.numel() for p in made.parameters())
        assert dtypes(made) == {"dtypes": {"float32": parameters}, "not_float32": {}}
    for made in (scratch, pretrained):
        norms = sorted(layout(made).norms & {name for name, _ in made.named_parameters()})
        before = {name: made.get_parameter(name).detach().clone() for name in norms}
        trained(made)
        moved = [name for name in norms if not made.get_parameter(name).equal(before[name])]
        assert [name for name in norms if name.endswith("weight") and name not in moved] == [] != norms


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_nested_configurations_are_float32_too(key: str, tmp_path: Path) -> None:
    bert = tf.BertConfig(**BERT, hidden_act="gelu")
    decoder = tf.BertConfig(**BERT, is_decoder=True, add_cross_attention=True)
    tf.EncoderDecoderConfig(
        encoder=bert.to_dict(), decoder=decoder.to_dict(), **TEXT, decoder_start_token_id=1
    ).save_pretrained(tmp_path)
    whole = json.loads((tmp_path / "config.json").read_text("utf8"))
    halves = {side: whole[side] | {key: "bfloat16"} for side in ("encoder", "decoder")}
    edit(tmp_path, **halves, **{key: "float16"})
    model = Model(name=str(tmp_path))
    made = model.seeded(SEQ2SEQ, model.transformers_config(), 0)
    assert dtypes(made)["not_float32"] == {}


@pytest.mark.parametrize(("family", "task"), [("bert", CLASSIFY), ("gpt2", CLASSIFY), ("t5", SEQ2SEQ)])
def test_how_a_checkpoint_was_run_changes_no_output(family: str, task: str, tmp_path: Path) -> None:
    plain = publish(family, FAMILIES[family].pretraining, tmp_path / "plain")
    other = publish(family, FAMILIES[family].pretraining, tmp_path / "other")
    edit(tmp_path / "other", **HOW_IT_RAN)
    one, two = (made.seeded(task, made.transformers_config(), 0).eval() for made in (plain, other))
    given = inputs(one)
    # close, not equal: use_cache changes the layout of keys and values, and with it the order of sums
    torch.testing.assert_close(two(**given).logits, one(**given).logits, rtol=1e-5, atol=1e-5)
    assert two(**given).get("hidden_states") is None


def test_a_quantised_checkpoint_is_refused(tmp_path: Path) -> None:
    model = publish("bert", FAMILIES["bert"].pretraining, tmp_path)
    edit(tmp_path, quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    with pytest.raises(WeightsError, match=r"are quantised \(bitsandbytes\).*choose the checkpoint that"):
        model.transformers_config()


def test_a_dtype_that_a_user_asks_for_is_refused() -> None:
    asked = own(dtype="bfloat16")
    with pytest.raises(
        ConfigError, match=r"architecture.dtype: weights are float32, got 'bfloat16'.*precision"
    ):
        asked.transformers_config()


def test_an_architecture_with_a_dtype_of_its_own_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = tf.BertForSequenceClassification._init_weights
    monkeypatch.setattr(
        tf.BertForSequenceClassification,
        "_init_weights",
        lambda self, module: (made(self, module), module.to(torch.float16))[0],
    )
    model = own()
    with pytest.raises(ConfigError, match=r"parameters in another type than float32 \(.* is float16\)"):
        model.seeded(CLASSIFY, model.transformers_config(), 0)


@pytest.mark.usefixtures("unreported")
def test_the_record_says_what_was_stored_and_what_trained(quick: list[str], tiny_model: Path) -> None:
    import shutil

    folder = Path("half")
    shutil.copytree(tiny_model, folder)
    tf.AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    typed = headstart(*quick, f"model.name={folder}", "arm=pretrained", "seed=0", "hydra.mode=RUN")
    assert typed.code == 0, typed.err
    (record,) = records(Path("runs/quick"))
    assert record["init"]["dtypes"] == {"float32": record["cost"]["parameters"]["all"]}
    assert record["init"]["checkpoint"]["dtypes"] == {"BF16": len(record["init"]["checkpoint"]["tensors"])}
    assert record["status"] == "finished"

"""Sizes that do not fit: known before training, by the plan too, with both numbers in the sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.arms.families import publish
from tests.conftest import WORDS
from tests.studies.command import headstart

from headstart.errors import ConfigError
from headstart.models.model import Model
from headstart.tasks.pixels import pixel_format

TOKENS = 6 + len(WORDS)  # of the tokenizer of `tiny_model`


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that may be spoilt."""
    return shutil.copytree(tiny_model, tmp_path / "spoilt")


def edit(path: Path, **settings: Any) -> None:
    """Change the settings in a JSON file; null takes one away."""
    changed = json.loads(path.read_text("utf8")) | settings
    path.write_text(json.dumps({name: value for name, value in changed.items() if value is not None}), "utf8")


@pytest.mark.parametrize(
    ("config", "tokenizer", "max_length", "sentence"),
    [
        ({"vocab_size": 20}, {}, 32, rf"spoilt has 20 rows \(vocab_size\) and its tokenizer {TOKENS} tokens"),
        ({"max_position_embeddings": 40}, {}, 48, r"max_length: 48 tokens do not fit the 40 positions"),
        ({}, {"model_max_length": 512}, 128, r"max_length: 128 tokens do not fit the 64 positions"),
        ({"model_type": "roberta"}, {"pad_token": "[SEP]"}, 64, r"64 tokens do not fit the 60 positions"),
        ({}, {"pad_token": None}, 32, r"neither a padding nor an end token.*set pad_token"),
        (
            {"model_type": "gpt2", "n_positions": 16, "max_position_embeddings": None},
            {},
            32,
            r"32 tokens do not fit the 16 positions",
        ),
        (
            {"model_type": "bart", "decoder_start_token_id": 99, "vocab_size": 50},
            {},
            32,
            r"begins with token 99 \(decoder_start_token_id\) and its embedding has 50 rows",
        ),
    ],
)
def test_a_tokenizer_and_a_configuration_that_disagree(
    config: dict[str, Any], tokenizer: dict[str, Any], max_length: int, sentence: str, folder: Path
) -> None:
    Model(name=str(folder), max_length=max_length).load_tokenizer()
    edit(folder / "config.json", **config)
    edit(folder / "tokenizer_config.json", **tokenizer)
    with pytest.raises(ConfigError, match=sentence):
        Model(name=str(folder), max_length=max_length).load_tokenizer()


def test_a_tokenizer_of_another_model_is_larger_than_the_embedding(folder: Path, tiny_model: Path) -> None:
    edit(folder / "config.json", vocab_size=8)
    model = Model.read({"name": str(folder), "tokenizer": {"name": str(tiny_model)}, "max_length": 32})
    with pytest.raises(ConfigError, match=rf"8 rows \(vocab_size\) and its tokenizer {TOKENS} tokens"):
        model.load_tokenizer()


def test_a_model_without_a_limit_of_positions_takes_any_length(folder: Path) -> None:
    edit(folder / "config.json", model_type="t5", max_position_embeddings=None, n_positions=16)
    Model(name=str(folder), max_length=60).load_tokenizer()


def test_images_that_make_no_whole_patches(tmp_path: Path) -> None:
    model = publish("vit", "AutoModelForImageClassification", tmp_path)
    assert pixel_format(model, 20).height == 20
    with pytest.raises(ConfigError, match=r"images of 18 x 18 pixels make no whole patches of 4 x 4"):
        pixel_format(model, 18)


@pytest.mark.usefixtures("unreported")
def test_the_plan_knows_it_and_nothing_is_trained(quick: list[str], folder: Path, tmp_path: Path) -> None:
    edit(folder / "config.json", vocab_size=20)
    for command in (("plan",), ()):
        typed = headstart(*command, *quick, f"model.name={folder}", "arm=scratch", "seed=0")
        assert typed.code == 2 and f"20 rows (vocab_size) and its tokenizer {TOKENS} tokens" in typed.err
    assert not list((tmp_path / "runs").glob("**/curve.jsonl"))

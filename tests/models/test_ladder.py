"""Architectures defined here: every yaml builds, and has the parameters of a formula and of its words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.models.text import write

from headstart.errors import ConfigError
from headstart.models import compatibility
from headstart.models.ladder import Ladder
from headstart.models.listing import count
from headstart.models.model import Model
from headstart.studies.config_search import shipped

FAMILIES = ("encoder", "decoder", "encoder_decoder")
GRID = [(layers, width) for layers in (2, 4, 6, 8) for width in (128, 256, 512)]
YAMLS = {path.stem: yaml.safe_load(path.read_text("utf8")) for path in shipped().glob("model/*.yaml")}
OURS = sorted(name for name, given in YAMLS.items() if given.get("ladder") or given.get("architecture"))


def bert(layers: int, width: int, rows: int, positions: int = 512) -> int:
    """Embeddings with two segments, blocks, pooler."""
    embeddings = (rows + positions + 2) * width + 2 * width
    return embeddings + layers * (12 * width**2 + 13 * width) + width**2 + width


def gpt2(layers: int, width: int, rows: int, positions: int = 512) -> int:
    """Embeddings, blocks, last norm; the output layer is the embedding table."""
    return (rows + positions) * width + layers * (12 * width**2 + 13 * width) + 2 * width


def t5(layers: int, width: int, rows: int) -> int:
    """One embedding table, two stacks without biases, 32 relative positions per head and stack."""
    encoder, decoder = 12 * width**2 + 2 * width, 16 * width**2 + 3 * width
    return rows * width + layers * (encoder + decoder) + 2 * width + 2 * 32 * (width // 64)


def llama(layers: int, width: int, rows: int) -> int:
    """Four attention and three gated matrices per block, no biases, no positions."""
    return rows * width + layers * (16 * width**2 + 2 * width) + width


def vit(layers: int, width: int, image: int, patch: int, channels: int) -> int:
    """Patches, class token, positions, blocks, last norm, pooler."""
    places = (image // patch) ** 2 + 1
    embeddings = patch**2 * channels * width + width + width + places * width
    return embeddings + layers * (12 * width**2 + 13 * width) + 2 * width + width**2 + width


def resnet(widths: tuple[int, ...], channels: int) -> int:
    """A 7 x 7 stem, then one block of two 3 x 3 convolutions per width, each with a norm; 1 x 1 shortcuts."""
    total, below = 49 * channels * widths[0] + 2 * widths[0], widths[0]
    for place, width in enumerate(widths):
        total += 9 * below * width + 9 * width**2 + 4 * width
        total += (below * width + 2 * width) if below != width or place else 0
        below = width
    return total


RUNGS: dict[str, Callable[[int, int, int], int]] = {"encoder": bert, "decoder": gpt2, "encoder_decoder": t5}
OTHERS = {
    "bert_tiny": bert(2, 128, 30522),
    "bert_mini": bert(4, 256, 30522),
    "bert_small": bert(4, 512, 30522),
    "bert_medium": bert(8, 512, 30522),
    "llama_l4_h256": llama(4, 256, 8192),
    "vit_tiny": vit(4, 128, image=8, patch=2, channels=1),
    "cnn_tiny": resnet((32, 64), channels=1),
}


def expected(name: str) -> int:
    """Parameters of a yaml by the formula of its family."""
    rung = YAMLS[name].get("ladder")
    if rung is None:
        return OTHERS[name]
    size = YAMLS[name]["tokenizer"]["train"]["size"]
    return RUNGS[rung["family"]](rung["layers"], rung["width"], size)


def on_small_text(name: str, folder: Path) -> Model:
    """The model of a yaml, its tokenizer trained on a page of text instead of the docstrings."""
    given = dict(YAMLS[name])
    train = (given.get("tokenizer") or {}).get("train")
    if train:
        files = {"docs": None, "files": write(folder), "algorithm": "bpe"}
        given["tokenizer"] = {"train": {**train, **files, "size": 600}}
    return Model.read(given)


@pytest.mark.parametrize("name", OURS)
def test_has_the_parameters_of_its_formula_and_of_its_first_line(name: str) -> None:
    counted = count(Model.read(YAMLS[name]))
    assert counted == expected(name)
    first = (shipped() / "model" / f"{name}.yaml").read_text("utf8").splitlines()[0]
    said = re.search(r"([\d.]+) M parameters", first)
    assert said
    assert said[1] == f"{expected(name) / 1e6:.1f}"


@pytest.mark.parametrize("name", OURS)
def test_builds_with_every_head_that_makes_sense(name: str, tmp_path: Path) -> None:
    model = on_small_text(name, tmp_path)
    heads = [head for head in compatibility.HEADS if not _refused(model, head)]
    assert len(heads) >= (1 if model.family() == "vision" else 2)
    config = model.transformers_config(num_labels=3)
    if model.family() != "vision" and model.ladder:
        assert config.vocab_size == 600
        assert None not in (config.pad_token_id, config.eos_token_id)
    for head in heads:
        skeleton = model.skeleton(head, config)
        assert {weights.device.type for weights in skeleton.parameters()} == {"meta"}


def _refused(model: Model, head: str) -> bool:
    try:
        model.check_head(head)
    except ConfigError:
        return True
    return False


@pytest.mark.parametrize(("layers", "width"), GRID)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_rung_of_the_grid_has_the_parameters_of_its_formula(
    family: Any, layers: int, width: int
) -> None:
    rung = Ladder(family=family, layers=layers, width=width)
    architecture = {**rung.architecture(), "vocab_size": 1000}
    model = Model.read({"name": "x", "architecture": architecture})
    assert count(model) == RUNGS[family](layers, width, 1000)


@pytest.mark.parametrize("name", [name for name in OURS if YAMLS[name].get("ladder")])
def test_a_file_is_named_after_its_rung(name: str) -> None:
    model = Model.read(YAMLS[name])
    assert model.name == f"here/{name.replace('_', '-')}"


def test_turcs_grid_is_complete_for_encoders() -> None:
    rungs = [given["ladder"] for given in YAMLS.values() if given.get("ladder")]
    encoders = {(rung["layers"], rung["width"]) for rung in rungs if rung["family"] == "encoder"}
    assert encoders == set(GRID)


def test_the_start_depends_on_the_seed_and_on_nothing_else(tmp_path: Path) -> None:
    import torch

    model = on_small_text("encoder_l2_h128", tmp_path)
    config = model.transformers_config(num_labels=3)
    one, again, other = (
        model.seeded("AutoModelForSequenceClassification", config, s).state_dict() for s in (5, 5, 6)
    )
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])


class TestWhatIsRefused:
    """With the path, what was got, and what to do."""

    @pytest.mark.parametrize(
        ("rung", "told"),
        [
            ({"family": "encoder", "layers": 2, "width": 100}, r"ladder.width: .*multiple of 64, got 100"),
            (
                {"family": "encoder", "layers": 0, "width": 128},
                r"ladder.layers: .*than or equal to 1",
            ),
            ({"family": "encodr", "layers": 2, "width": 128}, r"ladder.family: .*'encoder', 'decoder'"),
            ({"family": "encoder", "layers": 2}, r"ladder.width: is missing"),
            (
                {"family": "encoder", "layers": 2, "widht": 128},
                r"ladder.widht: no such setting; did you",
            ),
        ],
    )
    def test_a_rung_that_is_none(self, rung: dict[str, Any], told: str) -> None:
        with pytest.raises(ConfigError, match=told):
            Model.read({"ladder": rung})

    def test_a_name_that_contradicts_the_rung(self) -> None:
        rung = {"family": "encoder", "layers": 4, "width": 128}
        with pytest.raises(ConfigError, match=r"the ladder says here/encoder-l4-h128, got .*leave name out"):
            Model.read({"name": "here/encoder-l2-h128", "ladder": rung})

    def test_a_rung_and_an_architecture(self) -> None:
        rung = {"family": "encoder", "layers": 4, "width": 128}
        with pytest.raises(ConfigError, match="either architecture or ladder"):
            Model.read({"ladder": rung, "architecture": {"model_type": "bert"}})

    def test_rows_longer_than_its_positions(self) -> None:
        rung = {"family": "decoder", "layers": 2, "width": 64, "positions": 64}
        with pytest.raises(ConfigError, match="max_length: 65 tokens do not fit 64 positions"):
            Model.read({"ladder": rung, "max_length": 65})
        assert Model.read({"ladder": {**rung, "family": "encoder_decoder"}, "max_length": 65}).longest is None

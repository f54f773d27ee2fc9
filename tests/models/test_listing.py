"""Listing: every yaml with its size and whether its weights are here, without a network, quick when kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.cache import cache_dir
from headstart.models.listing import Listed, count, listed, yamls
from headstart.models.model import Model
from headstart.studies.config_search import shipped


@pytest.fixture(scope="module")
def found(shared_cache: Path) -> dict[str, Listed]:
    """What ships, by choice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return {each.choice: each for each in listed(yamls([shipped()]))}


def test_every_choice_that_names_a_model_is_listed(found: dict[str, Listed]) -> None:
    names = {path.stem for path in shipped().glob("model/*.yaml")}
    assert names - set(found) == {"hub"}
    assert list(found) == sorted(found)


def test_sizes_of_what_is_defined_here_are_counted(found: dict[str, Listed]) -> None:
    assert found["bert_tiny"].parameters == 4_385_920
    assert found["encoder_l2_h128"].weights == "none yet"
    assert found["vit_tiny"].family == "vision"
    assert found["llama_l4_h256"].family == "decoder"


def test_what_is_not_here_is_not_guessed(found: dict[str, Listed]) -> None:
    roberta = found["roberta"]
    assert (roberta.parameters, roberta.family, roberta.weights) == (None, None, "on the hub")


def test_a_checkpoint_on_this_machine_is_counted_from_its_config(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text(f"name: {tiny_model}\n", "utf8")
    (mine,) = listed(yamls([tmp_path]))
    assert (mine.choice, mine.family, mine.weights) == ("mine", "encoder", "cached")
    assert mine.parameters == _parameters(tiny_model)


def _parameters(folder: Path) -> int:
    from transformers import AutoModel

    return sum(weights.numel() for weights in AutoModel.from_pretrained(folder).parameters())


def test_counts_are_kept(tiny_model: Path) -> None:
    model = Model(name=str(tiny_model))
    first = count(model)
    kept = {path: path.stat().st_mtime_ns for path in (cache_dir() / "parameters").iterdir()}
    assert count(model) == first
    assert {path: path.stat().st_mtime_ns for path in (cache_dir() / "parameters").iterdir()} == kept


def test_the_second_time_nothing_heavy_is_imported_and_no_tokenizer_trained(found: dict[str, Listed]) -> None:
    program = (
        "import sys\n"
        "from headstart.models.listing import listed, yamls\n"
        "from headstart.studies.config_search import shipped\n"
        "print(len(listed(yamls([shipped()]))))\n"
        "heavy = ('torch', 'transformers', 'datasets', 'tokenizers')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == [str(len(found)), "[]"]


def test_a_yaml_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for name, text in (
        ("broken", "name: [\n"),
        ("odd", "nmae: x\n"),
        ("open", "name: ???\n"),
        ("list", "- a\n"),
    ):
        (tmp_path / "model" / f"{name}.yaml").write_text(text, "utf8")
    assert listed(yamls([tmp_path])) == []


def test_a_folder_that_comes_first_keeps_its_names(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "minilm.yaml").write_text("name: other\n", "utf8")
    by_name = {path.stem: path for path in yamls([shipped(), tmp_path])}
    assert by_name["minilm"].is_relative_to(shipped())
    assert list(yamls([tmp_path / "nowhere"])) == []

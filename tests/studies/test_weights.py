"""The weights of all arms are tried before the first run trains, and a mistake is said once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.arms.families import (
    CAUSAL,
    CLASSIFY,
    FAMILIES,
    LOOK,
    MASKED,
    SEQ2SEQ,
    labels,
    published,
    seeded,
)
from tests.studies.command import headstart, records

from headstart.arms.kinds import Derived, Pretrained

pytestmark = pytest.mark.usefixtures("unreported")


@pytest.fixture
def typed(quick: list[str], tiny_model: Path, tmp_path: Path) -> list[str]:
    """A study of one step per run, with a model whose files a test may damage."""
    shutil.copytree(tiny_model, tmp_path / "published")
    words = [word for word in quick if not word.startswith("model.name")]
    short = ["model.name=published", "budget.epochs=null", "budget.steps=1", "budget.evaluations=1"]
    return [*words, *short]


def rewrite(change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    path = Path("published/model.safetensors")
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def more_layers() -> None:
    path = Path("published/config.json")
    path.write_text(json.dumps(json.loads(path.read_text("utf8")) | {"num_hidden_layers": 3}), "utf8")


DAMAGES: list[tuple[Callable[[], object], str]] = [
    (lambda: Path("published/model.safetensors").unlink(), "the folder published has no weights"),
    (more_layers, "32 of 57 tensors of the model are missing from the folder published"),
    (lambda: rewrite(lambda stored: {n: t / 0 for n, t in stored.items()}), "NaN or infinite numbers in 23"),
    (lambda: Path("published/adapter_config.json").write_text("{}"), "has an adapter (adapter_config.json)"),
    (lambda: Path("published/model.safetensors").write_bytes(b"\x10"), "is corrupt or half downloaded"),
]


@pytest.mark.parametrize(("damage", "sentence"), DAMAGES)
def test_a_mistake_is_said_once_and_nothing_trains(
    typed: list[str], damage: Callable[[], object], sentence: str
) -> None:
    damage()
    ended = headstart(*typed, "arm=scratch,pretrained,lora", "seed=0")
    assert ended.code == 1
    assert ended.err.count(sentence) == 1 == len(ended.err.splitlines()), ended.err
    assert records(Path("runs/quick")) == []


def test_every_mistake_of_a_study_is_said_at_once(typed: list[str]) -> None:
    shutil.copytree("published", "empty")
    Path("empty/model.safetensors").unlink()
    rewrite(lambda stored: {n: t for n, t in stored.items() if "pooler" not in n})
    ended = headstart(*typed, "arm=scratch,pretrained,frozen", "model.name=published,empty", "seed=0")
    second, first = ended.err.splitlines()  # what is missing is known first
    assert (ended.code, records(Path("runs/quick"))) == (1, [])
    assert "2 of 25 tensors of the model are missing from the folder published (bert.pooler" in first
    assert "the folder empty has no weights" in second
    planned = headstart("plan", *typed, "arm=pretrained", "model.name=published,empty", "seed=0")
    assert (planned.code, planned.err) == (1, ended.err)


def test_what_an_arm_cannot_do_with_a_model_is_a_wrong_setting(typed: list[str]) -> None:
    ended = headstart(*typed, "arm=scratch,first_k,lora", "seed=0")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert "arm.layers: 2 are asked for, but BertForSequenceClassification has 1" in ended.err
    assert records(Path("runs/quick")) == []


def test_finished_runs_are_not_tried_again(typed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    study = [*typed, "optim.lr=2.5e-3", "arm=scratch,pretrained", "seed=0"]  # which no other test plans
    assert headstart(*study).code == 0
    tried: list[str] = []
    monkeypatch.setattr("headstart.studies.weights._try", lambda run: tried.append(run.title))
    assert headstart(*study).code == 0
    assert tried == []
    assert headstart("plan", *study[:-1], "seed=0,1").code == 0
    assert [title.rpartition(" · ")[2] for title in tried] == ["seed 1", "seed 1"]
    assert headstart("plan", *study[:-1], "seed=0,1").code == 0
    assert len(tried) == 2, "a run that was planned was tried then"


def test_missing_weights_are_named_before_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    ended = headstart("model=encoder_l2_h128", "seed=0")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "here/encoder-l2-h128 is defined here and has no published weights" in ended.err
    assert not (tmp_path / "cache").exists(), "neither a corpus nor a tokenizer was made"


@pytest.mark.parametrize(
    ("family", "task"),
    [("bert", MASKED), ("gpt2", CAUSAL), ("t5", SEQ2SEQ), ("bart", CLASSIFY), ("resnet", LOOK)],
)
def test_a_model_without_numbers_takes_what_a_whole_one_takes(
    family: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = published(family, FAMILIES[family].pretraining)
    arms = [
        Pretrained(kind="pretrained", newly_initialised=("pooler",)),
        Derived(kind="derived", numbers="shuffled", newly_initialised=("pooler",)),
    ]
    whole = [arm.load_weights(seeded(model, task), model) for arm in arms]
    bare = model.skeleton(task, model.transformers_config(**labels(task)))
    monkeypatch.setattr("headstart.arms.load.derive", None)  # values are neither made nor hashed
    monkeypatch.setattr("headstart.arms.load.digests", None)
    assert [arm.load_weights(bare, model).names for arm in arms] == [loaded.names for loaded in whole]


def test_what_does_not_fit_is_found_before_a_value_is_read(
    typed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("deeper", "wider"):
        shutil.copytree("published", name)
    for name, change in (("deeper", {"num_hidden_layers": 3}), ("wider", {"intermediate_size": 96})):
        path = Path(name, "config.json")
        path.write_text(json.dumps(json.loads(path.read_text("utf8")) | change), "utf8")
    monkeypatch.setattr("headstart.arms.load._refuse_not_finite", None)  # would read all of them
    ended = headstart(*typed, "arm=pretrained", "model.name=deeper,wider", "seed=0")
    deeper, wider = ended.err.splitlines()
    assert (ended.code, records(Path("runs/quick"))) == (1, [])
    assert "32 of 57 tensors of the model are missing from the folder deeper" in deeper
    assert "3 of 25 tensors of the model have another shape in the folder wider" in wider

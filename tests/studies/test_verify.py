"""`headstart verify`: a start that cannot be made again from its seed and its checkpoint is found."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tests.arms.cheats import CHEATS
from tests.studies.command import headstart

from headstart.arms.attest import digests
from headstart.compare.pairs import Match, refusal
from headstart.records.store import read_record, write_record
from headstart.run import Run

pytestmark = pytest.mark.usefixtures("unreported")
Init = dict[str, Any]


_trained: list[Path] = []  # the folder in which the study was run, once for all tests


@pytest.fixture
def study(quick: list[str], tiny_model: Path, tmp_path: Path) -> Path:
    """Three runs of a model in a folder of its own: from nothing, from its weights, with LoRA."""
    if not _trained:
        shutil.copytree(tiny_model, tmp_path / "published")
        words = [word for word in quick if not word.startswith("model.name")]
        short = ["model.name=published", "budget.epochs=null", "budget.steps=1", "budget.evaluations=1"]
        typed = headstart(*words, *short, "arm=scratch,pretrained,lora", "seed=3")
        assert typed.code == 0, typed.err
        _trained.append(tmp_path)
    copied = tmp_path / "copied"
    for name in ("published", "runs"):
        shutil.copytree(_trained[0] / name, copied / name)
    shutil.copy(_trained[0] / "reviews.csv", copied)
    os.chdir(copied)  # `quick` goes back
    return copied / "runs/quick"


def edit(study: Path, change: Callable[[Init], None], arm: str = "*") -> None:
    for path in study.glob(f"*-{arm}-*/record.json"):
        record = json.loads(path.read_text("utf8"))
        change(record["init"])
        write_record(path.parent, record)


def test_both_records_of_a_pair_agree_on_a_lie(study: Path) -> None:
    """What compare cannot see: all runs say that the seed gave the checkpoint plus a little noise."""
    typed = headstart("verify", str(study))
    assert typed.code == 0, typed.out
    assert "3 of 3 runs started as recorded." in typed.out
    stored = load_file(study.parents[1] / "published/model.safetensors")
    held = digests({f"bert.{name}": tensor for name, tensor in CHEATS["noise"](stored).items()})

    def lie(init: Init) -> None:
        init["seeded"] |= held
        init["changed"] |= init["checkpoint"]["tensors"] if init["checkpoint"] else {}

    edit(study, lie)
    scratch, pretrained = (
        read_record(path) for arm in ("scratch", "pretrained") for path in study.glob(f"*-{arm}-*")
    )
    assert refusal(Match(scratch, pretrained)) is None
    typed = headstart("verify", str(study))
    assert typed.code == 1
    sentence = f"{scratch.folder.name}: {len(held)} of {len(held) + 2} tensors (seeded) differ, such as bert."
    assert sentence in typed.out and typed.out.count("tensors (seeded) differ") == 3
    assert "0 of 3 runs started as recorded." in typed.out


def test_rows_are_read_again_even_if_this_process_trained_on_them(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(run: Run) -> None:
        raise AssertionError("an image of a table may have changed since its rows were kept")

    monkeypatch.setattr(Run, "prepare", kept)
    typed = headstart("verify", str(study))
    assert (typed.code, "3 of 3 runs started as recorded." in typed.out) == (0, True), typed.err


def test_adapters_that_their_seed_does_not_give(study: Path) -> None:
    def lie(init: Init) -> None:
        init["changed"][next(name for name in init["changed"] if "lora_A" in name)] = "0" * 16

    edit(study, lie, "lora")
    typed = headstart("verify", str(study))
    assert typed.code == 1
    assert "1 of 14 tensors (added) differ, such as bert.encoder.layer.0" in typed.out
    assert "2 of 3 runs started" in typed.out


def test_weights_that_are_gone_or_others_are_not_passed_over(study: Path) -> None:
    path = study.parents[1] / "published/model.safetensors"
    whole = load_file(path)
    path.unlink()
    typed = headstart("verify", str(study))
    assert (typed.code, typed.out.count(": not checked: the folder published has no weights")) == (1, 2)
    assert "1 of 3 runs started" in typed.out
    save_file({name: tensor + 1 for name, tensor in whole.items()}, path, metadata={"format": "pt"})
    typed = headstart("verify", str(study))
    assert (typed.code, typed.out.count("its weights are not those of the run")) == (1, 2)


def test_a_folder_without_runs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no runs" in headstart("verify", str(tmp_path / "empty")).err
    assert headstart("verify", str(tmp_path / "nowhere")).code == 1

"""Every kind of file that people have: what it is taken for, and a verdict from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.contract.cells import checkpoint
from tests.kinds_of_files import KINDS, ROWS
from tests.studies.command import headstart, records

from headstart.commands.arguments import READING
from headstart.tasks.guess import Reading, guess

MODELS = {"image_classification": "ViT", "text_to_text": "T5"}  # the others read with BERT


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_taken_for_what_it_is(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    settings = {
        READING[flag[2:]][0]: value for flag, value in zip(kind.flags[::2], kind.flags[1::2], strict=True)
    }
    found = guess(kind.write(tmp_path), files=settings)
    assert found.reading == Reading(kind.family, kind.columns)
    assert found.rows == ROWS, "all of the file is looked at"


def test_there_are_as_many_kinds_as_promised() -> None:
    assert len(KINDS) >= 25


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_a_verdict_is_given_from_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kind = KINDS[name]
    model = checkpoint(MODELS.get(kind.family, "BERT"))
    fresh = json.dumps(["pooler"] if kind.family not in MODELS else [])
    settings = [
        "model=hub", f"model.name={model}", "hardware=cpu", "tracker=none", "meter=none", "study.warm_up=0",
        "optim.lr=1e-3", "precision=fp32", f"pretrained.arm.newly_initialised={fresh}",
    ]  # fmt: skip
    if kind.family != "image_classification":
        settings.append("model.max_length=32")
    if kind.family == "question_answering":
        settings.append("task.stride=8")  # the usual one is for windows that hold more
    file = kind.write(tmp_path)
    typed = headstart("try", file.name, "--name", "mine", "--minutes", "0.5", *kind.flags, *settings)
    assert typed.code == 0, typed.err
    said = " ".join(typed.out.split())
    assert f"{file.name}: {ROWS} rows, read as" in said
    assert re.search(r"training rows of mine, (pretrained scores|one pair cannot say)", said)
    assert "report: runs/mine/report.html More pairs: headstart try" in said
    assert {record["status"] for record in records(Path("runs/mine"))} == {"finished"}
    assert Path("runs/mine/report.html").exists()

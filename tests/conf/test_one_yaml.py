"""Adding a dataset takes one yaml: a csv, the yaml, and a pair that is trained, scored and reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.studies.command import headstart, records, without

from headstart.studies.compose import runs_of

YAML = """\
# Sentences that say good or bad.
kind: text_classification
name: opinions
text: sentence
files: {train: opinions.csv}
"""


@pytest.fixture
def typed(quick: list[str], reviews: Path, tmp_path: Path) -> list[str]:
    """The command of a pair on opinions.csv; nothing else is in the folder but the csv and the yaml."""
    reviews.rename(tmp_path / "opinions.csv")
    file = tmp_path / "conf/task/opinions.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(YAML, "utf8")
    shared = without(quick, "task", "task.files.train", "task.text", "task.label", "size", "budget.epochs")
    return ["task=opinions", *shared, "size=n128", "budget.epochs=8", "seed=0"]


def test_one_yaml_is_a_dataset(typed: list[str], tmp_path: Path) -> None:
    assert {path.name for path in tmp_path.rglob("*.*")} == {"opinions.csv", "opinions.yaml"}
    ended = headstart(*typed)
    assert ended.code == 0, ended.err
    found = records(tmp_path / "runs/quick")
    assert sorted(record["arm"] for record in found) == ["pretrained", "scratch"]
    assert [record["status"] for record in found] == ["finished"] * 2
    for record in found:
        assert record["data"]["classes"] == ["bad", "good"]
        assert record["scores"]["test"]["accuracy"] > 0.75  # chance is 0.5
    assert (tmp_path / "runs/quick/report.html").exists() and "opinions" in ended.out


def test_it_is_listed_planned_and_checked_like_a_shipped_one(typed: list[str]) -> None:
    (listed,) = [
        task for task in json.loads(headstart("tasks", "--json").out) if task["choice"] == "opinions"
    ]
    assert (listed["kind"], listed["about"], listed["here"]) == (
        "text_classification",
        "Sentences that say good or bad.",
        True,
    )
    assert [run.task.name for run in runs_of(typed)] == ["opinions"] * 2
    assert "did you mean opinions?" in headstart("plan", "task=opinoins").err
    assert "did you mean task.text?" in headstart("plan", "task=opinions", "+task.txt=body").err

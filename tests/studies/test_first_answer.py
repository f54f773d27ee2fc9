"""`headstart try`: a file of rows, some minutes, a verdict."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.studies.command import headstart, records, without

from headstart.commands.arguments import READING, ROLES
from headstart.data.rows import SPLITS
from headstart.data.splits import Holdout
from headstart.studies.first_answer import FirstAnswer, first_answer
from headstart.studies.new_task import READ_WITH, new_task
from headstart.tasks.guess import FAMILIES


@pytest.fixture
def settings(quick: list[str]) -> list[str]:
    """What makes a run quick, without what `try` chooses."""
    names = ("task", "task.files.train", "task.text", "task.label", "size", "study.name")
    return without(quick, *names)


def test_a_file_gets_a_verdict_and_more_minutes_add_pairs(
    settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.studies.first_answer.MOST_PAIRS", 3)
    first = headstart("try", "reviews.csv", *settings, "--minutes", "0.01")
    assert first.code == 0, first.err
    assert "reviews.csv: 240 rows, read as text classification" in first.out
    assert "label: label, 2 different values" in first.out
    assert (
        "2 pairs on 64 training rows" in first.out and "no pair begins that would end too late" in first.out
    )
    assert {record["config"]["size"]["rows"] for record in records(Path("runs/reviews"))} == {64}
    again = headstart("try", "reviews.csv", *settings, "--minutes", "60")
    assert again.code == 0, again.err
    assert "used conf/task/reviews.yaml" in again.out and "3 pairs on 64 training rows" in again.out
    trained = records(Path("runs/reviews"))
    assert len(trained) == 6 and {record["arm"] for record in trained} == {"scratch", "pretrained"}
    assert "With 64 training rows of reviews, pretrained scores" in " ".join(again.out.split())
    assert Path("runs/reviews/report.html").exists()


def test_a_guess_is_corrected_by_a_flag(settings: list[str], reviews: Path) -> None:
    text = reviews.read_text("utf8").replace("good", "schön")
    Path("rows.csv").write_text(text, "latin-1")
    refused = headstart("try", "rows.csv", *settings)
    assert refused.code == 1 and "task.files.encoding=latin-1" in refused.err
    flags = ("--encoding", "latin-1", "--pair", "label", "--label", "label", "--minutes", "0.01")
    typed = headstart("try", "rows.csv", *settings, *flags)
    assert typed.code == 0, typed.err
    tasks = [record["config"]["task"] for record in records(Path("runs/rows"))]
    assert {(task["files"]["encoding"], task["pair"]) for task in tasks} == {("latin-1", "label")}


def test_rows_are_chosen_by_the_time_and_few_are_held_out(settings: list[str]) -> None:
    rows = [f"the {number} th text of many,{'ab'[number % 2]}" for number in range(20_000)]
    Path("many.csv").write_text("\n".join(["text,label", *rows]) + "\n", "utf8")
    answer = first_answer(new_task(Path("many.csv")), 60, settings)
    assert answer.size == "size.rows=512" and answer.pairs == 10
    assert 3300 < _stop_after(answer) <= 3420, "the report takes its part"
    late = first_answer(new_task(Path("many.csv"), "late"), 60, settings, time.monotonic() - 1800)
    assert _stop_after(late) <= 1620, "and what was done before"
    assert "++task.files.holdout.test=0.05" in answer.settings
    assert "++task.files.holdout.validation=0.015" in answer.settings


def _stop_after(answer: FirstAnswer) -> float:
    (limit,) = [setting for setting in answer.settings if setting.startswith("hydra.sweeper.stop_after=")]
    return float(limit.partition("=")[2])


def test_evaluation_takes_its_part_of_the_minutes(
    settings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.studies.first_answer.LOADING", 0.0)

    def rows(count: int, name: str) -> None:
        lines = [f"the {number} th text of many,{'ab'[number % 2]}" for number in range(count)]
        Path(name).write_text("\n".join(["text,label", *lines]) + "\n", "utf8")

    rows(300, "train.csv")
    rows(4_000, "test.csv")
    task = new_task(Path("train.csv"), "mine")
    answer = first_answer(task, 1e-6, settings)
    assert "++task.files.siblings=false" in answer.settings
    assert answer.words().startswith("test.csv: too many rows for 1e-06 min, so rows of train are held out")
    assert not first_answer(task, 600, settings).note


def test_a_setting_of_one_arm_is_for_that_arm(settings: list[str]) -> None:
    answer = first_answer(new_task(Path("reviews.csv")), 1, [*settings, "pretrained.optim.lr=1e-4"])
    assert "pretrained.optim.lr=1e-4" in answer.settings


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["absent.csv"], "no such file or folder"),
        (["one.csv"], "two classes are needed"),
        (["reviews.csv", "--label", "lable"], "has no column 'lable' (task.label): did you mean label?"),
        (["reviews.csv", "--minutes", "soon"], "needs a number of minutes above 0, got soon"),
        (["reviews.csv", "--minutes", "0"], "needs a number of minutes above 0, got 0"),
        (["reviews.csv", "--lable", "x"], "no --lable here; did you mean --label?"),
        ([], "required: FILE"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], sentence: str, quick: list[str]) -> None:
    Path("one.csv").write_text("text,label\n" + "".join(f"text number {n} of all,a\n" for n in range(20)))
    typed = headstart("try", *words)
    assert typed.code in (1, 2) and sentence in typed.err and len(typed.err.splitlines()) == 1
    assert not Path("conf").exists() and not Path("runs").exists()


def test_the_flags_are_the_roles_and_settings_that_there_are() -> None:
    assert ROLES.keys() == FAMILIES.keys()
    assert {setting for setting, _, _ in READING.values()} <= {*READ_WITH, *SPLITS}
    assert Holdout().test == 0.2


@pytest.mark.slow
def test_the_weights_that_are_here_answer(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = headstart("try", "reviews.csv", "--minutes", "1", "tracker=none")
    assert typed.code == 0, typed.err
    assert "pretrained scores" in " ".join(typed.out.split())

"""Names: what tells the runs of a study apart, in their titles and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.records.fingerprint import Fingerprint
from headstart.run import Run
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import run_folder
from headstart.studies.sweep_points import named_axes
from headstart.study import Study

ONE = ["arm=scratch", "seed=0"]
NAMES = Fingerprint("a" * 16, "b" * 16, "c" * 16)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["optim.lr=1e-4,3e-4"], ["lr 0.0001", "lr 0.0003"]),
        (["budget=short,long"], ["budget short", "budget long"]),
        (["order_seed=1,2", "precision=fp32"], ["order_seed 1", "order_seed 2"]),
        (["model.max_length=32,64", "size=n128"], ["max_length 32", "max_length 64"]),
    ],
)
def test_what_is_swept_is_in_the_title_and_in_the_folder(settings, words):
    runs = runs_of([*ONE, *settings])
    titles, folders = ([run.title for run in runs], [run_folder(run, NAMES).name for run in runs])
    assert len({*titles}) == len({*folders}) == len(words)
    for title, word in zip(titles, words, strict=True):
        assert f" · {word} · scratch · seed 0" in title


def test_arms_seeds_and_sizes_are_named_once():
    runs = runs_of(["size=n64,n128", "seed=0,1"])
    same = runs_of(["size.rows=64,128", "seed=0,1"])
    assert not any(run.study.axes for run in (*runs, *same))
    assert [run.title for run in runs] == [run.title for run in same]
    assert runs[0].title == "docs_library · all-MiniLM-L6-v2 · 64 rows · scratch · seed 0"
    assert run_folder(runs[0], NAMES).name == "docs_library-all_MiniLM_L6_v2-64_rows-scratch-seed0-bbbbbbbb"


def test_two_axes_of_one_last_word_are_told_by_their_paths():
    points = named_axes([["a.lr=1", "b.lr=1"], ["a.lr=2", "b.lr=2"]], lambda texts: ({}, {}))
    assert points[1][-1] == "study.axes={a.lr: '2', b.lr: '2'}"
    run = Run.model_construct(study=Study(name="s", axes={"a.lr": "2", "b.lr": "2"}))
    for name in ("task", "model", "size"):
        object.__setattr__(run, name, _Named())
    assert run.shared_names[3:] == ("a.lr 2", "b.lr 2")


class _Named:
    name = short_name = "x"

    def words(self) -> str:
        return "all rows"


def test_a_run_that_is_there_keeps_its_folder_when_the_study_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    swept = runs_of([*ONE, "study.name=mine", "optim.lr=1e-4,3e-4"])[1]
    alone = runs_of([*ONE, "study.name=mine", "optim.lr=3e-4"])[0]
    there = run_folder(swept, NAMES)
    assert "lr_0.0003" in there.name and there != run_folder(alone, NAMES)
    there.mkdir(parents=True)
    assert run_folder(alone, NAMES) == there
    assert run_folder(swept, NAMES) == there == Path("runs/mine", there.name)


def test_the_default_study_asks_nothing_that_another_would_have_to_repeat():
    assert [run.study.question for run in runs_of([*ONE, "study.name=mine"])] == [""]

"""Naming: a study without a name gets its own folder unless it is the default study."""

from __future__ import annotations

from typing import Any

import pytest
from hydra import compose
from hypothesis import given
from hypothesis import strategies as st

from headstart.studies import naming as room
from headstart.studies.compose import composing, runs_of
from headstart.studies.naming import naming


@pytest.fixture(scope="module")
def default() -> Any:
    """The configuration of a bare `headstart`."""
    with composing():
        return compose("config", return_hydra_config=True)


def name(default: Any, *overrides: str) -> str | None:
    """The name that a study gets; None: it keeps the one that it has."""
    told = dict(override.split("=", 1) for override in naming(overrides, lambda: default))
    return told.get("study.name")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["seed=7"],
        ["seed=0,1,2,3", "arm=scratch,pretrained,lora"],
        [
            "hardware=cpu",
            "tracker=none",
            "meter=none",
            "runs=elsewhere",
            "hydra.mode=RUN",
            "keep_weights=true",
        ],
        ["size=n256", "optim.lr=2e-4", "order_seed=null"],  # as the default has it
        ["study.margin=0.02", "study.warm_up=0"],
        ["study=less_data", "size=n32"],
        ["study.name=mine", "task=sst2"],
    ],
    ids=" ".join,
)
def test_the_default_study_and_named_ones_keep_their_name(default: Any, overrides: list[str]) -> None:
    assert name(default, *overrides) is None


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["task=sst2"], "sst2"),
        (["model=bert_base", "task=sst2", "seed=0,1"], "sst2-bert_base"),
        (["size=n128,n512", "seed=0"], "by_size"),
        (["optim.lr=1e-4,3e-4", "budget=long"], "by_lr-long"),
        (["hydra.sweeper.params.size=n32"], "n32"),
        (["optim.lr=1e-3"], "lr_0.001"),
        (["order_seed=3"], "order_seed_3"),
        (["+size.seed=4"], "seed_4"),
        (["arm=lora", "arm.rank=4"], "rank_4"),
        (["scratch.optim.lr=1e-3"], "lr_0.001"),
    ],
)
def test_other_settings_are_another_study(default: Any, overrides: list[str], expected: str) -> None:
    assert name(default, *overrides) == expected == name(default, *reversed(overrides))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("task.text='a b'", "task.text='a_b'"),
        ("study.tune={space:{optim.lr:[1]},trials:1}", "study.tune={space:{optim.lr:[2]},trials:1}"),
        (f"task.text={'a' * 80}", f"task.text={'a' * 81}"),
    ],
)
def test_what_a_folder_cannot_say_is_told_apart_by_a_digest(default: Any, first: str, second: str) -> None:
    names = {name(default, first), name(default, second)}
    assert len(names) == 2
    assert all(one is not None and len(one) <= room.LONGEST + 7 for one in names)


@given(values=st.lists(st.text(min_size=1), min_size=2, max_size=2, unique=True))
def test_names_are_safe_as_folders(values: list[str]) -> None:
    import re

    from headstart.config import NAME

    names = {room.safe(value) for value in values}
    assert len(names) == 2
    assert all(re.search(NAME, one) for one in names)


def test_a_study_without_a_name_has_its_folder_and_no_question() -> None:
    (run,) = runs_of(["task=docs_qa", "arm=scratch", "seed=0"])
    assert (run.study.name, run.study.question) == ("docs_qa", "")
    (run,) = runs_of(["task=docs_qa", "arm=scratch", "seed=0", "study.name=mine", "study.question=Why?"])
    assert (run.study.name, run.study.question) == ("mine", "Why?")


def test_another_name_is_another_study_with_a_question_of_its_own() -> None:
    words = ["study=less_compute", "arm=scratch", "seed=0"]

    def question(*more: str) -> str:
        return runs_of([*words, *more])[0].study.question

    assert question() == question("study.name=less_compute") != ""
    assert question("study.name=other", "budget.epochs=1") == ""
    assert question("study.name=other", "study.question=Why?") == "Why?"

"""Emitted: published figures and those of runs here, told apart; nothing is made up for what is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.compare.electricity import emits
from tests.factory import make_study

from headstart.compare.emissions import emitted
from headstart.compare.published.tables import known
from headstart.compare.published.tables import models as entries
from headstart.compare.published.tables import pretraining as table


def test_published_figures_are_there_without_any_run(tmp_path: Path) -> None:
    found = emitted(tmp_path / "nowhere")
    assert found.placeless == 0
    assert {each.origin for each in found.emissions} == {"published"}
    bert = next(each for each in found.emissions if each.label == "BERT-base")
    assert (bert.stage, bert.low, bert.high) == ("pretraining", 652_000, 652_000)
    assert "Strubell" in bert.told


def test_every_published_figure_occurs_once(tmp_path: Path) -> None:
    figures = [
        figure for entry in {id(e): e for e in table().values()}.values() for figure in entry["figures"]
    ]
    kilograms = [figure for figure in figures if figure["quantity"] == "kg_co2e" and figure["low"]]
    assert len(emitted(tmp_path).emissions) == len(kilograms)


def test_runs_without_a_place_are_counted_and_not_guessed(tmp_path: Path) -> None:
    make_study(tmp_path / "one", seeds=range(2))
    found = emitted(tmp_path)
    assert found.placeless == 4
    assert {each.origin for each in found.emissions} == {"published"}


@pytest.mark.parametrize("energy", ["estimated", "measured"])
def test_runs_are_a_mean_of_their_grams(tmp_path: Path, energy: str) -> None:
    make_study(tmp_path / "one", seeds=range(2), energy=energy, change=emits)
    found = emitted(tmp_path)
    here = {each.stage: each for each in found.emissions if each.origin != "published"}
    assert set(here) == {"from scratch", "fine-tuning"}
    for each in here.values():
        assert each.origin == f"{energy} here"
        assert each.low == each.high == pytest.approx(360.0)
        assert each.told == "mean of 2 runs, electricity of Atlantis"
    assert found.placeless == 0


def test_language_modelling_from_scratch_is_pretraining(tmp_path: Path) -> None:
    def objective(record: dict[str, Any]) -> None:
        emits(record)
        record["config"]["task"]["kind"] = "masked_lm"

    make_study(tmp_path / "one", arms=("scratch",), seeds=[0], change=objective)
    here = [each for each in emitted(tmp_path).emissions if each.origin != "published"]
    assert [each.stage for each in here] == ["pretraining"]


def test_runs_that_did_not_finish_or_were_not_measured_have_no_figure(tmp_path: Path) -> None:
    make_study(tmp_path / "lost", seeds=[0], status={("scratch", 0): "failed", ("pretrained", 0): "diverged"})
    make_study(tmp_path / "dark", seeds=[0], energy="none", change=emits)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("no study", "utf8")
    found = emitted(tmp_path)
    assert {each.origin for each in found.emissions} == {"published"}
    assert found.placeless == 0


class TestKnown:
    """The table of models: sourced, and at peace with the table of costs."""

    def test_names_are_unique_and_figures_sane(self) -> None:
        names = [name for entry in entries() for name in entry.names]
        assert len(names) == len(set(names))
        for entry in entries():
            assert entry.family in ("encoder", "decoder", "encoder_decoder", "vision")
            assert 2015 <= entry.year <= 2030
            assert entry.parameters is None or 10**6 <= entry.parameters <= 10**13
            assert len(entry.source) > 10
            assert "20" in entry.paper

    def test_every_model_with_a_published_cost_is_known_under_the_same_names(self) -> None:
        for entry in table().values():
            about = known(entry["models"][0])
            assert about is not None, entry["models"][0]
            assert set(entry["models"]) <= set(about.names)

    def test_an_unknown_name_is_none(self) -> None:
        assert known("nobody/knows-this") is None

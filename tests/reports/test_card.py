"""Model cards: a YAML block that the hub can read, the results, and no carbon that nobody knows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.reports import handmade

from headstart.compare.findings import Rows, Stage
from headstart.reports.formats.model_card import cards, scalar


def matter(text: str) -> dict[str, Any]:
    """The YAML block of a card."""
    return yaml.safe_load(text.split("---\n")[1])


def test_every_arm_has_a_card_with_results_seeds_cost_and_command() -> None:
    made = cards(handmade.study())
    assert list(made) == ["card_scratch.md", "card_pretrained.md"]
    text = made["card_pretrained.md"].replace("\\", "")
    assert matter(text)["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    for part in ("## Results", "+0.360 to +0.410", "| 0, 1, 2 |", "768 J", "2.13.0", "headstart study=docs"):
        assert part in text
    scratch = made["card_scratch.md"]
    assert "base_model" not in matter(scratch)
    assert "trained from random weights" in scratch
    assert "The pretraining behind" not in scratch


def test_without_a_carbon_figure_there_is_no_block_and_the_reason_is_said() -> None:
    text = cards(handmade.study())["card_pretrained.md"]
    assert "co2_eq_emissions" not in matter(text)
    assert "No carbon figure: the records do not hold one" in text


def test_a_carbon_figure_becomes_the_block_of_the_hub_in_grams() -> None:
    arms = tuple(
        handmade.summary(arm, consequences=handmade.carbon(arm)) for arm in ("scratch", "pretrained")
    )
    block = matter(cards(handmade.study(arms=arms))["card_pretrained.md"])["co2_eq_emissions"]
    assert set(block) == {
        "emissions", "source", "training_type", "geographical_location", "hardware_used",
    }  # fmt: skip
    assert block["emissions"] == pytest.approx(12.345)
    assert block["geographical_location"] == "FRA"
    assert block["training_type"] == "fine-tuning"
    assert "estimated energy x 56 g/kWh of 2023" in block["source"]
    scratch = matter(cards(handmade.study(arms=arms))["card_scratch.md"])["co2_eq_emissions"]
    assert scratch["training_type"] == "pre-training"


def test_norway_stays_a_word() -> None:
    arm = handmade.summary("pretrained", consequences=handmade.carbon("pretrained", region="NO"))
    text = cards(handmade.study(arms=(arm,)))["card_pretrained.md"]
    assert matter(text)["co2_eq_emissions"]["geographical_location"] == "NO"


def test_figures_that_rest_on_different_regions_are_not_mixed() -> None:
    study = handmade.sizes((64, 512))

    def card(*regions: str) -> str:
        places = [("64 rows", regions[0]), ("512 rows", regions[1])]
        emitted = [row for name, of in places for row in handmade.carbon("scratch", name, region=of)]
        return cards(replace(study, rows=Rows([*study.rows, *emitted])))["card_scratch.md"]

    assert "co2_eq_emissions" in card("FRA", "FRA")
    assert "co2_eq_emissions" not in card("POL", "FRA")


def test_hostile_words_stay_words() -> None:
    bad = handmade.HOSTILE + "\n---\nlicense: stolen\n# Heading"
    emitted = handmade.carbon("pretrained", region=bad, source=bad)
    arm = handmade.summary("pretrained", consequences=emitted)
    findings = handmade.study(
        arms=(arm,), study=bad, question=bad, model=bad, environments=({"device": bad, "runs": 1},)
    )
    (text,) = cards(findings).values()
    assert "license" not in matter(text)
    assert "base_model" not in matter(text)
    assert matter(text)["co2_eq_emissions"]["geographical_location"] == " ".join(bad.split())
    body = text.split("\n---\n", 1)[1]
    assert "<img" not in body
    assert not re.search(r"^(---|# Heading)", body, flags=re.MULTILINE)


def test_arms_that_share_a_file_name_keep_their_own_cards() -> None:
    arms = tuple(handmade.summary(name) for name in ("a/b", "a b"))
    made = cards(handmade.study(arms=arms, comparisons=(), attestations=(), baseline="a/b"))
    assert list(made) == ["card_a-b.md", "card_a-b_.md"]


@given(st.text())
def test_any_text_is_one_yaml_string(text) -> None:
    told = scalar(text)
    assert "\n" not in told
    assert yaml.safe_load(told) == json.loads(told)


def test_weights_that_were_trained_here_name_no_base_model() -> None:
    mine = handmade.ledger(origin="measured", stages=(Stage(1, None, "none", 1.0, ("a",)),), figures=())
    made = cards(handmade.study(comparison=handmade.comparison(ledger=mine)))
    assert "base_model" not in matter(made["card_pretrained.md"])

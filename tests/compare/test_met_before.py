"""Met before: what records say of evaluation rows in the pretraining text, and where a reader meets it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.factory import make_study

from headstart.compare.caveats import caveats
from headstart.compare.contamination import MetBefore
from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import model_card, terminal
from headstart.reports.page import Text

SMALL: dict[str, Any] = {"seeds": range(2), "examples": 40, "evaluations": 2}
LEDGER = {"flops": 10, "joules": None, "method": "none", "seconds": 1.0, "runs": ["a" * 16], "parent": None}


def counts(passage: int, exact: int = 0, of: int = 510) -> dict[str, dict[str, int]]:
    """As a record has them: nothing met in validation, and these in test."""
    return {
        "validation": {"exact": 0, "passage": 0, "of": of, "words": 13},
        "test": {"exact": exact, "passage": passage, "of": of, "words": 13},
    }


def told(folder, change):
    """The findings of a small study whose poured checkpoints are changed; `change` is given the seed."""

    def of_record(record):
        if checkpoint := record["init"]["checkpoint"]:
            checkpoint |= change(record["seed"])

    return compare(make_study(folder, change=of_record, **SMALL))


def met(findings) -> MetBefore:
    scratch, pretrained = findings.attestations
    assert scratch.met_before is None  # nothing was poured, so nothing was met
    return pretrained.met_before


def from_run(**changes: Any) -> dict[str, Any]:
    return {"source": "the run pretraining", "ledger": {**LEDGER, "model": None}, **changes}


def page_part(page, key):
    return next(section.parts for section in page.sections if section.key == key)


def started(page) -> list[Text]:
    return [part for part in page_part(page, "start") if isinstance(part, Text)]


def test_no_row_met_is_said_without_a_warning(tmp_path):
    findings = told(tmp_path, lambda seed: from_run(contamination=counts(0)))
    assert met(findings).sentence == (
        "0 of 1,020 evaluation rows occur in its pretraining text "
        "(neither as a whole nor by 13 words in a row)"
    )
    page = outline.page(findings)
    assert not page.warnings
    assert started(page) == [Text(f"pretrained: {met(findings).sentence}.")]
    assert not any("pretraining text" in line for line in caveats(findings))


def test_rows_met_before_are_a_warning_beside_the_verdict_and_wherever_the_answer_is_told(tmp_path):
    findings = told(tmp_path, lambda seed: from_run(contamination=counts(12, 5)))
    sentence = (
        "pretrained: 12 of 1,020 evaluation rows occur in its pretraining text "
        "(5 as a whole, 7 by 13 words in a row): the gain may be memory."
    )
    page = outline.page(findings)
    assert page.warnings == (sentence,)
    assert started(page) == [Text(sentence, "warning")]
    assert caveats(findings)[0] == sentence
    shown = io.StringIO()
    terminal.show(findings, console=Console(file=shown, width=300))
    assert f"note: {sentence}" in shown.getvalue()
    cards = model_card.cards(findings)
    assert "12 of 1,020 evaluation rows" in cards["card_pretrained.md"]
    assert "evaluation row" not in cards["card_scratch.md"]
    (one,) = [each for each in findings.rows if each.key == "met_before"]
    assert (one.arm, one.value, one.n, one.unit) == ("pretrained", 12.0, 1020, "rows")


@pytest.mark.parametrize(
    ("checkpoint", "why"),
    [
        ({}, "nobody can check, the text of the published weights is not here"),
        ({"source": "the folder w"}, "nobody can check, the text of these weights is not here"),
        (
            from_run(contamination=None),
            "no trace of that text lies beside the weights",
        ),
    ],
)
def test_what_nobody_could_check_is_unknown_and_says_why(tmp_path, checkpoint, why):
    findings = told(tmp_path, lambda seed: checkpoint)
    found = met(findings)
    assert found.found is None
    assert found.sentence.startswith(f"whether it met evaluation rows in pretraining is unknown: {why}")
    assert not outline.page(findings).warnings
    assert f"pretrained: {found.sentence}." in caveats(findings)
    (one,) = [each for each in findings.rows if each.key == "met_before"]
    assert (one.value, one.note) == (None, found.sentence)


@pytest.mark.parametrize("before", [{"model": "bert-base-uncased"}, {"parent": {**LEDGER, "model": None}}])
def test_a_chain_is_checked_for_its_latest_stage_alone(tmp_path, before):
    carried = {**LEDGER, "model": None, **before}
    findings = told(tmp_path, lambda seed: from_run(ledger=carried, contamination=counts(0)))
    assert "the latest stage of its pretraining alone was checked" in met(findings).sentence


def test_of_several_runs_the_worst_is_told_and_those_unchecked_are_counted(tmp_path):
    found = (counts(1, 1), None)
    findings = told(tmp_path / "one", lambda seed: from_run(contamination=found[seed]))
    assert met(findings).sentence == (
        "1 of 1,020 evaluation rows occurs in its pretraining text "
        "(1 as a whole; 1 of 2 runs not checked): the gain may be memory"
    )
    both = told(tmp_path / "both", lambda seed: from_run(contamination=counts(3 * seed)))
    assert met(both).found == 3
    assert both.attestations[1].same  # rows met before are no part of what the runs held


def test_nothing_is_said_of_images_whose_names_were_compared(tmp_path):
    def images(record):
        record["config"]["task"]["kind"] = "image_classification"
        if checkpoint := record["init"]["checkpoint"]:
            checkpoint |= from_run(contamination=counts(0))

    found = met(compare(make_study(tmp_path, change=images, **SMALL)))
    assert found.found is None
    assert "rows are images, and only text is compared" in found.sentence


@given(found=st.integers(0, 10**6), of=st.integers(1, 10**6), data=st.data())
def test_memory_is_said_exactly_where_a_row_was_met(found, of, data):
    whole = data.draw(st.integers(0, found))
    sentence = MetBefore(found, whole, of, 13, "", "").sentence
    assert ("may be memory" in sentence) == (found > 0)
    assert sentence.startswith(f"{found:,} of {of:,} evaluation row{'s' * (of != 1)} ")

"""The report of a study of any family: no section about classes where there are none, examples in its way."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.factory import make_study
from tests.families import FAMILIES

from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import html, markdown
from headstart.reports.page import Page, Quotes, Table, Text

NEARER = ("language", "regression", "summaries")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """The page of a small study of every family, and of one class per row."""
    folder = tmp_path_factory.mktemp("families")
    found = {}
    for name in [*FAMILIES, "classes"]:
        study = make_study(folder / name, examples=60, evaluations=3, family=FAMILIES.get(name))
        found[name] = outline.page(compare(study))
    return found


def parts(page: Page, key: str) -> list:
    return [part for section in page.sections if section.key == key for part in section.parts]


def test_sections_about_classes_are_there_only_with_classes(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        keys = {section.key for section in page.sections}
        assert ({"classes", "confusion"} <= keys) == (name == "classes")
        assert ({"classes", "confusion"} & keys == set()) == (name != "classes")
        assert {"metrics", "curves", "examples"} <= keys


def test_examples_are_quotes_where_answers_are_right_and_tables_where_they_are_nearer(
    pages: dict[str, Page],
) -> None:
    for name, page in pages.items():
        (section,) = (section for section in page.sections if section.key == "examples")
        kinds = {type(part) for part in section.parts}
        assert (kinds == {Text, Table}) == (name in NEARER)
        assert (Quotes in kinds) == (name not in NEARER)
        assert ("only one arm gets right" in section.title) == (name not in NEARER)


def test_a_language_model_is_never_said_to_be_right(pages: dict[str, Page]) -> None:
    text = markdown.render(pages["language"])
    examples = text[text.index("## Examples on which the arms differ most") :]
    examples = examples[: examples.index("\n## ", 5)]
    assert "nats per token" in examples
    assert "pretrained is nearer: " in examples
    assert "right" not in examples
    assert "Label" not in examples


def test_a_number_is_shown_beside_its_estimates(pages: dict[str, Page]) -> None:
    _, first, *_ = parts(pages["regression"], "examples")
    names = [column.name for column in first.columns]
    assert names == ["Example", "Label", "scratch", "pretrained", "Runs in which pretrained is nearer"]
    _, label, baseline, arm, runs = (cell.text for cell in first.rows[0])
    assert abs(float(baseline) - float(label)) > abs(float(arm) - float(label))
    assert runs in ("2 of 3", "3 of 3")
    assert len(first.rows) == 8
    assert "the 8 largest differences" in first.caption


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_renders(name: str, pages: dict[str, Page]) -> None:
    page = pages[name]
    assert "pretrained scores" in html.render(page, "")
    opened = [section for section in page.sections if section.level == 2 and not section.folded]
    assert len(page.sections) > 8 and 4 <= len(opened) <= 10
    assert markdown.render(page).count("\n## ") == len(opened)


def test_the_same_arm_twice_has_no_examples(tmp_path: Path) -> None:
    arms = ("pretrained", "pretrained_again")
    study = make_study(tmp_path, arms, family=FAMILIES["language"], twins=True, examples=60, evaluations=3)
    assert parts(outline.page(compare(study)), "examples") == []

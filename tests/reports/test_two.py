"""Two studies on a page and in the terminal: escaped, self-contained, and as wide as eighty columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.factory import make_study
from tests.reports import handmade
from tests.reports.html_reader import Reader

from headstart.commands import report
from headstart.compare.diff import Two, two
from headstart.errors import ConfigError, RecordError
from headstart.reports.formats import html, markdown
from headstart.reports.sections import diff as reporting

BUNDLE = "window.vegaEmbed = () => {}; // stands for 0.9 MB"


def other(**changes) -> Two:
    """A handmade study against one whose pairs, gain and settings are others."""
    item = handmade.comparison(gain=0.3)
    pairs = tuple(replace(pair, pair_id=f"9{pair.pair_id[1:]}", seed=pair.seed + 5) for pair in item.pairs)
    told = {"study": "docs_slow", "config": {"optim": {"lr": 1e-3}}, "fingerprint": "f" * 16} | changes
    return two(handmade.study(), handmade.study(comparison=replace(item, pairs=pairs), **told))


def test_the_page_says_what_changed_and_where_the_studies_differ() -> None:
    page = reporting.page(other())
    told = markdown.render(page)
    assert "the second minus the first is −0.088" in told
    assert "optim.lr | 0.0003 | 0.001" in told.replace("\\", "")
    row = "| Gain, accuracy | pretrained | +0.388 (+0.360 to +0.410) | +0.300 (+0.272 to +0.322) |"
    assert row in told, "both values stand in one row"
    assert [section.key for section in page.sections][:3] == ["words", "gains", "main"]
    (figure,) = page.figures()
    assert {row["label"] for row in _rows(figure.spec)} == {"docs", "docs_slow"}


def _rows(spec: dict) -> list[dict]:
    """The rows of a chart that stand for a comparison."""
    return [row for rows in spec["datasets"].values() for row in rows if "label" in row]


def test_hostile_names_stay_words_and_nothing_is_loaded() -> None:
    bad = handmade.HOSTILE
    made = other(study=bad, config={bad: 1, "optim": {"lr": bad}}, problems=(bad,), task=bad)
    text = html.render(reporting.page(made), BUNDLE)
    page = Reader(text)
    assert text.count("</script>") == 3
    assert "img" not in {tag for tag, _ in page.tags}
    assert "</script><img src=x onerror=alert(1)>" in "".join(page.text)
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form", "img", "audio", "source")
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))


def test_two_studies_of_one_name_are_told_apart() -> None:
    assert reporting.names_of(other(study="docs")) == ("docs (first)", "docs (second)")


def test_other_questions_are_not_drawn_in_one_chart() -> None:
    assert reporting.page(other(headline="macro_f1")).figures() == []


def test_the_terminal_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    reporting.show(other(), Path("runs/docs/comparison.html"), Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "comparison: runs/docs/comparison.html"
    assert any(line.startswith("Gain") and "+0.388" in line and "+0.300" in line for line in lines)


def test_the_command_writes_the_page_beside_the_first_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [
        make_study(tmp_path / name, study=name, seeds=seeds, examples=60)
        for name, seeds in (("a", range(2)), ("b", range(4, 7)))
    ]
    assert report.report([str(folder) for folder in folders]) == 0
    text = (folders[0] / "comparison.html").read_text("utf8")
    assert not (folders[1] / "comparison.html").exists()
    assert "a against b" in text
    assert str(tmp_path) not in text
    assert "Gain of pretrained over scratch in accuracy" in " ".join(capsys.readouterr().out.split())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    first = make_study(tmp_path / "a", seeds=[0], examples=30)
    with pytest.raises(RecordError, match="no such folder"):
        report.report([str(first), str(tmp_path / "absent")])


def test_three_folders_are_too_many() -> None:
    with pytest.raises(ConfigError, match="c is one word too many"):
        report.report(["a", "b", "c"])

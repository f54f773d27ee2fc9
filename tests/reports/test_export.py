"""Exports: csv and JSON lose nothing, LaTeX and Markdown let nothing escape their cells."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import make_study
from tests.reports import handmade

from headstart.commands import report
from headstart.compare.pairs import Excluded, Pair
from headstart.compare.quantity import Quantity
from headstart.compare.study import compare
from headstart.errors import ConfigError
from headstart.reports import numbers, tables
from headstart.reports.formats import export
from headstart.reports.page import Table

HOSTILE = r"a_b & 50% {x} $y$ #1 ~ ^ \input{z} <b> | `c`"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), rows=(64, 512), examples=60)


def hostile():
    item = handmade.comparison(name=HOSTILE)
    arms = (handmade.summary("scratch", HOSTILE), handmade.summary("pretrained", HOSTILE))
    return handmade.study(comparison=item, study=HOSTILE, arms=arms)


def test_csv_reads_back_to_the_same_numbers(study: Path) -> None:
    findings = compare(study)
    rows = list(csv.DictReader(io.StringIO(export.csv_text(findings))))
    for row, one in zip(rows, findings.rows, strict=True):
        told = {
            name: row[name]
            for name in ("key", "condition", "arm", "baseline", "metric", "unit", "verdict", "note")
        }
        assert told == {name: getattr(one, name) for name in told}
        for name in ("value", "low", "high", "level", "n"):
            assert (float(row[name]) if row[name] else None) == getattr(one, name), (
                "unrounded, unknown is empty"
            )
        assert tuple(filter(None, row["provenance"].split(";"))) == one.provenance


def test_json_reads_back_to_the_same_numbers(study: Path) -> None:
    findings = compare(study)
    told = json.loads(export.json_text(findings))
    assert (told["fingerprint"], told["sentence"]) == (findings.fingerprint, findings.sentence)
    assert [each | {"provenance": tuple(each["provenance"])} for each in told["quantities"]] == [
        asdict(one) for one in findings.rows
    ]


def test_the_lists_that_a_page_cuts_are_whole_where_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Left-out runs, folders that cannot be read, pairs, classes."""
    monkeypatch.setattr(tables, "MOST_LINES", 2)
    excluded = tuple(Excluded(f"run-{n}", "scratch", n, f"diverged at step {n}") for n in range(3))
    problems = tuple(f"run-{n}: left out: record.json is not JSON" for n in range(3))
    findings = handmade.study(excluded=excluded, problems=problems)
    page = handmade.outline.page(findings)
    cut = [part.caption for section in page.sections for part in section.parts if isinstance(part, Table)]
    assert any(
        caption.endswith("of 3 lines; all of them: headstart report FOLDER --export json.") for caption in cut
    )
    told = json.loads(export.json_text(findings))
    assert [Excluded(**each) for each in told["excluded"]] == [*excluded]
    assert told["problems"] == [*problems]
    for item, shown in zip(findings.comparisons, told["comparisons"], strict=True):
        assert (shown["condition"], shown["arm"]) == (item.condition.name, item.arm)
        assert [Pair(**pair) for pair in shown["pairs"]] == [*item.pairs] and item.pairs
        assert [each["label"] for each in shown["classes"]] == [each.label for each in item.classes]


def test_the_tables_say_numbers_as_the_report_does() -> None:
    findings = handmade.study()
    told = export.markdown_text(findings)
    assert "| Gain | pretrained | accuracy | +0.388 | +0.360 to +0.410 | 3 | better |" in told
    assert "| Energy ratio | pretrained / scratch |  | 1.02× | 0.980× to 1.06× | 3 | estimated |" in told
    assert "| FLOPs ratio | pretrained / scratch |  | 1.00× | exact | 3 |  |" in told
    assert "| Test score | scratch | accuracy | 0.170 | range 0.157 to 0.181 | 3 |  |" in told
    assert "| Break-even (FLOPs) | pretrained |  | at most 800,000,000 |  | 3 |  |" in told


@pytest.mark.parametrize(
    "findings", [handmade.study(), handmade.sizes(), hostile()], ids=["one", "sizes", "hostile"]
)
def test_every_row_of_a_table_has_the_columns_of_its_head(findings) -> None:
    lines = export.latex_text(findings).splitlines()
    body = [line for line in lines if line.endswith(r"\\")]
    columns = re.fullmatch(r"\\begin\{tabular\}\{([lr]+)\}", lines[1])
    assert columns
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(columns[1]) - 1}
    assert len(body) == 1 + len(findings.rows.main)
    rows = export.markdown_text(findings).splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert "<b>" not in "".join(rows)


@given(st.text())
def test_no_text_is_markup_in_latex(text: str) -> None:
    told = export.latex_escape(text)
    for written in export.LATEX.values():
        told = told.replace(written, "")
    assert not set(told) & set(export.LATEX)
    assert "\n" not in told


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(tmp_path: Path) -> None:
    text = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\n%s\\end{document}"
    (tmp_path / "table.tex").write_text(text % export.latex_text(hostile()), "utf8")
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "table.tex"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout[-600:]


@pytest.mark.parametrize(
    ("changes", "value", "interval"),
    [
        ({"value": 4.0, "low": 3.0, "high": 5.0, "level": 0.95}, "4.00×", "3.00× to 5.00×"),
        ({"value": 4.0, "low": 3.0, "level": 0.95}, "4.00×", "at least 3.00×"),
        ({"value": 4.0, "high": 5.0, "level": 0.95}, "4.00×", "at most 5.00×"),
        ({"value": 4.0, "low": 3.0, "high": 5.0}, "4.00×", "range 3.00× to 5.00×"),
        ({"value": 4.0, "verdict": "lower bound"}, "≥ 4.00×", ""),
        ({"low": 4.0, "verdict": "at least"}, "at least 4.00×", ""),
        ({"low": 4.0, "high": 8.0}, "4.00× to 8.00×", ""),
        ({"verdict": "never"}, "never", ""),
        ({}, numbers.UNKNOWN, ""),
        ({"unit": "uses", "value": 11.2}, "12", ""),
        ({"unit": "rows", "value": 12345.0}, "12,345", ""),
        ({"unit": "EUR", "value": 0.01234}, "0.0123", ""),
    ],
)
def test_a_value_and_its_interval_in_words(changes: dict, value: str, interval: str) -> None:
    one = replace(Quantity("x", unit="times"), **changes)
    assert (numbers.value_text(one), numbers.interval_text(one)) == (value, interval)


def test_the_command_prints_or_writes(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.report([str(study), "--export", "csv"]) == 0
    printed = capsys.readouterr().out
    assert printed == export.csv_text(compare(study))
    assert report.report([str(study), "--export=csv", "--to", str(tmp_path / "numbers.csv")]) == 0
    assert (tmp_path / "numbers.csv").read_text("utf8") == printed
    assert not (study / "report.html").exists(), "an export writes no report"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["x", "--export", "xlsx"], "--export knows no 'xlsx'; known: claim, csv, json, latex, md, svg"),
        (["x", "--export", "cvs"], "did you mean csv?"),
        (["x", "--to", "f"], "--to needs --export"),
        (["x", "--export"], "--export: expected one argument"),
        (["x", "--export", "--to"], "--export: expected one argument"),
        (["x", "--exprot", "csv"], "no --exprot here; did you mean --export?"),
        (["x", "--to", "f", "--to", "g"], "--to: is given twice"),
        (["x", "y", "--export", "csv"], "--export is about one folder; leave out y"),
    ],
)
def test_a_wrong_flag_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        report.report(words)
    assert sentence in str(caught.value)

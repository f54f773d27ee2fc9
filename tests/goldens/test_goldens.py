"""Frozen numbers: what studies of every family said before, they say now. Prose may change, numbers may not.

`python -m tests.goldens.freeze` writes the files anew; that is right only where a number changes on purpose.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.goldens.freeze import claims, exported, page
from tests.goldens.studies import STUDIES

FROZEN = Path(__file__).parent / "frozen"
PRECISION = 1e-6  # relative: float32 logarithms of processors with and without AVX-512 differ by 1e-8
ENDS = ("value", "low", "high", "level", "n")
RULES = ("| :---", "| ---:")  # the line below the heads of a table
NUMBER = re.compile(r"[-−+]?\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module", params=STUDIES)
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """The name of a study, and its findings."""
    from headstart.compare.study import compare

    return request.param, compare(STUDIES[request.param](tmp_path_factory.mktemp("study") / "s"))


def test_every_exported_number_is_the_same(study: tuple[str, Any]) -> None:
    name, findings = study
    now = _by_key(exported(findings))
    before = _by_key((FROZEN / f"{name}.csv").read_text("utf8"))
    assert before.keys() <= now.keys()
    for key, row in before.items():
        for end in ENDS:
            was, became = row[end], now[key][end]
            assert (was == "") == (became == ""), (key, end, was, became)
            assert was == "" or float(became) == pytest.approx(float(was), rel=PRECISION), (key, end)
        assert now[key]["unit"] == row["unit"], key


def test_every_number_of_a_table_of_the_report_is_the_same(study: tuple[str, Any]) -> None:
    name, findings = study
    now, before = _cells(page(findings)), _cells((FROZEN / f"{name}.md").read_text("utf8"))
    assert before - now == Counter(), "cells that the tables of the report no longer have"


def test_every_claim_comes_out_the_same(study: tuple[str, Any]) -> None:
    name, findings = study
    before = Counter(map(tuple, json.loads((FROZEN / f"{name}.json").read_text("utf8"))))
    assert before - Counter(map(tuple, claims(findings))) == Counter(), "outcomes that changed"


def _by_key(text: str) -> dict[tuple[str, ...], dict[str, str]]:
    key = ("key", "condition", "arm", "baseline", "metric")
    rows = csv.DictReader(re.sub("^name,", "key,", text).splitlines())  # `key` was `name` when it was frozen
    return {tuple(row[part] for part in key): row for row in rows}


def _cells(text: str) -> Counter[str]:
    """How often each cell with a number stands in a table, heads and whole sentences left out; words around
    the number are left out."""
    text = text.replace("&#8203;", "")  # in an address that is no link
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if not after.startswith(RULES)]
    cells = [cell.strip() for row in rows for cell in row.strip("|").split("|")]
    cells = [cell for cell in cells if not cell.endswith(".")]
    return Counter(" ".join(found) for cell in cells if (found := NUMBER.findall(cell)))

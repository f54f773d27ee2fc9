"""Sheets: workbooks as Excel and LibreOffice write them, read back."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from headstart.data.files import Files
from headstart.data.formats import read_file
from headstart.errors import ConfigError, DataError

ROWS = [
    ["text", "", "stars", "day"],
    ["works", 1, 5, date(2024, 1, 2)],
    [],
    ["broke", 2, 1.5, None],
    ["  ", 3, 2, None],
]


def workbook(path: Path, *sheets: Sequence[Sequence[Any]]) -> Path:
    """A workbook with these sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"part {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_the_first_sheet_is_read_with_its_types(tmp_path: Path) -> None:
    raw = read_file(workbook(tmp_path / "t.xlsx", ROWS, [["other"]]))
    assert raw.names == ("text", "", "stars", "day")
    assert raw.column("text") == ["works", "broke", None]
    assert raw.column("stars") == [5, 1.5, 2]
    assert raw.column("day") == ["2024-01-02", None, None]
    assert raw.at(1).endswith("line 4")
    assert raw.notes == ("t.xlsx: sheet 'part 1' of 2",)


def test_rows_of_a_workbook_train(tmp_path: Path) -> None:
    rows = [["text", "label"], *([f"the {i} th text", "ab"[i % 2]] for i in range(30))]
    splits = Files.read({"train": str(workbook(tmp_path / "t.xlsx", rows))}).load(
        {"text": "text", "label": "label"}
    )
    assert set(splits.train["label"]) == {"a", "b"} and len(splits.train) + len(splits.test) == 27


@pytest.mark.parametrize(
    ("sheet", "sentence"),
    [
        ([], "t.xlsx: sheet 'part 1' is empty"),
        ([["text", "text"], ["a", "b"]], "t.xlsx: two columns are called 'text'"),
        ([["text"], ["a"], ["a", "b"]], "t.xlsx row 3 has a cell to the right of the named columns"),
    ],
)
def test_a_sheet_that_is_no_table_is_refused(sheet: list[list[Any]], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(sentence)):
        read_file(workbook(tmp_path / "t.xlsx", sheet))


def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(tmp_path / "t.xlsx", ROWS)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs openpyxl, which is not installed: pip install .*excel"):
        read_file(path)

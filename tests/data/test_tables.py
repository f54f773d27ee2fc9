"""Tables: what parts the cells of a file, seen over all its lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.formats import read_file
from headstart.data.rows import RawRows
from headstart.errors import DataError

ROWS = [["well, then; good", "1"], ['bad | "so"', "0"], ["two\nlines", "1"]]


def read(path: Path, text: str, **settings: object) -> RawRows:
    path.write_text(text, newline="", encoding="utf8")
    return read_file(path, **settings)  # pyright: ignore[reportArgumentType]


def written(separator: str, rows: list[list[str]]) -> str:
    """As a spreadsheet writes it: quoted where a cell holds a separator, a quote or a line end."""
    quoted = [
        ['"' + cell.replace('"', '""') + '"' if set(cell) & set(',;|"\n') else cell for cell in row]
        for row in rows
    ]
    return "".join(separator.join(row) + "\r\n" for row in quoted)


@pytest.mark.parametrize("first", ["", "sep=;\r\n", '"sep=;"\r\n', "sep=;,\r\n"])
@pytest.mark.parametrize("suffix", ["csv", "tsv", "CSV"])
def test_semicolons_are_seen(suffix: str, first: str, tmp_path: Path):
    raw = read(tmp_path / f"t.{suffix}", first + written(";", [["text", "label"], *ROWS]))
    assert raw.names == ("text", "label")
    assert [list(raw.column(name)) for name in raw.names] == [
        list(cells) for cells in zip(*ROWS, strict=True)
    ]
    assert list(raw.lines or ()) == ([2, 3, 4] if not first else [3, 4, 5])
    assert raw.notes == (f"t.{suffix}: its cells are separated by semicolons",)


@pytest.mark.parametrize(("separator", "name"), [("|", "bars"), ("\t", "tabs"), (",", "commas")])
def test_bars_tabs_and_commas_are_seen_whatever_the_suffix(separator: str, name: str, tmp_path: Path):
    text = "".join(separator.join(row) + "\n" for row in [["text", "label"], ["a b", "1"], ["c", ""]])
    for suffix in ("csv", "tsv"):
        raw = read(tmp_path / f"t.{suffix}", text)
        assert [list(raw.column("text")), list(raw.column("label"))] == [["a b", "c"], ["1", None]]
        usual = {"csv": "commas", "tsv": "tabs"}[suffix] == name
        assert raw.notes == (() if usual else (f"t.{suffix}: its cells are separated by {name}",))


def test_one_column_is_one_column_whatever_stands_in_it(tmp_path: Path):
    text = "text\na; b\nc | d\n"
    assert list(read(tmp_path / "t.csv", text).column("text")) == ["a; b", "c | d"]
    assert list(read(tmp_path / "t.csv", text, columns=["text"]).column("text")) == ["text", "a; b", "c | d"]


def test_a_decimal_comma_is_not_taken_for_a_separator(tmp_path: Path):
    raw = read(tmp_path / "t.csv", "text;score\ngood;3,5\nbad;1,0\n")
    assert list(raw.column("score")) == ["3.5", "1.0"]
    assert "t.csv: the decimal commas of column score are read as points" in raw.notes
    with pytest.raises(
        DataError, match=r"commas and semicolons both separate every line .* task.files.separator"
    ):
        read(tmp_path / "t.csv", "good;3,5\nbad;1,0\n", columns=["text", "score"])
    raw = read(tmp_path / "t.csv", "good;3,5\nbad;1,0\n", columns=["text", "score"], separator=";")
    assert list(raw.column("text")) == ["good", "bad"]


def test_what_a_person_says_is_done(tmp_path: Path):
    assert read(tmp_path / "t.csv", "text,a;label\nb,c;1\n", separator=";").names == ("text,a", "label")
    with pytest.raises(
        DataError, match=r"t.csv line 3 has 3 cells where 2 columns are expected \(text, label\)"
    ):
        read(tmp_path / "t.csv", "text;label\na;1\nb;c;1\n", separator=";")


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ('text\tlabel\n"he said ""so"""\t1\nno\t0\n', ['he said "so"', "no"]),
        ('"text"\t"label"\n"so"\t"1"\n', ["so"]),
        ('text\tlabel\n"so"\t1\n', ['"so"']),
        ('text\tlabel\n"he said ""so"""\t1\nand "no"\t0\n', ['"he said ""so"""', 'and "no"']),
        ('text\tlabel\n"so\t1\nno"\t0\n', ['"so', 'no"']),
    ],
)
def test_quotes_between_tabs_are_text_unless_a_csv_writer_wrote_them(
    text: str, cells: list[str], tmp_path: Path
):
    raw = read(tmp_path / "t.tsv", text)
    assert list(raw.column("text")) == cells
    assert bool(raw.notes) == (not any(cell[0] == '"' for cell in cells))

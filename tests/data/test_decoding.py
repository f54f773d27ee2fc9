"""Decoding: encodings and line ends that people have; what cannot be decoded is found at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.formats import read_file
from headstart.errors import DataError

TEXT = "text\tlabel\nit is a café\ta\n\u201cso\u201d \U0001f600\tb\n"


def columns(path: Path, data: bytes, **settings: str) -> list[list[str]]:
    path.write_bytes(data)
    raw = read_file(path, **settings)
    return [list(raw.column(name)) for name in raw.names]


WANTED = [["it is a café", "\u201cso\u201d \U0001f600"], ["a", "b"]]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_and_line_ends_are_seen(encoding: str, ends: str, tmp_path: Path):
    for text in (TEXT, TEXT.rstrip("\n")):
        assert columns(tmp_path / "t.tsv", text.replace("\n", ends).encode(encoding)) == WANTED


def test_a_mark_says_more_than_the_setting(tmp_path: Path):
    assert columns(tmp_path / "t.tsv", TEXT.encode("utf-16"), encoding="latin-1") == WANTED
    raw = read_file(tmp_path / "t.tsv")
    assert raw.notes == ("t.tsv: read as utf-16-le, as its bytes say",)


def test_other_encodings_are_named(tmp_path: Path):
    data = "text\tlabel\nit’s\ta\n".encode("cp1252")
    assert columns(tmp_path / "t.tsv", data, encoding="cp1252") == [["it’s"], ["a"]]
    data = "text\tlabel\nça\ta\n".encode("latin-1")
    assert columns(tmp_path / "t.tsv", data, encoding="latin-1") == [["ça"], ["a"]]


CURLY = "text,label\nit’s,1\n".encode("cp1252")


@pytest.mark.parametrize(
    ("data", "encoding", "sentence"),
    [
        (
            "text,label\ncafé,1\n".encode("latin-1"),
            "utf-8",
            "t.csv line 2: byte 14 (0xe9) is not utf-8: try task.files.encoding=latin-1, or the encoding",
        ),
        (CURLY, "utf-8", "line 2: byte 13 (0x92) is not utf-8: try task.files.encoding=cp1252, or the"),
        (
            CURLY,
            "latin-1",
            "line 2: byte 13 is no printable character in latin-1: try task.files.encoding=cp",
        ),
        (
            "é\n".encode() + b"\xe9\n",
            "utf-8",
            "line 2: byte 3 (0xe9) is not utf-8, though other lines are: corr",
        ),
        (b"text,label\n", "utf-9", "task.files.encoding=utf-9: no such encoding; try utf-8 or latin-1"),
    ],
)
def test_what_cannot_be_decoded_is_found_at_its_line(
    data: bytes, encoding: str, sentence: str, tmp_path: Path
):
    with pytest.raises(DataError) as error:
        columns(tmp_path / "t.csv", data, encoding=encoding)
    assert sentence in str(error.value) and "\n" not in str(error.value)

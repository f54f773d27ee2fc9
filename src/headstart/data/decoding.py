"""Decoding: the bytes of a file as text, and what its encoding is where they tell."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from headstart.errors import DataError

MARKS = {  # byte order marks; the longer of two that begin alike comes first
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
LOOKED_AT = 400  # bytes that show whether every second one is zero, as in utf-16 of Latin letters
CONTROLS = re.compile(rb"[\x80-\x9f]")  # letters and quotes in cp1252, nothing printable in latin-1


def decoded(path: Path, encoding: str) -> tuple[str, tuple[str, ...]]:
    """The text of a file, lines ended by \\n, and notes on what was seen; DataError with the line that is
    not in the encoding. A byte order mark, or zeros at every second place, say more than `encoding`."""
    data = path.read_bytes()
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    actual = MARKS[mark] if mark else _without_mark(data) or encoding
    try:
        text = data[len(mark) :].decode(actual)
    except LookupError:
        raise DataError(f"task.files.encoding={encoding}: no such encoding; try utf-8 or latin-1") from None
    except UnicodeDecodeError as error:
        raise DataError(_undecodable(path, data, actual, len(mark) + error.start)) from None
    if codecs.lookup(actual).name == "iso8859-1" and (control := CONTROLS.search(data)):
        place = f"{path} line {_line(data, control.start())}: byte {control.start()}"
        raise DataError(f"{place} is no printable character in latin-1: try task.files.encoding=cp1252")
    notes = (f"{path.name}: read as {actual}, as its bytes say",) if actual not in (encoding, "utf-8") else ()
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n"), notes


def _without_mark(data: bytes) -> str | None:
    """utf-16-le or utf-16-be where nearly every second byte, and hardly any other, is zero."""
    first, second = data[0:LOOKED_AT:2], data[1:LOOKED_AT:2]
    for zeros, others, name in ((second, first, "utf-16-le"), (first, second, "utf-16-be")):
        if zeros.count(0) > 0.7 * len(zeros) and others.count(0) < 0.1 * len(others):
            return name
    return None


def _undecodable(path: Path, data: bytes, encoding: str, byte: int) -> str:
    where = f"{path} line {_line(data, byte)}: byte {byte} (0x{data[byte]:02x}) is not {encoding}"
    if encoding.lower() in ("utf-8", "utf8") and not data.decode("utf-8", "ignore").isascii():
        return f"{where}, though other lines are: correct this line"
    other = "cp1252" if CONTROLS.search(data) else "latin-1"
    return f"{where}: try task.files.encoding={other}, or the encoding that it was written in"


def _line(data: bytes, byte: int) -> int:
    return data.count(b"\n", 0, byte) + 1

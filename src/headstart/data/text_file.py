"""Text file: its characters, all at once or line by line, in the encoding that it was written in."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

from headstart.errors import DataError

MARKS = {  # byte order marks; of two with the same first bytes, the longer one comes first
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SAMPLE = 400  # bytes that are searched for utf-16, where every second byte of Latin letters is zero
CONTROLS = re.compile(rb"[\x80-\x9f]")  # letters and quotes in cp1252, nothing printable in latin-1
CHUNK = 2**20  # bytes or characters that are looked at together


@dataclass(frozen=True)
class TextFile:
    """A file with a known encoding. A byte order mark, or zeros at every second byte, tell it for sure."""

    path: Path
    encoding: str
    mark: bytes
    notes: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, encoding: str) -> Self:
        """The file, with `encoding` unless its bytes say another one; DataError for an unknown encoding."""
        with path.open("rb") as file:
            head = file.read(SAMPLE)
        mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
        actual = MARKS[mark] if mark else _utf16_without_mark(head) or encoding
        try:
            codecs.lookup(actual)
        except LookupError:
            raise DataError(
                f"task.files.encoding={encoding}: no such encoding; try utf-8 or latin-1"
            ) from None
        told = actual not in (encoding, "utf-8")
        notes = (f"{path.name}: read as {actual}, as its bytes say",) if told else ()
        return cls(path, actual, mark, notes)

    def text(self) -> str:
        """All characters, its line ends as \\n; DataError with the line that cannot be decoded."""
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        """Its lines, each but the last surely with \\n at its end. Without any \\n in it, \\r ends a line."""
        self._refuse_controls()
        with self.path.open("rb") as file:
            try:
                end = "\n" if any("\n" in chunk for chunk in self._chunks(file)) else "\r"
                file.seek(len(self.mark))
                with io.TextIOWrapper(file, self.encoding, newline=end) as text:
                    for line in text:
                        whole = line.endswith(end)
                        yield line.removesuffix(end).removesuffix("\r") + "\n" if whole else line
            except UnicodeDecodeError:
                self._refuse()

    def _chunks(self, file: io.BufferedReader) -> Iterator[str]:
        file.seek(len(self.mark))
        text = io.TextIOWrapper(file, self.encoding, newline="")
        try:
            while chunk := text.read(CHUNK):
                yield chunk
        finally:
            text.detach()

    def _refuse_controls(self) -> None:
        if codecs.lookup(self.encoding).name != "iso8859-1":
            return
        with self.path.open("rb") as file:
            for number, chunk in enumerate(iter(lambda: file.read(CHUNK), b"")):
                if control := CONTROLS.search(chunk):
                    where = self._place(self.path.read_bytes(), number * CHUNK + control.start())
                    raise DataError(
                        f"{where} is no printable character in latin-1: try task.files.encoding=cp1252"
                    )

    def _refuse(self) -> NoReturn:
        """DataError with the line that cannot be decoded, and the encoding that it may be in."""
        data, byte = self.path.read_bytes(), len(self.mark)
        try:
            data[len(self.mark) :].decode(self.encoding)
        except UnicodeDecodeError as error:
            byte += error.start
        where = f"{self._place(data, byte)} (0x{data[byte]:02x}) is not {self.encoding}"
        if self.encoding.lower() in ("utf-8", "utf8") and not data.decode("utf-8", "ignore").isascii():
            raise DataError(f"{where}, though other lines are: correct this line") from None
        guess = "cp1252" if CONTROLS.search(data) else "latin-1"
        raise DataError(
            f"{where}: try task.files.encoding={guess}, or the encoding that it was written in"
        ) from None

    def _place(self, data: bytes, byte: int) -> str:
        line = data.count(b"\n", 0, byte) + 1
        return f"{self.path} line {line}: byte {byte}"


def _utf16_without_mark(data: bytes) -> str | None:
    """utf-16-le or utf-16-be if nearly every second byte, and hardly any other, is zero."""
    even, odd = data[0:SAMPLE:2], data[1:SAMPLE:2]
    for high, low, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if high.count(0) > 0.7 * len(high) and low.count(0) < 0.1 * len(low):
            return name
    return None

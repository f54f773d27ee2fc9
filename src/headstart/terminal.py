"""Terminal: what is going on in one line; characters that its encoding lacks become similar ASCII ones."""

from __future__ import annotations

import codecs
import io
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

ALIKE = {
    "×": "x", "·": "-", "…": "...", "°": " deg", "≥": ">=", "≤": "<=", "±": "+/-", "−": "-",
    "–": "-", "—": "-", "→": "->", "←": "<-", "►": ">", "•": "*",
    "“": '"', "”": '"', "‘": "'", "’": "'", "█": "#",
}  # fmt: skip


# What a terminal obeys: control characters but tab and line feed, and turns of the direction of writing.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_waiting: Status | None = None  # what is shown now


def cleaned(text: object) -> str:
    """The text without anything that a terminal would obey instead of showing it."""
    return CONTROL.sub("", str(text))


@contextmanager
def waiting(sentence: str) -> Iterator[Status]:
    """Show, on stderr where it is a terminal, what the block does; `update` changes the sentence.

    Within another block its sentence is shown instead, since two lines that move would overwrite each other.
    """
    from headstart.screen import Screen

    global _waiting
    if _waiting is not None:
        before = _waiting.status
        _waiting.update(sentence)
        try:
            yield _waiting
        finally:
            _waiting.update(before)
        return
    with Screen(stderr=True).status(sentence) as _waiting:
        try:
            yield _waiting
        finally:
            _waiting = None


def write_any_text() -> None:
    """Let stdout and stderr of this process write every text, whatever the terminal's encoding."""
    codecs.register_error("headstart", _alike)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="headstart")


def write_data(text: str) -> None:
    """Write data to stdout; as UTF-8, like every file, unless stdout is a terminal."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.write(text)


def _alike(error: UnicodeError) -> tuple[str, int]:
    """Similar ASCII characters for those that cannot be encoded; ? where there is none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    letters = {c: unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() for c in characters}
    return "".join(ALIKE.get(c) or letters[c] or "?" for c in characters), error.end

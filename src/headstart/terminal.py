"""Terminal: characters that its encoding lacks become similar ASCII ones; files are always UTF-8."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

ALIKE = {
    "×": "x", "·": "-", "…": "...", "°": " deg", "≥": ">=", "≤": "<=", "±": "+/-", "−": "-",
    "–": "-", "—": "-", "→": "->", "←": "<-", "►": ">", "•": "*",
    "“": '"', "”": '"', "‘": "'", "’": "'", "█": "#",
}  # fmt: skip


def write_any_text() -> None:
    """Let stdout and stderr of this process write every text, whatever the terminal's encoding."""
    codecs.register_error("headstart", _alike)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="headstart")


def write_data(text: str) -> None:
    """Write data to stdout: as UTF-8, like every file, where it is not a terminal that shows it."""
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.write(text)


def _alike(error: UnicodeError) -> tuple[str, int]:
    """The characters that cannot be encoded in those of ASCII that come close, ? where none does."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    return "".join(ALIKE.get(character) or _base(character) for character in characters), error.end


def _base(character: str) -> str:
    """`e` for `é`, `?` for what is no letter with a mark."""
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"

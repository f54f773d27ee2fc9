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

"""Terminal: texts that it only shows, in characters that its encoding has; files are always UTF-8."""

from __future__ import annotations

import codecs
import io
import os
import re
import select
import sys
import unicodedata

ALIKE = {
    "×": "x", "·": "-", "…": "...", "°": " deg", "≥": ">=", "≤": "<=", "±": "+/-", "−": "-",
    "–": "-", "—": "-", "→": "->", "←": "<-", "►": ">", "•": "*",
    "“": '"', "”": '"', "‘": "'", "’": "'", "█": "#",
}  # fmt: skip


# What a terminal obeys: control characters but tab and line feed, and turns of the direction of writing.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def cleaned(text: object) -> str:
    """The text without anything that a terminal would obey instead of showing it."""
    return CONTROL.sub("", str(text))


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


def stop_writing() -> bool:
    """Where nobody reads stdout any more, as after `| head`, let the rest of it go nowhere; else False."""
    try:
        place = sys.stdout.fileno()
    except (OSError, ValueError):  # no file
        return False
    if hasattr(select, "poll"):  # Windows cannot be asked: there it is taken to be stdout
        poll = select.poll()
        poll.register(place, 0)
        if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
            return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), place)
    return True


def _alike(error: UnicodeError) -> tuple[str, int]:
    """Similar ASCII characters for those that cannot be encoded; ? where there is none."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    letters = {c: unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() for c in characters}
    return "".join(ALIKE.get(c) or letters[c] or "?" for c in characters), error.end

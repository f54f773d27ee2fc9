"""Listing: the one table that every command prints: plain text without frames when it goes to no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

Line = Sequence[str | Text]


def listing(heads: str, lines: Iterable[Line] = (), *, plain: bool, **options: Any) -> Table:
    """A table with the columns of 'run | #FLOPs | !state | ~about' and lines of text without markup.

    '#' sets a column to the right, '!' keeps it on one line, '~' gives it the rest of the width and cuts it.
    """
    padding = (0, 2 if plain else 1, 0, 0)
    frame = None if plain else box.SIMPLE_HEAD
    made = Table(box=frame, pad_edge=False, padding=padding, header_style="" if plain else "dim", **options)
    for head in map(str.strip, heads.split("|")):
        name = head.lstrip("#!~")
        flags = head[: len(head) - len(name)]
        column: dict[str, Any] = {"justify": "right" if "#" in flags else "left", "overflow": "fold"}
        if flags.strip("#"):
            column |= {"no_wrap": True, "overflow": "ellipsis", "ratio": 1 if "~" in flags else None}
        made.add_column(Text(name), **column)
    add_lines(made, lines)
    return made


def add_lines(made: Table, lines: Iterable[Line], group: str = "") -> None:
    """More lines, under the name of their group where they have one."""
    if group:
        made.add_section()
        made.add_row(Text(group.replace("_", "-"), style="bold"))
    for line in lines:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in line))

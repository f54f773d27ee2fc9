"""Listing: the one table that every command prints: plain text without frames when it goes to no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

Line = Sequence[str | Text]
CUT = 8  # characters that a column has at least which may be cut
SHORT = 12  # characters of a cell that stays on one line
WIDE = 10_000  # characters: as if a line had no end


class Unbroken(Table):
    """A table that breaks no word and cuts no number: where it does not fit, its lines are longer."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide, self.expand = options.update_width(WIDE), False
        wants: list[int] = []  # characters that each column could use beside its longest word
        for column in self.columns:
            sizes = [Measurement.get(console, wide, cell) for cell in (column.header, *column.cells)]
            most = max(size.maximum for size in sizes)
            word = min(most, CUT) if column.ratio else max(size.minimum for size in sizes)
            whole = most <= SHORT or (column.no_wrap and not column.ratio)
            column.width = most if whole else word
            wants.append(most - column.width)
        free = options.max_width - self.__rich_measure__(console, wide).maximum
        for want, column in sorted(zip(wants, self.columns, strict=True), key=itemgetter(0)):
            more = max(0, min(want, free))
            column.width, free = (column.width or 0) + more, free - more
        yield from super().__rich_console__(console, wide)


def listing(heads: str, lines: Iterable[Line] = (), *, plain: bool, **options: Any) -> Table:
    """A table with the columns of 'run | #FLOPs | !state | ~about' and lines of text without markup.

    '#' sets a column to the right, '!' keeps it on one line, '~' gives it the rest of the width and cuts it.
    """
    padding = (0, 2 if plain else 1, 0, 0)
    frame = None if plain else box.SIMPLE_HEAD
    kind = Unbroken if plain else Table
    made = kind(box=frame, pad_edge=False, padding=padding, header_style="" if plain else "dim", **options)
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

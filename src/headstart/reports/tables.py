"""Tables: a section names its columns, the study's rows fill them, the catalogue labels and formats them.

    of_rows(findings.rows, "runs.started", ("condition", "arm", "train.flops", "gain", "gain interval"))

has one line per condition and arm with a row of the key `runs.started`, and its other numbers beside that.
A column is one of

    "arm"                 a field of the line: condition, arm, baseline, metric
    "train.flops"         the number of this key, under the label of the catalogue
    "gain interval"       an aspect of it: interval, range (the ends in brackets), verdict, n, note
    "value", "label" ...  the same aspects of the line's first number
    ("Runs", function)    a head of its own, and a function of the line that gives the cell

With a `*` in the key of the first number there is a line for each of its values, and the columns' keys may
have it too: `of_rows(rows, "matched.*.gain", (..., under("#Score", "matched.*.score")))`.

`table` is the same for items that are no rows. In its heads, '#' marks numbers, and '?' a column that is left
out where nothing fills it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from headstart.compare.catalogue import entry
from headstart.compare.quantity import Quantity, Rows
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.page import Bullets, Cell, Column, Figure, Gallery, Table

Item = TypeVar("Item")
MOST_LINES = 120  # of a table or a list: a study of thousands of runs has more than anybody reads
Fields = tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """One line of a table: its first number, and those of the same condition and arm by their key."""

    first: Quantity
    rows: Mapping[str, Quantity]
    part: str = ""  # what the "*" in the key of the first number stands for

    def row(self, key: str) -> Quantity:
        """The number of a key; one without a value where the study has none."""
        key = key.replace("*", self.part)
        return self.rows.get(key) or Quantity(key, unit=entry(key).unit)

    def ends(self, key: str) -> Quantity:
        """The row that holds the interval of a number: its own, or that of a censored one."""
        row = self.row(key)
        return row if row.value is not None else self.rows.get(f"{row.key}.interval", row)

    def interval(self, key: str) -> str:
        """The interval of a number, also of a censored one; nothing where there is none."""
        return numbers.interval_text(self.ends(key))

    def with_interval(self, key: str) -> str:
        """'6.40× (4.70× to 8.80×)'; a bound whose interval ends at it is said once."""
        text, interval = numbers.value_text(self.row(key)), self.interval(key)
        return f"{text} ({interval})" if interval and interval != text else text


Show = Callable[[Line], str | Cell]


def of_rows(
    rows: Rows,
    keys: str | Sequence[str],
    columns: Sequence[str | tuple[str, Show]],
    caption: str = "",
    by: Fields = ("condition", "arm"),
) -> tuple[Table, ...]:
    """A table with a line per condition and arm (the fields `by`) that has a row of `keys`, or nothing."""
    lines = lines_of(rows, keys, by)
    shown = [_column(item, lines) if isinstance(item, str) else item for item in columns]
    return table(lines, shown, caption)


def lines_of(rows: Rows, keys: str | Sequence[str], by: Fields = ("condition", "arm")) -> list[Line]:
    """A line per condition and arm (the fields `by`) that has a row of `keys`, with all its numbers."""
    groups: dict[Fields, dict[str, Quantity]] = {}
    lines: dict[Fields, Line] = {}
    for row in rows:
        identity = tuple(getattr(row, name) for name in by)
        groups.setdefault(identity, {}).setdefault(row.key, row)
    patterns = [keys] if isinstance(keys, str) else keys
    for row in rows.select(*patterns):
        identity = tuple(getattr(row, name) for name in by)
        pattern = next(pattern for pattern in patterns if fnmatchcase(row.key, pattern))
        start, star, end = pattern.partition("*")
        part = row.key[len(start) : len(row.key) - len(end)] if star else ""
        lines.setdefault((*identity, part), Line(row, groups[identity], part))
    return list(lines.values())


def under(head: str, key: str) -> tuple[str, Show]:
    """The number of a key under another head, such as the name of an arm."""
    return head, lambda line: number(line.row(key))


def _column(name: str, lines: Sequence[Line]) -> tuple[str, Show]:
    """The head and the cells of a column that is named by a field, a key, or a key with an aspect."""
    if name in FIELDS:
        return FIELDS[name]
    key, _, aspect = name.rpartition(" ")
    if name in ASPECTS:
        key, aspect = "", name
    elif not key:
        key, aspect = name, "value"
    show = ASPECTS[aspect]

    def row(line: Line) -> Quantity:
        return line.row(key) if key else line.first

    return _head(aspect, [row(line) for line in lines], key), lambda line: show(row(line))


def _head(aspect: str, rows: Sequence[Quantity], key: str) -> str:
    if aspect == "interval":
        return f"#{numbers.percent(next((row.level for row in rows if row.level), 0.95))} interval"
    if aspect == "n":
        return "#Pairs" if any(row.baseline for row in rows) else "#Runs"
    if aspect not in ("value", "range"):
        return {"verdict": "Verdict", "note": "?Remark", "label": "Quantity"}[aspect]
    metrics = {row.metric for row in rows if row.metric and row.unit == "score"}
    label = entry(key).label if key else "Value"
    return f"#{label}, {metric_name(*metrics)}" if len(metrics) == 1 else f"#{label}"


def number(row: Quantity) -> Cell:
    """A number as a cell, with where it comes from as its tooltip."""
    return Cell(
        numbers.text(row),
        source(row),
        strong=row.unit == "difference" or row.verdict in ("larger", "smaller"),
    )


def source(row: Quantity) -> str:
    """Where a number comes from: what is to be known of it, how many pairs or runs, and which."""
    runs = f"{numbers.count(row.n)} {'pairs' if row.baseline else 'runs'}" if row.n and row.n > 1 else ""
    names = ", ".join(row.provenance[:4]) + (
        f" and {len(row.provenance) - 4} more" if len(row.provenance) > 4 else ""
    )
    return "; ".join(part for part in (row.note, ": ".join(part for part in (runs, names) if part)) if part)


def interval(row: Quantity) -> Cell:
    """The interval of a number; nothing where there is no number."""
    one_pair = ": one pair" if row.baseline and row.n == 1 else ""
    return Cell(numbers.interval_text(row) or f"no interval{one_pair}" * (row.value is not None), source(row))


FIELDS: dict[str, tuple[str, Show]] = {
    "condition": ("?Condition", lambda line: line.first.condition),
    "arm": ("Arm", lambda line: arm_cell(line.first.arm)),
    "baseline": ("Against", lambda line: line.first.baseline),
    "metric": ("Metric", lambda line: metric_name(line.first.metric)),
}
ASPECTS: dict[str, Callable[[Quantity], str | Cell]] = {
    "value": number,
    # the value with its ends in brackets; one run has no range
    "range": lambda row: Cell(
        numbers.value_text(row) if row.n == 1 and row.level is None else numbers.with_interval(row),
        source(row),
    ),
    "interval": interval,
    "verdict": lambda row: row.verdict,
    "n": lambda row: numbers.count(row.n) if row.n is not None else "",
    "note": lambda row: row.note,
    "label": lambda row: entry(row.key).label,
}


def table(
    items: Iterable[Item],
    columns: Mapping[str, Callable[[Item], str | Cell]] | Sequence[tuple[str, Callable[[Item], str | Cell]]],
    caption: str = "",
) -> tuple[Table, ...]:
    """A table with a row per item, or nothing when there are no items: columns by their heads.

    It ends after MOST_LINES and says so.
    """
    pairs, items = list(columns.items() if isinstance(columns, Mapping) else columns), list(items)
    if len(items) > MOST_LINES:
        caption = f"{caption} {first_of(MOST_LINES, len(items), 'lines')}".strip()
    texts = [[show(item) for _, show in pairs] for item in items[:MOST_LINES]]
    rows = [[Cell(text) if isinstance(text, str) else text for text in row] for row in texts]
    kept = [
        (index, head.removeprefix("?"))
        for index, (head, _) in enumerate(pairs)
        if not head.startswith("?") or any(row[index].text for row in rows)
    ]
    heads = tuple(Column(head.removeprefix("#"), number=head.startswith("#")) for _, head in kept)
    cells = tuple(tuple(row[index] for index, _ in kept) for row in rows)
    return (Table(heads, cells, caption),) if cells else ()


def merged(made: Table, head: str) -> Table:
    """Neighbouring rows that differ in nothing but the column of this head, as one row with all its names.

    What says nothing beside that column stays apart.
    """
    place = [column.name for column in made.columns].index(head)
    rows: list[tuple[Cell, ...]] = []
    for row in made.rows:
        others = (*row[:place], *row[place + 1 :])
        if rows and row[place + 1].text and (*rows[-1][:place], *rows[-1][place + 1 :]) == others:
            names = Cell(f"{rows.pop()[place].text}, {row[place].text}")
            row = (*row[:place], names, *row[place + 1 :])
        rows.append(row)
    return replace(made, rows=tuple(rows))


def arm_cell(name: str) -> Cell:
    """The name of an arm, in its colour."""
    return Cell(name, arm=name, strong=True)


def bullets(items: Iterable[str]) -> tuple[Bullets, ...]:
    """A list of the sentences, each once, up to MOST_LINES; nothing when there are none."""
    kept = tuple(dict.fromkeys(item for item in items if item))
    if len(kept) > MOST_LINES:
        kept = (*kept[:MOST_LINES], f"And {len(kept) - MOST_LINES:,} more.")
    return (Bullets(kept),) if kept else ()


def first_of(shown: int, number: int, what: str) -> str:
    """What says that only the first of a great number are shown, and where all are."""
    return f"The first {shown:,} of {number:,} {what}; all of them: headstart report FOLDER --export json."


def gallery(figures: Iterable[Figure], columns: int = 2) -> tuple[Gallery, ...]:
    """Charts side by side; nothing when there are none."""
    kept = tuple(figures)
    return (Gallery(kept, columns),) if kept else ()


OF_ARM: dict[str, Callable[[Any], str | Cell]] = {  # the first columns of items that are of one arm
    "?Condition": lambda item: item.condition,
    "Arm": lambda item: arm_cell(item.arm),
}

"""Two studies as a page and in the terminal: what both say, how it changed, and what else differs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text as Words

from headstart.compare.catalogue import MAIN_KEYS, entry
from headstart.compare.diff import Joined, Two
from headstart.compare.differing import Differing
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name
from headstart.reports import build, numbers, outline
from headstart.reports.console.listing import listing
from headstart.reports.formats import html
from headstart.reports.page import Cell, Figure, Page, Parts, Section, Text, keep
from headstart.reports.sections.summary import gains_chart, labels_of
from headstart.reports.tables import bullets, source, table
from headstart.screen import Screen

FILE = "comparison.html"


def write(both: Two, folder: Path) -> Path:
    """Write comparison.html into the first study's folder; returns its path."""
    return build.write_text(folder / FILE, html.render(page(both), html.bundle_of_vega()))


def page(both: Two) -> Page:
    """The whole comparison as a page of the report's kind."""
    names, studies = names_of(both), (both.first, both.second)
    tasks = dict.fromkeys(study.task for study in studies)
    rest = [row for row in both.joined if row.first.key not in MAIN_KEYS and row.change is not None]
    return Page(
        study=f"{names[0]} against {names[1]}",
        question="",
        facts=(("First", names[0]), ("Second", names[1]), ("Task", "; ".join(tasks))),
        sentence=both.sentences[0],
        points=(),
        verdict="",
        arms=tuple(dict.fromkeys(arm for study in studies for arm in outline.arms_of(study))),
        sections=keep([
            Section("words", "What changed", bullets(both.sentences)),
            Section("gains", "The gains, side by side", _gains(both)),
            Section("main", "The main numbers", _joined(both.main, names)),
            Section("settings", "Settings that differ", _differing(both.settings, names)),
            Section("data", "Data and weights that differ", _differing(both.data, names)),
            Section("places", "Where and with what they ran", _differing(both.places, names)),
            Section("only", "In one of the two only", _only(both, names)),
            Section("all", "Every number that both have", _joined(rest, names)),
            Section("reading", "How to read the differences", _reading(both)),
        ]),
        fingerprint=f"{both.first.fingerprint} and {both.second.fingerprint}",
        warnings=(*both.first.problems[:1], *both.second.problems[:1]),
    )  # fmt: skip


def show(both: Two, written: Path | None = None, console: Console | None = None) -> None:
    """Print the main numbers of both and what changed, in words."""
    console = console or Screen()
    console.print(_listing(both, plain=not console.is_terminal))
    console.print()
    for sentence in both.sentences:
        console.print(Words(sentence), highlight=False)
    if both.assumed:
        console.print(Words(both.assumed), style="dim", highlight=False)
    if written is not None:
        console.print(Words(f"comparison: {written}"), style="dim", highlight=False, soft_wrap=True)


def names_of(both: Two) -> tuple[str, str]:
    """Both studies' names, told apart where they are the same."""
    first, second = both.first.study, both.second.study
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def change_text(row: Joined) -> str:
    """The change in its unit: '+0.024', '1.02×'."""
    return "" if row.change is None else _form(row)(row.change)


def change_interval(row: Joined) -> str:
    """'−0.010 to +0.058', or nothing."""
    if row.low is None or row.high is None:
        return ""
    return "exact" if math.isclose(row.low, row.high) else numbers.span(row.low, row.high, _form(row))


def _form(row: Joined) -> numbers.Form:
    return numbers.ratio if row.relative else numbers.signed


def _gains(both: Two) -> Parts:
    """One chart with a line per comparison of either study, where both ask the same."""
    labelled = []
    for study, name in zip((both.first, both.second), names_of(both), strict=True):
        rows = study.rows.select("gain", metric=study.headline)
        for label, row in zip(labels_of(rows), rows, strict=True):
            labelled.append((f"{name}, {label}" if len(rows) > 1 else name, row))
    asked = {(study.headline, study.baseline) for study in (both.first, both.second)}
    if len(asked) > 1 or not labelled:
        return ()
    words = "; ".join(f"{label}: {numbers.value_text(row)}" for label, row in labelled)
    title = f"Gain in {metric_name(both.first.headline)} in both studies"
    return (Figure("gains", title, f"{words}.", gains_chart(labelled)),)


def _joined(rows: Sequence[Joined], names: tuple[str, str]) -> Parts:
    def change(row: Joined) -> Cell:
        interval = change_interval(row)
        text = change_text(row) + (f" ({interval})" if interval else "")
        return Cell(text, row.reason, strong=row.verdict in ("larger", "smaller"))

    columns: dict[str, Callable[[Joined], str | Cell]] = {
        "Quantity": lambda row: Cell(_label(row.first), row.first.key),
        "Of": lambda row: _of(row.first),
        f"#{names[0]}": lambda row: _side(row.first),
        f"#{names[1]}": lambda row: _side(row.second),
        "#Change": change,
        "Verdict": lambda row: Cell(row.verdict, row.reason),
    }
    caption = (
        "Intervals at 95 % in brackets. Change: the second minus the first; of ratios and costs, the second "
        "over the first."
    )
    return table(rows, columns, caption)


def _label(row: Quantity) -> str:
    """'Gain, accuracy': the label, and the metric where there is one."""
    return ", ".join(part for part in (entry(row.key).label, metric_name(row.metric)) if part)


def _of(row: Quantity) -> str:
    return ", ".join(part for part in (row.arm, row.condition) if part)


def _side(row: Quantity) -> Cell:
    return Cell(numbers.with_interval(row), "; ".join(part for part in (row.verdict, source(row)) if part))


def _differing(rows: Sequence[Differing], names: tuple[str, str]) -> Parts:
    columns: dict[str, Callable[[Differing], str | Cell]] = {
        "What": lambda row: row.what,
        names[0]: lambda row: row.first,
        names[1]: lambda row: row.second,
    }
    return table(rows, columns) or (Text("Nothing differs."),)


def _only(both: Two, names: tuple[str, str]) -> Parts:
    sides = zip(names, (both.only_first, both.only_second), strict=True)
    return table(
        [(name, row) for name, rows in sides for row in rows],
        {
            "Study": lambda row: row[0],
            "Quantity": lambda row: _label(row[1]),
            "Of": lambda row: _of(row[1]),
            "Value": lambda row: _side(row[1]),
        },
    )


def _reading(both: Two) -> Parts:
    """What the intervals rest on, and how many of so many would exclude 'no change' by chance."""
    intervals = sum(row.low is not None and row.low != row.high for row in both.joined)
    chance = (
        f"{intervals} differences have a 95 % interval: if nothing had changed, about {intervals / 20:.0f} "
        "of them would still exclude that by chance. They are not corrected for their number."
    )
    return tuple(Text(part) for part in (both.assumed, chance if intervals > 1 else "") if part)


def _listing(both: Two, *, plain: bool) -> Table:
    lines = []
    for row in both.main:
        if row.first.metric in ("", both.first.headline):
            change = (change_text(row), change_interval(row), row.verdict)
            sides = [
                (numbers.value_text(side), numbers.interval_text(side)) for side in (row.first, row.second)
            ]
            cells = [(entry(row.first.key).label, _of(row.first)), *sides, change]
            lines.append(["\n".join(part for part in cell if part) for cell in cells])
    grid = listing("quantity | # | # | #change", lines, plain=plain)
    for column, name in zip(grid.columns[1:], names_of(both), strict=False):
        column.header = Words(name)
    return grid

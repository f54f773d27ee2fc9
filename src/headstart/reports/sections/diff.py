"""Two studies as a page and in the terminal: what both say, what became of it, and what differs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text as Words

from headstart.compare.catalogue import MAIN_KEYS, entry
from headstart.compare.diff import Joined, Two
from headstart.compare.differing import Differing
from headstart.compare.findings import Comparison
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name
from headstart.reports import build, numbers, outline
from headstart.reports.charts import figures
from headstart.reports.formats import export, html
from headstart.reports.page import (
    Bullets,
    Cell,
    Column,
    Figure,
    Page,
    Part,
    Section,
    Table,
    Text,
    cells,
    keep,
)

FILE = "comparison.html"


def write(made: Two, folder: Path) -> Path:
    """Write comparison.html into the first study's folder; returns its path."""
    return build.write_text(folder / FILE, html.render(page(made), html.bundle_of_vega()))


def page(made: Two) -> Page:
    """The whole comparison as a page of the report's kind."""
    names = names_of(made)
    return Page(
        study=f"{names[0]} against {names[1]}",
        question="",
        facts=(("First", names[0]), ("Second", names[1]), ("Task", _both(made.first.task, made.second.task))),
        sentence=made.sentences[0],
        word="",
        arms=_arms(made),
        sections=keep([
            Section("words", "What changed", (Bullets(made.sentences),)),
            Section("gains", "The gains, side by side", _gains(made)),
            Section("main", "The main numbers", (_joined(made.main, names),) if made.main else ()),
            Section("settings", "Settings that differ", _differing(made.settings, names)),
            Section("data", "Data and weights that differ", _differing(made.data, names)),
            Section("places", "Where and with what they ran", _differing(made.places, names)),
            Section("only", "In one of the two only", _only(made, names)),
            Section("all", "Every number that both have", _all(made, names)),
            Section("reading", "How to read the differences", _reading(made)),
        ]),
        fingerprint=f"{made.first.fingerprint} and {made.second.fingerprint}",
        warnings=(*made.first.problems[:1], *made.second.problems[:1]),
    )  # fmt: skip


def show(made: Two, written: Path | None = None, console: Console | None = None) -> None:
    """Print the main numbers of both and what changed, in words."""
    console = console or Console()
    console.print(_grid(made, plain=not console.is_terminal))
    console.print()
    for sentence in made.sentences:
        console.print(Words(sentence), highlight=False)
    if made.assumed:
        console.print(Words(made.assumed), style="dim", highlight=False)
    if written is not None:
        console.print(Words(f"comparison: {written}"), style="dim", highlight=False, soft_wrap=True)


def names_of(made: Two) -> tuple[str, str]:
    """Both studies' names, told apart where they are the same."""
    first, second = made.first.study, made.second.study
    return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")


def change_text(one: Joined) -> str:
    """The change in its unit: '+0.024', '1.02×'."""
    if one.change is None:
        return ""
    return numbers.ratio(one.change) if one.relative else numbers.signed(one.change)


def change_interval(one: Joined) -> str:
    """'−0.010 to +0.058', or nothing."""
    if one.low is None or one.high is None:
        return ""
    if math.isclose(one.low, one.high):
        return "exact"
    form = numbers.ratio if one.relative else numbers.signed
    return f"{form(one.low)} to {form(one.high)}"


def _gains(made: Two) -> tuple[Part, ...]:
    """One chart with a line per comparison of either study, where both ask the same."""
    asked = [(one.headline, one.baseline) for one in (made.first, made.second)]
    kept = [
        (item, ", ".join(part for part in (name, label) if part))
        for findings, name in zip((made.first, made.second), names_of(made), strict=True)
        for item, label in _labelled(findings.comparisons)
        if item.gain
    ]
    if asked[0] != asked[1] or not kept:
        return ()
    items, labels = [item for item, _ in kept], [label for _, label in kept]
    told = "; ".join(f"{label}: {numbers.signed(item.gain.gain)}" for item, label in kept if item.gain)
    title = f"Gain in {metric_name(made.first.headline)} in both studies"
    return (Figure("gains", title, f"{told}.", figures.gains(items, _arms(made), labels)),)


def _labelled(items: Sequence[Comparison]) -> list[tuple[Comparison, str]]:
    several = len(items) > 1
    return [
        (item, label if several else "") for item, label in zip(items, outline.labels_of(items), strict=True)
    ]


def _joined(found: Sequence[Joined], names: tuple[str, str]) -> Table:
    heads = ("Quantity", "Of", *names, "Change", "Word")
    columns = tuple(Column(name, number=2 <= place <= 4) for place, name in enumerate(heads))
    rows = tuple(_row(one) for one in found)
    caption = (
        "Intervals at 95 % in brackets. Change: the second minus the first; of ratios and costs, the second "
        "over the first."
    )
    return Table(columns, rows, caption)


def _row(one: Joined) -> tuple[Cell, ...]:
    ends = change_interval(one)
    change = change_text(one) + (f" ({ends})" if ends else "")
    return cells(
        Cell(_named(one.first), one.first.key),
        _of(one.first),
        _side(one.first),
        _side(one.second),
        Cell(change, one.reason, strong=one.word in ("larger", "smaller")),
        Cell(one.word, one.reason),
    )


def _named(one: Quantity) -> str:
    """'Gain, accuracy': the name, and the metric where there is one."""
    return ", ".join(part for part in (entry(one.key).label, metric_name(one.metric)) if part)


def _of(one: Quantity) -> str:
    return ", ".join(part for part in (one.arm, one.condition) if part)


def _side(one: Quantity) -> Cell:
    ends = export.interval_text(one)
    text = export.value_text(one) + (f" ({ends})" if ends else "")
    runs = ", ".join(one.provenance[:12]) + (" ..." if len(one.provenance) > 12 else "")
    return Cell(text, "; ".join(part for part in (one.verdict, one.note, runs) if part))


def _differing(found: Sequence[Differing], names: tuple[str, str]) -> tuple[Part, ...]:
    if not found:
        return (Text("Nothing differs."),)
    rows = tuple(cells(one.what, one.first, one.second) for one in found)
    return (Table(tuple(Column(name) for name in ("What", *names)), rows),)


def _only(made: Two, names: tuple[str, str]) -> tuple[Part, ...]:
    rows = [
        cells(name, _named(one), _of(one), _side(one))
        for name, found in zip(names, (made.only_first, made.only_second), strict=True)
        for one in found
    ]
    heads = ("Study", "Quantity", "Of", "Value")
    return (Table(tuple(Column(name) for name in heads), tuple(rows)),) if rows else ()


def _all(made: Two, names: tuple[str, str]) -> tuple[Part, ...]:
    rest = [one for one in made.joined if one.first.key not in MAIN_KEYS and one.change is not None]
    return (_joined(rest, names),) if rest else ()


def _reading(made: Two) -> tuple[Part, ...]:
    """What the intervals rest on, and how many of so many would exclude 'no change' by chance."""
    told = sum(one.low is not None and one.low != one.high for one in made.joined)
    chance = (
        f"{told} differences have a 95 % interval: if nothing had changed, about {told / 20:.0f} of them "
        "would still exclude that by chance. They are not corrected for their number."
    )
    parts = (made.assumed, chance if told > 1 else "")
    return tuple(Text(part) for part in parts if part)


def _grid(made: Two, *, plain: bool) -> Grid:
    frame = None if plain else box.SIMPLE_HEAD
    grid = Grid(
        box=frame, pad_edge=False, padding=(0, 2 if plain else 1, 0, 0), header_style="" if plain else "dim"
    )
    grid.add_column("quantity")
    for name in (*names_of(made), "change"):
        grid.add_column(Words(name), justify="right")
    for one in made.main:
        if one.first.metric in ("", made.first.headline):
            told = "\n".join(part for part in (change_text(one), change_interval(one), one.word) if part)
            sides = ["\n".join(part for part in _lines(each) if part) for each in (one.first, one.second)]
            grid.add_row(
                Words(f"{entry(one.first.key).label}\n{_of(one.first)}"), *map(Words, (*sides, told))
            )
    return grid


def _lines(one: Quantity) -> tuple[str, str]:
    return export.value_text(one), export.interval_text(one)


def _arms(made: Two) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*outline.arms_of(made.first), *outline.arms_of(made.second)]))


def _both(first: str, second: str) -> str:
    return first if first == second else f"{first}; {second}"

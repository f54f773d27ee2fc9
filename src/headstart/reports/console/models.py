"""The models in the terminal and as data: what exists here, with years, papers and pretraining costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from rich import box
from rich.table import Table
from rich.text import Text

from headstart.compare.published import pretraining as published
from headstart.compare.published.known import known
from headstart.compare.values.economics import Figure
from headstart.reports import numbers
from headstart.reports.sections.pretraining import UNITS, amount

FAMILIES = ("encoder", "decoder", "encoder_decoder", "vision", None)  # the order of the table


class Listed(Protocol):
    """A choice of the group `model` as the room of models lists it."""

    @property
    def choice(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def weights(self) -> str: ...


@dataclass(frozen=True)
class Row:
    """A model with everything that is known about it; None is what nobody said."""

    choice: str
    name: str
    title: str
    family: str | None
    parameters: int | None
    counted: bool  # of the architecture here; else as published
    year: int | None
    paper: str | None
    weights: str
    pretraining: tuple[Figure, ...]  # published figures, not measured here


def rows(listed: Iterable[Listed]) -> list[Row]:
    """The models joined with what is published about them: by family, then from small to large."""
    made = [_row(each) for each in listed]
    return sorted(made, key=lambda row: (FAMILIES.index(row.family), row.parameters or 0, row.choice))


def table(found: Sequence[Row], *, plain: bool = False) -> Table:
    """One row per model, however narrow the terminal; `plain` is for what does not go to a terminal."""
    shown = Table(
        box=None if plain else box.SIMPLE_HEAD,
        pad_edge=False,
        expand=True,
        header_style="" if plain else "dim",
    )
    shown.add_column("model=", no_wrap=True)
    shown.add_column("parameters", justify="right", no_wrap=True)
    shown.add_column("year", no_wrap=True)
    shown.add_column("weights", no_wrap=True)
    shown.add_column("pretraining as published; paper", no_wrap=True, overflow="ellipsis", ratio=1)
    for family, group in itertools.groupby(found, key=lambda row: row.family):
        shown.add_section()
        shown.add_row(Text((family or "unknown until fetched").replace("_", "-"), style="bold"))
        for row in group:
            shown.add_row(*(Text(cell) for cell in _cells(row)))
    return shown


def as_data(found: Iterable[Row]) -> list[dict[str, Any]]:
    """The same as plain data for --json: every figure with its basis, boundary and source."""
    return [asdict(row) for row in found]


def _row(each: Listed) -> Row:
    entry = known(each.name)
    size = each.parameters if each.parameters is not None else (entry.parameters if entry else None)
    return Row(
        choice=each.choice,
        name=each.name,
        title=entry.title if entry else each.name.rpartition("/")[2],
        family=each.family or (entry.family if entry else None),
        parameters=size,
        counted=each.parameters is not None,
        year=entry.year if entry else None,
        paper=entry.paper if entry else None,
        weights=each.weights,
        pretraining=published.figures(each.name),
    )


def _cells(row: Row) -> tuple[str, ...]:
    about = "" if row.counted or row.parameters is None else "~"
    size = about + numbers.si(row.parameters, "")
    year = "" if row.year is None else str(row.year)
    told = (cost(row.pretraining), (row.paper or "").partition(",")[0])
    return (row.choice, size, year, row.weights, "; ".join(part for part in told if part))


def cost(figures: Sequence[Figure]) -> str:
    """What was published, FLOPs as a range: '22.8 EFLOPs to 164 EFLOPs, 1,507 kWh, 652 kg CO2e'."""
    flops, covers = published.flops(figures)
    told = [amount(flops, numbers.flops) + _part(covers)] if flops.known else []
    others = [figure for figure in figures if figure.quantity != "flops"]
    told += [
        f"{amount(one.amount, numbers.count)} {UNITS[one.quantity]}{_part(one.covers)}" for one in others
    ]
    return ", ".join(told)


def _part(covers: str) -> str:
    return f" ({covers} alone)" if covers else ""

"""The models in the terminal and as data: what exists here, with years, papers and pretraining costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from rich.table import Table

from headstart.compare.findings import Figure
from headstart.compare.published import tables as published
from headstart.compare.published.tables import known
from headstart.reports import numbers
from headstart.reports.console.listing import add_lines, listing
from headstart.reports.sections.pretraining import UNITS, figure_text

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
    return sorted(
        map(_row, listed), key=lambda row: (FAMILIES.index(row.family), row.parameters or 0, row.choice)
    )


def table(models: Sequence[Row], *, plain: bool = False) -> Table:
    """One row per model, however narrow the terminal; `plain` is for what does not go to a terminal."""
    heads = "!model= | #parameters | !year | !weights | ~pretraining as published; paper"
    made = listing(heads, plain=plain, expand=True)
    for family, group in itertools.groupby(models, key=lambda row: row.family):
        lines: list[tuple[str, ...]] = []
        for row in group:
            size = "~" * (not row.counted and row.parameters is not None) + numbers.si(row.parameters, "")
            about = (cost(row.pretraining), (row.paper or "").partition(",")[0])
            lines.append((row.choice, size, str(row.year or ""), row.weights, "; ".join(filter(None, about))))
        add_lines(made, lines, family or "unknown until fetched")
    return made


def as_data(models: Iterable[Row]) -> list[dict[str, Any]]:
    """The same as plain data for --json: every figure with its basis, boundary and source."""
    return [asdict(row) for row in models]


def _row(model: Listed) -> Row:
    entry = known(model.name)
    size = model.parameters if model.parameters is not None else (entry.parameters if entry else None)
    return Row(
        choice=model.choice,
        name=model.name,
        title=entry.title if entry else model.name.rpartition("/")[2],
        family=model.family or (entry.family if entry else None),
        parameters=size,
        counted=model.parameters is not None,
        year=entry.year if entry else None,
        paper=entry.paper if entry else None,
        weights=model.weights,
        pretraining=published.figures(model.name),
    )


def cost(figures: Sequence[Figure]) -> str:
    """What was published, FLOPs as a range: '22.8 EFLOPs to 164 EFLOPs, 1,507 kWh, 652 kg CO2e'."""
    flops, covers = published.flops(figures)
    parts = [(numbers.between(flops.low, flops.high, numbers.flops), covers)] if flops.known else []
    parts += [
        (f"{figure_text(figure)} {UNITS[figure.quantity]}", figure.covers)
        for figure in figures
        if figure.quantity != "flops"
    ]
    return ", ".join(text + (f" ({covers} alone)" if covers else "") for text, covers in parts)

"""The published tables: the cost of pretraining a model, and its year, paper and size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from headstart.compare.bounds import NOTHING_KNOWN, Bounded


@dataclass(frozen=True)
class Figure:
    """One published cost of pretraining, as pretraining.json has it."""

    quantity: Literal["flops", "kwh", "kg_co2e", "device_hours"]
    amount: Bounded
    covers: str  # the one stage that it covers; "" for all of the pretraining
    basis: str
    boundary: str
    source: str
    checked: bool  # read at its source when it was entered


@dataclass(frozen=True)
class Known:
    """What is published about a model; `names` are those of the hub, or its own when it is on none."""

    names: tuple[str, ...]
    title: str
    family: str  # encoder, decoder, encoder_decoder or vision
    year: int  # of the first public version
    parameters: int | None
    paper: str
    source: str  # of the number of parameters
    checked: bool  # whether it was read there when it was entered


@cache
def pretraining() -> dict[str, Any]:
    """pretraining.json as it ships: entries by every name that a model has on the hub."""
    return {name: entry for entry in _entries("pretraining.json") for name in entry["models"]}


@cache
def models() -> tuple[Known, ...]:
    """models.json as it ships."""
    return tuple(Known(names=tuple(entry.pop("models")), **entry) for entry in _entries("models.json"))


def known(name: str) -> Known | None:
    """The entry of a model by any of its names."""
    return next((entry for entry in models() if name in entry.names), None)


def figures(model: str) -> tuple[Figure, ...]:
    """The published figures of a model; none when nobody published one, or the table lacks it."""
    entries: list[dict[str, Any]] = pretraining().get(model, {}).get("figures", [])
    figures: list[Figure] = []
    for entry in entries:
        rest = {name: value for name, value in entry.items() if name not in ("low", "high")}
        figures.append(Figure(amount=Bounded(entry["low"], entry["high"]), **rest))
    return tuple(figures)


def questions(model: str) -> tuple[str, ...]:
    """What is not known about the model's pretraining."""
    if model not in pretraining():
        return (f"No published cost of pretraining {model} is in headstart's table.",)
    return tuple(pretraining()[model]["open"])


def flops(published: Sequence[Figure]) -> tuple[Bounded, str]:
    """The range over all figures that cover everything; else that of one stage, and its name."""
    counts = [figure for figure in published if figure.quantity == "flops"]
    whole = [figure.amount for figure in counts if not figure.covers]
    if not whole:
        return (counts[0].amount, counts[0].covers) if counts else (NOTHING_KNOWN, "")
    # From the lowest to the highest; an open end stays open.
    lows = [amount.low for amount in whole if amount.low is not None]
    highs = [amount.high for amount in whole if amount.high is not None]
    low = min(lows) if len(lows) == len(whole) else None
    return Bounded(low, max(highs) if len(highs) == len(whole) else None), ""


def _entries(file: str) -> list[dict[str, Any]]:
    text = files("headstart.compare.published").joinpath(file).read_text("utf-8")
    return json.loads(text)["entries"]

"""Published: what others reported about the cost of pretraining, from pretraining.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from headstart.compare.values.economics import Amount, Figure


@cache
def table() -> dict[str, Any]:
    """pretraining.json as it ships: entries by every name that a model has on the hub."""
    text = files("headstart.compare.published").joinpath("pretraining.json").read_text("utf-8")
    return {name: entry for entry in json.loads(text)["entries"] for name in entry["models"]}


def figures(model: str) -> tuple[Figure, ...]:
    """The published figures of a model; none when nobody published one, or the table lacks it."""
    return tuple(_figure(one) for one in table().get(model, {}).get("figures", ()))


def questions(model: str) -> tuple[str, ...]:
    """What is not known about the model's pretraining."""
    if model not in table():
        return (f"No published cost of pretraining {model} is in headstart's table.",)
    return tuple(table()[model]["open"])


def flops(found: Sequence[Figure]) -> tuple[Amount, str]:
    """The range over all figures that cover everything; else that of one stage, and its name."""
    counts = [figure for figure in found if figure.quantity == "flops"]
    whole = [figure.amount for figure in counts if not figure.covers]
    if whole:
        return _range(whole), ""
    return (counts[0].amount, counts[0].covers) if counts else (Amount(None, None), "")


def _range(amounts: Sequence[Amount]) -> Amount:
    """From the lowest to the highest; an open end stays open."""
    lows, highs = [each.low for each in amounts], [each.high for each in amounts]
    low = None if None in lows else min(low for low in lows if low is not None)
    return Amount(low, None if None in highs else max(high for high in highs if high is not None))


def _figure(one: dict[str, Any]) -> Figure:
    return Figure(
        quantity=one["quantity"],
        amount=Amount(one["low"], one["high"]),
        covers=one["covers"],
        basis=one["basis"],
        boundary=one["boundary"],
        source=one["source"],
        checked=one["checked"],
    )

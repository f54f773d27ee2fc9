"""Known: year, paper and published size of models that are talked about, from models.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


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
def entries() -> tuple[Known, ...]:
    """models.json as it ships."""
    text = files("headstart.compare.published").joinpath("models.json").read_text("utf-8")
    return tuple(Known(names=tuple(entry.pop("models")), **entry) for entry in json.loads(text)["entries"])


def known(name: str) -> Known | None:
    """The entry of a model by any of its names."""
    return next((entry for entry in entries() if name in entry.names), None)

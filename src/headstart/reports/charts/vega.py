"""Vega-Lite: a chart as the JSON that it is. Importing Altair would take as long as comparing a study.

chart(rows).mark("line", strokeWidth=2).encode(x=field("rows:Q", title="Rows"), y="mean:Q")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
TYPES = {"Q": "quantitative", "N": "nominal"}
ENDS = ("x2", "y2")  # channels that take the type of another


def field(shorthand: str, **more: Any) -> Spec:
    """A channel: 'mean:Q' is the quantitative field `mean`; `more` are its title, axis, scale, ..."""
    name, _, kind = shorthand.partition(":")
    return {"field": name, "type": TYPES[kind], **more}


@dataclass(frozen=True)
class Layer:
    """One mark of a chart and the rows that it draws; every method returns another layer."""

    rows: Rows
    spec: Spec

    def mark(self, kind: str, **options: Any) -> Layer:
        """The same rows with this mark."""
        return Layer(self.rows, self.spec | {"mark": {"type": kind, **options}})

    def encode(self, **channels: str | Spec | list[Spec]) -> Layer:
        """The same with more channels; a text is the field of one, and a tooltip has several."""
        encoding = dict(self.spec.get("encoding", {}))
        for name, channel in channels.items():
            made = field(channel) if isinstance(channel, str) else channel
            if name in ENDS and isinstance(made, dict):
                made = {key: value for key, value in made.items() if key != "type"}
            encoding[name] = made
        return Layer(self.rows, self.spec | {"encoding": encoding})

    def where(self, test: str) -> Layer:
        """Only the rows for which the expression holds."""
        return Layer(self.rows, self.spec | {"transform": [{"filter": test}]})


def chart(rows: Rows) -> Layer:
    """Rows that travel inside the chart, not drawn yet."""
    return Layer(rows, {})


def layered(layers: Sequence[Layer]) -> Spec:
    """The layers, the first at the bottom, as one specification; rows that several draw are in it once."""
    datasets: dict[str, Rows] = {}
    specs = []
    for layer in layers:
        text = json.dumps(layer.rows, sort_keys=True, default=str)
        name = f"data-{hashlib.sha256(text.encode('utf8', 'surrogatepass')).hexdigest()[:16]}"
        datasets[name] = layer.rows
        specs.append({"data": {"name": name}, **layer.spec})
    drawn = specs[0] if len(specs) == 1 else {"layer": specs}
    return {"$schema": SCHEMA, **drawn, "datasets": datasets}

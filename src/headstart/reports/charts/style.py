"""Drawing: what every chart of a report shares, from its data to the colour of an arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

Spec = dict[str, Any]
Rows = list[dict[str, Any]]

ROOM, GAP = 40, 4  # characters of a legend over the narrowest chart, and those that a symbol takes


class Shared(alt.InlineDataset):
    """Rows that all copies of a chart share: Altair copies a chart, its rows included, at every layer."""

    def __deepcopy__(self, memo: Any = None) -> Shared:
        """The same rows: nobody changes them once a chart is made."""
        return self


def chart(rows: Rows) -> alt.Chart:
    """A chart of rows that travel inside it."""
    return alt.Chart(alt.InlineData(values=Shared(rows)))


def spec(made: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> Spec:
    """The chart as plain JSON: as wide as its container, no configuration (the theme brings it)."""
    told = made.properties(width="container", height=height).to_dict(validate=False)
    told.pop("config", None)
    told["autosize"] = {"type": "fit-x", "contains": "padding"}
    return told


def colour(arms: Sequence[str], *, shown: Sequence[str] = (), legend: bool = True) -> alt.Color:
    """One colour per arm, the same in every chart: the scale always lists all the study's arms.

    The legend names those `shown`, or all.
    """
    told = _legend(shown or arms) if legend else None
    return alt.Color("arm:N", title=None, scale=alt.Scale(domain=list(arms)), legend=told)


def shape(arms: Sequence[str], *, shown: Sequence[str] = ()) -> alt.Shape:
    """One shape per arm, for readers and printers without colour."""
    return alt.Shape("arm:N", title=None, scale=alt.Scale(domain=list(arms)), legend=_legend(shown or arms))


def _legend(shown: Sequence[str]) -> alt.Legend:
    """The arms that a chart draws, below one another where a narrow chart would cut them off."""
    if sum(len(arm) + GAP for arm in shown) <= ROOM:
        return alt.Legend(values=list(shown))
    two = 2 * (max(map(len, shown)) + GAP) <= ROOM
    return alt.Legend(values=list(shown), columns=2 if two else 1)


def tips(**fields: str) -> list[alt.Tooltip]:
    """What is shown under the pointer: field=its title."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in fields.items()]


def names(**more: Any) -> alt.Axis:
    """An axis of names: no ticks, long names cut."""
    return alt.Axis(**({"ticks": False, "domain": False, "labelLimit": 180} | more))


def tight(zero: float) -> alt.Scale:
    """A scale that begins at `zero` and ends at the data."""
    return alt.Scale(nice=False, domainMin=zero)


def dots(base: alt.Chart, rows: Rows, shapes: Mapping[str, str]) -> list[alt.Chart]:
    """The points of a chart of `rows`: filled where their kind is "", and hollow where it is a bound."""
    kinds = {row["kind"] for row in rows}
    return [
        base.mark_point(filled=not kind, size=100, opacity=1, shape=shape, strokeWidth=1.75).transform_filter(
            f"datum.kind === '{kind}'"
        )
        for kind, shape in shapes.items()
        if kind in kinds  # a layer without points would be a warning
    ]


def logarithmic(field: str, title: str, ticks: Sequence[float] = (), **axis: Any) -> alt.X:
    """A logarithmic x axis; `ticks` where they are known, else the chart's own choice."""
    told: dict[str, Any] = {"grid": False, "labelOverlap": True, "format": "~s"} | axis
    marks: dict[str, Any] = {"values": list(ticks)} if ticks else {"tickCount": 4}
    scale = alt.Scale(type="log", nice=False, padding=14)
    return alt.X(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(**told, **marks))

"""The plot of the models: their parameters over the years, and the carbon of what trains them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import altair as alt

from headstart.compare.emissions import Emission, Emitted
from headstart.compare.published.tables import models as entries
from headstart.errors import ConfigError
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.theme import LIGHT
from headstart.reports.console.models import Row

Chart = alt.LayerChart | alt.FacetChart
SUFFIXES = (".svg", ".png")
FAMILIES = ("encoder", "decoder", "encoder-decoder", "vision")
STAGES = ("from scratch", "fine-tuning", "pretraining")
ORIGINS = ("published", "measured here", "estimated here")
WIDTH, HEIGHT = 860, 460  # of the chart of sizes, in pixels
APART = 13  # pixels between the names of models of one year
LABEL = alt.Axis(labelLimit=320, ticks=False, domain=False)


def check_file(file: Path) -> None:
    """ConfigError when nothing can be drawn into `file`: another suffix than svg or png, or no folder."""
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--plot {file}: the name must end in {' or '.join(SUFFIXES)}")
    if not file.parent.is_dir():
        raise ConfigError(f"--plot {file}: there is no folder {file.parent}")


def save(found: Sequence[Row], emitted: Emitted, file: Path) -> Path:
    """Draw both charts into an svg or png file."""
    check_file(file)
    import vl_convert

    spec = alt.vconcat(sizes(found), carbon(emitted), spacing=40).resolve_scale(
        color="independent", shape="independent"
    )
    drawn = spec.to_dict(validate=False)
    drawn.pop("config", None)
    drawn |= {"padding": 16}
    if file.suffix.lower() == ".svg":
        file.write_text(
            vl_convert.vegalite_to_svg(drawn, config=LIGHT.printed(), allowed_base_urls=[]), "utf8"
        )
    else:
        file.write_bytes(
            vl_convert.vegalite_to_png(drawn, config=LIGHT.printed(), scale=2, allowed_base_urls=[])
        )
    return file


def sizes(models: Sequence[Row]) -> Chart:
    """Parameters over the years: models with a yaml here filled, landmarks hollow."""
    points = _spread(_points(models))
    years = [point["year"] for point in points]
    scale = alt.Scale(type="log", domain=list(_limits(points)), nice=False)
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X(
            "year:Q",
            title="Year of the first public version",
            axis=alt.Axis(format="d", grid=False, tickMinStep=1),
            scale=alt.Scale(domain=[min(years) - 0.3, max(years) + 1.1], nice=False),
        ),
        color=alt.Color("family:N", title=None, scale=alt.Scale(domain=list(FAMILIES))),
    )
    axis = alt.Axis(format="~s", values=[10**power for power in range(6, 13)])
    placed = base.encode(
        y=alt.Y("parameters:Q", title="Parameters (logarithmic)", scale=scale, axis=axis),
        tooltip=[alt.Tooltip(f"{field}:N") for field in ("title", "size", "paper")],
    )
    here = placed.mark_point(size=70, filled=True, opacity=1).transform_filter("datum.here")
    others = placed.mark_point(size=70, strokeWidth=1.75, opacity=1).transform_filter("!datum.here")
    names = base.mark_text(align="left", dx=8, fontSize=10)
    names = names.encode(y=alt.Y("label:Q", scale=scale), text="title:N")
    title = alt.Title(
        "Parameters over the years",
        subtitle="As published, or counted where the architecture is here. Filled: can be chosen here.",
    )
    return alt.layer(here, others, names).properties(width=WIDTH, height=HEIGHT, title=title)


def carbon(emitted: Emitted) -> Chart:
    """Grams of CO2e side by side: published ones as diamonds, measured here filled, estimated here hollow."""
    rows = [_emission(one) for one in sorted(emitted.emissions, key=lambda one: -one.high)]
    low = math.floor(math.log10(min((row["low"] for row in rows), default=1)))
    high = math.ceil(math.log10(max((row["high"] for row in rows), default=1)))
    ticks = alt.Axis(format="~s", values=[10.0**power for power in range(low, high + 1)], grid=True)
    x = alt.X("high:Q", title="Grams of CO2e (logarithmic)", scale=alt.Scale(type="log"), axis=ticks)
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("label:N", title=None, sort=None, axis=LABEL),
        color=alt.Color("stage:N", title=None, scale=alt.Scale(domain=list(STAGES))),
    )
    shapes = alt.Scale(domain=list(ORIGINS), range=["diamond", "circle", "circle"])
    points = base.encode(
        x=x,
        shape=alt.Shape("origin:N", legend=None, scale=shapes),
        tooltip=[alt.Tooltip(f"{field}:N") for field in ("label", "grams", "origin", "basis")],
    )
    span = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    filled = points.mark_point(size=110, filled=True, opacity=1)
    hollow = points.mark_point(size=110, strokeWidth=1.75, strokeDash=[3, 2])
    text = base.mark_text(align="left", dx=10, fontSize=10).encode(x=x, text="words:N")
    subtitle = [
        "Diamonds: published, each with its own boundary. Circles: from runs here; hollow ones are estimates."
    ]
    if emitted.placeless:
        left_out = numbers.plural(emitted.placeless, "run")
        subtitle.append(
            f"{left_out} with joules but no place left out: meter.carbon.region says where the electricity "
            "comes from."
        )
    return alt.layer(
        span,
        filled.transform_filter("datum.origin != 'estimated here'"),
        hollow.transform_filter("datum.origin == 'estimated here'"),
        text,
    ).properties(
        title=alt.Title("Carbon of one training", subtitle=subtitle),
        width=WIDTH - 220,
        height=max(80, 26 * len(rows)),
    )


def _points(models: Sequence[Row]) -> list[dict[str, Any]]:
    """One point per model of which year and size are known."""
    listed = {row.name: row for row in models}
    points = []
    for entry in entries():
        row = next((listed[name] for name in entry.names if name in listed), None)
        parameters = row.parameters if row else entry.parameters
        if parameters is not None:
            family = entry.family.replace("_", "-")
            point = {"title": entry.title, "year": entry.year, "parameters": parameters, "family": family}
            point |= {"size": numbers.si(parameters, ""), "paper": entry.paper, "here": row is not None}
            points.append(point)
    return points


def _limits(points: Sequence[dict[str, Any]]) -> tuple[float, float]:
    sizes = [point["parameters"] for point in points]
    return min(sizes) / 2, max(sizes) * 2


def _spread(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points with a height for each name, APART pixels from the next of the same year."""
    low, high = _limits(points)
    step = APART / HEIGHT * math.log(high / low)
    ordered = sorted(points, key=lambda point: (point["year"], point["parameters"]))
    for _, year in groupby(ordered, key=lambda point: point["year"]):
        column = list(year)
        heights = style.apart([math.log(point["parameters"]) for point in column], step)
        for point, height in zip(column, heights, strict=True):
            point["label"] = math.exp(height)
    return ordered


def _emission(one: Emission) -> dict[str, Any]:
    low, high = _mass(one.low), _mass(one.high)
    grams = high if low == high else f"{low} to {high}"
    return {
        "label": f"{one.label}: {one.stage}",
        "stage": one.stage,
        "origin": one.origin,
        "low": one.low,
        "high": one.high,
        "grams": grams,
        "words": f"{grams}, {one.origin}",
        "basis": one.told,
    }


def _mass(grams: float) -> str:
    """12.3 mg, 4.56 g, 652 kg, 46.7 t."""
    for unit, size in (("t", 1e6), ("kg", 1e3), ("g", 1.0)):
        if grams >= size:
            return f"{numbers.significant(grams / size)} {unit}"
    return f"{numbers.significant(grams * 1e3)} mg"

"""The plot of the models: their parameters over the years, and the carbon of what trains them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import altair as alt

from headstart.compare.published.emitted import Emission, Emitted
from headstart.compare.published.known import entries
from headstart.errors import ConfigError
from headstart.reports import numbers
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


def sizes(found: Sequence[Row]) -> Chart:
    """Parameters over the years: models with a yaml here filled, landmarks hollow."""
    points = _spread(_points(found))
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X(
            "year:Q",
            title="Year of the first public version",
            axis=alt.Axis(format="d", grid=False, tickMinStep=1),
            scale=alt.Scale(domain=[_years(points)[0] - 0.3, _years(points)[1] + 1.1], nice=False),
        )
    )
    y = alt.Y(
        "parameters:Q",
        title="Parameters (logarithmic)",
        scale=_logarithmic(points),
        axis=alt.Axis(format="~s", values=[10**power for power in range(6, 13)]),
    )
    colour = alt.Color("family:N", title=None, scale=alt.Scale(domain=list(FAMILIES)))
    tips = [alt.Tooltip("title:N"), alt.Tooltip("size:N"), alt.Tooltip("paper:N")]
    here = base.mark_point(size=70, filled=True, opacity=1).transform_filter("datum.here")
    others = base.mark_point(size=70, strokeWidth=1.75, opacity=1).transform_filter("!datum.here")
    names = base.mark_text(align="left", dx=8, fontSize=10).encode(
        y=alt.Y("label:Q", scale=_logarithmic(points)), text="title:N", color=colour
    )
    layers = [mark.encode(y=y, color=colour, tooltip=tips) for mark in (here, others)]
    title = alt.Title(
        "Parameters over the years",
        subtitle="As published, or counted where the architecture is here. Filled: can be chosen here.",
    )
    return alt.layer(*layers, names).properties(width=WIDTH, height=HEIGHT, title=title)


def carbon(emitted: Emitted) -> Chart:
    """Grams of CO2e side by side: published ones as diamonds, measured here filled, estimated here hollow."""
    rows = [_emission(each) for each in sorted(emitted.emissions, key=lambda each: -each.high)]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("label:N", title=None, sort=None, axis=LABEL),
        color=alt.Color("stage:N", title=None, scale=alt.Scale(domain=list(STAGES))),
    )
    x = alt.X("high:Q", title="Grams of CO2e (logarithmic)", scale=alt.Scale(type="log"), axis=_grams(rows))
    shape = alt.Shape(
        "origin:N", legend=None, scale=alt.Scale(domain=list(ORIGINS), range=["diamond", "circle", "circle"])
    )
    tips = [alt.Tooltip("label:N"), alt.Tooltip("grams:N"), alt.Tooltip("origin:N"), alt.Tooltip("told:N")]
    span = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    filled = base.mark_point(size=110, filled=True, opacity=1).transform_filter(
        "datum.origin != 'estimated here'"
    )
    hollow = base.mark_point(size=110, strokeWidth=1.75, strokeDash=[3, 2]).transform_filter(
        "datum.origin == 'estimated here'"
    )
    text = base.mark_text(align="left", dx=10, fontSize=10).encode(x=x, text="words:N")
    marks = [mark.encode(x=x, shape=shape, tooltip=tips) for mark in (filled, hollow)]
    title = alt.Title("Carbon of one training", subtitle=_subtitle(emitted))
    size = {"width": WIDTH - 220, "height": max(80, 26 * len(rows))}
    return alt.layer(span, *marks, text).properties(title=title, **size)


def _points(found: Sequence[Row]) -> list[dict[str, Any]]:
    """One point per model of which year and size are known."""
    chosen = {row.name: row for row in found}
    points = []
    for entry in entries():
        row = next((chosen[name] for name in entry.names if name in chosen), None)
        parameters = row.parameters if row else entry.parameters
        if parameters is not None:
            family = entry.family.replace("_", "-")
            point = {"title": entry.title, "year": entry.year, "parameters": parameters, "family": family}
            point |= {"size": numbers.si(parameters, ""), "paper": entry.paper, "here": row is not None}
            points.append(point)
    return points


def _spread(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The points with a height for each name, APART pixels from the next of the same year."""
    span = math.log(_bounds(points)[1] / _bounds(points)[0])
    step = APART / HEIGHT * span
    ordered = sorted(points, key=lambda point: (point["year"], point["parameters"]))
    for _, year in groupby(ordered, key=lambda point: point["year"]):
        column = list(year)
        heights = _apart([math.log(point["parameters"]) for point in column], step)
        for point, height in zip(column, heights, strict=True):
            point["label"] = math.exp(height)
    return ordered


def _apart(heights: list[float], step: float) -> list[float]:
    """Rising heights moved as little as keeps them `step` apart: neighbours that touch share their middle."""
    groups: list[list[float]] = []
    for height in heights:
        groups.append([height])
        while len(groups) > 1 and _low(groups[-1], step) < _high(groups[-2], step) + step:
            last = groups.pop()
            groups[-1] += last
    return [_low(group, step) + place * step for group in groups for place in range(len(group))]


def _low(group: list[float], step: float) -> float:
    return sum(group) / len(group) - step * (len(group) - 1) / 2


def _high(group: list[float], step: float) -> float:
    return _low(group, step) + step * (len(group) - 1)


def _years(points: Sequence[dict[str, Any]]) -> tuple[int, int]:
    years = [point["year"] for point in points]
    return min(years), max(years)


def _bounds(points: Sequence[dict[str, Any]]) -> tuple[float, float]:
    sizes = [point["parameters"] for point in points]
    return min(sizes) / 2, max(sizes) * 2


def _logarithmic(points: Sequence[dict[str, Any]]) -> alt.Scale:
    return alt.Scale(type="log", domain=list(_bounds(points)), nice=False)


def _emission(each: Emission) -> dict[str, Any]:
    low, high = _mass(each.low), _mass(each.high)
    words = high if low == high else f"{low} to {high}"
    label = f"{each.label}: {each.stage}"
    return {
        "label": label,
        "stage": each.stage,
        "origin": each.origin,
        "low": each.low,
        "high": each.high,
        "grams": words,
        "words": f"{words}, {each.origin}",
        "told": each.told,
    }


def _mass(grams: float) -> str:
    """12.3 mg, 4.56 g, 652 kg, 46.7 t."""
    for unit, size in (("t", 1e6), ("kg", 1e3), ("g", 1.0)):
        if grams >= size:
            return f"{numbers.significant(grams / size)} {unit}"
    return f"{numbers.significant(grams * 1e3)} mg"


def _grams(rows: Sequence[dict[str, Any]]) -> alt.Axis:
    low = math.floor(math.log10(min((row["low"] for row in rows), default=1)))
    high = math.ceil(math.log10(max((row["high"] for row in rows), default=1)))
    return alt.Axis(format="~s", values=[10.0**power for power in range(low, high + 1)], grid=True)


def _subtitle(emitted: Emitted) -> list[str]:
    told = [
        "Diamonds: published, each with its own boundary. Circles: from runs here; hollow ones are estimates."
    ]
    if emitted.placeless:
        told.append(
            f"{numbers.plural(emitted.placeless, 'run')} with joules but no place left out: "
            "meter.carbon.region says where the electricity comes from."
        )
    return told

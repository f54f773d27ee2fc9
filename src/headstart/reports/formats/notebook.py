"""Charts for a notebook: the report's own, as Altair objects with a width and the report's colours."""

from __future__ import annotations

from typing import Any

import altair as alt

from headstart.compare.findings import Findings
from headstart.reports import outline
from headstart.reports.charts.theme import LIGHT
from headstart.reports.page import Figure

Drawn = alt.Chart | alt.LayerChart | alt.FacetChart
WIDTH = 480  # pixels; the page's own charts are as wide as their container, which a notebook has not


def altair_charts(findings: Findings) -> dict[str, Drawn]:
    """Every chart of the report by its name there: 'gain', 'curve-accuracy-flops', ..."""
    return {figure.key: _chart(figure) for figure in outline.page(findings).figures()}


def _chart(figure: Figure) -> Drawn:
    """One chart, of the class that its specification says."""
    kind = (
        alt.LayerChart if "layer" in figure.spec else alt.FacetChart if "facet" in figure.spec else alt.Chart
    )
    paper: dict[str, Any] = LIGHT.vega() | {"background": LIGHT.paper}
    spec = figure.spec | {"width": WIDTH, "title": figure.title, "config": paper}
    return kind.from_dict(spec, validate=False)

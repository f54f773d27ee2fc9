"""The look of a report: two sets of colours, used by the page's style sheet and by every chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ROOM, GAP = 40, 4  # characters of a legend over the narrowest chart, and those that a symbol takes
AXIS = {"titleFontSize": 12, "labelFontSize": 11, "titlePadding": 8, "labelPadding": 5, "tickSize": 4}
LEGEND = {
    "labelFontSize": 12, "titleFontWeight": 500, "orient": "top", "symbolOpacity": 1, "symbolSize": 70,
    "offset": 6,
}  # fmt: skip
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Theme:
    """One set of colours; `arms` are told apart with any colour vision, and by brightness on paper."""

    paper: str
    raised: str
    ink: str
    quiet: str
    line: str
    heat: tuple[str, str, str]
    arms: tuple[str, ...]  # the baseline first

    def variables(self) -> dict[str, str]:
        """The custom properties of the style sheet."""
        named = {key: getattr(self, key) for key in ("paper", "raised", "ink", "quiet", "line")}
        return named | {f"arm-{index}": colour for index, colour in enumerate(self.arms)}

    def vega(self) -> dict[str, Any]:
        """The Vega-Lite configuration that every chart of the page shares."""
        label, title = {"labelColor": self.quiet}, {"titleColor": self.ink, "titleFontWeight": 500}
        lines = {f"{part}Color": self.line for part in ("grid", "domain", "tick")}
        link = {"color": self.quiet, "strokeWidth": 2, "opacity": 0.55}
        return {
            "background": "transparent",
            "font": SANS,
            "view": {"stroke": None},
            "axis": label | title | lines | AXIS,
            "axisY": {"domain": False},
            "legend": {"labelColor": self.ink, "titleColor": self.quiet} | LEGEND,
            "title": {"color": self.ink, "fontSize": 13, "fontWeight": 600, "anchor": "start", "offset": 8},
            "rule": {"color": self.quiet},
            "range": {"category": list(self.arms), "heatmap": list(self.heat), "ramp": list(self.heat)},
            "style": {  # marks in the colours of the page: text on light and on strong cells, zero lines
                "on-light": {"color": self.ink},
                "on-strong": {"color": self.paper},
                "zero": {"color": self.ink, "strokeWidth": 1},
                "margin": {"color": self.quiet, "opacity": 0.16},
                "link": link,
                "level": {"color": self.quiet},
            },
        }

    def printed(self) -> dict[str, Any]:
        """The same for pictures in files: on paper, in a font that any program has."""
        return self.vega() | {"background": self.paper, "font": "Helvetica, Arial, sans-serif"}


LIGHT = Theme(
    paper="#ffffff",
    raised="#f6f7f9",
    ink="#1a1d23",
    quiet="#5b6472",
    line="#e1e4ea",
    heat=("#f3f5f8", "#7fa3c4", "#123f66"),
    arms=("#c9570a", "#0068a8", "#00835f", "#a6497f", "#7a6a00", "#4c5a67"),
)
DARK = Theme(
    paper="#14161a",
    raised="#1c1f25",
    ink="#e9ebef",
    quiet="#9aa4b2",
    line="#2d323b",
    heat=("#1d2128", "#3f6d94", "#a9d6fa"),
    arms=("#f2944f", "#5ab4f0", "#3cc79a", "#e08fc0", "#d8c24a", "#a9b6c2"),
)


def painted(spec: dict[str, Any], arms: Sequence[str]) -> dict[str, Any]:
    """The chart with one colour and shape per arm, the same in every chart of a study.

    Its scales list all arms of the study; its legend names those that the chart draws.
    """
    drawn = {row.get("arm") for rows in spec.get("datasets", {}).values() for row in rows}
    legend = _legend([arm for arm in arms if arm in drawn])

    def paint(node: Any) -> Any:
        if isinstance(node, list):
            return [paint(item) for item in node]
        if not isinstance(node, dict):
            return node
        node = {key: value if key == "datasets" else paint(value) for key, value in node.items()}
        for channel in ("color", "shape"):
            encoding = node.get(channel)
            if isinstance(encoding, dict) and encoding.get("field") == "arm":
                encoding |= {"scale": {"domain": list(arms)}, "legend": encoding.get("legend", legend)}
        if isinstance(node.get("yOffset"), dict):
            node["yOffset"]["sort"] = list(arms)
        return node

    return paint(spec)


def _legend(arms: Sequence[str]) -> dict[str, Any]:
    """The arms below one another where a narrow chart would cut them off."""
    if sum(len(arm) + GAP for arm in arms) <= ROOM:
        return {"values": list(arms)}
    two = 2 * (max(map(len, arms)) + GAP) <= ROOM
    return {"values": list(arms), "columns": 2 if two else 1}

"""Pictures: the charts of a report as SVG files; a chart that did not change is not drawn again."""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.reports.charts.theme import LIGHT
from headstart.reports.page import Gallery, Page

FOLDER = "report_files"
WIDE, NARROW = 680, 330
SEAL = re.compile(r"<!-- drawn [0-9a-f]{64} -->\n\Z")  # ends a picture


def pictures(page: Page, folder: Path) -> dict[str, str]:
    """Every chart as SVG, by file name, on white paper so that it also reads in a dark theme.

    A picture in `folder` that was drawn from the same chart is kept: drawing takes most of a report's time.
    """
    parts = [part for section in page.sections for part in section.parts]
    narrow = {figure.key for part in parts if isinstance(part, Gallery) for figure in part.figures}
    drawn: dict[str, str] = {}
    for figure in page.figures():
        width = NARROW if figure.key in narrow else WIDE
        spec = figure.spec | {"width": width, "title": figure.title, "padding": 10}
        name = f"{figure.key}.svg"
        drawn[name] = _kept(folder / name, spec) or _sealed(spec, _drawn(spec))
    return drawn


def _drawn(spec: dict[str, Any]) -> str:
    import vl_convert

    return _renumbered(vl_convert.vegalite_to_svg(spec, config=LIGHT.printed(), allowed_base_urls=[]))


def _kept(path: Path, spec: dict[str, Any]) -> str | None:
    """The picture in this file if it is whole and was drawn from this chart, else None."""
    try:
        text = path.read_text("utf8")
    except (OSError, UnicodeDecodeError):  # not there, or damaged: it is drawn again
        return None
    svg = SEAL.sub("", text)
    return text if text == _sealed(spec, svg) else None


def _sealed(spec: dict[str, Any], svg: str) -> str:
    """The picture with a digest of the chart, of what draws it and of the picture itself."""
    facts = json.dumps([version("vl-convert-python"), LIGHT.printed(), spec, svg])
    return f"{svg}<!-- drawn {hashlib.sha256(facts.encode()).hexdigest()} -->\n"


def _renumbered(svg: str) -> str:
    """Identifiers counted from 0 per picture: Vega counts them per process, and a rebuild would differ."""
    ids = dict.fromkeys(re.findall(r'\bid="((?:clip|gradient_)\d+)"', svg))
    renamed = {name: f"part{number}" for number, name in enumerate(ids)}
    return re.sub(r"\b(?:clip|gradient_)\d+\b", lambda name: renamed.get(name[0], name[0]), svg)

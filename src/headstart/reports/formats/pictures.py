"""Pictures: the charts of a report as SVG files; a chart that did not change is not drawn again."""

from __future__ import annotations

import hashlib
import json
import re
import textwrap
from pathlib import Path
from typing import Any

from headstart.errors import RecordError
from headstart.reports.charts.renderer import draw, renderer_version
from headstart.reports.charts.theme import LIGHT
from headstart.reports.numbers import unbroken
from headstart.reports.page import Gallery, Page, figures_of

FOLDER = "report_files"
WIDE, NARROW = 680, 330
IN_ONE = ("arms", "gain", "rows", "models")  # sections whose charts make the picture of a study
LINE = 110  # characters of a line of its title
SEAL = re.compile(r"<!-- drawn [0-9a-f]{64} -->\n\Z")  # ends a picture


def pictures(page: Page, folder: Path) -> tuple[dict[str, str], str]:
    """Every chart as SVG, by file name, so that it also reads in a dark theme; and why others are missing.

    A picture in `folder` that was drawn from the same chart is kept: drawing takes most of a report's time.
    """
    parts = [part for section in page.sections for part in section.parts]
    narrow = {figure.key for part in parts if isinstance(part, Gallery) for figure in part.figures}
    specs = {
        f"{figure.key}.svg": figure.spec
        | {"width": NARROW if figure.key in narrow else WIDE, "title": figure.title, "padding": 10}
        for figure in page.figures()
    }
    ready = {name: svg for name, spec in specs.items() if (svg := _kept(folder / name, spec))}
    drawn, reason = draw({name: spec for name, spec in specs.items() if name not in ready})
    ready |= {name: _sealed(specs[name], svg) for name, svg in drawn.items()}
    return {name: ready[name] for name in specs if name in ready}, reason


def overview(page: Page) -> str:
    """Question, answer and the charts of all arms as one SVG; RecordError where it cannot be drawn."""
    keys = [f.key for s in page.sections if s.key in IN_ONE for part in s.parts for f in figures_of(part)]
    own = [figure for figure in page.figures() if figure.key in keys]
    if not own:
        raise RecordError(f"{page.study}: has no chart to draw: no pair is left to compare")
    data: dict[str, Any] = {}
    charts = []
    for figure in own:
        data |= figure.spec.get("datasets", {})
        rest = {
            key: value for key, value in figure.spec.items() if key not in ("datasets", "autosize", "$schema")
        }
        charts.append(rest | {"title": figure.title, "width": NARROW if len(own) > 1 else WIDE})
    title = {
        name: textwrap.wrap(unbroken(words), LINE)
        for name, words in (("text", page.question), ("subtitle", page.sentence))
    }
    spec = {"concat": charts, "columns": 2, "spacing": 40, "title": title, "datasets": data, "padding": 16}
    drawn, reason = draw({"overview": spec})
    if not drawn:
        raise RecordError(f"{page.study}: its charts cannot be drawn ({reason})")
    return drawn["overview"]


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
    facts = json.dumps([renderer_version(), LIGHT.printed(), spec, svg])
    return f"{svg}<!-- drawn {hashlib.sha256(facts.encode()).hexdigest()} -->\n"

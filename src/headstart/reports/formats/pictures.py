"""Pictures: the charts of a report as SVG files; a chart that did not change is not drawn again."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from headstart.reports.charts.renderer import draw, renderer_version
from headstart.reports.charts.theme import LIGHT
from headstart.reports.page import Gallery, Page

FOLDER = "report_files"
WIDE, NARROW = 680, 330
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

"""Building a report: from a study folder to report.html, report.md and a model card per arm in it."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.compare.findings import Findings
from headstart.reports import outline
from headstart.reports.formats import html, markdown, model_card
from headstart.reports.formats.pictures import FOLDER, pictures
from headstart.reports.page import Page

log = logging.getLogger(__name__)
NO_PROGRAM = (
    "This page has no charts: vl-convert, which makes the program that draws them, cannot be run here."
)


@dataclass(frozen=True)
class Built:
    """The report of a study: where it lies and what it says."""

    findings: Findings
    html: Path
    markdown: Path
    pictures: tuple[Path, ...]
    cards: tuple[Path, ...] = ()  # one model card per arm


def build(folder: Path, findings_of: Callable[[], Findings] | None = None) -> Built:
    """Compare the runs of a study folder and write both reports there; the same records give the same bytes.

    `findings_of` gives findings that somebody else wants as well. Raises RecordError when the folder holds
    no run.
    """
    from headstart.compare.study import compare

    with ThreadPoolExecutor(1) as beside:
        bundle = beside.submit(html.bundle_of_vega)
        return write(findings_of() if findings_of else compare(folder), folder, bundle.result)


def write(findings: Findings, folder: Path, bundle: Callable[[], str] = html.bundle_of_vega) -> Built:
    """Write the reports of findings: pictures first, so that no report ever points at a missing one.

    They are drawn in a process of its own. A chart that cannot be drawn is missing, and the page says so.
    """
    page = outline.page(findings)
    beside = folder / FOLDER
    with ThreadPoolExecutor(1) as renderer:
        drawing = renderer.submit(pictures, page, beside)
        program = bundle()
        web = html.render(page if program else _noted(page, NO_PROGRAM), program)
        drawn, reason = drawing.result()
    missing = {figure.key for figure in page.figures() if f"{figure.key}.svg" not in drawn}
    if missing:
        lost = f"{len(missing)} of {len(page.figures())} charts could not be drawn as pictures ({reason})"
        log.warning("headstart: %s", lost)
        page = _noted(page, f"{lost}.")
    beside.mkdir(parents=True, exist_ok=True)
    written = tuple(write_text(beside / name, text) for name, text in drawn.items())
    built = Built(
        findings=findings,
        html=write_text(folder / "report.html", web),
        markdown=write_text(folder / "report.md", markdown.render(page, missing)),
        pictures=written,
        cards=tuple(write_text(folder / name, text) for name, text in model_card.cards(findings).items()),
    )
    for old in set(beside.glob("*.svg")) - set(written):
        old.unlink(missing_ok=True)  # another process may write this report, too
    return built


def _noted(page: Page, warning: str) -> Page:
    return replace(page, warnings=(*page.warnings, warning))


def write_text(path: Path, text: str) -> Path:
    """Write a whole file or leave the old one: a reader never meets half a report. Returns its path."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path

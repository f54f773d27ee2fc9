"""The Markdown report: the same page as plain text and tables, its charts as SVG files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headstart.reports.charts.theme import LIGHT
from headstart.reports.page import (
    Bullets,
    Code,
    Figure,
    Gallery,
    Page,
    Part,
    Quote,
    Quotes,
    Section,
    Table,
    Text,
)

FOLDER = "report_files"
WIDE, NARROW = 680, 330
# What GitHub's Markdown would read as markup; a backslash in front makes it text.
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$!])")
LIST_LIKE = re.compile(r"^(\s*)([-+>=]|\d+[.)])(?=\s|$|[-=>])")


def render(page: Page) -> str:
    """The page as Markdown that GitHub shows well; what comes from a study stays text."""
    facts = " · ".join(f"{name}: {escape(value)}" for name, value in page.facts if value)
    head = [f"# {escape(page.study)}", escape(page.question), f"**{escape(page.sentence)}**", facts]
    head += [f"> {escape(warning)}" for warning in page.warnings]
    body = [section(each) for each in page.sections]
    return "\n\n".join(part for part in [*head, *body] if part) + "\n"


def pictures(page: Page) -> dict[str, str]:
    """Every chart as SVG, by file name, on white paper so that it also reads in a dark theme."""
    import vl_convert

    drawn: dict[str, str] = {}
    for figure, width in _sized(page):
        spec = figure.spec | {"width": width, "title": figure.title, "padding": 10}
        svg = vl_convert.vegalite_to_svg(spec, config=_paper(), allowed_base_urls=[])
        drawn[f"{figure.key}.svg"] = _renumbered(svg)
    return drawn


def _renumbered(svg: str) -> str:
    """Identifiers counted from 0 per picture: Vega counts them per process, and a rebuild would differ."""
    found = dict.fromkeys(re.findall(r'\bid="((?:clip|gradient_)\d+)"', svg))
    fresh = {name: f"part{number}" for number, name in enumerate(found)}
    return re.sub(r"\b(?:clip|gradient_)\d+\b", lambda name: fresh.get(name[0], name[0]), svg)


def escape(text: str) -> str:
    """Text of a study as Markdown text: no markup, no HTML, no line of its own, no mention or link."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = SPECIAL.sub(r"\\\1", flat)
    flat = LIST_LIKE.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", flat)
    return flat.replace("://", ":&#8203;//").replace("@", "&#64;").replace("www.", "www&#46;")


def section(each: Section) -> str:
    """A heading and its parts."""
    heading = f"{'#' * each.level} {escape(each.title)}"
    return "\n\n".join([heading, *(_DRAWN[part.kind](part) for part in each.parts)])


def _table(part: Table) -> str:
    names = [escape(column.name) for column in part.columns]
    rules = ["---:" if column.number else ":---" for column in part.columns]
    rows = [
        [f"**{escape(c.text)}**" if c.strong and c.text else escape(c.text) for c in row] for row in part.rows
    ]
    lines = [f"| {' | '.join(row)} |" for row in [names, rules, *rows]]
    return "\n".join(lines) + (f"\n\n{escape(part.caption)}" if part.caption else "")


def _figure(part: Figure) -> str:
    return f"![{escape(part.title)}]({FOLDER}/{part.key}.svg)\n\n{escape(part.description)}"


def _gallery(part: Gallery) -> str:
    images = " ".join(f"![{escape(each.title)}]({FOLDER}/{each.key}.svg)" for each in part.figures)
    return (
        images
        + "\n\n"
        + "\n".join(f"- {escape(each.title)}. {escape(each.description)}" for each in part.figures)
    )


def _text(part: Text) -> str:
    return f"> {escape(part.text)}" if part.tone == "warning" else escape(part.text)


def _bullets(part: Bullets) -> str:
    return "\n".join(f"- {escape(item)}" for item in part.items)


def _quotes(part: Quotes) -> str:
    return "\n\n".join([f"**{escape(part.title)}**", *(_quote(item) for item in part.items)])


def _quote(item: Quote) -> str:
    told = f"Label: {escape(item.label)}. {escape(item.right)} (right); {escape(item.wrong)} (wrong)."
    return f"> {escape(item.text)}\n>\n> {told}"


def _code(part: Code) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", part.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{part.language}\n{part.text}\n{fence}"


_DRAWN: dict[str, Callable[[Any], str]] = {
    "table": _table,
    "figure": _figure,
    "gallery": _gallery,
    "text": _text,
    "bullets": _bullets,
    "quotes": _quotes,
    "code": _code,
}


def _sized(page: Page) -> list[tuple[Figure, int]]:
    parts: list[Part] = [part for section in page.sections for part in section.parts]
    wide = [(part, WIDE) for part in parts if isinstance(part, Figure)]
    narrow = [(each, NARROW) for part in parts if isinstance(part, Gallery) for each in part.figures]
    return wide + narrow


def _paper() -> dict[str, Any]:
    return LIGHT.vega() | {"background": LIGHT.paper, "font": "Helvetica, Arial, sans-serif"}

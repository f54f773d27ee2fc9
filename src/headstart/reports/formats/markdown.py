"""The Markdown report: the same page as plain text and tables, its charts as SVG files beside it."""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Sequence

from headstart.reports.formats.pictures import FOLDER
from headstart.reports.page import (
    Bullets,
    Cell,
    Code,
    Figure,
    Gallery,
    Page,
    Part,
    Quotes,
    Section,
    Table,
    Text,
)

# What GitHub's Markdown would read as markup; a backslash in front makes it text.
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$!])")
LIST_LIKE = re.compile(r"^(\s*)([-+>=]|\d+[.)])(?=\s|$|[-=>])")


def render(page: Page, missing: Collection[str] = ()) -> str:
    """The page as Markdown that GitHub shows well; what comes from a study stays text.

    Of the charts whose keys are `missing`, there is no picture, and their description stays.
    """
    facts = " · ".join(f"{name}: {escape(value)}" for name, value in page.facts if value)
    points = "\n".join(f"- **{escape(word)}:** {escape(words)}" for word, words in page.points)
    head = [f"# {escape(page.study)}", escape(page.question), f"**{escape(page.sentence)}**", points, facts]
    head += [f"> {escape(warning)}" for warning in page.warnings]
    body = []
    for chapter, inner in page.chapters:
        parts = [section(part, missing) for part in (chapter, *inner)]
        if chapter.folded:  # a page of GitHub shows the title alone until it is opened
            title = html.escape(" ".join(chapter.title.split()))
            own = parts[0].partition("\n\n")[2]  # without its heading
            parts = [f"<details><summary><b>{title}</b></summary>", own, *parts[1:], "</details>"]
        body += parts
    return "\n\n".join(part for part in [*head, *body] if part) + "\n"


def escape(text: str) -> str:
    """Text of a study as Markdown text: no markup, no HTML, no line of its own, no mention or link."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    flat = SPECIAL.sub(r"\\\1", flat)
    flat = LIST_LIKE.sub(lambda mark: f"{mark[1]}{mark[2][:-1]}\\{mark[2][-1]}", flat)
    return flat.replace("://", ":&#8203;//").replace("@", "&#64;").replace("www.", "www&#46;")


def section(part: Section, missing: Collection[str] = ()) -> str:
    """A heading and its parts."""
    heading = f"{'#' * part.level} {escape(part.title)}"
    return "\n\n".join([heading, *(_written(item, missing) for item in part.parts)])


def grid(heads: Sequence[str], numeric: Sequence[bool], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; numeric columns are set to the right."""
    rules = ["---:" if number else ":---" for number in numeric]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, rules, *rows])


def _written(part: Part, missing: Collection[str]) -> str:
    """One part of a section as Markdown."""
    match part:
        case Table(columns, rows, caption):
            heads = [escape(column.name) for column in columns]
            numeric = [column.number for column in columns]
            text = grid(heads, numeric, [[_cell(cell) for cell in row] for row in rows])
            return f"{text}\n\n{escape(caption)}" if caption else text
        case Figure():
            return f"{_images([part], missing)}{escape(part.description)}"
        case Gallery(figures):
            words = [f"- {escape(each.title)}. {escape(each.description)}" for each in figures]
            return _images(figures, missing) + "\n".join(words)
        case Text(text, tone):
            return f"> {escape(text)}" if tone == "warning" else escape(text)
        case Bullets(items):
            return "\n".join(f"- {escape(item)}" for item in items)
        case Quotes():
            answers = [
                f"Label: {escape(item.label)}. {escape(item.right)} (right); {escape(item.wrong)} (wrong)."
                for item in part.items
            ]
            quotes = [f"> {escape(q.text)}\n>\n> {a}" for q, a in zip(part.items, answers, strict=True)]
            return "\n\n".join([f"**{escape(part.title)}**", *quotes])
        case Code(text, language):
            fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
            return f"{fence}{language}\n{text}\n{fence}"


def _cell(cell: Cell) -> str:
    pieces = [f"<{piece}>" if address else escape(piece) for piece, address in cell.pieces]
    text = " ".join(pieces)
    return f"**{text}**" if cell.strong and text else text


def _images(figures: Sequence[Figure], missing: Collection[str]) -> str:
    """The pictures in one line, and an empty line; nothing where none is there."""
    there = [figure for figure in figures if figure.key not in missing]
    images = " ".join(f"![{escape(figure.title)}]({FOLDER}/{figure.key}.svg)" for figure in there)
    return f"{images}\n\n" if images else ""

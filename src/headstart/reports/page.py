"""The page: what a report says, in order, before anyone decides whether it becomes HTML or Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from headstart.reports.charts.theme import painted

SHORT, LONG = 20, 48  # characters of a cell
ADDRESS = re.compile(r"(https://[\w./#?=%-]*[\w/])")


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, where it comes from (a tooltip), and the arm whose colour it has."""

    text: str
    source: str = ""
    arm: str = ""
    strong: bool = False
    ours: bool = False  # text of this project, whose addresses are links; those of a study stay text

    @property
    def length(self) -> str:
        """'short' stays on one line, 'long' gets more width, 'bracketed' may break before its bracket."""
        if " (" in self.text and len(self.text) <= LONG:
            return "bracketed"
        return "short" if len(self.text) <= SHORT else "long" if len(self.text) > LONG else ""

    @property
    def pieces(self) -> list[tuple[str, bool]]:
        """The text in pieces, and whether each is an address to link to."""
        parts = ADDRESS.split(self.text) if self.ours else [self.text]
        return [(part, index % 2 == 1) for index, part in enumerate(parts) if part]

    @property
    def halves(self) -> tuple[str, str]:
        """The text before a bracket, and the bracket."""
        before, _, after = self.text.partition(" (")
        return before, f"({after}"


@dataclass(frozen=True)
class Column:
    """One column of a table; numbers are set to the right."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Figure:
    """One chart with the sentence that says in words what it shows."""

    key: str  # unique on the page; the name of its file
    title: str
    description: str
    spec: dict[str, Any]
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Gallery:
    """Charts side by side where there is room."""

    figures: tuple[Figure, ...]
    columns: int
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Text:
    """A paragraph; `tone` 'note' is set small, 'warning' is set apart."""

    text: str
    tone: str = "plain"
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Quote:
    """One test example with the answer of each arm."""

    text: str
    label: str
    right: str
    wrong: str
    note: str


@dataclass(frozen=True)
class Quotes:
    """Test examples that only one arm gets right."""

    arm: str
    title: str
    items: tuple[Quote, ...]
    kind: ClassVar[str] = "quotes"


@dataclass(frozen=True)
class Code:
    """Lines to copy."""

    text: str
    language: str = "sh"
    kind: ClassVar[str] = "code"


Part = Table | Figure | Gallery | Text | Bullets | Quotes | Code
Parts = tuple[Part, ...]


@dataclass(frozen=True)
class Section:
    """A heading and its parts; `level` 3 stands inside the level-2 section before it."""

    key: str
    title: str
    parts: Parts
    level: int = 2
    folded: bool = False  # only its title is shown, with those inside it, until it is opened


@dataclass(frozen=True)
class Page:
    """A whole report. The order of `arms` decides their colours, in every table and chart."""

    study: str
    question: str
    facts: tuple[tuple[str, str], ...]  # (word, value) below the title: task, model, baseline
    sentence: str
    points: tuple[tuple[str, str], ...]  # (word, words) below the answer
    verdict: str  # better, worse, equivalent, undecided; "" when there is none
    arms: tuple[str, ...]
    sections: tuple[Section, ...]
    fingerprint: str
    warnings: tuple[str, ...] = ()

    @property
    def answer(self) -> tuple[str, str]:
        """The first sentence of the answer, and the rest of it."""
        parts = re.split(r"(?<=[^.][.?!]) (?=[A-Z])", self.sentence, maxsplit=1)
        return parts[0], parts[1] if len(parts) > 1 else ""

    @property
    def chapters(self) -> list[tuple[Section, list[Section]]]:
        """Every section of level 2 with those inside it."""
        chapters: list[tuple[Section, list[Section]]] = []
        for section in self.sections:
            if section.level == 2:
                chapters.append((section, []))
            else:
                chapters[-1][1].append(section)
        return chapters

    def figures(self) -> list[Figure]:
        """Every chart in reading order, in the colours of this page's arms."""
        parts = [part for section in self.sections for part in section.parts]
        return [
            replace(figure, spec=painted(figure.spec, self.arms))
            for part in parts
            for figure in figures_of(part)
        ]

    def colour(self, arm: str) -> int | None:
        """The number of an arm's colour; None for what is no arm of the study."""
        return self.arms.index(arm) if arm in self.arms else None


def figures_of(part: Part) -> tuple[Figure, ...]:
    """The charts inside a part."""
    if isinstance(part, Gallery):
        return part.figures
    return (part,) if isinstance(part, Figure) else ()


def keep(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that have something to say, and the headings that hold a kept subsection."""
    kept: list[Section] = []
    for section in reversed(sections):
        holds = bool(kept) and section.level < kept[-1].level
        if section.parts or holds:
            kept.append(section)
    return tuple(reversed(kept))

"""The page: what a report says, in order, before anyone decides whether it becomes HTML or Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

SHORT, LONG = 20, 48  # characters of a cell


@dataclass(frozen=True)
class Cell:
    """One cell of a table: its text, where it comes from (a tooltip), and the arm it belongs to."""

    text: str
    source: str = ""
    arm: int | None = None  # index into the study's arms: gives the colour
    strong: bool = False

    @property
    def length(self) -> str:
        """'short' stays on one line, 'long' is given room, 'bracketed' may go on below before its bracket."""
        if " (" in self.text and len(self.text) <= LONG:
            return "bracketed"
        return "short" if len(self.text) <= SHORT else "long" if len(self.text) > LONG else ""

    @property
    def halves(self) -> tuple[str, str]:
        """What stands before a bracket, and the bracket."""
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
    """One chart with the sentence that reads it aloud."""

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
    """One test example with what each arm made of it."""

    text: str
    label: str
    right: str
    wrong: str
    note: str


@dataclass(frozen=True)
class Quotes:
    """Test examples that only one arm gets right."""

    arm: int
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


@dataclass(frozen=True)
class Section:
    """A heading and its parts; `level` 3 stands inside the level-2 section before it."""

    key: str
    title: str
    parts: tuple[Part, ...]
    level: int = 2
    folded: bool = False  # on a screen, the sections inside it are only shown when they are asked for


@dataclass(frozen=True)
class Page:
    """A whole report."""

    study: str
    question: str
    facts: tuple[tuple[str, str], ...]  # (word, value) below the title: task, model, baseline
    sentence: str
    word: str  # better, worse, equivalent, undecided; "" when there is none
    arms: tuple[str, ...]
    sections: tuple[Section, ...]
    fingerprint: str
    warnings: tuple[str, ...] = field(default=())

    @property
    def answer(self) -> tuple[str, str]:
        """The first sentence of the answer, and the rest of it."""
        parts = re.split(r"(?<=[^.][.?!]) (?=[A-Z])", self.sentence, maxsplit=1)
        return parts[0], parts[1] if len(parts) > 1 else ""

    @property
    def chapters(self) -> list[tuple[Section, list[Section]]]:
        """Every section of level 2 with those inside it."""
        found: list[tuple[Section, list[Section]]] = []
        for section in self.sections:
            if section.level == 2:
                found.append((section, []))
            else:
                found[-1][1].append(section)
        return found

    def figures(self) -> list[Figure]:
        """Every chart, in reading order."""
        parts = [part for section in self.sections for part in section.parts]
        return [figure for part in parts for figure in figures_of(part)]


def figures_of(part: Part) -> tuple[Figure, ...]:
    """The charts inside a part."""
    if isinstance(part, Gallery):
        return part.figures
    return (part,) if isinstance(part, Figure) else ()


def columns(names: str) -> tuple[Column, ...]:
    """Columns from 'Arm | #Score | #FLOPs': '#' marks numbers."""
    parts = [name.strip() for name in names.split("|")]
    return tuple(Column(name.removeprefix("#"), number=name.startswith("#")) for name in parts)


def cells(*texts: str | Cell) -> tuple[Cell, ...]:
    """A row, with plain text allowed."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)


def keep(sections: Sequence[Section]) -> tuple[Section, ...]:
    """The sections that have something to say, and the headings that hold a kept subsection."""
    kept: list[Section] = []
    for section in reversed(sections):
        holds = bool(kept) and section.level < kept[-1].level
        if section.parts or holds:
            kept.append(section)
    return tuple(reversed(kept))

"""Columns: what the cells of a column are, over all rows, and what the column could be used for."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from headstart.data.image_folder import WORDS
from headstart.data.images import SUFFIXES
from headstart.data.literals import literal
from headstart.data.rows import RawRows

Use = Literal["classes", "numbers", "one value", "neither"]

SCALE = 20  # so many different whole numbers may be a scale of classes: stars, grades
MOST = 200  # more different values than this are no classes
OFTEN = 5  # rows per class, on average, where there are more classes than on a SCALE
CODES = ("label", "labels", "class", "category", "target", "intent", "topic", "y")  # of classes
RATED = ("sentiment", "emotion", "polarity", "stars", "rating", "overall", "score", "grade")
WORDS_OF_A_CLASS = 4
WORDS_OF_A_TEXT = 3
LETTERS_OF_A_TEXT = 6  # in scripts without spaces
NO_SPACES = re.compile("[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")  # Thai to Khmer, Kana, Han
DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
KEY = re.compile(
    r"(?i)^$|(^|[\W_])(id|ids|idx|index|qid|uuid|guid|key|url|link|row|unnamed: ?\d+)\d*$|(?-i:[a-z]I[Dd])$"
)
SEVERAL = re.compile("[|;]")
SPLIT_COLUMN = "says the split"
SPLIT = ("split", "set", "fold", "partition", "subset", "is_valid", "is_test", "is_train")


def rank_of(name: str) -> int:
    """How much a column is named like an answer: 0 is most; as many as there are such names: not at all."""
    known = CODES + RATED
    parts = re.split(r"[\W_]+", name.rpartition(".")[2].lower())
    return min((known.index(part) for part in parts if part in known), default=len(known))


def use_of(counts: Mapping[Any, int], name: str = "") -> Use:
    """What the different cells of a column, each with its number of rows, can be predicted as.

    Two values are classes, whatever they are. Decimals are numbers. Whole numbers are classes where they
    are few for the rows, or are called a code of classes. Texts are classes where they are short and few.
    """
    values, rows = list(counts), sum(counts.values())
    if len(values) < 2:
        return "one value"
    numeric = all(map(is_number, values))
    if len(values) == 2 and (rows > 2 * len(values) or not numeric):
        return "classes"
    if numeric and not all(float(value).is_integer() for value in values):
        return "numbers"
    often = rows >= OFTEN * len(values)
    few = (len(values) <= SCALE and rows >= 2 * len(values)) or (len(values) <= MOST and often)
    if numeric:
        return "classes" if few and (len(values) <= SCALE or rank_of(name) < len(CODES)) else "numbers"
    short = sum(len(str(value).split()) for value in values) <= WORDS_OF_A_CLASS * len(values)
    return "classes" if few and short else "neither"


def numbers_in(labels: Iterable[str], name: str) -> str:
    """What the labels of rows look like where they look like numbers and not like classes; else ""."""
    column = Column(name, list(labels), 0)
    return column.described() if column.use == "numbers" else ""


@dataclass(frozen=True)
class Column:
    """One column by its name, or by the path to it inside another one: answers.text."""

    name: str
    cells: Sequence[Any]  # those that are there
    missing: int

    @cached_property
    def counts(self) -> Counter[str]:
        """Different cells as text, each with its number of rows."""
        return Counter(map(str, self.cells))

    @cached_property
    def use(self) -> Use:
        """What it can be predicted as."""
        return use_of(self.counts, self.last)

    @property
    def named(self) -> bool:
        """Whether it is named like an answer."""
        return rank_of(self.name) < len(CODES + RATED)

    @property
    def last(self) -> str:
        """Its own name, without those of what it lies in, in small letters."""
        return self.name.rpartition(".")[2].lower()

    @cached_property
    def words(self) -> float:
        """Mean number of words of a cell."""
        return sum(len(str(cell).split()) for cell in self.cells) / max(len(self.cells), 1)

    @cached_property
    def lists(self) -> bool:
        return bool(self.cells) and all(isinstance(cell, list) for cell in self.cells)

    @cached_property
    def parts(self) -> Counter[str]:
        """Different values inside its lists, or between bars or semicolons, each with its number."""
        lists = self.cells if self.lists else (re.split(r"\s*[|;]\s*", str(cell)) for cell in self.cells)
        return Counter(str(part) for cell in lists for part in cell)

    @cached_property
    def role(self) -> str:
        """As what it would be predicted: label, labels or number; "" where it cannot be."""
        # any number of classes in a cell: in a list, or with a bar or semicolon between them
        divided = self.lists or (not self.pictures and any(SEVERAL.search(value) for value in self.counts))
        if divided and 2 <= len(self.parts) <= MOST and use_of(self.parts) == "classes":
            return "labels"
        if self.lists or self.pictures:
            return ""
        return {"classes": "label", "numbers": "number"}.get(self.use, "")

    @property
    def free_text(self) -> bool:
        """Whether its cells are texts of any kind, however short."""
        return self.use == "neither" and not (self.aside or self.lists or self.numeric or self.pictures)

    @cached_property
    def numeric(self) -> bool:
        return bool(self.cells) and all(map(is_number, self.counts))

    @cached_property
    def whole(self) -> bool:
        return self.numeric and all(float(value).is_integer() for value in self.counts)

    @cached_property
    def pictures(self) -> bool:
        """Whether the cells are images, or name some."""
        return bool(self.cells) and all(map(_is_picture, self.cells))

    @cached_property
    def reads_as_text(self) -> bool:
        """Whether a person would read it: words, or a script without spaces; and not the same everywhere."""
        if self.aside or self.lists or self.numeric or self.pictures:
            return False
        letters = sum(len(NO_SPACES.findall(str(cell))) for cell in self.cells)
        return self.words >= WORDS_OF_A_TEXT or letters >= LETTERS_OF_A_TEXT * len(self.cells)

    @cached_property
    def aside(self) -> str:
        """Why it is neither read nor predicted; "" where it may be."""
        if not self.cells:
            return "empty"
        if self.last in SPLIT or (
            set(map(str.casefold, self.counts)) <= WORDS.keys() and len(self.counts) > 1
        ):
            return SPLIT_COLUMN
        if len(self.counts) == 1 and len(self.cells) > 1:
            return f"{shown(self.counts)} in every row"
        if all(DATE.match(value) for value in self.counts):
            return "dates"
        counts_rows = False  # whole numbers, all different and none left out
        if self.whole and 3 <= len(self.cells) == len(self.counts):
            values = [float(value) for value in self.counts]
            counts_rows = max(values) - min(values) == len(values) - 1
        return "names or counts rows" if counts_rows or (KEY.search(self.name) and not self.named) else ""

    def described(self) -> str:
        if self.lists:
            return f"lists of {sum(map(len, self.cells)) / len(self.cells):.1f} on average"
        if self.pictures:
            return "images"
        different = f"{len(self.counts)} different {'whole numbers' if self.whole else 'numbers'}"
        if self.numeric:
            return f"{different} ({shown(sorted(self.counts, key=float))})"
        if self.use == "classes":
            return f"{len(self.counts)} different values ({shown(sorted(self.counts))})"
        characters = sum(len(str(cell)) for cell in self.cells) / max(len(self.cells), 1)
        length = f"{self.words:.1f} words" if self.words >= 2 else f"{characters:.1f} characters"
        return f"text of {length} on average"


def columns_of(raw: RawRows) -> list[Column]:
    """Every column, and what lies inside the cells of those that hold mappings."""
    return [column for name in raw.names for column in _opened(name, raw.column(name))]


def shown(values: Iterable[Any]) -> str:
    texts = [text if len(text := str(value)) <= 30 else text[:29] + "…" for value in values]
    return ", ".join(map(repr, texts[:4])) + (", …" if len(texts) > 4 else "")


def is_number(cell: Any) -> bool:
    """Whether the cell is a finite number, or spells one."""
    try:
        return not isinstance(cell, bool) and math.isfinite(float(cell))
    except (TypeError, ValueError):
        return False


def _opened(name: str, raw: Sequence[Any]) -> list[Column]:
    """One column, or those inside its cells where these are mappings or lists of mappings."""
    spelled = [literal(cell) if isinstance(cell, str) else None for cell in raw]  # a list written as text
    cells = [cell if value is None else value for cell, value in zip(raw, spelled, strict=True)]
    present = [cell for cell in cells if cell not in (None, "") and cell == cell]  # NaN is not itself
    parts = [part for cell in present for part in (cell if isinstance(cell, list) else [cell])]
    if not parts or not all(isinstance(part, Mapping) and "bytes" not in part for part in parts):
        return [Column(name, present, len(cells) - len(present))]
    keys = list(dict.fromkeys(key for part in parts for key in part))
    return [column for key in keys for column in _opened(f"{name}.{key}", [_at(cell, key) for cell in cells])]


def _at(cell: Any, key: str) -> Any:
    """What a mapping, or every one of a list of mappings, has under this key."""
    if isinstance(cell, list):
        return [_at(part, key) for part in cell]
    return cell.get(key) if isinstance(cell, Mapping) else None


def _is_picture(cell: Any) -> bool:
    if isinstance(cell, Mapping):
        return "bytes" in cell
    return isinstance(cell, bytes) or "." + str(cell).rpartition(".")[2].lower() in SUFFIXES

"""Tables: text files with cells between separators, csv and tsv."""

from __future__ import annotations

import csv
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.data.blocks import ROWS, Texts, table_of
from headstart.data.rows import RawRows
from headstart.data.text_file import TextFile
from headstart.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

SEPARATORS = {".csv": ",", ".tsv": "\t"}
KNOWN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
DECLARED = re.compile(r"\"?sep=(.)\"?[ \t,;|]*\n")  # a first line that Excel understands
QUOTED = re.compile(r'"(?:[^"]|"")*"')
NO_HEADER = "; if the file has no header line, name its columns in task.files.columns=[...]"
WITH_COMMA = re.compile(r"\s*[-+]?\d+(,\d+)?\s*")
LETTERS = 2**22  # of a block, at least
LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 128 KiB, less than a long text


def table(file: TextFile, separator: str | None, columns: Sequence[str] | None) -> RawRows:
    """The rows of a table; `separator` None: declared in the first line, or detected."""
    path, declared = file.path, DECLARED.match(next(file.lines(), ""))
    text = _Text(file, declared is not None)
    usual = SEPARATORS[path.suffix.lower()]
    if not (separator or declared or columns):
        with suppress(DataError):  # read once where the usual separator fits
            if len(next(_rows(text, usual), (0, ()))[1]) > 1:
                return _read(text, usual, None, None)
    used = separator or (declared[1] if declared else _separator(text, columns))
    return _read(text, used, separator, columns)


def _read(text: _Text, used: str, separator: str | None, columns: Sequence[str] | None) -> RawRows:
    """The rows with the separator `used`, which is told where it is neither usual nor asked for."""
    path, notes = text.file.path, list[str]()
    if separator is None and used != SEPARATORS[path.suffix.lower()]:
        notes.append(f"{path.name}: its cells are separated by {KNOWN.get(used, repr(used))}")
    if used == "\t" and text.quoted:
        notes.append(f"{path.name}: the quotes around cells are no part of them")
    rows = _rows(text, used)
    names = tuple(columns) if columns else next((cells for _, cells in rows), None)
    if names is None:
        raise DataError(f"{path} is empty: give a file with a header line and rows")
    # Several columns may lack a name, as in files of spreadsheets.
    repeated = [name for name, count in Counter(names).items() if count > 1 and name]
    if repeated:
        raise DataError(f"{path}: two columns are called {repeated[0]!r}: rename one of them" + NO_HEADER)
    lines = array("q")  # 8 bytes for each row
    cells = table_of(*_blocks(path, names, rows, lines))
    position = {name: n for n, name in enumerate(names)}
    texts = {name: Texts(cells.column(n)) for name, n in position.items()}
    commas = {name for name, column in texts.items() if used != "," and _decimal_commas(column)}
    notes += [f"{path.name}: the decimal commas of column {name} are read as points" for name in commas]

    def column(name: str) -> Sequence[str | None]:
        return [c and c.replace(",", ".") for c in texts[name]] if name in commas else texts[name]

    return RawRows(
        str(path),
        tuple(names),
        column,
        hint="" if columns else NO_HEADER,
        folder=path.parent,
        notes=tuple(notes),
        lines=lines,
    )


def _decimal_commas(cells: Iterable[str | None]) -> bool:
    """Is every cell a number, some with a comma where others have a point?"""
    broken = False
    for cell in filter(None, cells):
        if not WITH_COMMA.fullmatch(cell):
            return False
        broken = broken or "," in cell
    return broken


def _blocks(
    path: Path, names: Sequence[str], rows: Iterable[tuple[int, list[str]]], lines: array[int]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The rows as Arrow batches; an empty cell has no value. Their lines are added to `lines`."""
    import pyarrow as pa

    schema = pa.schema([(name, pa.large_string()) for name in names])

    def batch(block: list[list[str]]) -> pa.RecordBatch:
        columns = zip(*block, strict=True)
        return pa.record_batch(
            [pa.array([cell or None for cell in column], pa.large_string()) for column in columns], schema
        )

    def batches() -> Iterator[pa.RecordBatch]:
        block: list[list[str]] = []
        size = 0
        for line, cells in rows:
            if len(cells) != len(names):
                raise DataError(
                    f"{path} line {line} has {len(cells)} cells where {len(names)} columns are expected "
                    f"({', '.join(name[:30] for name in names)}): correct the line, task.files.separator or "
                    "task.files.columns"
                )
            lines.append(line)
            block.append(cells)
            size += sum(map(len, cells))
            if len(block) == ROWS or size > LETTERS:
                yield batch(block)
                block, size = [], 0
        if block:
            yield batch(block)

    return schema, batches()


@dataclass(frozen=True)
class _Text:
    """The lines of a table; one that declares the separator is empty, so that others keep their numbers."""

    file: TextFile
    declares: bool

    def lines(self) -> Iterator[str]:
        lines = self.file.lines()
        if self.declares:
            next(lines)
            yield "\n"
        yield from lines

    @cached_property
    def quoted(self) -> bool:
        """Is every cell with a quote quoted completely, with doubled inner quotes; and are there inner
        quotes, or is the header quoted, too?"""
        header = next(self.lines(), "").removesuffix("\n").split("\t")
        written = all(map(QUOTED.fullmatch, header))
        some = False
        for line in self.lines():
            for cell in line.removesuffix("\n").split("\t") if '"' in line else ():
                if '"' in cell and not QUOTED.fullmatch(cell):
                    return False
                some = some or '"' in cell
                written = written or '""' in cell[1:-1]
        return some and written


def _separator(text: _Text, columns: Sequence[str] | None) -> str:
    """The usual separator of the suffix if every line then has the same number of cells, at least two; else
    the only other separator for which this holds. DataError if there are several."""

    def fits(separator: str) -> bool:
        width = len(columns) if columns else None
        try:
            for _, cells in _rows(text, separator):
                width = width or len(cells)
                if len(cells) != width or width < 2:
                    return False
        except DataError:  # an open quote: not a table with this separator
            return False
        return width is not None

    usual = SEPARATORS[text.file.path.suffix.lower()]
    if columns is None and fits(usual):
        return usual
    fitting = [separator for separator in KNOWN if fits(separator)]
    if len(fitting) > 1:
        names = " and ".join(KNOWN[separator] for separator in fitting)
        raise DataError(
            f"{text.file.path}: {names} both separate every line into equally many cells: "
            "say which with task.files.separator"
        )
    return fitting[0] if fitting else usual


def _rows(text: _Text, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells); a row of a csv may span several lines; its number is that of the first."""
    if separator == "\t":
        # Split at \n only: other line separators of Unicode are text. Quotes are text, too, unless all are
        # those of a csv writer: a single quote in a sentence must not swallow the following lines.
        for number, line in enumerate(text.lines(), 1):
            if line := line.removesuffix("\n"):
                cells = line.split("\t")
                if text.quoted:
                    cells = [c[1:-1].replace('""', '"') if c.startswith('"') else c for c in cells]
                yield number, cells
        return
    usual = csv.field_size_limit(LONGEST_CELL)
    begins = 1
    # a \r inside a line ends a row, too
    lines = (part for line in text.lines() for part in (StringIO(line, "") if "\r" in line else (line,)))
    try:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{text.file.path} line {begins}: {error}: close the quote and double the quotes inside a cell, "
            "or use tsv, where quotes have no meaning"
        ) from None
    finally:
        csv.field_size_limit(usual)

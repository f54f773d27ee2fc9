"""Tables: text files with cells between separators, csv and tsv."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headstart.data.rows import RawRows
from headstart.errors import DataError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
KNOWN = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
DECLARED = re.compile(r"\"?sep=(.)\"?[ \t,;|]*\n")  # a first line that Excel understands
QUOTED = re.compile(r'"(?:[^"]|"")*"')
NO_HEADER = "; if the file has no header line, name its columns in task.files.columns=[...]"
WITH_COMMA = re.compile(r"\s*[-+]?\d+(,\d+)?\s*")
LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 128 KiB, less than a long text


def table(path: Path, text: str, separator: str | None, columns: Sequence[str] | None) -> RawRows:
    """The rows of a table; `separator` None: declared in the first line, or detected."""
    if declared := DECLARED.match(text):
        text = "\n" + text[declared.end() :]  # lines keep their numbers
    used = separator or (declared[1] if declared else _separator(path, text, columns))
    notes = []
    if separator is None and used != SEPARATORS[path.suffix.lower()]:
        notes.append(f"{path.name}: its cells are separated by {KNOWN.get(used, repr(used))}")
    if used == "\t" and _are_quoted(text):
        notes.append(f"{path.name}: the quotes around cells are no part of them")
    lines = _lines(path, text, used)
    names = tuple(columns) if columns else next((cells for _, cells in lines), None)
    if names is None:
        raise DataError(f"{path} is empty: give a file with a header line and rows")
    # Several columns may lack a name, as in files of spreadsheets.
    repeated = [name for name, count in Counter(names).items() if count > 1 and name]
    if repeated:
        raise DataError(f"{path}: two columns are called {repeated[0]!r}: rename one of them" + NO_HEADER)
    rows: list[tuple[int, list[str]]] = []
    for line, cells in lines:
        rows.append((line, cells))
        if len(cells) != len(names):
            raise DataError(
                f"{path} line {line} has {len(cells)} cells where {len(names)} columns are expected "
                f"({', '.join(name[:30] for name in names)}): correct the line, task.files.separator or "
                "task.files.columns"
            )
    position = {name: n for n, name in enumerate(names)}
    commas = {
        name for name, n in position.items() if used != "," and _decimal_commas(cells[n] for _, cells in rows)
    }
    notes += [f"{path.name}: the decimal commas of column {name} are read as points" for name in commas]

    def column(name: str) -> list[str | None]:
        cells = [cells[position[name]] or None for _, cells in rows]  # an empty cell has no value
        return [cell and cell.replace(",", ".") for cell in cells] if name in commas else cells

    return RawRows(
        str(path),
        tuple(names),
        column,
        hint="" if columns else NO_HEADER,
        folder=path.parent,
        notes=tuple(notes),
        lines=[line for line, _ in rows],
    )


def _decimal_commas(cells: Iterable[str]) -> bool:
    """Is every cell a number, some with a comma where others have a point?"""
    broken = False
    for cell in cells:
        if cell and not WITH_COMMA.fullmatch(cell):
            return False
        broken = broken or "," in cell
    return broken


def _separator(path: Path, text: str, columns: Sequence[str] | None) -> str:
    """The usual separator of the suffix if every line then has the same number of cells, at least two; else
    the only other separator for which this holds. DataError if there are several."""

    def fits(separator: str) -> bool:
        width = len(columns) if columns else None
        try:
            for _, cells in _lines(path, text, separator):
                width = width or len(cells)
                if len(cells) != width or width < 2:
                    return False
        except DataError:  # an open quote: not a table with this separator
            return False
        return width is not None

    usual = SEPARATORS[path.suffix.lower()]
    if columns is None and fits(usual):
        return usual
    fitting = [separator for separator in KNOWN if fits(separator)]
    if len(fitting) > 1:
        names = " and ".join(KNOWN[separator] for separator in fitting)
        raise DataError(
            f"{path}: {names} both separate every line into equally many cells: "
            "say which with task.files.separator"
        )
    return fitting[0] if fitting else usual


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells); a row of a csv may span several lines; its number is that of the first."""
    if separator == "\t":
        # Split at \n only: other line separators of Unicode are text. Quotes are text, too, unless all are
        # those of a csv writer: a single quote in a sentence must not swallow the following lines.
        quoted = _are_quoted(text)
        for number, line in enumerate(text.split("\n"), 1):
            if line:
                cells = line.split("\t")
                if quoted:
                    cells = [c[1:-1].replace('""', '"') if c.startswith('"') else c for c in cells]
                yield number, cells
        return
    usual = csv.field_size_limit(LONGEST_CELL)
    begins = 1
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path} line {begins}: {error}: close the quote and double the quotes inside a cell, "
            "or use tsv, where quotes have no meaning"
        ) from None
    finally:
        csv.field_size_limit(usual)


def _are_quoted(text: str) -> bool:
    """Is every cell with a quote quoted completely, with doubled inner quotes; and are there inner quotes, or
    is the header quoted, too?"""
    if '"' not in text:
        return False
    cells = [cell for line in text.split("\n") for cell in line.split("\t") if '"' in cell]
    header = text.split("\n", 1)[0].split("\t")
    written = any('""' in cell[1:-1] for cell in cells) or all(map(QUOTED.fullmatch, header))
    return written and all(map(QUOTED.fullmatch, cells))

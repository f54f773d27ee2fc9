"""Tables: files of text with cells between separators, csv and tsv."""

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
DECLARED = re.compile(r"\"?sep=(.)\"?[ \t,;|]*\n")  # the first line that Excel reads, and may write
QUOTED = re.compile(r'"(?:[^"]|"")*"')
NO_HEADER = "; if the file has no header line, name its columns in task.files.columns=[...]"
LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 128 KiB, less than a long text


def table(path: Path, text: str, separator: str | None, columns: Sequence[str] | None) -> RawRows:
    """The rows of a table; `separator` None: what its first line declares, or what parts all its lines."""
    if declared := DECLARED.match(text):
        text = "\n" + text[declared.end() :]  # so that lines keep their numbers
    parted_by = separator or (declared[1] if declared else _separator(path, text, columns))
    seen = separator is None and parted_by != SEPARATORS[path.suffix.lower()]
    notes = (f"{path.name}: its cells are parted by {KNOWN.get(parted_by, repr(parted_by))}",) if seen else ()
    if parted_by == "\t" and _are_quoted(text):
        notes += (f"{path.name}: the quotes around cells are no part of them",)
    lines = _lines(path, text, parted_by)
    names = tuple(columns) if columns else next((cells for _, cells in lines), None)
    if names is None:
        raise DataError(f"{path} is empty: give a file with a header line and rows")
    twice = [name for name, count in Counter(names).items() if count > 1 and name]  # nameless: from a sheet
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}: rename one of them" + NO_HEADER)
    rows = list(_whole(path, lines, names))
    place = {name: position for position, name in enumerate(names)}
    return RawRows(
        str(path),
        tuple(names),
        lambda name: [cells[place[name]] or None for _, cells in rows],  # so these formats write "nothing"
        "" if columns else NO_HEADER,
        path.parent,
        notes,
        lines=[line for line, _ in rows],
    )


def _separator(path: Path, text: str, columns: Sequence[str] | None) -> str:
    """The separator of the suffix where it parts every line into equally many cells, two or more; else the
    only other one that does. Without a header line several may, and a person has to say which."""
    usual = SEPARATORS[path.suffix.lower()]
    if columns is None and _fits(path, text, usual, columns):
        return usual
    fitting = [known for known in KNOWN if _fits(path, text, known, columns)]
    if len(fitting) > 1:
        ways = " and ".join(KNOWN[known] for known in fitting)
        raise DataError(
            f"{path}: {ways} both part every line into equally many cells: say which with "
            "task.files.separator"
        )
    return fitting[0] if fitting else usual


def _fits(path: Path, text: str, separator: str, columns: Sequence[str] | None) -> bool:
    width = len(columns) if columns else None
    try:
        for _, cells in _lines(path, text, separator):
            width = width or len(cells)
            if len(cells) != width or width < 2:
                return False
    except DataError:  # quotes that do not close are no quotes of this separator
        return False
    return width is not None


def _whole(
    path: Path, lines: Iterable[tuple[int, Sequence[str]]], names: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]]]:
    for line, cells in lines:
        if len(cells) != len(names):
            raise DataError(
                f"{path} line {line} has {len(cells)} cells where {len(names)} columns are expected "
                f"({', '.join(name[:30] for name in names)}): correct the line, task.files.separator or "
                "task.files.columns"
            )
        yield line, cells


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells)."""
    return _tabbed(text) if separator == "\t" else _quoted(path, text, separator)


def _tabbed(text: str) -> Iterator[tuple[int, list[str]]]:
    """Split at \\n only, since other line separators of Unicode are text. A lone quote in a sentence must
    not swallow the lines after it: quotes are text, unless all of them are as a csv writer leaves them."""
    quoted = _are_quoted(text)
    for number, line in enumerate(text.split("\n"), 1):
        if line:
            cells = line.split("\t")
            yield number, [_unquoted(cell) for cell in cells] if quoted else cells


def _are_quoted(text: str) -> bool:
    """Whether every cell with a quote in it is quoted whole, its own quotes doubled, and either some are
    doubled or the header is quoted, too."""
    if '"' not in text:
        return False
    cells = [cell for line in text.split("\n") for cell in line.split("\t") if '"' in cell]
    header = text.split("\n", 1)[0].split("\t")
    written = any('""' in cell[1:-1] for cell in cells) or all(map(QUOTED.fullmatch, header))
    return written and all(map(QUOTED.fullmatch, cells))


def _unquoted(cell: str) -> str:
    return cell[1:-1].replace('""', '"') if cell.startswith('"') else cell


def _quoted(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """A row may be several lines, and is named by the first of them."""
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

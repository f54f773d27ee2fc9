"""Sheets: rows of an Excel workbook."""

from __future__ import annotations

from collections import Counter
from datetime import date, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from headstart.data.rows import RawRows
from headstart.errors import ConfigError, DataError
from headstart.extras import missing

SUFFIX = ".xlsx"


def sheet(path: Path) -> RawRows:
    """The rows of the first sheet; its first row names the columns. Of formulas, the stored values."""
    if sentence := missing("openpyxl", "excel"):
        raise ConfigError(f"{path}: reading a workbook {sentence}; or save the sheet as csv")
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError, ValueError):
        raise DataError(
            f"{path}: not a whole Excel workbook: save it again, or save the sheet as csv"
        ) from None
    first, *others = workbook.sheetnames
    table = [[_value(cell) for cell in cells] for cells in workbook[first].iter_rows(values_only=True)]
    workbook.close()
    lines = [number for number, cells in enumerate(table, 1) if any(cell is not None for cell in cells)]
    if not lines:
        raise DataError(f"{path}: sheet {first!r} is empty: give a sheet with a header row and rows")
    header, *lines = lines
    width = max(position for position, cell in enumerate(table[header - 1], 1) if cell is not None)
    names = tuple("" if cell is None else str(cell) for cell in table[header - 1][:width])
    if repeated := [name for name, count in Counter(names).items() if count > 1 and name]:
        raise DataError(f"{path}: two columns are called {repeated[0]!r}: rename one of them")
    beyond = [line for line in lines if any(cell is not None for cell in table[line - 1][width:])]
    if beyond:
        raise DataError(
            f"{path} row {beyond[0]} has a cell to the right of the named columns: name its column"
        )
    position = {name: number for number, name in enumerate(names)}
    return RawRows(
        str(path),
        names,
        lambda name: [table[line - 1][position[name]] for line in lines],
        folder=path.parent,
        notes=(f"{path.name}: sheet {first!r} of {len(workbook.sheetnames)}",) if others else (),
        lines=lines,
    )


def _value(cell: Any) -> Any:
    """A cell as text, number or truth; None for an empty one."""
    if isinstance(cell, date | time):
        return str(cell).removesuffix(" 00:00:00")  # Excel has no dates without a time
    return None if isinstance(cell, str) and not cell.strip() else cell

"""Reading: one file or saved folder to unchecked rows; every format's own ways to go wrong."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.data import plain
from headstart.data.image_folder import holds_images, read_image_folder
from headstart.data.rows import RawRows
from headstart.node import DataError

if TYPE_CHECKING:
    from datasets import Dataset

SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = (*SEPARATORS, ".json", ".jsonl", ".parquet", *plain.FORMATS)
SAVED = ("dataset_dict.json", "dataset_info.json")  # what `save_to_disk` leaves in a folder
NO_HEADER = "; if the file has no header line, name its columns in task.files.columns=[...]"
LONGEST_CELL = 2**31 - 1  # the csv module's own limit is 128 KiB, less than a long text


def read_file(
    path: Path, encoding: str = "utf-8", separator: str | None = None, columns: Sequence[str] | None = None
) -> RawRows:
    """The rows of one file, by its suffix."""
    suffix = path.suffix.lower()
    if suffix in SEPARATORS:
        return _separated(path, _decoded(path, encoding), separator or SEPARATORS[suffix], columns)
    if separator or (columns and suffix not in plain.TAGGED):
        raise DataError(
            f"{path}: task.files.separator is for csv and tsv, and task.files.columns for these and "
            f"{' and '.join(plain.TAGGED)}: leave them out"
        )
    if suffix == ".parquet":
        return _parquet(path)
    text = _decoded(path, encoding)
    if suffix == ".txt":
        return plain.paragraphs(path, text)
    if suffix in plain.TAGGED:
        return plain.sentences(path, text, columns)
    return _objects(path, _json(path, text)) if suffix == ".json" else _objects(path, *_jsonl(path, text))


def read_folder(path: Path) -> dict[str, RawRows]:
    """The splits of a folder: one saved by `save_to_disk`, or of images; a single one is called ""."""
    from datasets import DatasetDict, load_from_disk

    if not any((path / name).is_file() for name in SAVED) and holds_images(path):
        return read_image_folder(path)
    try:
        saved = load_from_disk(str(path))
    except (FileNotFoundError, ValueError, OSError) as error:
        raise DataError(
            f"{path}: not a folder that `save_to_disk` made ({one_line(error)}), and no folder of images "
            "by class: name a file inside it"
        ) from None
    if isinstance(saved, DatasetDict):
        return {str(split): dataset_rows(rows, f"{path} split {split}") for split, rows in saved.items()}
    return {"": dataset_rows(saved, str(path))}


def dataset_rows(dataset: Dataset, where: str, folder: Path | None = None) -> RawRows:
    """A dataset as raw rows: classes by name instead of number, -1 (unlabelled) as nothing, images as
    they are stored."""
    from datasets import Image

    def column(name: str) -> list[Any]:
        feature = dataset.features[name]
        if isinstance(feature, Image):
            return dataset.cast_column(name, Image(decode=False))[name][:]
        return [_named(value, feature) for value in dataset[name][:]]

    return RawRows(where, tuple(dataset.column_names), column, folder=folder)


def _named(value: Any, feature: Any) -> Any:
    """A value with the names of classes in place of their numbers, in lists and mappings too."""
    from datasets import ClassLabel, List

    if isinstance(feature, ClassLabel):
        return feature.names[value] if value is not None and value >= 0 else None
    if isinstance(feature, List) and value is not None:
        return [_named(part, feature.feature) for part in value]
    if isinstance(feature, dict) and value is not None:
        return {name: _named(value[name], part) for name, part in feature.items()}
    return value


def _parquet(path: Path) -> RawRows:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Dataset
    from datasets.table import InMemoryTable

    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a whole parquet file ({one_line(error)}): write it again") from None
    return dataset_rows(Dataset(InMemoryTable(table)), str(path), path.parent)


def _decoded(path: Path, encoding: str) -> str:
    data = path.read_bytes()
    skipped = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        return data[skipped:].decode(encoding)
    except LookupError:
        raise DataError(f"task.files.encoding={encoding}: no such encoding; try utf-8 or latin-1") from None
    except UnicodeDecodeError as error:
        other = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"
        raise DataError(
            f"{path}: byte {error.start + skipped} (0x{data[error.start + skipped]:02x}) is not {encoding}: "
            f"try task.files.encoding={other}"
        ) from None


def _separated(path: Path, text: str, separator: str, columns: Sequence[str] | None) -> RawRows:
    # Quotes have no meaning between tabs: a lone one in a sentence must not swallow the lines after it.
    lines = _tabbed(text) if separator == "\t" else _quoted(path, text, separator)
    names = tuple(columns) if columns else next((cells for _, cells in lines), None)
    if names is None:
        raise DataError(f"{path} is empty: give a file with a header line and rows")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path}: two columns are called {twice[0]!r}: rename one of them" + NO_HEADER)
    rows = list(_whole(path, lines, names))
    place = {name: position for position, name in enumerate(names)}
    # An empty cell is how these formats write "nothing".
    return RawRows(
        str(path),
        tuple(names),
        lambda name: [cells[place[name]] or None for _, cells in rows],
        "" if columns else NO_HEADER,
        path.parent,
        lines=[line for line, _ in rows],
    )


def _whole(
    path: Path, lines: Iterable[tuple[int, Sequence[str]]], names: Sequence[str]
) -> Iterator[tuple[int, Sequence[str]]]:
    for line, cells in lines:
        if len(cells) != len(names):
            raise DataError(
                f"{path} line {line} has {len(cells)} cells where {len(names)} columns are expected "
                f"({', '.join(name[:30] for name in names)}): correct the line, separator or columns"
            )
        yield line, cells


def _tabbed(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells); split at \\n only, since other line separators of Unicode are text."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip("\r"):
            yield number, line.removesuffix("\r").split("\t")


def _quoted(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(line number on which a row begins, cells)."""
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


def _json(path: Path, text: str) -> list[Any]:
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        hint = "; if every line is an object of its own, call it .jsonl" if error.msg == "Extra data" else ""
        raise DataError(f"{path} line {error.lineno} is not JSON ({error.msg}): correct it{hint}") from None
    if not isinstance(rows, list):
        raise DataError(
            f"{path} holds one JSON {type(rows).__name__}: a list of objects, one per row, is needed"
        )
    return rows


def _jsonl(path: Path, text: str) -> tuple[list[Any], list[int]]:
    """The values, and the line of each."""
    rows: list[Any] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise DataError(f"{path} line {number} is not JSON ({error.msg}): correct the line") from None
            lines.append(number)
    return rows, lines


def _objects(path: Path, rows: list[Any], lines: list[int] | None = None) -> RawRows:
    names = tuple(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))
    raw = RawRows(
        str(path), names, lambda name: [row.get(name) for row in rows], folder=path.parent, lines=lines
    )
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{raw.at(number)} is a JSON {type(row).__name__}: every row must be an object")
    if not rows:
        raise DataError(f"{path} holds no rows: give a file or split with at least one row")
    return raw


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]

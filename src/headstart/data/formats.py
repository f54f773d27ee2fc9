"""Formats: reads the unchecked rows of one file or saved folder, and reports mistakes in it."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.data import sheets, text_files
from headstart.data.image_folder import holds_images, read_image_folder
from headstart.data.rows import RawRows
from headstart.data.tables import SEPARATORS, table
from headstart.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

FORMATS = (*SEPARATORS, ".json", ".jsonl", ".parquet", sheets.SUFFIX, *text_files.FORMATS)
SAVED = ("dataset_dict.json", "dataset_info.json")  # files of `save_to_disk` in a folder
MARKS = {  # byte order marks; of two with the same first bytes, the longer one comes first
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
SAMPLE = 400  # bytes that are searched for utf-16, where every second byte of Latin letters is zero
CONTROLS = re.compile(rb"[\x80-\x9f]")  # letters and quotes in cp1252, nothing printable in latin-1


def read_file(
    path: Path, encoding: str = "utf-8", separator: str | None = None, columns: Sequence[str] | None = None
) -> RawRows:
    """The rows of one file, by its suffix."""
    suffix = path.suffix.lower()
    if (separator and suffix not in SEPARATORS) or (
        columns and suffix not in (*SEPARATORS, *text_files.TAGGED)
    ):
        raise DataError(
            f"{path}: task.files.separator is for csv and tsv, and task.files.columns for these and "
            f"{' and '.join(text_files.TAGGED)}: leave them out"
        )
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == sheets.SUFFIX:
        return sheets.sheet(path)
    text, notes = decoded(path, encoding)
    if suffix in SEPARATORS:
        raw = table(path, text, separator, columns)
    elif suffix == ".txt":
        raw = text_files.labelled(path, text) or text_files.paragraphs(path, text)
    elif suffix in text_files.CLASSED:
        raw = text_files.classed(path, text)
    elif suffix in text_files.TAGGED:
        raw = text_files.sentences(path, text, columns)
    elif suffix == ".json":
        raw = _objects(path, _json(path, text))
    else:
        raw = _objects(path, *_jsonl(path, text))
    return replace(raw, notes=(*notes, *raw.notes))


def decoded(path: Path, encoding: str) -> tuple[str, tuple[str, ...]]:
    """Text of a file, its line ends as \\n, and notes on its encoding. A byte order mark or zeros at every
    second byte, have precedence over `encoding`. DataError with the line that cannot be decoded."""
    data = path.read_bytes()
    mark = next((mark for mark in MARKS if data.startswith(mark)), b"")
    actual = MARKS[mark] if mark else _utf16_without_mark(data) or encoding
    try:
        text = data[len(mark) :].decode(actual)
    except LookupError:
        raise DataError(f"task.files.encoding={encoding}: no such encoding; try utf-8 or latin-1") from None
    except UnicodeDecodeError as error:
        byte = len(mark) + error.start
        where = f"{_line_of(path, data, byte)} (0x{data[byte]:02x}) is not {actual}"
        if actual.lower() in ("utf-8", "utf8") and not data.decode("utf-8", "ignore").isascii():
            raise DataError(f"{where}, though other lines are: correct this line") from None
        guess = "cp1252" if CONTROLS.search(data) else "latin-1"
        raise DataError(
            f"{where}: try task.files.encoding={guess}, or the encoding that it was written in"
        ) from None
    if codecs.lookup(actual).name == "iso8859-1" and (control := CONTROLS.search(data)):
        where = _line_of(path, data, control.start())
        raise DataError(f"{where} is no printable character in latin-1: try task.files.encoding=cp1252")
    notes = (f"{path.name}: read as {actual}, as its bytes say",) if actual not in (encoding, "utf-8") else ()
    return text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n"), notes


def _utf16_without_mark(data: bytes) -> str | None:
    """utf-16-le or utf-16-be if nearly every second byte, and hardly any other, is zero."""
    even, odd = data[0:SAMPLE:2], data[1:SAMPLE:2]
    for high, low, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if high.count(0) > 0.7 * len(high) and low.count(0) < 0.1 * len(low):
            return name
    return None


def _line_of(path: Path, data: bytes, byte: int) -> str:
    line = data.count(b"\n", 0, byte) + 1
    return f"{path} line {line}: byte {byte}"


def read_folder(path: Path) -> dict[str, RawRows]:
    """The splits of a folder saved by `save_to_disk`, or of images; a single split is called ""."""
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
    """A dataset as raw rows: classes by name instead of number, -1 (unlabelled) as None, images undecoded."""
    from datasets import Image

    def column(name: str) -> list[Any]:
        feature = dataset.features[name]
        if isinstance(feature, Image):
            return dataset.cast_column(name, Image(decode=False))[name][:]
        return [_named(value, feature) for value in dataset[name][:]]

    return RawRows(where, tuple(dataset.column_names), column, folder=folder)


def _named(value: Any, feature: Any) -> Any:
    """The value with names of classes instead of numbers, also in lists and mappings."""
    from datasets import ClassLabel, LargeList, List

    if isinstance(feature, ClassLabel):
        return feature.names[value] if value is not None and value >= 0 else None
    if isinstance(feature, List | LargeList) and value is not None:
        return [_named(item, feature.feature) for item in value]
    if isinstance(feature, dict) and value is not None:
        return {name: _named(value[name], below) for name, below in feature.items()}
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


def _json(path: Path, text: str) -> list[Any]:
    try:
        rows = json.loads(text)
    except RecursionError:
        raise DataError(f"{path} is nested too deeply to be rows") from None
    except json.JSONDecodeError as error:
        hint = "; if every line is an object of its own, call it .jsonl" if error.msg == "Extra data" else ""
        raise DataError(f"{path} line {error.lineno} is not JSON ({error.msg}): correct it{hint}") from None
    if isinstance(rows, dict) and isinstance(rows.get("data"), list):  # as in SQuAD and others
        rows = rows["data"]
    if not isinstance(rows, list):
        raise DataError(
            f"{path} holds one JSON {type(rows).__name__}: a list of objects, one per row, is needed "
            "(pandas writes one with to_json(orient='records'))"
        )
    for inner in ("paragraphs", "qas"):  # SQuAD: one row per inner object, with the fields of the outer ones
        lists: list[Any] = [row.get(inner) if isinstance(row, dict) else None for row in rows]
        if all(isinstance(items, list) and all(isinstance(i, dict) for i in items) for items in lists):
            outer = [{name: value for name, value in row.items() if name != inner} for row in rows]
            rows = [{**fields, **item} for fields, items in zip(outer, lists, strict=True) for item in items]
    return rows


def _jsonl(path: Path, text: str) -> tuple[list[Any], list[int]]:
    """The values, and their line numbers."""
    rows: list[Any] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except RecursionError:
                raise DataError(f"{path} line {number} is nested too deeply to be a row") from None
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
    """The message of an error on one line, at most 160 characters."""
    return " ".join(str(error).split())[:160]

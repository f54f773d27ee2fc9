"""Formats: reads the unchecked rows of one file or saved folder, and reports mistakes in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.data import sheets, text_files
from headstart.data.idx import holds_idx, read_idx_folder
from headstart.data.image_folder import holds_images, read_image_folder
from headstart.data.rows import RawRows
from headstart.data.tables import SEPARATORS, table
from headstart.data.text_file import TextFile
from headstart.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

FORMATS = (*SEPARATORS, ".json", ".jsonl", ".parquet", sheets.SUFFIX, *text_files.FORMATS)
SAVED = ("dataset_dict.json", "dataset_info.json")  # files of `save_to_disk` in a folder


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
    file = TextFile.of(path, encoding)
    if suffix in SEPARATORS:
        raw = table(file, separator, columns)
        return replace(raw, notes=(*file.notes, *raw.notes))
    text = file.text()
    if suffix == ".txt":
        raw = text_files.labelled(path, text) or text_files.paragraphs(path, text)
    elif suffix in text_files.CLASSED:
        raw = text_files.classed(path, text)
    elif suffix in text_files.TAGGED:
        raw = text_files.sentences(path, text, columns)
    elif suffix == ".json":
        raw = _objects(path, _json(path, text))
    else:
        raw = _objects(path, *_jsonl(path, text))
    return replace(raw, notes=(*file.notes, *raw.notes))


def read_folder(path: Path) -> dict[str, RawRows]:
    """The splits of a folder by `save_to_disk`, of images or of IDX files; a single split is called ""."""
    from datasets import DatasetDict, load_from_disk

    if not any((path / name).is_file() for name in SAVED) and holds_images(path):
        return read_image_folder(path)
    if holds_idx(path):
        return read_idx_folder(path)
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

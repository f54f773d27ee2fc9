# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false
"""Without texts: predictions.parquet for readers who must not read the rows; its scores are the same."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from headstart.records.predictions import GROUP
from headstart.records.whole_file import write_whole

MARK = {b"headstart": b"without texts"}
NO_TEXT = {"score", "target"}  # statistics of families whose labels are classes or numbers


def write_without_texts(source: Path, target: Path) -> Path:
    """Copy predictions without texts.

    Texts become empty. Groups, and labels and predictions that are neither classes nor numbers, become codes
    that are equal where the originals are. The codes are keyed by all labels together: who has the rows can
    make them again, who has not cannot look up a guess.
    """
    import pyarrow.parquet as pq

    table = _stripped(pq.ParquetFile(source).read())
    return write_whole(target, lambda path: pq.write_table(table, path, compression="zstd"))


def answers_digest(file: Path) -> str | None:
    """16 hex of the answers without their texts, the same with and without them; None without the file."""
    import pyarrow.parquet as pq

    if not file.exists():
        return None
    table = _stripped(pq.ParquetFile(file).read())
    columns = [[name, table.column(name).to_pylist()] for name in table.column_names]
    return hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:16]


def _stripped(table: Any) -> Any:
    """The table without texts; itself when it has none."""
    import pyarrow as pa

    if (table.schema.metadata or {}).get(b"headstart") == MARK[b"headstart"]:
        return table
    key = hashlib.sha256(json.dumps(table.column("label").to_pylist()).encode()).digest()

    def code(text: str | None) -> str | None:
        return None if text is None else hmac.new(key, text.encode("utf8"), hashlib.sha256).hexdigest()[:16]

    coded = {GROUP} if NO_TEXT & {*table.column_names} else {GROUP, "label", "prediction"}
    for name in coded & {*table.column_names}:
        column = pa.array(map(code, table.column(name).to_pylist()), pa.string())
        table = table.set_column(table.column_names.index(name), name, column)
    empty = pa.array([""] * len(table), pa.string())
    table = table.set_column(table.column_names.index("text"), "text", empty)
    return table.replace_schema_metadata(MARK)

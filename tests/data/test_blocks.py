"""Blocks: a large csv lies in a file that the system maps, and its rows are those that they always were."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data import blocks
from headstart.data.blocks import Texts, table_of
from headstart.data.files import Files
from headstart.data.rows import rows_digest
from headstart.data.size import Fraction, PerClass, Rows

# Digests of rows, notes and chosen rows, made before files were read in blocks.
BEFORE = {
    ("comma.csv", False): "650386c71a5a199d",
    ("comma.csv", True): "53f16c574fde8751",
    ("quoted.tsv", False): "122a9fa73b374f24",
    ("wide.csv", False): "bfccbe0ff17ec5d9",
    ("old.csv", False): "ca354ce1b99803e5",
}
WORDS = ["alpha", "Beta", "'eps", '"zeta"', "eta,", "iota\nkappa", "ünï", "日本", "[a", "x"]


def write(path: Path) -> Path:
    """700 rows with copies, quotes and line ends, in the dialect that the name says."""
    draw = random.Random(1)
    texts = [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) for _ in range(700)]
    texts[5] = texts[8] = texts[6]
    texts[7] = texts[6].upper()
    if path.stem != "comma":
        texts = [text.replace("\n", " ") for text in texts]
    rows = [(text, "abc"[n * n % 3], f"g{n // 7}") for n, text in enumerate(texts)]
    dialect = {"quoted.tsv": ("\t", "\n", csv.QUOTE_ALL), "old.csv": (",", "\r", csv.QUOTE_MINIMAL)}
    quoting: Any
    separator, end, quoting = dialect.get(path.name, (";", "\r\n", csv.QUOTE_MINIMAL))
    encoding = "utf-16" if path.stem == "wide" else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=separator, lineterminator=end, quoting=quoting)
        writer.writerows([("text", "label", "group"), *rows])
    return path


@pytest.mark.parametrize(("name", "grouped"), BEFORE)
@pytest.mark.parametrize("small", [True, False], ids=["in memory", "mapped"])
def test_rows_are_those_of_every_earlier_version(
    name: str, grouped: bool, small: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not small:
        monkeypatch.setattr(blocks, "SMALL", 0)
        monkeypatch.setattr(blocks, "ROWS", 16)
        monkeypatch.setattr("headstart.data.tables.ROWS", 16)
    columns = {"text": "text", "label": "label"} | ({"group": "group"} if grouped else {})
    splits = Files(train=str(write(tmp_path / name))).load(columns, "label")
    labels, ids = splits.train["label"][:], splits.train["id"][:]
    sizes = (Rows(rows=64), Rows(rows=100, seed=3), Fraction(fraction=0.5), PerClass(per_class=20))
    facts = [
        [rows_digest(part) for part in (splits.train, splits.validation, splits.test)],
        list(splits.notes),
        splits.test["id"][:],
        [size.choose(labels, ids) for size in sizes],
    ]
    assert hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16] == BEFORE[name, grouped]


@given(data=st.data(), texts=st.lists(st.text(max_size=3), max_size=40), size=st.integers(1, 7))
def test_a_column_in_blocks_is_its_list(data: st.DataObject, texts: list[str], size: int) -> None:
    schema = pa.schema([("x", pa.large_string())])
    parts = [texts[i : i + size] for i in range(0, len(texts), size)]
    batches = [pa.record_batch([pa.array(part, pa.large_string())], schema) for part in parts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SMALL", data.draw(st.sampled_from([0, 2**24])))
        patch.setattr(blocks, "ROWS", data.draw(st.integers(1, 9)))
        column = Texts(table_of(schema, batches).column(0))
        assert list(column) == texts and len(column) == len(texts)
        rows = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=30)) if texts else []
        taken = column.take(rows)
        assert list(taken) == [texts[row] for row in rows] == taken[:]
        assert all(taken[n] == texts[row] for n, row in enumerate(rows))
        again = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9)) if rows else []
        assert list(taken.take(again)) == [texts[rows[n]] for n in again]

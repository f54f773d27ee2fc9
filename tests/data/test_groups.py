"""Groups: rows that belong together are on one side of every split, and no model sees what groups them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.docs.docstrings import module_of
from headstart.data.files import Files
from headstart.data.rows import SPLITS, Cells, Splits, rows_digest
from headstart.data.size import Rows
from headstart.data.splits import Holdout
from headstart.errors import DataError

COLUMNS = {"text": "text", "label": "label", "group": "doc"}


def written(path: Path, docs: int = 30, each: int = 5, first: int = 0) -> Path:
    """Sentences of documents, each with its label and document."""
    rows = [(doc, place) for doc in range(first, first + docs) for place in range(each)]
    lines = [f"sentence {place} of {doc},{'ab'[(doc + place) % 2]},document {doc}" for doc, place in rows]
    path.write_text("\n".join(["text,label,doc", *lines]) + "\n", "utf8")
    return path


def load(path: Path, columns: dict[str, str] = COLUMNS, **settings: object) -> Splits:
    return Files.read({"train": str(path), **settings}).load(columns, "label")


@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.integers(0, 40), st.sampled_from("ab")), min_size=40, max_size=120
    ),
    st.integers(0, 5),
    st.randoms(),
)
@settings(max_examples=60)
def test_no_group_and_no_text_is_in_two_splits_whatever_the_order_of_the_rows(rows, seed, random):
    def cut(rows):
        groups, texts, labels = ([str(cell) for cell in column] for column in zip(*rows, strict=True))
        cells: Cells = {"text": texts, "label": labels, "group": groups}
        try:
            return cells, Holdout().cut(cells, ["validation", "test"], "label", seed)
        except DataError:  # all in one piece, when texts join the groups
            return cells, None

    cells, parts = cut(rows)
    if parts is None:
        return
    assert sorted(row for part in parts.values() for row in part) == list(range(len(rows)))
    chosen = Rows(rows=len(parts["train"]) // 2 or 1, seed=seed).choose(
        None, [f"{row}" for row in parts["train"]]
    )
    sides = [[parts["train"][row] for row in chosen], parts["validation"], parts["test"]]
    for role in ("group", "text"):
        left, middle, right = ({cells[role][row] for row in side} for side in sides)
        assert left.isdisjoint(middle) and left.isdisjoint(right) and middle.isdisjoint(right)
    shuffled = [*rows]
    random.shuffle(shuffled)
    _, again = cut(shuffled)
    assert again is not None
    for split, part in parts.items():
        assert sorted(rows[row] for row in part) == sorted(shuffled[row] for row in again[split])


def test_held_out_rows_are_whole_documents_and_the_record_says_so(tmp_path):
    splits = load(written(tmp_path / "rows.csv"))
    docs = [set(getattr(splits, split)["group"]) for split in SPLITS]
    assert not docs[0] & docs[1] and not docs[0] & docs[2] and not docs[1] & docs[2]
    assert [len(each) for each in docs] == [21, 3, 6]
    assert "test: 30 rows held out of train (share 0.2, split seed 0, 30 groups kept whole)" in splits.notes


def test_without_a_group_the_same_rows_are_held_out_as_before(tmp_path):
    file = written(tmp_path / "rows.csv")
    plain = load(file, {"text": "text", "label": "label"})
    assert set(plain.train["label"]) == {"a", "b"}
    docs = [{text.split(" of ")[1] for text in getattr(plain, split)["text"]} for split in SPLITS]
    assert docs[0] & docs[2]  # rows on their own


def test_rows_keep_their_names_and_digest_whatever_groups_them(tmp_path):
    for split, first in (("train", 0), ("test", 30), ("dev", 60)):
        written(tmp_path / f"{split}.csv", first=first)
    plain = load(tmp_path / "train.csv", {"text": "text", "label": "label"})
    grouped = load(tmp_path / "train.csv")
    for split in SPLITS:
        before, after = getattr(plain, split), getattr(grouped, split)
        assert before["id"][:] == after["id"][:]
        assert rows_digest(before) == rows_digest(after)


def test_groups_on_both_sides_of_a_split_of_the_user_are_noted(tmp_path):
    written(tmp_path / "train.csv")
    written(tmp_path / "test.csv", docs=4, first=28)
    splits = load(tmp_path / "train.csv")
    assert "test: 10 of 20 rows have a group that train has, too" in splits.notes


@pytest.mark.parametrize(
    ("head", "cell", "words"),
    [
        ("text,label,page", "1", r"has no column 'doc' \(task\.group\)"),
        ("text,label,doc", "", r"has nothing in column 'doc' \(40 of 40\)"),
    ],
)
def test_a_column_without_groups_is_an_error_also_beside_train(tmp_path, head, cell, words):
    """Not taken for a file without answers, which would be left aside."""
    written(tmp_path / "train.csv")
    rows = [f"text {row},{'ab'[row % 2]},{cell}" for row in range(40)]
    (tmp_path / "test.csv").write_text("\n".join([head, *rows]) + "\n", "utf8")
    with pytest.raises(DataError, match=words) as error:
        load(tmp_path / "train.csv")
    assert "unlabelled" not in str(error.value) and "nothing can be learnt" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("numpy.ma.core.MaskedArray.sort", "numpy.ma.core"),
        ("sklearn.linear_model._ridge.Ridge.fit#2", "sklearn.linear_model._ridge"),
        ("scipy.signal", "scipy.signal"),
        ("torch.abs", "torch"),  # compiled
        ("numpy.ndarray.sort", "numpy"),
    ],
)
def test_the_module_of_a_docstring(name, module):
    assert module_of(name) == module

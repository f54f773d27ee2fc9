"""Rows: the checks that every source shares, ids and digests."""

from __future__ import annotations

import pytest

from headstart.data.rows import RawRows, as_dataset, checked, row_keys, rows_digest
from headstart.errors import DataError


def raw(**columns: list) -> RawRows:
    return RawRows("rows.json", tuple(columns), columns.__getitem__)


def test_a_missing_column_is_named_with_the_nearest_and_all_that_exist():
    with pytest.raises(DataError) as error:
        checked(raw(sentence=["a"], label=["1"]), {"text": "sentense", "label": "label"})
    assert str(error.value) == (
        "rows.json has no column 'sentense' (task.text): did you mean sentence? known: label, sentence"
    )


def test_every_missing_column_is_named_at_once():
    with pytest.raises(DataError, match=r"'x' \(task.text\).*'y' \(task.label\)"):
        checked(raw(sentence=["a"]), {"text": "x", "label": "y"})


def test_an_empty_split_is_refused():
    with pytest.raises(
        DataError, match=r"^rows.json holds no rows: give a file or split with at least one row$"
    ):
        checked(raw(text=[], label=[]), {"text": "text", "label": "label"})


def test_a_missing_cell_is_refused_with_its_row():
    with pytest.raises(DataError) as error:
        checked(raw(text=["a", None, None]), {"text": "text"})
    assert str(error.value) == (
        "rows.json row 2 has nothing in column 'text' (2 of 3): "
        "fill or remove these rows, or choose another split"
    )


@pytest.mark.parametrize(("cell", "kind"), [(3, "int 3"), (1.5, "float 1.5"), (["a"], r"list \['a'\]")])
def test_a_text_must_be_text(cell: object, kind: str):
    with pytest.raises(DataError, match=rf"^rows.json row 1 holds {kind} in column 'text', not text: choose"):
        checked(raw(text=[cell]), {"text": "text"})


def test_a_label_may_be_a_number_and_becomes_text():
    cells = checked(raw(t=["a", "b", "c"], y=[0, 1.5, True]), {"text": "t", "label": "y"})
    assert cells == {"text": ["a", "b", "c"], "label": ["0", "1.5", "True"]}


def test_a_label_is_never_a_list():
    with pytest.raises(DataError, match=r"row 1 holds list"):
        checked(raw(y=[[1]]), {"label": "y"})


def test_ids_depend_on_content_not_on_place():
    one = as_dataset({"text": ["a", "b", "a", "a"], "label": ["0", "1", "0", "0"]})["id"][:]
    other = as_dataset({"label": ["1", "0", "0", "0"], "text": ["b", "a", "a", "a"]})["id"][:]
    assert sorted(one) == sorted(other)
    assert len(set(one)) == 4
    assert one[2:] == [f"{one[0]}-2", f"{one[0]}-3"]


def test_cells_do_not_run_into_each_other():
    assert row_keys({"a": ["xy"], "b": ["z"]}) != row_keys({"a": ["x"], "b": ["yz"]})


def test_the_digest_sees_content_and_order_but_not_the_arrow_layout():
    import datasets

    whole = as_dataset({"text": ["a", "b", "c"], "label": ["0", "1", "0"]})
    chunked = datasets.concatenate_datasets([whole.select([0]), whole.select([1, 2])])
    gathered = whole.select([2, 0, 1]).select([1, 2, 0])
    assert rows_digest(whole) == rows_digest(chunked) == rows_digest(gathered)
    assert rows_digest(whole) != rows_digest(whole.select([1, 0, 2]))
    assert rows_digest(whole) != rows_digest(whole.rename_column("text", "pair"))


def test_the_digest_is_the_same_everywhere():
    rows = as_dataset({"text": ["é", "b"], "label": ["0", "1"]})
    assert rows_digest(rows) == "333b831604784db36ce29b1ec74e31a9"

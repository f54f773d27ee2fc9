"""Cells: what each role accepts, in files and in datasets of the hub, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.data.cells import KINDS, as_text
from headstart.data.files import Files
from headstart.data.holdout import Holdout
from headstart.data.reading import dataset_rows
from headstart.data.rows import RawRows, as_dataset, checked, content_ids, row_keys, rows_digest
from headstart.node import DataError


def read(role: str, *values: object) -> list:
    """The cells of one column in that role."""
    return checked(RawRows("rows.json", ("column",), lambda name: values), {role: "column"})[role]


def refusal(role: str, value: object) -> str:
    with pytest.raises(DataError) as error:
        read(role, value)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix("rows.json row 1 holds ")


@pytest.mark.parametrize(
    ("role", "value", "cell"),
    [
        ("text", "a b", "a b"),
        ("output", "a b", "a b"),
        ("label", 3, "3"),
        ("number", "3.5", 3.5),
        ("number", 2, 2.0),
        ("number", "-1e3", -1000.0),
        ("words", "The  cat sat .", ["The", "cat", "sat", "."]),
        ("words", ["The", "cat"], ["The", "cat"]),
        ("words", '["The", "a cat"]', ["The", "a cat"]),
        ("words", "[ is a bracket", ["[", "is", "a", "bracket"]),
        ("tags", [0, 3], ["0", "3"]),
        ("labels", "sad | angry", ["angry", "sad"]),
        ("labels", "sad;sad", ["sad"]),
        ("labels", [], []),
        ("labels", None, []),
        ("answers", "in 1998, or later", ["in 1998, or later"]),
        ("answers", '["a", "b"]', ["a", "b"]),
        ("answers", None, []),
        ("starts", 7, [7]),
        ("starts", "7;12", [7, 12]),
        ("starts", [7.0], [7]),
        ("starts", "[]", []),
    ],
)
def test_what_a_role_makes_of_a_cell(role: str, value: object, cell: object):
    assert read(role, value) == [cell]


@pytest.mark.parametrize(
    ("role", "value", "sentence"),
    [
        (
            "number",
            "many",
            "str 'many' in column 'column', not a number: choose a column of numbers for task.number",
        ),
        ("number", True, "bool True in column 'column', not a number"),
        ("number", "nan", "str 'nan' in column 'column', not a finite number: correct or remove the row"),
        ("number", float("inf"), "float inf in column 'column', not a finite number"),
        ("words", [], "list [] in column 'column', an empty list: task.words needs at least one word"),
        ("words", " ", "str ' ' in column 'column', an empty list"),
        ("words", [["a"]], "list [['a']] in column 'column', not text"),
        ("tags", 3, "int 3 in column 'column', not a list: choose another column for task.tags"),
        ("labels", {"a": 1}, "dict {'a': 1} in column 'column', not a list"),
        ("starts", ["x"], "list ['x'] in column 'column', not a list of whole numbers: task.starts counts"),
        ("starts", [1.5], "list [1.5] in column 'column', not a list of whole numbers"),
        ("answers", [3], "list [3] in column 'column', not text"),
        ("question", 3, "int 3 in column 'column', not text: choose a text column for task.question"),
        ("image", 3, "int 3 in column 'column', not an image: choose a column of image files"),
        ("image", b"GIF", "bytes b'GIF' in column 'column', not an image that Pillow can read ("),
    ],
)
def test_what_a_role_refuses(role: str, value: object, sentence: str):
    assert refusal(role, value).startswith(sentence)


@pytest.mark.parametrize("role", ["number", "words", "tags", "text"])
def test_only_some_roles_may_have_nothing_in_a_row(role: str):
    for nothing in (None, float("nan")):
        with pytest.raises(DataError, match=r"row 1 has nothing in column 'column' \(1 of 1\)"):
            read(role, nothing)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_being_written_in_a_csv(number: float):
    assert read("number", repr(number)) == [number]


def aligned(**columns: list) -> dict:
    return checked(
        RawRows("rows.json", tuple(columns), columns.__getitem__), {name: name for name in columns}
    )


def test_every_word_needs_a_tag():
    with pytest.raises(DataError) as error:
        aligned(words=["a b", "c d"], tags=["X Y", "X"])
    assert str(error.value) == (
        "rows.json row 2 has 2 words and 1 tags: "
        "task.words and task.tags must be of equal length in every row"
    )


def test_an_answer_must_stand_where_it_is_said_to():
    good = aligned(context=["one two", "x"], answers=[["two"], []], starts=[[4], []])
    assert good["starts"] == [[4], []]
    with pytest.raises(DataError) as error:
        aligned(context=["one two"], answers=[["two"]], starts=[[3]])
    assert str(error.value) == (
        "rows.json row 1: the answer 'two' does not stand at character 3 of its context (' tw' does): "
        "correct task.starts, which counts characters from 0"
    )
    for start in (-1, 99):
        with pytest.raises(DataError, match=rf"does not stand at character {start} "):
            aligned(context=["one two"], answers=[["two"]], starts=[[start]])
    with pytest.raises(DataError, match="has 1 answers and 2 starts"):
        aligned(context=["one two"], answers=[["two"]], starts=[[4, 5]])


SQUAD = [
    {"question": "Who?", "context": "Ann sang.", "answers": {"text": ["Ann"], "answer_start": [0]}},
    {"question": "Where?", "context": "Ann sang.", "answers": {"text": [], "answer_start": []}},
    {"question": "What?", "context": "Ann sang.", "answers": [{"text": "sang", "answer_start": 4}]},
]
QA = {
    "question": "question",
    "context": "context",
    "answers": "answers.text",
    "starts": "answers.answer_start",
}


def test_nested_answers_are_reached_with_a_dot():
    names = ("question", "context", "answers")
    cells = checked(RawRows("squad", names, lambda name: [row[name] for row in SQUAD]), QA)
    assert cells["answers"] == [["Ann"], [], ["sang"]]
    assert cells["starts"] == [[0], [], [4]]
    with pytest.raises(
        DataError, match=r"has no column 'answer.text' \(task.answers\): did you mean answers\?"
    ):
        checked(RawRows("squad", names, lambda name: []), QA | {"answers": "answer.text"})


def test_datasets_give_the_names_of_their_classes_also_in_lists():
    from datasets import ClassLabel, Dataset, Features, List, Value

    features = Features(
        {
            "tokens": List(Value("string")),
            "ner_tags": List(ClassLabel(names=["O", "B-PER"])),
            "answers": {"text": List(Value("string")), "kind": ClassLabel(names=["short", "long"])},
        }
    )
    rows = {
        "tokens": [["Ann", "sang"]],
        "ner_tags": [[1, 0]],
        "answers": [{"text": ["Ann"], "kind": 1}],
    }
    raw = dataset_rows(Dataset.from_dict(rows, features=features), "hub")
    columns = {"words": "tokens", "tags": "ner_tags", "answers": "answers.text", "label": "answers.kind"}
    cells = checked(raw, columns)
    assert cells == {
        "words": [["Ann", "sang"]],
        "tags": [["B-PER", "O"]],
        "answers": [["Ann"]],
        "label": ["long"],
    }


def test_every_kind_is_stored_and_digested():
    cells = {
        "text": ["é", "b"],
        "number": [0.5, 2.0],
        "words": [["a", "b"], ["c"]],
        "starts": [[], [3]],
        "labels": [["x"], []],
    }
    rows = as_dataset(cells)
    assert rows[0] == {"id": rows["id"][0], **{role: cells[role][0] for role in cells}}
    assert rows_digest(rows) == "34f2014a1f618ce504460e28a88b9c5b"
    assert rows_digest(rows) != rows_digest(as_dataset(cells | {"words": [["a"], ["b", "c"]]}))
    assert len(set(content_ids({"words": [["a", "b"], ["a b"], ["b", "a"]]}))) == 3


def test_every_role_has_a_kind_that_a_dataset_can_hold():
    samples = {"text": "x", "number": 1.0, "texts": ["x"], "numbers": [1]}
    samples["image"] = {"sha256": "0", "bytes": b"x", "path": None}
    for role, kind in KINDS.items():
        assert as_dataset({role: [samples[kind.stored]]})[0][role] == samples[kind.stored]
        assert isinstance(as_text(samples[kind.stored]), str)


def written(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_questions_about_one_context_are_held_out_together(tmp_path: Path):
    rows = [
        {
            "question": f"Question {number}?",
            "context": f"Context {number % 10}.",
            "answer": "Context",
            "at": 0,
        }
        for number in range(60)
    ]
    columns = {"question": "question", "context": "context", "answers": "answer", "starts": "at"}
    splits = Files.read({"train": str(written(tmp_path / "qa.jsonl", rows))}).load(columns)
    contexts = [set(part["context"]) for part in (splits.train, splits.validation, splits.test)]
    assert not contexts[0] & contexts[1] and not contexts[0] & contexts[2] and not contexts[1] & contexts[2]
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [42, 6, 12]


def test_what_is_answered_does_not_decide_what_is_the_same_text(tmp_path: Path):
    rows = [{"text": f"text {number % 20}", "score": str(number / 7)} for number in range(40)]
    columns = {"text": "text", "number": "score"}
    splits = Files.read({"train": str(written(tmp_path / "n.jsonl", rows))}).load(columns)
    assert not set(splits.train["text"]) & set(splits.test["text"])
    assert all(isinstance(number, float) for number in splits.train["number"])


def test_rows_are_stratified_by_one_class_only():
    with pytest.raises(ValueError, match="rows cannot be stratified by labels: only by label"):
        Holdout().complete({"train": {"text": ["a"], "labels": [["x"]]}}, "labels", 0, "files:0")


def test_text_rows_keep_the_ids_that_they_always_had():
    assert row_keys({"text": ["a", "é"], "label": ["0", "1"]}) == ["7cb192bc9dbb7575", "53ab94ebd3503f64"]

"""Cells: what each role accepts, in files and in datasets of the hub, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import jsonl

from headstart.data.cells import KINDS, as_text, kind_of
from headstart.data.files import Files
from headstart.data.formats import dataset_rows, read_file
from headstart.data.rows import RawRows, as_dataset, checked, numbered, row_keys, rows_digest
from headstart.data.splits import Holdout
from headstart.errors import DataError
from headstart.tasks.question_answering import f1


def read(role: str, *values: object) -> Sequence:
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
        ("words", "( is another", ["(", "is", "another"]),
        ("words", "['Ada', 'met', \"it's\"]", ["Ada", "met", "it's"]),
        ("words", "('Ada', 'met')", ["Ada", "met"]),
        ("words", "['Ada' 'met, too'\n 'x']", ["Ada", "met, too", "x"]),  # as pandas writes an array
        ("words", "\"['Ada', 'met']\"", ["Ada", "met"]),
        ("words", '"[""it\'s"", \'x\']"', ["it's", "x"]),  # a quoted cell of a tsv
        ("words", "[ 'Ada' , 'met' ]", ["Ada", "met"]),
        ("tags", [0, 3], ["0", "3"]),
        ("tags", "[0 3]", ["0", "3"]),
        ("tags", "['B-PER', 'O']", ["B-PER", "O"]),
        ("label", "[OTHER]", "[OTHER]"),
        ("labels", "sad | angry", ["angry", "sad"]),
        ("labels", "sad;sad", ["sad"]),
        ("labels", "['sad', 'angry']", ["angry", "sad"]),
        ("labels", [], []),
        ("labels", "[]", []),
        ("answers", "in 1998, or later", ["in 1998, or later"]),
        ("answers", "[citation needed]", ["[citation needed]"]),
        ("answers", '["a", "b"]', ["a", "b"]),
        ("answers", "['a']", ["a"]),
        ("answers", [], []),
        ("starts", 7, [7]),
        ("starts", "7;12", [7, 12]),
        ("starts", "[7 12]", [7, 12]),
        ("starts", [7.0], [7]),
        ("starts", "[]", []),
    ],
)
def test_what_a_role_makes_of_a_cell(role: str, value: object, cell: object):
    other = [7] if role == "starts" else "7"
    assert read(role, value, other)[0] == cell


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
        ("words", "['Ada', 'met'", "str \"['Ada', 'met'\" in column 'column', text that begins like a list"),
        ("words", "['Ada' ... 'met']", "str \"['Ada' ... 'met']\" in column 'column', text that begins like"),
        ("words", "[Ada, met]", "str '[Ada, met]' in column 'column', text that begins like a list"),
        ("tags", "[ B-PER, O ]", "str '[ B-PER, O ]' in column 'column', text that begins like a list"),
        ("tags", "B-PER, O", "str 'B-PER, O' in column 'column', tags with commas between them"),
        ("tags", ["O", ""], "list ['O', ''] in column 'column', with an empty tag"),
        ("tags", ["O", None], "list ['O', None] in column 'column', not text"),
        ("labels", "[sad, angry]", "str '[sad, angry]' in column 'column', text that begins like a list"),
        ("label", "['sad']", "str \"['sad']\" in column 'column', a list and not one class: several classes"),
        (
            "answers",
            "{'text': ['a']}",
            "str \"{'text': ['a']}\" in column 'column', a mapping and",
        ),
        ("answers", [None], "list [None] in column 'column', not text"),
        ("starts", "['x'", "str \"['x'\" in column 'column', text that begins like a list"),
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


ANSWERS = {"label": "a", "number": 1, "tags": "O", "labels": "a", "answers": "a", "starts": 1, "output": "a"}


@pytest.mark.parametrize("role", [*ANSWERS, "words", "text"])
def test_a_cell_without_anything_is_no_answer(role: str):
    there = ANSWERS.get(role, "a")
    for nothing in (None, float("nan"), *(("", " ") if role in ANSWERS else ())):
        with pytest.raises(
            DataError, match=r"row 2 has nothing in column 'column' \(1 of 3\): fill or remove"
        ):
            read(role, there, nothing, there)


@pytest.mark.parametrize(
    ("role", "values"),
    [(role, nothing) for role in ANSWERS for nothing in ([None, None], [None, ""])]
    + [("answers", [[], []]), ("labels", [[], "[]"])],
)
def test_rows_without_any_answer_are_called_unlabelled(role: str, values: list):
    with pytest.raises(
        DataError, match=rf"^rows.json has no {role.removesuffix('s')}s: column 'column' is emp"
    ):
        read(role, *values)


@pytest.mark.parametrize("role", ["text", "pair", "label", "labels", "words", "tags", "answers", "question"])
def test_half_a_character_is_refused_with_its_place(role: str, tmp_path: Path):
    cell = "so \ud83d" if kind_of(role).stored == "text" else ["so", "\ud83d"]
    rows = [json.dumps({"column": value}) for value in ("so", cell)]
    for name, content in (("t.jsonl", "\n".join(rows)), ("t.json", f"[{', '.join(rows)}]")):
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match=rf"{name} (line|row) 2 holds .* with half a character \(U\+D83D"):
            checked(read_file(tmp_path / name), {role: "column"})


def test_half_a_character_in_a_list_in_a_cell_is_refused(tmp_path: Path):
    (tmp_path / "t.csv").write_text('words;x\n["so", "\\ud83d"];\n')
    with pytest.raises(DataError, match=r"t.csv line 2 holds .* with half a character \(U\+D83D"):
        checked(read_file(tmp_path / "t.csv"), {"words": "words"})


def test_text_columns_of_lists_are_refused():
    with pytest.raises(DataError, match=r"holds lists and not text in column 'column' \(\"\['a', 'b'\]\"\)"):
        read("text", "['a', 'b']", "['c']")
    assert read("text", "[1, 2] is a list", "[1, 2]") == ["[1, 2] is a list", "[1, 2]"]


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
    with pytest.raises(DataError, match=r"rows.json row 1 has an empty answer: write an empty list where a"):
        aligned(context=["one two"], answers=[[""]], starts=[[-1]])
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


AS_TEXT = {
    "python": repr,
    "json": json.dumps,
    "numpy": lambda value: re.sub(r": (\[.*?\])", r": array(\1, dtype=object)", repr(value)),
}


@pytest.mark.parametrize("form", ["as it is", *AS_TEXT])
def test_nested_answers_are_reached_with_a_dot(form: str):
    cells = {name: [row[name] for row in SQUAD] for name in ("question", "context", "answers")}
    if form in AS_TEXT:
        cells["answers"] = [AS_TEXT[form](value) for value in cells["answers"]]
    rows = checked(RawRows("squad", tuple(cells), cells.__getitem__), QA)
    assert rows["answers"] == [["Ann"], [], ["sang"]]
    assert rows["starts"] == [[0], [], [4]]
    assert [f1("", answers) for answers in rows["answers"]] == [0, 1, 0]  # of a model that never answers


@pytest.mark.parametrize(
    ("answers", "path", "sentence"),
    [
        (
            {"text": ["Ann"]},
            "answer.text",
            "no column 'answer.text' (task.answers): did you mean answers.text?",
        ),
        ({"text": ["Ann"]}, "answers.txt", "column 'answers.txt', without 'txt' inside: did you mean text?"),
        ([{"text": "Ann"}], "answers.txt", "column 'answers.txt', without 'txt' inside: did you mean text?"),
        (
            "{'text': ['Ann']}",
            "answers.txt",
            "column 'answers.txt', without 'txt' inside: did you mean text?",
        ),
        ("Ann", "answers.text", "row 1 holds str 'Ann' in column 'answers.text', with nothing that could be"),
        (["Ann"], "answers.text", "row 1 holds list ['Ann'] in column 'answers.text', with nothing that"),
        (3, "answers.text", "row 1 holds int 3 in column 'answers.text', with nothing that could be called"),
        (None, "answers.text", "squad has no answers: column 'answers.text' is empty in all 1 rows; from an"),
        (
            {"text": None},
            "answers.text",
            "squad has no answers: column 'answers.text' is empty in all 1 rows",
        ),
        ({"text": ["Ann"]}, "answers", "a mapping and not a list of answers: choose a part of it: .text"),
        ("{'text': ['Ann']}", "answers", "a mapping and not a list of answers: choose a part of it: .text"),
    ],
)
def test_a_path_that_leads_nowhere_is_no_empty_answer(answers: object, path: str, sentence: str):
    with pytest.raises(DataError) as error:
        checked(RawRows("squad", ("answers",), lambda name: [answers]), {"answers": path})
    assert sentence in str(error.value)


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
    assert len(set(numbered(row_keys({"words": [["a", "b"], ["a b"], ["b", "a"]]}), "-"))) == 3


def test_every_role_has_a_kind_that_a_dataset_can_hold():
    samples = {"text": "x", "number": 1.0, "texts": ["x"], "numbers": [1]}
    samples["image"] = {"sha256": "0", "bytes": b"x", "path": None, "frames": None}
    for role, kind in KINDS.items():
        assert as_dataset({role: [samples[kind.stored]]})[0][role] == samples[kind.stored]
        assert isinstance(as_text(samples[kind.stored]), str)


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
    splits = Files.read({"train": str(jsonl(tmp_path / "qa.jsonl", rows))}).load(columns)
    contexts = [set(part["context"]) for part in (splits.train, splits.validation, splits.test)]
    assert not contexts[0] & contexts[1] and not contexts[0] & contexts[2] and not contexts[1] & contexts[2]
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [42, 6, 12]


def test_what_is_answered_does_not_decide_what_is_the_same_text(tmp_path: Path):
    rows = [{"text": f"text {number % 20}", "score": str(number / 7)} for number in range(40)]
    columns = {"text": "text", "number": "score"}
    splits = Files.read({"train": str(jsonl(tmp_path / "n.jsonl", rows))}).load(columns)
    assert not set(splits.train["text"]) & set(splits.test["text"])
    assert all(isinstance(number, float) for number in splits.train["number"])


def test_rows_are_stratified_by_one_class_only():
    with pytest.raises(ValueError, match="rows cannot be stratified by labels: only by label"):
        Holdout().complete({"train": {"text": ["a"], "labels": [["x"]]}}, "labels", 0, "files:0")


def test_text_rows_keep_the_ids_that_they_always_had():
    keys = row_keys({"text": ["a", "é"], "label": ["0", "1"]})
    assert keys.tolist() == [b"7cb192bc9dbb7575", b"53ab94ebd3503f64"]

"""Layouts: rows as people lay them out, read as the rows that they are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from headstart.data.files import Files
from headstart.data.formats import read_file
from headstart.data.rows import checked
from headstart.errors import DataError

QA = {
    "question": "question",
    "context": "context",
    "answers": "answers.text",
    "starts": "answers.answer_start",
}
ASKED = [
    {"id": "1", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}], "is_impossible": False},
    {"id": "2", "question": "Why?", "answers": [], "is_impossible": True, "plausible_answers": []},
]
ARTICLE = {
    "title": "Ann",
    "paragraphs": [{"context": "Ann sang.", "qas": ASKED}, {"context": "So.", "qas": []}],
}


@pytest.mark.parametrize(
    "content",
    [
        {"version": "2.0", "data": [ARTICLE]},
        [ARTICLE],
        {"data": ARTICLE["paragraphs"]},
        {"data": [{**asked, "context": "Ann sang."} for asked in ASKED]},
    ],
)
def test_questions_nested_as_squad_has_them(content: Any, tmp_path: Path):
    (tmp_path / "q.json").write_text(json.dumps(content))
    cells = checked(read_file(tmp_path / "q.json"), QA)
    assert cells["question"] == ["Who?", "Why?"] and cells["context"] == ["Ann sang."] * 2
    assert cells["answers"] == [["Ann"], []] and cells["starts"] == [[0], []]


def test_squad_without_answers_is_unlabelled(tmp_path: Path):
    asked = [{"id": "1", "question": "Who?"}]
    (tmp_path / "test.json").write_text(
        json.dumps({"data": [{"paragraphs": [{"context": "Ann sang.", "qas": asked}]}]})
    )
    with pytest.raises(
        DataError, match=r"test.json has no column 'answers.text' .* nothing can be learnt or"
    ):
        checked(read_file(tmp_path / "test.json"), QA)


def test_one_json_object_without_rows_says_what_is_needed(tmp_path: Path):
    (tmp_path / "t.json").write_text('{"text": {"0": "a"}}')
    with pytest.raises(DataError, match=r"one JSON dict: .* to_json\(orient='records'\)"):
        read_file(tmp_path / "t.json")


@pytest.mark.parametrize("names", ["Sentence: {}", "{}"])
@pytest.mark.parametrize("repeated", [True, False])
def test_one_word_per_row(names: str, repeated: bool, tmp_path: Path):
    sentences = [(["Ada", f"met{i}", "None"], ["B-PER", "O", "O"]) for i in range(20)]
    lines = ["Sentence #,Word,Tag"]
    for number, (words, tags) in enumerate(sentences, 1):
        for place, (word, tag) in enumerate(zip(words, tags, strict=True)):
            lines.append(f"{names.format(number) if repeated or not place else ''},{word},{tag}")
    (tmp_path / "ner.csv").write_text("\n".join(lines))
    files = Files(train=str(tmp_path / "ner.csv"), sentence="Sentence #")
    splits = files.load({"words": "Word", "tags": "Tag"})
    parts = (splits.train, splits.validation, splits.test)
    rows = [row for part in parts for row in zip(part["words"], part["tags"], strict=True)]
    assert sorted(rows) == sorted(sentences)
    with pytest.raises(DataError, match=r"no column 'Satz' \(task.files.sentence\)"):
        Files(train=str(tmp_path / "ner.csv"), sentence="Satz").load({"words": "Word", "tags": "Tag"})
    (tmp_path / "ner.csv").write_text("\n".join([*lines, "21,Bo,"]))
    with pytest.raises(DataError, match=r"ner.csv line 62 holds list \[None\] in column 'Tag', not text"):
        files.load({"words": "Word", "tags": "Tag"})


@pytest.mark.parametrize(
    ("text", "labels", "texts"),
    [
        ("__label__a so good\n\n__label__b so  bad\r\n", ["a", "b"], ["so good", "so  bad"]),
        ("__label__a __label__b so\n__label__b no __label__c", [["a", "b"], "b"], ["so", "no __label__c"]),
        ("__label__a so\nno label", None, ["__label__a so", "no label"]),
    ],
)
def test_a_label_before_a_text_as_fasttext_has_it(text: str, labels: Any, texts: list[str], tmp_path: Path):
    (tmp_path / "t.txt").write_text(text)
    raw = read_file(tmp_path / "t.txt")
    assert raw.column("text") == texts
    assert labels is None or raw.column("label") == labels


@pytest.mark.parametrize(
    ("name", "lines", "labels", "texts"),
    [
        (
            "custrev.all",
            ["1 works well", "0  broke , twice", "1 fine", "0 no"],
            ["1", "0", "1", "0"],
            "broke , twice",
        ),
        ("train.label", ["DESC:how How so ?", "HUM:x Who ?"] * 2, ["DESC:how", "HUM:x"] * 2, "Who ?"),
    ],
)
def test_a_class_before_a_text(name: str, lines: list[str], labels: list[str], texts: str, tmp_path: Path):
    (tmp_path / name).write_text("\n".join(lines) + "\n\n")
    raw = read_file(tmp_path / name)
    assert raw.column("label") == labels and raw.column("text")[1] == texts
    assert raw.at(1).endswith("line 2")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 good\nalone\n", "t.all line 2 has one word: a class and a text are needed in every line"),
        ("\n", "t.all is empty"),
        ("It rains\nWe stay\nYou go\n", "the first words of its lines are 3 different ones in 3 lines"),
    ],
)
def test_lines_without_a_class_are_refused(text: str, sentence: str, tmp_path: Path):
    (tmp_path / "t.all").write_text(text)
    with pytest.raises(DataError, match=re.escape(sentence)):
        read_file(tmp_path / "t.all")


def test_unknown_suffixes_and_texts_with_columns_are_shown_the_way(tmp_path: Path):
    (tmp_path / "train.labels").write_text("DESC How so ?")
    with pytest.raises(
        DataError, match=r"suffix '.labels' .* a tsv where a tab separates them, and a txt where"
    ):
        Files(train=str(tmp_path / "train.labels")).load({"text": "text", "label": "label"})
    (tmp_path / "train.txt").write_text("Ada B-PER\nmet O\n")
    with pytest.raises(DataError, match=r"no column 'words' .* call the file .conll if .*, or .tsv if tabs"):
        Files(train=str(tmp_path / "train.txt")).load({"words": "words", "tags": "tags"})

"""Plain: paragraphs of a text file, sentences of tagged words, and what is wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.files import Files
from headstart.data.reading import read_file
from headstart.node import DataError

CONLL = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
. . O O

Peter\tNNP\tB-NP\tB-PER

"""
NAMES = ["words", "pos", "chunk", "tags"]


def refusal(path: Path, text: str, columns: list[str] | None = None) -> str:
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_file(path, columns=columns)
    return str(error.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("one\ntwo\n", ["one", "two"]),
        ("one\ntwo\n\n\n three\r\n \t\nfour\n\n", ["one two", "three", "four"]),
        ("\n\none", ["one"]),
        ("a\u2028b\n", ["a\u2028b"]),
    ],
)
def test_a_text_file_holds_lines_or_paragraphs(text: str, texts: list[str], tmp_path: Path):
    (tmp_path / "t.txt").write_text(text, newline="")
    raw = read_file(tmp_path / "t.txt")
    assert raw.names == ("text",)
    assert raw.column("text") == texts


def test_a_text_file_is_a_task_of_its_own(tmp_path: Path):
    (tmp_path / "t.txt").write_text("".join(f"Paragraph {number}\ngoes on.\n\n" for number in range(20)))
    splits = Files.read({"train": str(tmp_path / "t.txt")}).load({"text": "text"})
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [14, 2, 4]


def test_sentences_of_tagged_words(tmp_path: Path):
    (tmp_path / "t.conll").write_text(CONLL)
    raw = read_file(tmp_path / "t.conll", columns=NAMES)
    assert raw.column("words") == [["EU", "rejects", "."], ["Peter"]]
    assert raw.column("tags") == [["B-ORG", "O", "O"], ["B-PER"]]


def test_two_columns_need_no_names(tmp_path: Path):
    (tmp_path / "t.iob").write_text("".join(f"word{number} O\nx\u00a0y B-X\n\n" for number in range(20)))
    splits = Files.read({"train": str(tmp_path / "t.iob")}).load({"words": "words", "tags": "tags"})
    assert splits.train["tags"][0] == ["O", "B-X"]
    assert splits.train["words"][0][1] == "x\u00a0y"


@pytest.mark.parametrize(
    ("name", "text", "columns", "sentence"),
    [
        ("t.txt", " \n", None, "t.txt holds no text: give a file with at least one line"),
        ("t.conll", "\n", None, "t.conll holds no sentences: give a file with one word and its tag per line"),
        ("t.conll", CONLL, None, "t.conll has 4 columns: name them in their order in task.files.columns="),
        (
            "t.conll",
            CONLL,
            ["words", "tags"],
            "t.conll line 3 has 4 cells where 2 columns are expected (words, tags): correct the line",
        ),
        ("t.iob", "a O\n\nb\n", None, "t.iob line 3 has 1 cells where 2 columns are expected (words, tags)"),
        ("t.txt", "a", ["text"], "t.txt: task.files.separator is for csv and tsv, and"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    name: str, text: str, columns: list[str] | None, sentence: str, tmp_path: Path
):
    said = refusal(tmp_path / name, text, columns)
    assert said.startswith(sentence)
    assert "\n" not in said

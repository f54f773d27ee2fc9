"""Plain: paragraphs of a text file, sentences of tagged words, and what is wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.files import Files
from headstart.data.formats import read_file
from headstart.errors import DataError

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


MULTICONER = """# id ab domain=en
Ada _ _ B-PER
# _ _ O

# id cd domain=en
# id no domain=en
# _ _ O
1 _ _ O
"""
OF_TWO = """#begin document (a); part 0
# one
# two
Ada B-PER
-DOCSTART- O
#tag HASH
met O
#tag HASH

#other HASH
# O
#end document
"""
CONLLU = """# sent_id = 1
# text = vamonos al mar
1-2\tvamonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tvamos\tir\tVERB\t_\t_\t0\troot\t_\t_
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
2.1\t_\t_\t_\t_\t_\t_\t_\t_\t_
3\tNew York\tNew York\tPROPN\t_\t_\t1\tobl\t_\t_
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("name", "text", "columns", "words", "tags", "left_out"),
    [
        (
            "m.conll",
            MULTICONER,
            ["words", "x", "y", "tags"],
            [["Ada", "#"], ["#", "1"]],
            [["B-PER", "O"], ["O", "O"]],
            3,
        ),
        ("m.bio", OF_TWO, None, [["Ada"], ["#tag", "met", "#tag"], ["#other", "#"]], None, 2),
        ("u.conllu", CONLLU, None, [["vamos", "nos", "New York"]], [["VERB", "PRON", "PROPN"]], 4),
        ("t.conll", "New York\tB-X  \n \n\t\nis\tO\t\n", None, [["New York"], ["is"]], [["B-X"], ["O"]], 0),
        ("t.conll", "\ufeffOslo\tB-LOC\n\nis   O", None, [["Oslo"], ["is"]], [["B-LOC"], ["O"]], 0),
    ],
)
def test_comments_are_no_words_and_a_hash_may_be_one(
    name: str,
    text: str,
    columns: list | None,
    words: list,
    tags: list | None,
    left_out: int,
    ends: str,
    tmp_path: Path,
):
    (tmp_path / name).write_text(text.replace("\n", ends), newline="", encoding="utf8")
    raw = read_file(tmp_path / name, columns=columns)
    given = ("form", "upos") if name == "u.conllu" else ("words", "tags")
    assert raw.column(given[0]) == words
    assert tags is None or raw.column(given[1]) == tags
    said = (f"{name}: {left_out} lines are no words but comments or spans",) if left_out else ()
    assert raw.notes == said


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
        ("t.iob", "Ada\nmet\n", None, "t.iob has one column: from words without tags nothing can be learnt"),
        ("t.iob", "a O\n# two words O\n", None, "t.iob line 2 has 4 cells where 2 columns are expected"),
        ("t.txt", "a", ["text"], "t.txt: task.files.separator is for csv and tsv, and"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    name: str, text: str, columns: list[str] | None, sentence: str, tmp_path: Path
):
    said = refusal(tmp_path / name, text, columns)
    assert said.startswith(sentence)
    assert "\n" not in said

"""Guessing: what the columns of rows are taken for, what else they could be, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.rows import jsonl

from headstart.data.size import All
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.columns import use_of
from headstart.tasks.guess import Guess, Reading, guess
from headstart.tasks.text_classification import TextClassification

ROWS = 120
WORDS = ("the", "red", "old", "fox", "dog", "cat", "house", "jumps", "over", "sees", "tree", "river", "never")
Row = dict[str, Any]


def text(number: int, words: int = 8) -> str:
    """A text like no other, of some words."""
    return " ".join(random.Random(number).choices(WORDS, k=words - 1)) + f" {number}"


def guessed(folder: Path, row: Callable[[int], Row], count: int = ROWS, **given: Any) -> Guess:
    return guess(jsonl(folder / "rows.jsonl", map(row, range(count))), **given)


def answer(i: int) -> Row:
    context = text(i, 20)
    return {"text": [context[4:9]], "answer_start": [4]}


CLASSIFIED = "text_classification"
QA = {
    "question": "question",
    "context": "context",
    "answers": "answers.text",
    "starts": "answers.answer_start",
}
SHAPES: dict[str, tuple[Callable[[int], Row], str, Row]] = {
    "a scale with decimals": (
        lambda i: {"sentence1": text(i), "sentence2": text(-i), "score": f"{i % 26 / 5:.1f}"},
        CLASSIFIED,
        {"text": "sentence1", "pair": "sentence2", "number": "score"},
    ),
    "two decimals": (
        lambda i: {"text": text(i), "label": i % 2 / 2},
        CLASSIFIED,
        {"text": "text", "label": "label"},
    ),
    "classes with a point, as pandas writes them": (
        lambda i: {"text": text(i), "label": float(i % 4)},
        CLASSIFIED,
        {"text": "text", "label": "label"},
    ),
    "many codes of classes": (
        lambda i: {"text": text(i), "label": i % 24},
        CLASSIFIED,
        {"text": "text", "label": "label"},
    ),
    "many whole numbers": (
        lambda i: {"text": text(i), "price": 3 * (i % 60)},
        CLASSIFIED,
        {"text": "text", "number": "price"},
    ),
    "stars beside dates, ids and row numbers": (
        lambda i: {
            "": i,
            "product_id": i % 7,
            "userId": i % 5,
            "date": f"2024-01-{i % 28 + 1:02}",
            "lang": "en",
            "review": text(i),
            "stars": i % 5 + 1,
        },
        CLASSIFIED,
        {"text": "review", "label": "stars"},
    ),
    "a class called an index": (
        lambda i: {"Class Index": i % 4 + 1, "Title": text(i, 4), "Description": text(-i, 20)},
        CLASSIFIED,
        {"text": "Title", "pair": "Description", "label": "Class Index"},
    ),
    "yes or no": (
        lambda i: {"text": text(i), "flag": i % 3 == 0},
        CLASSIFIED,
        {"text": "text", "label": "flag"},
    ),
    "a pair": (
        lambda i: {"idx": i, "premise": text(i), "hypothesis": text(i, 2), "label": "abc"[i % 3]},
        CLASSIFIED,
        {"text": "premise", "pair": "hypothesis", "label": "label"},
    ),
    "questions asked twice": (
        lambda i: {
            "id": i,
            "qid1": 2 * i,
            "qid2": 2 * i + 1,
            "question1": text(i),
            "question2": text(-i),
            "is_duplicate": i % 2,
        },
        CLASSIFIED,
        {"text": "question1", "pair": "question2", "label": "is_duplicate"},
    ),
    "several classes in a list": (
        lambda i: {"text": text(i), "topics": ["news", "war", "art"][: i % 4]},
        CLASSIFIED,
        {"text": "text", "labels": "topics"},
    ),
    "a column of 0 and 1 for each class": (
        lambda i: {"comment": text(i), "toxic": i % 2, "rude": i % 3 // 2, "mild": i % 5 // 4},
        CLASSIFIED,
        {"text": "comment", "labels": ("toxic", "rude", "mild")},
    ),
    "a language without spaces": (
        lambda i: {"评论": "这个产品很好我喜欢" + str(i), "label": i % 2},
        CLASSIFIED,
        {"text": "评论", "label": "label"},
    ),
    "names": (
        lambda i: {"name": f"n{i * 7919 % 1009}x", "country": "fdi"[i % 3]},
        CLASSIFIED,
        {"text": "name", "label": "country"},
    ),
    "columns inside others": (
        lambda i: {"doc": {"body": text(i)}, "meta": {"topic": "ab"[i % 2]}},
        CLASSIFIED,
        {"text": "doc.body", "label": "meta.topic"},
    ),
    "questions": (
        lambda i: {"id": f"x{i}", "question": text(i), "context": text(i, 20), "answers": answer(i)},
        "question_answering",
        QA,
    ),
    "questions with answers written out, as in a csv": (
        lambda i: {
            "title": "AB"[i % 2],
            "question": text(i),
            "context": text(i, 20),
            "answers": str(answer(i)),
        },
        "question_answering",
        QA,
    ),
    "questions with an answer and its place": (
        lambda i: {
            "question": text(i),
            "context": text(i, 20),
            "answer": text(i, 20)[4:9],
            "answer_start": 4,
        },
        "question_answering",
        {"question": "question", "context": "context", "answers": "answer", "starts": "answer_start"},
    ),
    "yes or no to a passage": (
        lambda i: {"question": text(i), "passage": text(-i, 20), "answer": i % 3 > 0},
        CLASSIFIED,
        {"text": "question", "pair": "passage", "label": "answer"},
    ),
    "questions alone": (
        lambda i: {"question": text(i), "answer": text(-i, 2)},
        "text_to_text",
        {"text": "question", "output": "answer"},
    ),
    "two languages": (
        lambda i: {"en": text(i), "de": text(-i)},
        "text_to_text",
        {"text": "en", "output": "de"},
    ),
    "two languages inside": (
        lambda i: {"id": str(i), "translation": {"fr": text(i), "pt_br": text(-i)}},
        "text_to_text",
        {"text": "translation.fr", "output": "translation.pt_br"},
    ),
    "source and target": (
        lambda i: {"source": text(i), "target": text(-i)},
        "text_to_text",
        {"text": "source", "output": "target"},
    ),
    "articles": (
        lambda i: {"id": f"{i * 7:x}", "article": text(i, 40), "highlights": text(-i)},
        "text_to_text",
        {"text": "article", "output": "highlights"},
    ),
    "a review with its title": (
        lambda i: {
            "overall": i % 5 + 1.0,
            "verified": i % 2 > 0,
            "reviewText": text(i, 30),
            "summary": text(-i, 4),
        },
        CLASSIFIED,
        {"text": "reviewText", "pair": "summary", "label": "overall"},
    ),
    "news with a subject": (
        lambda i: {"title": text(i), "text": text(-i, 30), "subject": "ab"[i % 2]},
        CLASSIFIED,
        {"text": "title", "pair": "text", "label": "subject"},
    ),
    "titles": (
        lambda i: {"title": text(i), "text": text(-i, 30)},
        "text_to_text",
        {"text": "text", "output": "title"},
    ),
    "tags": (
        lambda i: {
            "tokens": text(i).split(),
            "pos_tags": ["A", "B"] * 4,
            "ner_tags": ["O"] * (i % 2) + ["B-X"] * (8 - i % 2),
        },
        "token_classification",
        {"words": "tokens", "tags": "ner_tags"},
    ),
    "text alone": (
        lambda i: {"text": text(i), "lang": "en"},
        "masked_lm",
        {"text": "text"},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_columns_are_taken_for(shape: str, tmp_path: Path) -> None:
    row, kind, columns = SHAPES[shape]
    found = guessed(tmp_path, row)
    assert found.reading == Reading(kind, columns)
    assert found.reading not in found.others
    used = [f"{role}: " for role in columns]
    assert [note[: len(role)] for note, role in zip(found.notes, used, strict=False)] == used


def test_all_rows_are_looked_at(tmp_path: Path) -> None:
    rows = guessed(tmp_path, lambda i: {"text": f"word {i} again", "label": int(i > 2000)}, 2100)
    assert rows.reading.columns == {"text": "text", "label": "label"}
    assert "label: label, 2 different whole numbers ('0', '1')" in rows.notes


@pytest.mark.parametrize(
    ("row", "other"),
    [
        (lambda i: {"text": text(i), "stars": i % 5}, {"text": "text", "number": "stars"}),
        (lambda i: {"text": text(i), "score": i % 26 / 5}, {"text": "text", "label": "score"}),
        (lambda i: {"en": text(i), "de": text(-i)}, {"text": "de", "output": "en"}),
        (lambda i: {"a": text(i), "b": text(-i), "c": i % 2}, {"text": "a", "label": "c"}),
        (lambda i: {"text": text(i), "x": i % 2, "y": i % 3}, {"text": "text", "label": "x"}),
        (
            lambda i: {"t": text(i).split(), "ner": ["B"] * 8, "pos": ["A", "B"] * 4},
            {"words": "t", "tags": "pos"},
        ),
    ],
)
def test_what_else_they_could_be_is_said_with_its_command(
    row: Callable[[int], Row], other: Row, tmp_path: Path
) -> None:
    found = guessed(tmp_path, row)
    (reading,) = [reading for reading in found.others if reading.columns == other]
    again = guessed(tmp_path, row, given=dict(reading.columns))
    assert again.reading == reading
    settings = [f"task.{role}={name}" for role, name in other.items()]
    assert reading.command(Path("a.csv"), "b").split() == [
        "headstart",
        "new",
        "task",
        "a.csv",
        "b",
        *settings,
    ]


@pytest.mark.parametrize(
    ("row", "given", "columns"),
    [
        (
            lambda i: {"text": text(i), "stars": i % 5},
            {"number": "stars"},
            {"text": "text", "number": "stars"},
        ),
        (lambda i: {"text": text(i), "label": "spam"}, {"text": "text"}, {"text": "text"}),
        (
            lambda i: {"title": text(i, 3), "text": text(i, 9), "views": 7 * i, "label": i % 2},
            {"text": "title", "number": "views"},
            {"text": "title", "number": "views"},
        ),
        (
            lambda i: {"question": text(i), "context": text(i, 20), "answer": text(i, 20)[:9]},
            {"text": "question", "output": "answer"},
            {"text": "question", "output": "answer"},
        ),
    ],
)
def test_columns_that_are_given_are_used(
    row: Callable[[int], Row], given: Row, columns: Row, tmp_path: Path
) -> None:
    assert guessed(tmp_path, row, given=given).reading.columns == columns


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            lambda i: {"text": text(i), "split": ["train", "test"][i % 2]},
            "split says the split ('train', 'test'), ",
        ),
        (lambda i: {"text": text(i), "fold": i % 5}, "fold says the split"),
        (lambda i: {"text": text(i), "lang": "en"}, "not used: lang ('en' in every row)"),
        (lambda i: {"text": text(i), "day": "2024-01-05T10:00" if i else "2023-1-5"}, "day (dates)"),
        (lambda i: {"text": text(i), "n": i + 5}, "n (names or counts rows)"),
        (lambda i: {"text": text(i), "label": None if i < 3 else i % 2}, "column label has 3 empty cells"),
        (
            lambda i: {"question": text(i), "A": text(i, 2), "B": text(-i, 2), "answer": "AB"[i % 2]},
            "answer is one of A, B: questions with several choices are no family here",
        ),
        (
            lambda i: {
                "question": text(i),
                "choices": {"text": [text(i)], "label": ["A"]},
                "answer": "AB"[i % 2],
            },
            "answer is one of choices.text, choices.label: questions with several choices",
        ),
    ],
)
def test_what_is_not_used_is_said_with_the_reason(
    row: Callable[[int], Row], said: str, tmp_path: Path
) -> None:
    assert any(said in note for note in guessed(tmp_path, row).notes)


@pytest.mark.parametrize(
    ("row", "given", "said"),
    [
        (
            lambda i: {"text": text(i), "label": "spam"},
            {},
            "column label holds 'spam' in all 120 rows, and two classes are needed",
        ),
        (
            lambda i: {"question": text(i), "context": text(i, 20), "answer": text(i, 20)[4:9]},
            {},
            "also need a column with the character at which each answer starts, counted from 0",
        ),
        (
            lambda i: {"a": i % 3, "b": i / 7},
            {},
            "no column holds text, words with tags, or images (a: 3 diff",
        ),
        (
            lambda i: {
                "messages": [{"role": "user", "content": text(i)}, {"role": "bot", "content": text(-i)}]
            },
            {},
            "what lies in lists needs a row of its own",
        ),
        (lambda i: {"image": f"{i}.png", "n": "x"}, {}, "no column holds two or more classes for them"),
        (lambda i: {"text": text(i), "label": i % 2}, {"label": "labell"}, "did you mean label?"),
        (lambda i: {"a": i, "b": i % 2}, {"label": "b"}, "also needs task.text=COLUMN; known: a, b"),
        (
            lambda i: {"title": text(i), "paragraphs": [{"context": text(i), "qas": [{"id": 1}]}]},
            {"image": "title"},
            "also needs task.label=COLUMN",
        ),
    ],
)
def test_what_cannot_be_guessed_is_refused(
    row: Callable[[int], Row], given: Row, said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        guessed(tmp_path, row, given=given)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_task_refuses_numbers_as_classes_that_nobody_asked_for(tmp_path: Path, tiny_model: Path) -> None:
    guessed(tmp_path, lambda i: {"text": text(i), "label": i % 26 / 5})
    task = {"kind": CLASSIFIED, "name": "mine", "files": {"train": str(tmp_path / "rows.jsonl")}}
    with pytest.raises(
        DataError, match=r"26 different numbers .*: say task.number=label .*task.label=label for"
    ):
        TextClassification.read({**task, "label": None}).prepare(Model(name=str(tiny_model)), All())
    chosen = TextClassification.read({**task, "label": "label"}).prepare(Model(name=str(tiny_model)), All())
    assert any(
        "classes by choice, though it holds 26 different numbers" in note for note in chosen.facts["notes"]
    )


@pytest.mark.parametrize(
    ("counts", "name", "use"),
    [
        ({"0": 2001, "1": 9}, "", "classes"),
        ({"0.5": 9, "1.5": 9}, "", "classes"),
        ({"0.0": 9, "0.2": 9, "0.4": 9}, "label", "numbers"),
        ({"3.0": 9, "1.0": 9, "2.0": 9}, "", "classes"),
        ({str(n): 9 for n in range(77)}, "label_id", "classes"),
        ({str(n): 9 for n in range(77)}, "age", "numbers"),
        ({str(n): 1 for n in range(77)}, "label", "numbers"),
        ({"a": 9}, "label", "one value"),
        ({f"c{n}": 1 for n in range(9)}, "", "neither"),
        ({f"intent {n}": 9 for n in range(150)}, "", "classes"),
        ({f"a sentence of more than four words {n}": 9 for n in range(5)}, "", "neither"),
    ],
)
def test_what_a_column_can_be_predicted_as(counts: dict[str, int], name: str, use: str) -> None:
    assert use_of(counts, name) == use

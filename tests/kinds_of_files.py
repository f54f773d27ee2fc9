"""Kinds of file: what people have, one small example of each, and what it must be taken for."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from tests.conftest import WORDS

ROWS = 120
CLASSES = ("good", "bad", "odd")
Names = str | tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """Writes a file into a folder and returns what to name; `reading` are its family and columns."""

    write: Callable[[Path], Path]
    family: str
    columns: dict[str, Names]
    flags: tuple[str, ...] = ()  # what a person must add, as its refusal says


def text(number: int, words: int = 8) -> str:
    """A text like no other, which says its class."""
    chosen = random.Random(number).choices(WORDS, k=words)
    return " ".join([*chosen, CLASSES[number % 3], str(number)])


def answered(number: int) -> dict[str, Any]:
    """A question about a text, and where its answer stands."""
    context = text(number, 12)
    word = CLASSES[number % 3]
    return {
        "question": f"what is it {number}",
        "context": context,
        "answer": word,
        "start": context.index(word),
    }


def lines(name: str, rows: Iterable[str], encoding: str = "utf8") -> Callable[[Path], Path]:
    """Writes a file of lines, as often as it is asked to."""
    rows = list(rows)

    def write(folder: Path) -> Path:
        (folder / name).write_text("\n".join(rows) + "\n", encoding)
        return folder / name

    return write


def separated(
    name: str,
    separator: str,
    heads: Sequence[str],
    row: Callable[[int], Sequence[Any]],
    encoding: str = "utf8",
) -> Callable[[Path], Path]:
    """Writes a table; without heads, one without a header line."""
    table = [heads] * bool(heads) + [row(number) for number in range(ROWS)]
    return lines(name, (separator.join(map(str, cells)) for cells in table), encoding)


def objects(name: str, row: Callable[[int], dict[str, Any]]) -> Callable[[Path], Path]:
    """Writes rows as JSON, one a line or one list."""
    rows = [row(number) for number in range(ROWS)]
    if name.endswith(".jsonl"):
        return lines(name, map(json.dumps, rows))
    return lines(name, [json.dumps(rows)])


def squad(folder: Path) -> Path:
    """SQuAD's own nesting."""
    paragraphs = []
    for number in range(ROWS):
        row = answered(number)
        answers = [{"text": row["answer"], "answer_start": row["start"]}]
        asked = [{"id": str(number), "question": row["question"], "answers": answers}]
        paragraphs.append({"context": row["context"], "qas": asked})
    (folder / "squad.json").write_text(json.dumps({"data": [{"title": "a", "paragraphs": paragraphs}]}))
    return folder / "squad.json"


def workbook(folder: Path) -> Path:
    """As Excel saves it."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in [("Kommentar", "Urteil"), *((text(number), CLASSES[number % 3]) for number in range(ROWS))]:
        sheet.append(cells)
    book.save(folder / "urteile.xlsx")
    return folder / "urteile.xlsx"


def parquet(folder: Path) -> Path:
    """As pandas and the hub write it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = {"text": [text(n) for n in range(ROWS)], "label": [n % 2 for n in range(ROWS)]}
    pq.write_table(pa.table(table), folder / "rows.parquet")
    return folder / "rows.parquet"


def saved(folder: Path) -> Path:
    """A folder that `datasets` saved, with splits."""
    from datasets import Dataset, DatasetDict

    def rows(first: int, count: int) -> Dataset:
        numbers = range(first, first + count)
        return Dataset.from_dict(
            {"text": [text(n) for n in numbers], "label": [CLASSES[n % 3] for n in numbers]}
        )

    DatasetDict({"train": rows(0, ROWS), "test": rows(ROWS, 30)}).save_to_disk(str(folder / "saved"))
    return folder / "saved"


def tagged(number: int) -> list[tuple[str, str]]:
    """Words with their tags."""
    return [(word, f"B-{word.upper()}" if word in CLASSES else "O") for word in text(number).split()]


def conll(separator: str, name: str) -> Callable[[Path], Path]:
    """A word and its tag a line, an empty line behind each sentence."""
    sentences = ([*(separator.join(pair) for pair in tagged(number)), ""] for number in range(ROWS))
    return lines(name, (line for sentence in sentences for line in sentence))


def word_per_row(folder: Path) -> Path:
    """A table with a word a row and the sentence named at its first."""
    rows = ["Sentence #,Word,Tag"]
    for number in range(ROWS):
        for place, (word, tag) in enumerate(tagged(number)):
            rows.append(f"{'' if place else f'Sentence: {number}'},{word},{tag}")
    return lines("ner.csv", rows)(folder)


def pictures(*parts: str) -> Callable[[Path], Path]:
    """A folder of images by class, in these folders of splits."""

    def write(folder: Path) -> Path:
        for part in parts:
            for number in range(ROWS if part in ("", "Training") else 30):
                shade, name = (40, "dark") if number % 2 else (200, "pale")
                to = folder / "shades" / part / name
                to.mkdir(parents=True, exist_ok=True)
                noise = random.Random(f"{part}{number}")
                pixels = bytes(shade + noise.randrange(40) for _ in range(64 * 3))
                Image.frombytes("RGB", (8, 8), pixels).save(to / f"{number}.png")
        return folder / "shades"

    return write


def siblings(folder: Path) -> Path:
    """Files of splits beside each other."""
    for name, first, count in (("train", 0, ROWS), ("dev", ROWS, 30), ("test", ROWS + 30, 30)):
        rows = [f"{text(n)}\t{CLASSES[n % 3]}" for n in range(first, first + count)]
        lines(f"{name}.tsv", ["sentence\tlabel", *rows])(folder)
    return folder / "train.tsv"


def label(number: int) -> str:
    return CLASSES[number % 3]


CLASSIFIED, TAGS, ASKED, WRITTEN = (
    "text_classification", "token_classification", "question_answering", "text_to_text",
)  # fmt: skip
WORDS_TAGS: dict[str, Names] = {"words": "words", "tags": "tags"}
QA: dict[str, Names] = {
    "question": "question",
    "context": "context",
    "answers": "answers",
    "starts": "starts",
}
NESTED = QA | {"answers": "answers.text", "starts": "answers.answer_start"}
ONE: dict[str, Names] = {"text": "text", "label": "label"}
KINDS = {
    "csv": Kind(separated("a.csv", ",", ["text", "label"], lambda n: [text(n), label(n)]), CLASSIFIED, ONE),
    "csv with semicolons": Kind(
        separated("a.csv", ";", ["Text", "Klasse"], lambda n: [f'"{text(n)}, ja"', label(n)]),
        CLASSIFIED,
        {"text": "Text", "label": "Klasse"},
    ),
    "csv of Western Europe": Kind(
        separated("a.csv", ";", ["texte", "avis"], lambda n: [f"été {text(n)}", label(n)], "cp1252"),
        CLASSIFIED,
        {"text": "texte", "label": "avis"},
        ("--encoding", "latin-1"),
    ),
    "csv with decimal commas": Kind(
        separated("a.csv", ";", ["text", "note"], lambda n: [text(n), f"{n % 37},{n % 10}"]),
        CLASSIFIED,
        {"text": "text", "number": "note"},
    ),
    "tsv": Kind(separated("a.tsv", "\t", ["text", "label"], lambda n: [text(n), label(n)]), CLASSIFIED, ONE),
    "bars": Kind(separated("a.csv", "|", ["text", "label"], lambda n: [text(n), label(n)]), CLASSIFIED, ONE),
    "UTF-16, as Excel exports text": Kind(
        separated("a.csv", "\t", ["text", "label"], lambda n: [text(n), label(n)], "utf-16"), CLASSIFIED, ONE
    ),
    "csv without a header": Kind(
        separated("a.csv", ",", [], lambda n: [n % 2, text(n)]),
        CLASSIFIED,
        {"text": "column_2", "label": "column_1"},
    ),
    "csv with empty columns": Kind(
        separated(
            "spam.csv", ",", ["v1", "v2", "", ""], lambda n: ["ham" if n % 3 else "spam", text(n), "", ""]
        ),
        CLASSIFIED,
        {"text": "v2", "label": "v1"},
    ),
    "xlsx": Kind(workbook, CLASSIFIED, {"text": "Kommentar", "label": "Urteil"}),
    "jsonl": Kind(objects("a.jsonl", lambda n: {"text": text(n), "label": label(n)}), CLASSIFIED, ONE),
    "json": Kind(objects("a.json", lambda n: {"text": text(n), "label": label(n)}), CLASSIFIED, ONE),
    "parquet": Kind(parquet, CLASSIFIED, ONE),
    "a folder of datasets": Kind(saved, CLASSIFIED, ONE),
    "files of splits": Kind(siblings, CLASSIFIED, {"text": "sentence", "label": "label"}),
    "a pair of texts": Kind(
        objects("a.jsonl", lambda n: {"premise": text(n), "hypothesis": text(n + 7), "label": label(n)}),
        CLASSIFIED,
        {"text": "premise", "pair": "hypothesis", "label": "label"},
    ),
    "title and text": Kind(
        separated(
            "a.csv",
            ",",
            ["Class Index", "Title", "Description"],
            lambda n: [n % 4 + 1, text(n, 4), text(-n, 20)],
        ),
        CLASSIFIED,
        {"text": "Title", "pair": "Description", "label": "Class Index"},
    ),
    "stars beside ids and dates": Kind(
        separated(
            "a.csv",
            ",",
            ["id", "date", "review", "stars"],
            lambda n: [n, f"2024-01-{n % 28 + 1:02}", text(n), n % 5 + 1],
        ),
        CLASSIFIED,
        {"text": "review", "label": "stars"},
    ),
    "numbers": Kind(
        separated("a.csv", ",", ["essay", "score"], lambda n: [text(n), f"{n % 53 / 7:.3f}"]),
        CLASSIFIED,
        {"text": "essay", "number": "score"},
    ),
    "columns of 0 and 1": Kind(
        separated(
            "a.csv",
            ",",
            ["comment", "toxic", "rude", "mild"],
            lambda n: [text(n), n % 2, n % 3 // 2, n % 5 // 4],
        ),
        CLASSIFIED,
        {"text": "comment", "labels": ("toxic", "rude", "mild")},
    ),
    "lists of classes": Kind(
        objects("a.jsonl", lambda n: {"text": text(n), "topics": ["news", "war", "art"][: n % 4]}),
        CLASSIFIED,
        {"text": "text", "labels": "topics"},
    ),
    "fastText": Kind(
        lines("a.txt", (f"__label__{label(n)} {text(n)}" for n in range(ROWS))), CLASSIFIED, ONE
    ),
    ".all": Kind(lines("custrev.all", (f"{n % 2} {text(n)}" for n in range(ROWS))), CLASSIFIED, ONE),
    ".label": Kind(
        lines("trec.label", (f"{label(n).upper()}:x {text(n)}" for n in range(ROWS))), CLASSIFIED, ONE
    ),
    "CoNLL": Kind(conll(" ", "a.conll"), TAGS, WORDS_TAGS),
    "CoNLL with tabs": Kind(conll("\t", "a.conll"), TAGS, WORDS_TAGS),
    "a word per row": Kind(word_per_row, TAGS, {"words": "Word", "tags": "Tag"}),
    "lists of words and tags": Kind(
        objects(
            "a.jsonl",
            lambda n: dict(zip(("tokens", "ner_tags"), map(list, zip(*tagged(n), strict=True)), strict=True)),
        ),
        TAGS,
        {"words": "tokens", "tags": "ner_tags"},
    ),
    "SQuAD": Kind(squad, ASKED, {**NESTED}),
    "questions in a table": Kind(
        separated(
            "a.csv", ",", ["question", "context", "answer", "answer_start"], lambda n: [*answered(n).values()]
        ),
        ASKED,
        {**QA, "answers": "answer", "starts": "answer_start"},
    ),
    "two languages": Kind(
        separated("a.tsv", "\t", ["en", "de"], lambda n: [text(n), text(-n)]),
        WRITTEN,
        {"text": "en", "output": "de"},
    ),
    "articles and summaries": Kind(
        objects("a.jsonl", lambda n: {"article": text(n, 30), "highlights": text(-n, 4)}),
        WRITTEN,
        {"text": "article", "output": "highlights"},
    ),
    "text alone": Kind(
        lines("a.txt", (line for n in range(ROWS) for line in (text(n, 20), ""))),
        "masked_lm",
        {"text": "text"},
    ),
    "images by class": Kind(pictures(""), "image_classification", {"image": "image", "label": "label"}),
    "images in Training and Testing": Kind(
        pictures("Training", "Testing"), "image_classification", {"image": "image", "label": "label"}
    ),
}

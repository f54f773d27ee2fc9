"""Guess: which task family a file of rows is made for, from its columns and their cells."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.config import nearest
from headstart.data.files import Files
from headstart.data.rows import RawRows, listed
from headstart.data.tables import SEPARATORS
from headstart.errors import DataError
from headstart.tasks.columns import MOST, SPLIT_COLUMN, Column, columns_of, is_number, rank_of, shown
from headstart.tasks.image_classification import ImageClassification
from headstart.tasks.masked_lm import MaskedLM
from headstart.tasks.question_answering import QuestionAnswering
from headstart.tasks.text_classification import TextClassification
from headstart.tasks.text_to_text import TextToText
from headstart.tasks.token_classification import TokenClassification

OUTPUT_NAMES = (
    *("summary", "highlights", "output", "response", "completion", "target", "target_text", "translation"),
    "answer",
)
SHORT_NAMES = ("headline", "title")  # written where there is nothing else to predict
CHOICE_NAMES = ("choices", "options", "endings", "candidates")
INPUT_NAMES = (
    *("text", "source", "source_text", "input", "document", "article", "dialogue", "question", "prompt"),
    "instruction",
)
LANGUAGE = re.compile(r"[a-z]{2,3}([_-][a-z]{2,4})?")  # en, pt_br
PAIR_NAMES = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("question1", "question2"),
    ("sentence_a", "sentence_b"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("s1", "s2"),
    ("question", "sentence"),
    ("query", "document"),
    ("query", "passage"),
)
FAMILIES = {  # a role that only one family has -> that family
    **dict.fromkeys(("words", "tags"), "token_classification"),
    **dict.fromkeys(("question", "context", "answers", "starts"), "question_answering"),
    "image": "image_classification",
    "output": "text_to_text",
    **dict.fromkeys(("pair", "label", "labels", "number"), "text_classification"),
    "text": "masked_lm",
}
ROLES = {
    "token_classification": TokenClassification.roles,
    "question_answering": QuestionAnswering.roles,
    "image_classification": ImageClassification.roles,
    "text_to_text": TextToText.roles,
    "masked_lm": MaskedLM.roles,
    "text_classification": TextClassification.roles,
}
QUESTIONS = {
    "question": ("question", "query"),
    "context": ("context", "passage", "paragraph", "document"),
    "answers": ("answers.text", "answers", "answer.text", "answer", "answer_text"),
    "starts": ("answers.answer_start", "answers.start", "starts", "answer_start", "answer_starts", "start"),
}
SENTENCE = re.compile(r"(?i)sent(ence)?([\W_]*(#|id|idx|no|number|num))+$")  # numbers the sentences
WORD = re.compile(r"(?i)(word|token)$")
WORDS_OF_A_NAME = 5
FEW = 100  # rows
FLAGS = 3  # so many columns of 0 and 1 are a class each
OTHERS = 4  # readings that are shown beside the chosen one

Names = str | tuple[str, ...]  # of a column; of the columns of 0 and 1 that are classes


@dataclass(frozen=True)
class Reading:
    """One way to use the columns: a family, and the column of each role."""

    kind: str
    columns: Mapping[str, Names]

    @property
    def used(self) -> list[str]:
        return [name for names in self.columns.values() for name in listed(names)]

    def command(self, path: Path, name: str = "") -> str:
        settings = [f"task.{role}={written(names)}" for role, names in self.columns.items()]
        return shlex.join(["headstart", "new", "task", str(path), *([name] if name else []), *settings])


@dataclass(frozen=True)
class Guess:
    """The likeliest reading, what else the columns may be, and what a person should know."""

    reading: Reading
    others: tuple[Reading, ...]
    rows: int
    notes: tuple[str, ...]
    nameless: str  # tags that are numbers, whose names are needed; "" where there are none
    files: Mapping[str, Any]  # settings of task.files with which the rows were read
    raw: RawRows


def guess(
    path: Path, given: Mapping[str, Names] | None = None, files: Mapping[str, Any] | None = None
) -> Guess:
    """What task the rows of a file are made for, with `given` columns by role and settings of `files`;
    DataError when there is none that we know."""
    splits, files = _raw({"train": str(path), **(files or {})})
    raw = splits["train"]
    columns = columns_of(raw)
    readings = [_completed(path, columns, given)] if given else _readings(path, columns)
    if not readings:
        seen = "; ".join(f"{c.name}: {c.aside or c.described()}" for c in columns)
        raise DataError(
            f"{path}: no column holds text, words with tags, or images ({seen}); what lies in lists "
            "needs a row of its own; name the columns where they are taken for something else: "
            f"headstart new task {shlex.quote(str(path))} task.text=COLUMN task.label=COLUMN"
        )
    rows = len(raw.column(raw.names[0]))
    beside = [f"{split}: {part.where}" for split, part in splits.items() if split != "train"]
    notes = (*raw.notes, *_notes(columns, readings[0], rows), *beside)
    tags = next((c for c in columns if c.name == readings[0].columns.get("tags")), None)
    nameless = ", ".join(sorted(tags.parts, key=float)) if tags and all(map(is_number, tags.parts)) else ""
    return Guess(readings[0], tuple(readings[1 : 1 + OTHERS]), rows, notes, nameless, files, raw)


def written(value: Names) -> str:
    """A value as Hydra reads it back from a command line."""
    if not isinstance(value, str):
        return f"[{','.join(map(written, value))}]"
    plain = re.fullmatch(r"[A-Za-z_]([\w./ -]*\w)?", value, re.ASCII)
    if plain and value.lower() not in ("true", "false", "null", "nan", "inf"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _raw(files: dict[str, Any]) -> tuple[dict[str, RawRows], dict[str, Any]]:
    """The rows of every split, and the settings with which they are read: also the names of columns where
    a file has none, and the column of the sentence where a row is one word of it."""
    splits = Files.read(files).raw()
    names = splits["train"].names
    if "columns" not in files and Path(files["train"]).suffix.lower() in SEPARATORS:
        # names that are more like cells, a number or half a sentence: the file has no header line
        if any(is_number(name) or len(name.split()) > WORDS_OF_A_NAME for name in names):
            return _raw({**files, "columns": [f"column_{number}" for number in range(1, len(names) + 1)]})
        sentence = next((name for name in names if SENTENCE.match(name)), None)
        if sentence and "sentence" not in files and any(WORD.match(name) for name in names):
            return _raw({**files, "sentence": sentence})
    return splits, files


def _readings(path: Path, columns: Sequence[Column]) -> list[Reading]:
    """Every reading of the columns by the first family that they fit, once each, the likeliest first."""
    for family in (_questions, _tags, _images, _texts):
        if readings := list(family(path, columns)):
            return [reading for place, reading in enumerate(readings) if reading not in readings[:place]]
    return []


def _completed(path: Path, columns: Sequence[Column], given: Mapping[str, Names]) -> Reading:
    """The reading with the given columns, its other roles guessed."""
    names = [column.name for column in columns]
    used = [(role, name) for role, chosen in given.items() for name in listed(chosen)]
    for role, name in used:
        if name not in names:
            raise DataError(f"{path} has no column {name!r} (task.{role}): {nearest(name, names)}")
    kind = next(family for role, family in FAMILIES.items() if role in given)
    needed = ("text",) if kind == "text_classification" else ROLES[kind]
    guessed: Mapping[str, Names] = {}
    if not given.keys() >= set(needed):
        if "text" in needed:
            guessed = _inputs([column for column in columns if column.name not in {name for _, name in used}])
        else:
            alike = (reading for reading in _readings(path, columns) if reading.kind == kind)
            guessed = next((reading.columns for reading in alike), {})
    roles = {**guessed, **given}
    if missing := [role for role in needed if role not in roles]:
        raise DataError(f"{path}: {kind} also needs task.{missing[0]}=COLUMN; known: {', '.join(names)}")
    return Reading(kind, {role: roles[role] for role in ROLES[kind] if role in roles})


def _tags(path: Path, columns: Sequence[Column]) -> Iterator[Reading]:
    """Lists of words, and lists that are equally long in every row: their tags."""
    lists = [
        column  # of single words, and not of sentences
        for column in columns
        if column.lists and sum(len(part.split()) for part in column.parts) < 1.2 * len(column.parts)
    ]
    if not lists:
        return
    words = max(lists, key=lambda column: len(column.parts))
    lengths = {column.name: [len(cell) for cell in column.cells] for column in lists}
    tags = [c for c in lists if c is not words and lengths[c.name] == lengths[words.name]]
    for column in sorted(tags, key=lambda column: ("ner" not in column.last, "tag" not in column.last)):
        yield Reading("token_classification", {"words": words.name, "tags": column.name})


def _questions(path: Path, columns: Sequence[Column]) -> Iterator[Reading]:
    """Questions about a context; DataError where it is not known at which character the answers start."""
    by_name = {column.name.lower(): column for column in columns}
    roles = {
        role: next((by_name[name] for name in known if name in by_name), None)
        for role, known in QUESTIONS.items()
    }
    question, context, answers, starts = roles.values()
    if question is None or context is None or answers is None:
        return
    if starts is not None:
        yield Reading("question_answering", {role: column.name for role, column in roles.items() if column})
        return
    # most answers stand in their context: they are parts of it, not classes or new texts
    inside = True
    if not (answers.lists or answers.missing or context.missing):
        pairs = zip(answers.cells, context.cells, strict=True)
        inside = sum(str(answer) in str(text) for answer, text in pairs) > len(answers.cells) / 2
    if inside:
        other = Reading("text_to_text", {"text": question.name, "output": answers.name})
        raise DataError(
            f"{path}: {question.name}, {context.name} and {answers.name} are questions about texts, which "
            "also need a column with the character at which each answer starts, counted from 0 (in pandas: "
            f"t['starts'] = [c.find(a) for c, a in zip(t['{context.name}'], t['{answers.name}'])]); "
            f"or leave the texts out: {other.command(path)}"
        )


def _images(path: Path, columns: Sequence[Column]) -> Iterator[Reading]:
    """Images with a class each; DataError where no column holds classes."""
    image = next((column for column in columns if column.pictures), None)
    if image is None:
        return
    labels = [column for column in _answers(columns) if column.role == "label"]
    if not labels:
        raise DataError(
            f"{path}: {image.name} holds images, and no column holds two or more classes for them "
            f"({_described(column for column in columns if column is not image)})"
        )
    for label in labels:
        yield Reading("image_classification", {"image": image.name, "label": label.name})


def _texts(path: Path, columns: Sequence[Column]) -> Iterator[Reading]:
    """One text or two, with classes, a number, another text, or nothing to predict."""
    answers = _answers(columns)
    outputs = list(_outputs(columns, OUTPUT_NAMES if answers else OUTPUT_NAMES + SHORT_NAMES))
    inputs = _inputs(columns)
    if not answers or not answers[0].named:
        yield from outputs
    flags = [column.name for column in answers if column.counts.keys() == {"0", "1"}]
    if len(flags) >= FLAGS and not answers[0].named and inputs:
        yield Reading("text_classification", {**inputs, "labels": tuple(flags)})
    for answer in answers:
        if read := _inputs([column for column in columns if column is not answer]):
            yield Reading("text_classification", {**read, answer.role: answer.name})
            if len(read) > 1 and tuple(map(str.lower, read.values())) not in PAIR_NAMES:
                alone = {"text": read["text"], answer.role: answer.name}
                yield Reading("text_classification", alone)
            if answer.numeric and 2 < len(answer.counts) <= MOST:
                other = "label" if answer.role == "number" else "number"
                yield Reading("text_classification", {**read, other: answer.name})
    yield from outputs
    if inputs and not answers and not outputs:
        alone = Reading("masked_lm", {"text": inputs["text"]})
        same = next((column for column in columns if column.named and len(column.counts) == 1), None)
        if same:
            raise DataError(
                f"{path}: column {same.name} holds {shown(same.counts)} in all {len(same.cells)} rows, and "
                "two classes are needed: add rows of another class, or train on the text alone: "
                f"{alone.command(path)}"
            )
        yield alone


def _answers(columns: Sequence[Column]) -> list[Column]:
    """Columns that can be predicted: those named like an answer, those with few values, then numbers."""

    def order(column: Column) -> tuple[int, int, int]:
        few_first = len(column.counts) if column.role != "number" else -columns.index(column)
        return rank_of(column.name), column.role == "number", few_first

    return sorted((column for column in columns if not column.aside and column.role), key=order)


def _inputs(columns: Sequence[Column]) -> dict[str, str]:
    """The column of the text, and of its pair where there are two; empty where nothing reads as text."""
    names = {
        column.name.lower(): column.name for column in columns if not column.aside and not column.numeric
    }
    for pair in PAIR_NAMES:
        if set(pair) <= names.keys():
            return dict(zip(("text", "pair"), (names[name] for name in pair), strict=True))
    texts = [column for column in columns if column.reads_as_text]
    if not texts:  # names, product titles, formulas: short, and seldom twice
        texts = sorted((c for c in columns if c.free_text), key=lambda column: len(column.counts))[-1:]
    if len(texts) == 2:
        return {"text": texts[0].name, "pair": texts[1].name}
    return {"text": max(texts, key=lambda column: column.words).name} if texts else {}


def _outputs(columns: Sequence[Column], known: Sequence[str]) -> Iterator[Reading]:
    """A text to read and one to write: by their names, or two languages."""
    texts = [column for column in columns if column.free_text]
    languages = [column for column in texts if LANGUAGE.fullmatch(column.last)]
    for text, output in itertools.permutations(languages, 2):
        yield Reading("text_to_text", {"text": text.name, "output": output.name})
    for name in known:
        output = next((column for column in texts if column.last == name), None)
        if output and (rest := [column for column in texts if column is not output]):
            text = max(rest, key=lambda column: (column.last in INPUT_NAMES, column.words))
            yield Reading("text_to_text", {"text": text.name, "output": output.name})


def _notes(columns: Sequence[Column], reading: Reading, rows: int) -> Iterator[str]:
    """What was taken for what and why, what is left out, and what is missing."""
    by_name = {column.name: column for column in columns}
    for role, names in reading.columns.items():
        seen = {by_name[name].described() for name in listed(names)}
        yield f"{role}: {' and '.join(listed(names))}, {' or '.join(sorted(seen))}"
    for name in reading.used:
        if by_name[name].missing:
            yield f"column {name} has {by_name[name].missing} empty cells: fill or remove these rows"
    if rows < FEW:
        yield f"with so few rows ({rows}), expect wide intervals"
    left = [column for column in columns if column.name not in reading.used]
    if left:
        yield f"not used: {_described(left)}"
    answer = by_name[reading.used[-1]]
    choices = [column.name for column in left if column.name in answer.counts]
    lists = [column.name for column in left if set(column.name.lower().split(".")) & set(CHOICE_NAMES)]
    if len(choices) > 1 or lists:
        yield (
            f"{answer.name} is one of {', '.join(choices or lists)}: questions with several choices are no "
            "family here, and the model is not given the choices"
        )
    for column in left:
        if column.aside == SPLIT_COLUMN:
            yield (
                f"{column.name} says the split ({shown(column.counts)}), which is not used, so rows of all "
                "splits are mixed: write a file per split, and name them by task.files.test=... and so on"
            )


def _described(columns: Iterable[Column]) -> str:
    return "; ".join(
        f"{column.name or 'the one without a name'} ({column.aside or column.described()})"
        for column in columns
    )

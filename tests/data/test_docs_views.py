"""The views of the corpus: what their rows are made of, and that none gives another's answers away."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from tests.rows import overlap

from headstart.data.docs import corpus
from headstart.data.docs.corpus import Entry, entries, shingles, similarity
from headstart.data.docs.docstrings import LIBRARIES, Docstring
from headstart.data.docs.prose import short_signature
from headstart.data.docs.source import Docs
from headstart.data.docs.views import VIEWS, params_rows, qa_rows, without_name
from headstart.data.rows import Splits
from headstart.errors import ConfigError, DataError

SMALL = ("numpy", "sklearn")
ROLES = {
    "match": {"text": "text", "pair": "signature", "label": "label"},
    "params": {"words": "words", "tags": "tags"},
    "qa": {"question": "question", "context": "context", "answers": "answers", "starts": "starts"},
    "text": {"text": "text"},
    "summary": {"text": "text", "output": "summary"},
}
FIRST = {"match": "text", "params": "words", "qa": "context", "text": "text", "summary": "text"}


@cache
def load(view: str, **settings: object) -> Splits:
    """The rows of a view of two libraries, made once in a process."""
    return Docs.read({"view": view, "libraries": SMALL, **settings}).load(ROLES[view])


def parts(splits: Splits) -> tuple:
    return splits.train, splits.validation, splits.test


@pytest.fixture(autouse=True)
def two_libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus of two libraries, which is read in seconds; all of them where a test is slow anyway."""
    if "slow" not in request.keywords:
        monkeypatch.setattr(corpus, "LIBRARIES", SMALL)


def joined(cell: str | list[str]) -> str:
    return cell if isinstance(cell, str) else " ".join(cell)


@pytest.mark.parametrize("view", ROLES)
def test_every_view_has_rows_in_every_split_and_none_twice(view: str):
    splits = load(view)
    texts = [joined(cell) for part in parts(splits) for cell in part[FIRST[view]][:]]
    names = [name for part in parts(splits) for name in part["id"]]
    assert len(set(texts)) == len(texts)
    assert len(set(names)) == len(names)
    assert len(splits.train) > 2 * len(splits.test) > 2 * len(splits.validation) > 20
    assert splits.source == Docs.read({"view": view, "libraries": SMALL}).digest()
    assert splits.notes == ()


def test_a_docstring_is_in_the_same_split_in_every_view():
    home: dict[str, str] = {}
    for view in ROLES:
        for split, part in zip(("train", "validation", "test"), parts(load(view)), strict=True):
            for name in part["id"]:
                assert home.setdefault(name, split) == split
    assert len(set(home.values())) == 3


def test_what_is_matched_is_balanced_and_wrong_where_it_should_be():
    splits = load("match")
    known = {entry.name: entry for entry in entries(0)}
    for part in parts(splits):
        counts = Counter(part["label"])
        assert counts["yes"] == counts["no"]
        for row in part.to_list():
            own = short_signature(known[row["id"]].signature)
            assert (row["pair"] == own) == (row["label"] == "yes")
            assert not re.search(rf"\b{known[row['id']].name.rsplit('.', 1)[-1]}\b", row["text"])
            assert row["pair"].count(",") >= 1
    assert load("match", train_rows=10).train["label"] == ["no", "yes"] * 5


def test_the_name_of_a_function_is_left_out():
    assert without_name("Dot product; see dotted, np_dot and DOT.", "numpy.dot#2") == (
        "function product; see dotted, np_function and function."
    )
    assert without_name("The __init__ of it, or init.", "a.B.__init__") == "The function of it, or function."
    assert without_name("A lambda.", "a.<lambda>") == "A lambda."


def test_tags_mark_parameters_and_nothing_else():
    splits = load("params")
    known = {entry.name: entry for entry in entries(0)}
    tagged = 0
    for row in splits.train.to_list():
        entry = known[row["id"]]
        names = [w for w, tag in zip(row["words"], row["tags"], strict=True) if tag == "B-PARAM"]
        described = {parameter.name for parameter in entry.parameters}
        assert all(name in described or re.search(rf"\b{name}\b", entry.signature) for name in names)
        assert not any(
            set(word) & set("`.,\ue000") and len(word) > 1 and word[-1] in ".," for word in row["words"]
        )
        tagged += bool(names)
    assert 0.65 < tagged / len(splits.train) < 0.95


def test_answers_stand_in_their_context():
    splits = load("qa")
    unanswered = sum(not answers for part in parts(splits) for answers in part["answers"])
    total = sum(map(len, parts(splits)))
    assert 0.10 < unanswered / total < 0.20
    for row in splits.train.to_list():
        assert len(row["context"]) <= 1500
        for answer, start in zip(row["answers"], row["starts"], strict=True):
            assert row["context"][start : start + len(answer)] == answer
            assert 15 <= len(answer) <= 200
        if not row["answers"]:
            name = row["question"].split()[4]
            assert not re.search(rf"\b{re.escape(name)}\b", row["context"])


def test_no_answer_of_evaluation_was_an_answer_in_training():
    train, *others = ({text for cell in part["answers"] for text in cell} for part in parts(load("qa")))
    assert all(train.isdisjoint(other) for other in others)


def test_a_summary_is_not_in_its_body():
    for row in load("summary").train.to_list():
        assert row["output"].rstrip(".").casefold() not in row["text"].casefold()
        assert len(row["text"]) >= 150


def test_libraries_choose_rows_and_move_none():
    whole, near = load("text"), load("text", libraries=("numpy",))
    assert set(near.train["id"]) == {name for name in whole.train["id"] if name.split(".")[0] == "numpy"}
    assert whole.source != near.source


def test_caps_take_the_first_and_say_when_there_are_fewer():
    whole, some = load("qa"), load("qa", train_rows=20, test_rows=5, validation_rows=100_000)
    assert (some.train["id"], some.test["id"]) == (whole.train["id"][:20], whole.test["id"][:5])
    assert some.notes == (f"validation: {len(whole.validation)} rows, fewer than validation_rows=100000",)


def test_bounds_that_leave_nothing_are_said():
    with pytest.raises(DataError, match=r"^the view text of the embedded corpus has no train rows of"):
        load("text", shortest=5000, longest=5001)


def test_settings_of_another_view_are_refused():
    with pytest.raises(ConfigError, match="train_per_class: is not for the view qa; use train_rows, valid"):
        Docs.read({"view": "qa", "train_per_class": 3})
    with pytest.raises(ConfigError, match="test_rows: is not for the view library; use train_per_class"):
        Docs.read({"test_rows": 3})
    with pytest.raises(ConfigError, match="the view library tells libraries apart, so name two or more"):
        Docs.read({"libraries": ["numpy"]})
    assert Docs.read({"view": "text", "libraries": ["numpy"]}).longest == 4000
    assert Docs.read({"view": "params"}).longest == 300


@pytest.mark.parametrize("view", ["library", *ROLES])
def test_what_a_record_stores_is_read_again(view: str):
    node = Docs.read({"view": view})
    assert Docs.read(node.model_dump(mode="json")) == node
    assert ("train_rows" in node.model_dump()) == (view != "library")


def test_the_settings_of_docs_library_are_those_that_old_records_hold():
    assert list(Docs().model_dump()) == [
        *("view", "libraries", "shortest", "longest"),
        *("train_per_class", "validation_per_class", "test_per_class", "split_seed"),
    ]


def entry(number: int, text: str) -> Entry:
    raw = Docstring("numpy", f"numpy.f{number}", "function", "(axis, keep_dims=None)", text)
    return corpus._entry(raw, f"key {number}", "train")


def test_rows_of_fixed_docstrings_change_only_with_the_version():
    """The digest is that of VIEWS_VERSION 2: whoever changes it raises that, or CORPUS_VERSION."""
    verbs, nouns = (
        ("Computes", "Draws", "Returns", "Sorts"),
        ("matrix", "series", "histogram", "kernel", "tree"),
    )
    texts = [
        f"{verb} the {noun} of `values`, ignoring what numpy calls missing.\n\n"
        f"The {noun} is found in {n} steps, each of which reads keep_dims and the `axis` once more, as "
        f"described in :ref:`the guide <{noun}>` [{n}]_.\n\nParameters\n----------\n"
        f"axis : int, optional\n    The direction in which the {noun} number {n} is taken.\n"
        f"keep_dims : bool\n    Whether dimensions of length one stay in place {n}.\n\n"
        f"Returns\n-------\n{noun} : ndarray\n    The {noun} after {verb.lower()} {n} times.\n"
        for n, (verb, noun) in enumerate(itertools.product(verbs, nouns))
    ]
    made = [replace(entry(n, text), split=corpus.split_of(text, 0)) for n, text in enumerate(texts)]
    rows = {
        name: [(e.name, e.split, cells) for e, cells in view.rows(made, 60, 400)]
        for name, view in VIEWS.items()
        if name != "library"
    }
    numbers = {name: len(part) for name, part in rows.items()}
    assert numbers == {"match": 13, "params": 20, "qa": 19, "text": 20, "summary": 20}
    assert hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16] == "46dfb0a37f9b1344"


def test_markup_says_what_a_parameter_is():
    text = (
        "Sum along `axis`, as a function of *axis* does; keep_dims=True keeps that dimension, and "
        "``other`` is a word like any else that stands in markup.\n"
    )
    ((_, (words, tags)),) = params_rows([entry(0, text)], 20, 300)
    assert [word for word, tag in zip(words, tags, strict=True) if tag == "B-PARAM"] == [
        "axis",
        "axis",
        "keep_dims",
    ]
    assert {"other", "=", "True"} <= set(words)
    unclear = text + "An axis that is not in markup may be either, so that nobody can say what it is.\n"
    assert list(params_rows([entry(0, unclear)], 20, 400)) == []


def test_a_question_without_an_answer_asks_for_what_another_docstring_has():
    texts = [
        f"Does {n}.\n\nParameters\n----------\nname{n} : int\n    What number {n} stands for.\n"
        for n in range(60)
    ]
    made = list(qa_rows([entry(n, text) for n, text in enumerate(texts)], 20, 1500))
    assert len(made) == 60
    for place, (_, (context, question, answers, starts)) in enumerate(made):
        if answers:
            assert (answers, question) == (
                [f"What number {place} stands for."],
                f"What does the parameter name{place} do?",
            )
            assert context[starts[0] :] == answers[0]
        else:
            assert question == f"What does the parameter name{(place + 1) % 60} do?"
    assert 1 <= sum(not answers for _, (_, _, answers, _) in made) <= 20


LIBRARY = {
    "view": "library",
    "shortest": 80,
    "longest": 300,
    "validation_per_class": 40,
}  # conf/task/docs_library


def held_out(libraries: tuple[str, ...]) -> list[str]:
    splits = Docs.read({**LIBRARY, "libraries": libraries}).load({"text": "text", "label": "library"})
    return [*splits.test["text"][:], *splits.validation["text"][:]]


def test_no_evaluation_text_of_docs_library_is_pretrained_on():
    train = load("text").train["text"][:]
    rows = held_out(SMALL)
    assert overlap(rows, train, n=8)["passage"] == 0
    bags = [shingles(text) for text in train]
    assert max(similarity(shingles(row), bag) for row in rows[::25] for bag in bags) < 0.42


@pytest.mark.slow
def test_no_evaluation_text_of_the_whole_corpus_is_pretrained_on():
    rows = held_out(LIBRARIES)
    train = Docs.read({"view": "text"}).load({"text": "text"}).train["text"][:]
    found = overlap(rows, train, n=8)
    assert (found["exact"], found["passage"], found["of"]) == (0, 0, 1260)
    for view, roles in ROLES.items():
        splits = Docs.read({"view": view}).load(roles)
        texts = [joined(cell) for part in parts(splits)[1:] for cell in part[FIRST[view]][:]]
        found = overlap(texts, train, n=8)
        assert found["exact"] == 0
        # contexts of qa mask no names, which may join what was apart
        assert found["passage"] < 0.002 * found["of"], found

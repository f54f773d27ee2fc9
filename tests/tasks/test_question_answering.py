"""Question answering: windows, the best passage over all of them, SQuAD's scores, whole runs."""

from __future__ import annotations

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import WORDS
from tests.models.tokenizers import byte_level
from tests.rows import jsonl
from tests.training.runs import curve, trained
from transformers import GPT2Config

from headstart.data.files import Files
from headstart.data.size import All, PerClass, Rows
from headstart.errors import ConfigError, DataError
from headstart.models.model import Model
from headstart.models.tokens import windows_of
from headstart.tasks.family import Observed, Prepared
from headstart.tasks.question_answering import (
    NO_ANSWER,
    QuestionAnswering,
    Questions,
    Windows,
    answer_tokens,
    exact,
    f1,
    normalised,
)

Row = dict[str, Any]


def asked(question: str, context: str, *answers: str) -> Row:
    """A row of which every answer is where it first stands in the context."""
    starts = [context.index(answer) for answer in answers]
    return {"question": question, "context": context, "answers": list(answers), "starts": starts}


def puzzle(rng: random.Random) -> Row:
    """Is there anything good? Where there is, it is the answer; where there is not, there is none."""
    words = rng.choices(WORDS, k=rng.randint(10, 50))
    if rng.random() < 0.25:
        return asked("good", " ".join(words))
    words[rng.randrange(len(words))] = "good"
    return asked("good", " ".join(words), "good")


@pytest.fixture
def puzzles(tmp_path: Path) -> Path:
    rng = random.Random(0)
    return jsonl(tmp_path / "puzzles.jsonl", [puzzle(rng) for _ in range(160)])


@pytest.fixture
def quick_questions(quick: list[str], puzzles: Path) -> list[str]:
    """Overrides of a study that answers questions with a tiny model in windows of 32 tokens."""
    kept = [one for one in quick if not one.startswith("task") and not one.startswith("size")]
    own = ["task=files_qa", f"task.files.train={puzzles}", "task.stride=4", "task.max_answer=3", "size=n64"]
    return [*kept, *own, "budget.epochs=8"]


def family(path: Path, **more: Any) -> QuestionAnswering:
    files = Files(train=str(path), validation=str(path), test=str(path))
    settings = {"stride": 1, "max_answer": 3, "files": files, **more}
    return QuestionAnswering(kind="question_answering", name="toy", **settings)


def prepared(folder: Path, path: Path, rows: list[Row], limit: int = 12, **more: Any) -> Windows:
    """Those rows as test questions, in windows of at most `limit` tokens."""
    task = family(jsonl(path, rows), **more)
    test = task.prepare(Model(name=str(folder), max_length=limit), All()).test
    assert isinstance(test, Windows)
    return test


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "right", "scores"),
        [
            ("the Eiffel Tower", ["Eiffel tower!"], (1, 1)),
            ("Eiffel Tower in Paris", ["Eiffel Tower"], (0, 2 * 2 / 6)),
            ("Paris, Paris", ["Paris Paris London"], (0, 2 * 2 / 5)),
            ("London", ["Paris", "Greater London", "London"], (1, 1)),
            ("London", ["Paris", "Greater London"], (0, 2 / 3)),
            ("", [], (1, 1)),
            ("Paris", [], (0, 0)),
            ("", ["Paris"], (0, 0)),
            ("the", ["a"], (1, 1)),  # nothing is left of either
        ],
    )
    def test_are_scored_like_squad(self, answer: str, right: list[str], scores: tuple[int, float]) -> None:
        assert (exact(answer, right), f1(answer, right)) == pytest.approx(scores)

    @given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=3))
    def test_stay_within_their_bounds(self, answer: str, right: list[str]) -> None:
        assert exact(answer, right) <= f1(answer, right) <= 1
        assert exact(answer, [*right, answer]) == f1(answer, [*right, answer]) == 1
        assert normalised(normalised(answer)) == normalised(answer)


class TestWindows:
    def test_without_the_answer_point_at_cls(self, tiny_model: Path, tmp_path: Path) -> None:
        context = " ".join(WORDS)  # 17 words; windows hold 8 of them and share 1
        row = asked("old", context, f"{WORDS[7]} {WORDS[8]}")
        ready = prepared(tiny_model, tmp_path / "a.jsonl", [row, asked("new", "red blue")])
        assert len(ready) == 4 and [one.split("#")[1] for one in ready.ids] == ["0", "1", "2", "0"]
        batch = ready.batch([0, 1, 2, 3], None)
        # The first window ends inside the answer; [CLS] old [SEP] come before the context.
        assert batch["labels"].tolist() == [[0, 0], [3, 4], [0, 0], [0, 0]]
        assert batch["context"].sum(dim=1).tolist() == [8, 8, 3, 2]
        assert ready.passage(1, 3, 4) == f"{WORDS[7]} {WORDS[8]}"

    def test_tokenizers_without_cls_use_the_first_token(self, tmp_path: Path) -> None:
        byte_level().save_pretrained(tmp_path / "model")
        GPT2Config().save_pretrained(tmp_path / "model")
        rows = [asked("what is it?", "it is é and cold.", "é and cold"), asked("who?", "nobody")]
        ready = prepared(tmp_path / "model", tmp_path / "a.jsonl", rows, 64)
        batch = ready.batch([0, 1], None)
        assert batch["null"].tolist() == [0, 0] and not batch["context"][:, 0].any()
        first, last = batch["labels"][0].tolist()
        assert ready.passage(0, first, last) == "é and cold" and batch["labels"][1].tolist() == [0, 0]

    @settings(max_examples=60)
    @given(st.text("ab é.", min_size=1, max_size=80), st.data())
    def test_contain_the_answer_wherever_they_say_so(self, context: str, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(context) - 1))
        end = data.draw(st.integers(start + 1, len(context)))
        answer = context[start:end]
        if not answer.strip():
            return
        tokens = windows_of(byte_level(), "targets", ["a?"], [context], 24, 2)
        one = Questions(["x"], ["a?"], [context], [[answer]], [[start]])
        for window, (begins, ends) in enumerate(zip(tokens.begins, tokens.ends, strict=True)):
            first, last = answer_tokens(one, tokens, window, null=0)
            if (first, last) != (0, 0):
                assert begins[first] <= start + len(answer) - len(answer.lstrip())
                assert ends[last] >= start + len(answer.rstrip())


class TestPrepared:
    def test_counts_are_of_questions(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [asked(word, " ".join(WORDS), "red") for word in WORDS[1:]]
        rows[0]["question"] = "old " * 30
        rows[1] = asked("round", "red green")
        path = jsonl(tmp_path / "a.jsonl", rows)
        ready = family(path).prepare(Model(name=str(tiny_model), max_length=12), Rows(rows=4))
        assert ready.facts["counts"] == {"train": 4, "available": 16, "validation": 16, "test": 16}
        assert ready.facts["truncated"]["test"] == 1
        assert len(ready.test) > 40
        note = f"test: 16 questions (1 without an answer) in {len(ready.test)} windows"
        assert note in ready.facts["notes"]
        assert ready.head["num_labels"] == 2

    def test_questions_about_one_text_are_a_group(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [
            asked(f"what {n}", f"red {'blue' if n < 3 else 'green'}", "red") | {"page": f"{n % 2}"}
            for n in range(6)
        ]
        path = jsonl(tmp_path / "a.jsonl", rows)
        model = Model(name=str(tiny_model), max_length=12)
        ready = family(path).prepare(model, All())
        assert set(ready.groups) == set(ready.test.asked.ids)  # pyright: ignore[reportAttributeAccessIssue]
        assert sorted(Counter(ready.groups.values()).values()) == [3, 3]
        named = family(path, group="page").prepare(model, All())
        assert set(named.groups.values()) == {"0", "1"}

    def test_answers_may_be_nested_as_squad_has_them(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [asked("old", "red green", "green"), asked("new", "red")]
        nested = [
            {**row, "answers": {"text": row["answers"], "answer_start": row["starts"]}, "starts": None}
            for row in rows
        ]
        flat = prepared(tiny_model, tmp_path / "a.jsonl", rows)
        columns: dict[str, Any] = {"answers": "answers.text", "starts": "answers.answer_start"}
        inner = prepared(tiny_model, tmp_path / "b.jsonl", nested, **columns)
        assert inner.asked == flat.asked and inner.ids == flat.ids

    def test_an_answer_must_stand_where_it_starts(self, tiny_model: Path, tmp_path: Path) -> None:
        row = asked("old", "red green", "green") | {"starts": [3]}
        with pytest.raises(DataError, match="line 1: the answer 'green' does not stand at character 3"):
            prepared(tiny_model, tmp_path / "a.jsonl", [row])

    def test_every_answer_needs_a_start(self, tiny_model: Path, tmp_path: Path) -> None:
        row = asked("old", "red green", "green") | {"starts": []}
        with pytest.raises(DataError, match="line 1 has 1 answers and 0 starts"):
            prepared(tiny_model, tmp_path / "a.jsonl", [row])

    def test_a_stride_needs_a_window_that_is_longer(self, tiny_model: Path, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"task.stride: 32 tokens of overlap leave nothing new"):
            prepared(tiny_model, tmp_path / "a.jsonl", [asked("old", "red", "red")], 64, stride=32)

    def test_there_are_no_classes(self, tiny_model: Path, puzzles: Path) -> None:
        with pytest.raises(DataError, match=r"size.per_class needs a task with classes"):
            family(puzzles).prepare(Model(name=str(tiny_model)), PerClass(per_class=4))


class Says(torch.nn.Module):
    """A model whose score of a token as start and as end depends on the token alone."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = table  # (ids, 2)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        start, end = self.table[input_ids].unbind(dim=-1)
        return type("Output", (), {"start_logits": start, "end_logits": end})()


def nats(true: float, *scores: float) -> float:
    """Cross-entropy of the token that scores `true` among all that may be chosen."""
    return math.log(sum(map(math.exp, scores))) - true


class TestJudged:
    def scores(self, folder: Path, **words: tuple[float, float]) -> Says:
        """Scores as start and as end of some words; `cls` is what no answer scores; all others 0."""
        tokenizer = Model(name=str(folder)).load_tokenizer()
        table = torch.zeros(40, 2)
        for word, scores in words.items():
            name = "[CLS]" if word == "cls" else word
            table[tokenizer.convert_tokens_to_ids(name)] = torch.tensor(scores)
        return Says(table)

    def judged(self, task: QuestionAnswering, ready: Prepared, model: Says) -> Any:
        found = []
        for row in reversed(range(len(ready.test))):  # one window per batch, so of different lengths
            kept = task.observe(model, ready.test.batch([row], None))
            found.append((np.array([row]), {name: values.numpy() for name, values in kept.items()}))
        return task.evaluate(ready, "test", found)

    def test_against_hand_computed_values(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [
            asked("old", "red green blue", "green blue", "green"),  # answered "green blue"
            asked("old", "warm red", "red"),  # answered "warm red"
            asked("old", "fast slow"),  # no answer: [CLS] beats 0
            asked("old", "loud cold", "loud"),  # missed: nothing beats [CLS]
        ]
        path = jsonl(tmp_path / "a.jsonl", rows)
        task = family(path)
        ready = task.prepare(Model(name=str(tiny_model), max_length=16), All())
        model = self.scores(tiny_model, cls=(1, 1), green=(3, 0), blue=(0, 3), warm=(3, 0), red=(0, 2))
        judged = self.judged(task, ready, model)
        assert dict(zip(judged.texts, judged.predictions, strict=True)) == {
            "old | red green blue": "green blue",
            "old | warm red": "warm red",
            "old | fast slow": NO_ANSWER,
            "old | loud cold": NO_ANSWER,
        }
        assert judged.scores == pytest.approx({"exact_match": 2 / 4, "f1": (1 + 2 / 3 + 1 + 0) / 4})
        assert sorted(judged.labels) == sorted(["green blue | green", "red", NO_ANSWER, "loud"])
        assert isinstance(ready.test, Windows) and judged.ids == ready.test.asked.ids
        # Start and end of each answer against [CLS] (1) and the words; "fast slow" has its label at [CLS].
        green = nats(3, 1, 0, 3, 0) + nats(3, 1, 2, 0, 3)
        red = nats(0, 1, 3, 0) + nats(2, 1, 0, 2)
        assert judged.loss == pytest.approx((green + red + 2 * nats(1, 1, 0, 0) + 2 * nats(0, 1, 0, 0)) / 8)

    def test_the_best_window_answers(self, tiny_model: Path, tmp_path: Path) -> None:
        context = "green warm " + "red " * 14 + "green cold"
        rows = [asked("old", context, "green cold"), asked("new", "red")]
        task = family(jsonl(tmp_path / "a.jsonl", rows))
        ready = task.prepare(Model(name=str(tiny_model), max_length=12), All())
        assert len(ready.test) == 4
        judged = self.judged(task, ready, self.scores(tiny_model, green=(3, 0), warm=(0, 2), cold=(0, 2.5)))
        assert judged.predictions[0] == "green cold"
        judged = self.judged(task, ready, self.scores(tiny_model, cls=(2, 2), green=(3, 0), cold=(0, 2)))
        assert judged.predictions == ["green cold", NO_ANSWER]

    def test_no_answer_needs_all_windows(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [asked("old", " ".join(WORDS), "red"), asked("new", "red")]
        task = family(jsonl(tmp_path / "a.jsonl", rows))
        ready = task.prepare(Model(name=str(tiny_model), max_length=12), All())
        names = ("first", "last", "score", "null", "loss")

        def answer(score: list[float], null: list[float]) -> str:
            at = np.array([3, 3, 3, 3])
            columns = (at, at, np.array(score), np.array(null), np.zeros(4))
            observed: Observed = [(np.arange(4), dict(zip(names, columns, strict=True)))]
            return task.evaluate(ready, "test", observed).predictions[0]

        assert answer([1, 2, 1, 0], [9, 9, 9, 0]) == NO_ANSWER
        assert answer([1, 2, 1, 0], [9, 9, 1.9, 0]) == WORDS[7]  # the third window is not so sure
        assert answer([5, 2, 1, 0], [9, 9, 1.9, 0]) == WORDS[0]

    def test_answers_have_an_order_and_a_limit(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [asked("old", "cold red green blue loud", "red"), asked("new", "red", "red")]
        path = jsonl(tmp_path / "a.jsonl", rows)
        task, short = family(path), family(path, max_answer=2)
        ready = task.prepare(Model(name=str(tiny_model), max_length=12), All())
        model = self.scores(tiny_model, green=(5, 0), cold=(1, 5), loud=(0, 1.5), old=(9, 9), cls=(9, 9))
        assert self.judged(task, ready, model).predictions[0] == "green blue loud"  # 5 + 1.5; "cold": 1 + 5
        assert self.judged(short, ready, model).predictions[0] == "cold"

    def test_without_an_unanswerable_training_question_there_is_always_an_answer(
        self, tiny_model: Path, tmp_path: Path
    ) -> None:
        rows = [asked("old", "red green", "red"), asked("new", "red", "red")]
        task = family(jsonl(tmp_path / "a.jsonl", rows))
        ready = task.prepare(Model(name=str(tiny_model), max_length=12), All())
        judged = self.judged(task, ready, self.scores(tiny_model, cls=(9, 9), red=(1, 1)))
        assert judged.predictions == ["red", "red"] and judged.scores["exact_match"] == 1

    def test_a_context_of_nothing_has_no_answer(self, tiny_model: Path, tmp_path: Path) -> None:
        task = family(jsonl(tmp_path / "a.jsonl", [asked("old", " "), asked("new", "red", "red")]))
        ready = task.prepare(Model(name=str(tiny_model), max_length=12), All())
        assert self.judged(task, ready, self.scores(tiny_model)).predictions == [NO_ANSWER, "red"]


def test_a_run_learns_and_its_record_agrees_with_its_predictions(
    quick_questions: list[str], tmp_path: Path
) -> None:
    record = trained(tmp_path / "run", [*quick_questions, "arm=scratch"])
    first, *_, last = curve(tmp_path / "run")
    assert last["validation"]["loss"] < 0.7 * first["validation"]["loss"]
    table = pq.read_table(tmp_path / "run/predictions.parquet").to_pydict()
    test = record["scores"]["test"]
    assert len(set(table["id"])) == len(table["id"]) == record["data"]["counts"]["test"]
    assert record["cost"]["samples"]["test"] > record["data"]["counts"]["test"]  # windows
    assert test == pytest.approx({"exact_match": np.mean(table["exact"]), "f1": np.mean(table["f1"])})
    assert test["exact_match"] > 0.6

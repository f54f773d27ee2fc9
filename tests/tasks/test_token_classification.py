"""Token classification: words to tokens and back, entities of every scheme, and whole runs."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import WORDS
from tests.models.tokenizers import byte_level
from tests.rows import jsonl
from tests.training.runs import curve, trained
from transformers import BertConfig, BertTokenizer

from headstart.data.files import Files
from headstart.data.size import All, PerClass, Rows
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.models.tokens import NOWHERE, located_tokens_of
from headstart.tasks.family import Prepared
from headstart.tasks.packing import NO_LABEL
from headstart.tasks.token_classification import TokenClassification, entities, first_tokens, shown


def sentence(rng: random.Random) -> dict[str, list[str]]:
    """Words in which every good and every bad is an entity of its own kind."""
    words = rng.choices((*WORDS, *("good", "bad") * 3), k=rng.randint(4, 24))
    return {"words": words, "tags": [{"good": "B-GOOD", "bad": "B-BAD"}.get(word, "O") for word in words]}


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    rng = random.Random(0)
    return jsonl(tmp_path / "sentences.jsonl", [sentence(rng) for _ in range(160)])


@pytest.fixture
def quick_tags(quick: list[str], sentences: Path) -> list[str]:
    """Overrides of a study that tags words with a tiny model."""
    kept = [one for one in quick if not one.startswith("task") and not one.startswith("size")]
    return [*kept, "task=files_tags", f"task.files.train={sentences}", "size=n64", "budget.epochs=8"]


def family(train: Path, **more: Any) -> TokenClassification:
    return TokenClassification(
        kind="token_classification",
        name="toy",
        files=Files(train=str(train), **more.pop("files", {})),
        **more,
    )


def tiny(folder: Path, max_length: int = 64) -> Model:
    return Model(name=str(folder), max_length=max_length)


class TestEntities:
    @pytest.mark.parametrize(
        ("tags", "found"),
        [
            ("O B-X I-X O", [("X", 1, 3)]),
            ("B-X B-X I-X", [("X", 0, 1), ("X", 1, 3)]),
            ("I-X I-X O I-Y B-Y", [("X", 0, 2), ("Y", 3, 4), ("Y", 4, 5)]),  # IOB1
            ("B-X I-Y", [("X", 0, 1), ("Y", 1, 2)]),  # a prediction that no scheme allows
            ("S-X B-X I-X E-X I-X", [("X", 0, 1), ("X", 1, 4), ("X", 4, 5)]),  # BIOES
            ("U-X B-Y L-Y U-Y", [("X", 0, 1), ("Y", 1, 3), ("Y", 3, 4)]),  # BILOU
            ("X X O Y X", [("X", 0, 2), ("Y", 3, 4), ("X", 4, 5)]),  # no prefixes
            ("B I O I B", [("", 0, 2), ("", 3, 4), ("", 4, 5)]),  # no kinds
            ("B-A-B I-A-B", [("A-B", 0, 2)]),
            ("", []),
        ],
    )
    def test_of_every_scheme(self, tags: str, found: list[Any]) -> None:
        assert entities(tags.split()) == found

    @given(st.lists(st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "E-X", "S-Y", "X"]), max_size=12))
    def test_cover_exactly_the_words_that_are_not_outside(self, tags: list[str]) -> None:
        found = entities(tags)
        covered = [place for _, start, end in found for place in range(start, end)]
        assert covered == [place for place, tag in enumerate(tags) if tag != "O"]
        assert all(one[2] <= other[1] for one, other in pairwise(found))

    def test_are_shown_with_their_kind(self) -> None:
        words = ["Ada", "Lovelace", "saw", "London"]
        assert shown([("PER", 0, 2), ("", 3, 4)], words) == "PER: Ada Lovelace; London"
        assert shown([], words) == "none"


class TestWords:
    def test_are_tagged_at_their_first_token(self) -> None:
        words = ["warm", "unbelievable", "é", "cold", "!?"]
        tokenizer = byte_level()
        tokens = located_tokens_of(tokenizer, "first", [" ".join(words)], 64)
        first = first_tokens(words, tokens.ends[0])
        pieces = [tokenizer.decode(part) for part in np.split(tokens.ids[0], first[1:])]
        assert [str(piece).strip() for piece in pieces] == words

    def test_beyond_the_limit_have_no_token(self, tiny_model: Path) -> None:
        tokenizer = tiny(tiny_model).load_tokenizer()
        tokens = located_tokens_of(tokenizer, "limit", ["red green blue cold"], 5)  # 3 words, CLS and SEP
        assert first_tokens(["red", "green", "blue", "cold"], tokens.ends[0]).tolist() == [1, 2, 3, NOWHERE]
        assert tokens.truncated.tolist() == [True]

    @settings(max_examples=40)
    @given(st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1), min_size=1))
    def test_of_any_text_keep_their_order(self, words: list[str]) -> None:
        tokens = located_tokens_of(byte_level(), "any", [" ".join(words)], 10_000)
        first = first_tokens(words, tokens.ends[0])
        assert (first != NOWHERE).all() and (np.diff(first) > 0).all()


class TestPrepared:
    def test_batches_carry_the_tag_of_each_word_once(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [
            {"words": ["red", "good", "cold"], "tags": ["O", "B-X", "I-X"]},
            {"words": ["bad"], "tags": ["O"]},
        ]
        path = jsonl(tmp_path / "a.jsonl", rows)
        task = family(path, files={"validation": str(path), "test": str(path)})
        batch = task.prepare(tiny(tiny_model), All()).test.batch([0, 1], None)
        assert batch["labels"].shape == batch["input_ids"].shape == (2, 8)
        none = NO_LABEL
        assert batch["labels"].tolist() == [
            [none, 2, 0, 1, none, none, none, none],
            [none, 2, none, none, none, none, none, none],
        ]

    def test_facts_say_what_cannot_be_found(self, tiny_model: Path, tmp_path: Path) -> None:
        train = jsonl(tmp_path / "a.jsonl", [{"words": ["red", word], "tags": ["O", "X"]} for word in WORDS])
        long = {"words": ["cold"] * 9, "tags": ["O"] * 8 + ["NEW"]}
        test = jsonl(tmp_path / "b.jsonl", [long])
        ready = family(train, files={"test": str(test)}).prepare(tiny(tiny_model, 8), Rows(rows=8))
        assert ready.facts["truncated"] == {"train": 0, "validation": 0, "test": 1}
        assert ready.facts["counts"]["train"] == len(ready.train) == 8 and ready.facts["counts"]["test"] == 1
        notes = "; ".join(ready.facts["notes"])
        assert "test: 3 words lie beyond the length limit" in notes  # 8 tokens hold 6 words
        assert "test: no training row has the tag NEW" in notes
        assert ready.classes == ("O", "X")

    def test_words_that_the_tokenizer_drops_are_not_too_long(self, tmp_path: Path) -> None:
        folder = tmp_path / "bert"
        vocabulary = {
            name: i for i, name in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS])
        }
        BertTokenizer(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
        BertConfig().save_pretrained(folder)

        def ready(words: list[str], limit: int) -> Any:
            rows = [{"words": words, "tags": ["O", *["X"] * (len(words) - 1)]}]
            path = str(jsonl(tmp_path / "a.jsonl", rows))
            task = family(Path(path), files={"validation": path, "test": path})
            return task.prepare(tiny(folder, limit), All())

        short = ready(["red", "\u200b", "cold", "\u200d\ufe0f", "old", "[SEP]"], 16)
        assert [first != NOWHERE for first in short.test.first[0]] == [True, False, True, False, True, True]
        assert short.facts["special_tokens"]["test"] == 1
        notes = "; ".join(short.facts["notes"])
        assert "test: the tokenizer makes nothing of 2 words, such as '\\u200b'" in notes
        assert "beyond the length limit" not in notes
        both = "; ".join(ready(["red", "\u200b", *["cold"] * 9], 8).facts["notes"])
        assert "test: 4 words lie beyond" in both and "makes nothing of 1 words" in both

    def test_rows_of_a_conll_file_and_of_a_saved_dataset_are_the_same(
        self, tiny_model: Path, tmp_path: Path
    ) -> None:
        from datasets import ClassLabel, Dataset, Features, List, Value

        rng, names = random.Random(3), ["O", "B-GOOD", "B-BAD"]
        rows = [sentence(rng) for _ in range(40)]
        lines = ("\n".join(map(" ".join, zip(row["words"], row["tags"], strict=True))) for row in rows)
        (tmp_path / "a.conll").write_text("\n\n".join(lines) + "\n", encoding="utf8")
        numbered = [
            {"words": row["words"], "tags": [names.index(tag) for tag in row["tags"]]} for row in rows
        ]
        features = Features({"words": List(Value("string")), "tags": List(ClassLabel(names=names))})
        Dataset.from_list(numbered, features=features).save_to_disk(tmp_path / "saved")
        Dataset.from_list(numbered, features=features).to_parquet(str(tmp_path / "a.parquet"))
        jsonl(tmp_path / "numbered.jsonl", numbered)  # as `Dataset.to_json` writes it
        pandas.DataFrame(numbered).map(np.array).to_csv(tmp_path / "arrays.csv", index=False)
        pandas.DataFrame(rows).to_csv(tmp_path / "lists.csv", index=False)
        named = {"numbered.jsonl": {"names": names}, "arrays.csv": {"names": names}}
        files = ("a.conll", "saved", "a.parquet", "numbered.jsonl", "arrays.csv", "lists.csv")
        ready = [
            family(tmp_path / name, **named.get(name, {})).prepare(tiny(tiny_model), All()) for name in files
        ]
        assert {json.dumps(one.facts["rows"]) for one in ready} == {json.dumps(ready[0].facts["rows"])}
        assert {one.classes for one in ready} == {("B-BAD", "B-GOOD", "O")}

    def test_tags_that_are_numbers_need_names(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [{"words": [word, "red"], "tags": [0, 1]} for word in WORDS]
        path = jsonl(tmp_path / "a.jsonl", rows)
        with pytest.raises(
            DataError, match=r"task.tags=tags: the tags are numbers \(0, 1\).* task.names=\[O,"
        ):
            family(path).prepare(tiny(tiny_model), All())
        strange = jsonl(tmp_path / "b.jsonl", [*rows, {"words": ["red"], "tags": [2]}])
        with pytest.raises(DataError, match=r"2 names are for the numbers 0 to 1, and .* has the tags '2'"):
            family(strange, names=("O", "B-X")).prepare(tiny(tiny_model), All())

    def test_names_in_train_and_numbers_in_test_are_refused(
        self, tiny_model: Path, sentences: Path, tmp_path: Path
    ) -> None:
        test = str(jsonl(tmp_path / "test.jsonl", [{"words": ["good", "red"], "tags": [1, 0]}]))
        with pytest.raises(DataError, match=r"classes are B-BAD, B-GOOD, O in train and 0, 1 in test: write"):
            family(sentences, files={"test": test}).prepare(tiny(tiny_model), All())

    def test_a_word_per_row_is_no_sentence(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [{"words": [word], "tags": ["OX"[len(word) % 2]]} for word in WORDS]
        with pytest.raises(DataError, match=r"every training row is one word; .* in task.files.sentence"):
            family(jsonl(tmp_path / "a.jsonl", rows)).prepare(tiny(tiny_model), All())

    def test_one_tag_is_not_enough(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [{"words": [word, "red"], "tags": ["O", "O"]} for word in WORDS]
        with pytest.raises(DataError, match="every training word has the tag 'O'; two tags are needed"):
            family(jsonl(tmp_path / "a.jsonl", rows)).prepare(tiny(tiny_model), All())

    def test_every_word_needs_a_tag(self, tiny_model: Path, tmp_path: Path) -> None:
        rows = [{"words": [word, "red"], "tags": ["O"]} for word in WORDS]
        with pytest.raises(DataError, match="line 1 has 2 words and 1 tags"):
            family(jsonl(tmp_path / "a.jsonl", rows)).prepare(tiny(tiny_model), All())

    def test_a_size_per_class_is_refused(self, tiny_model: Path, sentences: Path) -> None:
        with pytest.raises(DataError, match=r"size.per_class needs a task with classes"):
            family(sentences).prepare(tiny(tiny_model), PerClass(per_class=4))


class Says(torch.nn.Module):
    """A model that gives logits from a table: what it says of every token id."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = table  # (ids, classes)

    def forward(self, input_ids: torch.Tensor, **_: Any) -> Any:
        return type("Output", (), {"logits": self.table[input_ids]})()


@pytest.fixture
def judged_by_hand(tiny_model: Path, tmp_path: Path) -> tuple[TokenClassification, Prepared, Says]:
    """Two test sentences and a model that takes good for B-X, cold for I-X and all else for O."""
    rng = random.Random(1)
    train = jsonl(tmp_path / "a.jsonl", [{"words": rng.choices(WORDS, k=3), "tags": ["B-X", "I-X", "O"]}] * 3)
    test = jsonl(
        tmp_path / "b.jsonl",
        [
            {"words": ["good", "cold", "red", "good"], "tags": ["B-X", "I-X", "O", "O"]},
            {"words": ["red"] * 6 + ["good", "cold"], "tags": ["B-X"] + ["O"] * 5 + ["B-X", "I-X"]},
        ],
    )
    task = family(train, files={"validation": str(test), "test": str(test)})
    ready = task.prepare(tiny(tiny_model, 8), All())
    tokenizer = tiny(tiny_model).load_tokenizer()
    ids = [tokenizer.convert_tokens_to_ids(word) for word in ("good", "cold")]
    table = torch.zeros(40, 3)
    table[:, 2] = 2.0  # classes: B-X, I-X, O
    table[ids[0]] = torch.tensor([2.0, 0.0, 0.0])
    table[ids[1]] = torch.tensor([0.0, 2.0, 0.0])
    return task, ready, Says(table)


class TestJudged:
    def observed(self, task: TokenClassification, ready: Prepared, model: Says) -> Any:
        found = []
        for row in (1, 0):  # one row per batch, in another order than theirs
            kept = task.observe(model, ready.test.batch([row], None))
            found.append((np.array([row]), {name: values.numpy() for name, values in kept.items()}))
        return found

    def test_against_hand_computed_values(self, judged_by_hand: Any) -> None:
        task, ready, model = judged_by_hand
        judged = task.evaluate(ready, "test", self.observed(task, ready, model))
        # First sentence: its entity and one too many. Second: one missed, one beyond the 6 words that fit.
        assert {name: values.tolist() for name, values in judged.statistics.items()} == {
            "true_positive": [1, 0],
            "predicted": [2, 0],
            "true": [1, 2],
            "correct": [3, 5],
            "tokens": [4, 8],
        }
        assert judged.scores == pytest.approx(
            {"entity_f1": 2 / 5, "entity_precision": 1 / 2, "entity_recall": 1 / 3, "token_accuracy": 8 / 12}
        )
        assert judged.labels == ["X: good cold", "X: red; X: good cold"]
        assert judged.predictions == ["X: good cold; X: good", "none"]
        right, wrong = np.log(np.exp(2) + 2) - 2, np.log(np.exp(2) + 2)  # nats per token
        assert judged.loss == pytest.approx((8 * right + 2 * wrong) / 10)

    def test_the_loss_is_the_mean_over_scored_tokens(self, judged_by_hand: Any) -> None:
        task, ready, model = judged_by_hand
        losses = [float(task.loss(model, ready.test.batch([row], None))) for row in (0, 1)]
        both = float(task.loss(model, ready.test.batch([0, 1], None)))
        assert both == pytest.approx((4 * losses[0] + 6 * losses[1]) / 10)


def test_a_run_learns_and_its_record_agrees_with_its_predictions(
    quick_tags: list[str], tmp_path: Path
) -> None:
    record = trained(tmp_path / "run", [*quick_tags, "arm=scratch"])
    first, *_, last = curve(tmp_path / "run")
    assert last["validation"]["loss"] < 0.7 * first["validation"]["loss"]
    table = pq.read_table(tmp_path / "run/predictions.parquet").to_pydict()
    hits, said, true = (sum(table[name]) for name in ("true_positive", "predicted", "true"))
    assert record["scores"]["test"]["entity_f1"] == pytest.approx(2 * hits / (said + true))
    assert record["scores"]["test"]["entity_f1"] > 0.3

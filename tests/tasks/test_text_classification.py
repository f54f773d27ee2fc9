"""Text classification: one class, several or a number; every architecture; whole runs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from tests.conftest import WORDS
from tests.rows import table
from tests.training.runs import curve, trained

from headstart.data.size import All, PerClass
from headstart.errors import ConfigError, DataError
from headstart.meters.flops import FlopCounter
from headstart.metrics import score as recomputed
from headstart.models.model import Model
from headstart.records.predictions import read_predictions
from headstart.tasks.family import Prepared
from headstart.tasks.labels import ManyClasses, Number, OneClass
from headstart.tasks.text_classification import LabelledTexts, TextClassification

KIND = {"kind": "text_classification", "name": "mine"}
Row = tuple[str, ...]


def sentences(count: int, answer: Callable[[list[str]], str], seed: int = 0) -> list[Row]:
    """(a few words in any order, their answer)."""
    rng = random.Random(seed)
    drawn = [rng.choices(WORDS[:9], k=rng.randint(2, 6)) for _ in range(count)]
    return [(" ".join(words), answer([*words])) for words in drawn]


def red(words: list[str]) -> str:
    """yes or no."""
    return ("no", "yes")["red" in words]


def colours(words: list[str]) -> str:
    """The colours that are named, as a cell with several labels."""
    return ";".join(sorted({"red", "green", "blue"} & set(words))) or "[]"


def warmth(words: list[str]) -> str:
    """A number far from 0 and 1: 1,000 and 50 for each warm word less each cold one."""
    return str(1000 + 50 * (words.count("warm") - words.count("cold")))


def task(path: Path, **settings: Any) -> TextClassification:
    return TextClassification.read({**KIND, "files": {"train": str(path)}, **settings})


# What a task is asked for.


@pytest.mark.parametrize(
    ("given", "metrics"),
    [
        ({}, OneClass.metrics),
        ({"label": "kind"}, OneClass.metrics),
        ({"label": None, "labels": "topics"}, ManyClasses.metrics),
        ({"number": "stars", "metrics": None, "headline": None}, Number.metrics),
    ],
)
def test_metrics_follow_the_kind_of_answer(given: dict[str, Any], metrics: tuple[str, ...]) -> None:
    read = task(Path("x.csv"), **given)
    assert (read.metrics, read.headline) == (metrics, metrics[0])
    assert read.label == (given.get("label") or (None if {"labels", "number"} & set(given) else "label"))
    assert TextClassification.read(read.model_dump(mode="json")) == read  # the record says all of it


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label": "a", "number": "b"}, "exactly one of label, labels, number is the answer, got label and"),
        (
            {"number": "b", "metrics": ["accuracy"]},
            "accuracy does not fit this task; known: pearson, spearman, mse, mae",
        ),
        ({"labels": "b", "metrics": ["mikro_f1"]}, "no metric mikro_f1; did you mean micro_f1?"),
        ({"metrics": ["accuracy"], "headline": "matthews"}, "headline: matthews is not among metrics"),
        ({"number": "b", "names": ["x", "y"]}, "names: these are of classes written as numbers"),
        ({"labels": ["x"]}, "labels"),
        ({"labelz": "b"}, "labelz: no such setting; did you mean label"),
    ],
)
def test_a_mistake_in_the_task_is_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        task(Path("x.csv"), **given)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("header", "rows", "said"),
    [
        ("label", ["0", "1.0", "nan"] * 10, "some rows have the label nan and all others have numbers"),
        ("label", ["good"] * 30, "there is nothing to tell apart"),
        (
            "labels",
            ["red;blue"] * 30,
            "every training row has the labels 'blue', 'red'; nothing can be learnt",
        ),
        ("labels", [" "] * 30, "a.csv has no labels: column 'labels' is empty in all 30 rows"),
        (
            "labels",
            ["[1, 0, 0]", "[0, 1, 1]"] * 15,
            "line 2 holds str '[1, 0, 0]' in column 'labels', a 0 or 1 for",
        ),
        ("number", ["2.5"] * 30, "training rows that are used have 2.5, so there is nothing to learn"),
        ("number", ["2.5", "many"] * 15, "not a number"),
    ],
)
def test_answers_that_teach_nothing(
    tmp_path: Path, tiny_model: Path, header: str, rows: list[str], said: str
) -> None:
    path = table(
        tmp_path / "a.csv", ("text", header), [(f"{WORDS[i % 16]} {i}", a) for i, a in enumerate(rows)]
    )
    with pytest.raises(DataError) as error:
        task(path, **{header: header}).prepare(Model(name=str(tiny_model)), All())
    assert said in str(error.value)


def test_a_column_of_0_and_1_for_every_class(tmp_path: Path, tiny_model: Path) -> None:
    lists = sentences(40, colours)
    known = ("red", "green", "blue")
    flags = [(text, *(str(int(name in answer)) for name in known)) for text, answer in lists]
    one, other = (
        task(table(tmp_path / name, ("text", *header), rows), labels=labels).prepare(
            Model(name=str(tiny_model)), All()
        )
        for name, header, rows, labels in (
            ("lists.csv", ("labels",), lists, "labels"),
            ("flags.csv", known, flags, list(known)),
        )
    )
    assert one.facts["rows"] == other.facts["rows"]
    assert one.classes == other.classes == ("blue", "green", "red")
    path = table(tmp_path / "bad.csv", ("text", *known), [*flags, ("red", "1", "-1", "0")])
    with pytest.raises(DataError, match=r"bad.csv line 42 holds str '-1' in column 'green', neither 0 nor 1"):
        task(path, labels=list(known)).prepare(Model(name=str(tiny_model)), All())


def test_classes_that_are_numbers_may_be_given_names(tmp_path: Path, tiny_model: Path) -> None:
    words = sentences(40, red)
    numbers = [(text, str(("no", "yes").index(answer))) for text, answer in words]
    one, other = (
        task(table(tmp_path / name, ("text", "label"), rows), names=names).prepare(
            Model(name=str(tiny_model)), All()
        )
        for name, rows, names in (("words.csv", words, None), ("numbers.csv", numbers, ["no", "yes"]))
    )
    assert one.facts["rows"] == other.facts["rows"]
    assert one.classes == other.classes == ("no", "yes")


def test_a_class_that_training_never_saw(tmp_path: Path, tiny_model: Path) -> None:
    files = {}
    for name, answers in (("train", ("warm", "cold")), ("test", ("lukewarm",))):
        rows = [(f"red {i}", answers[i % len(answers)]) for i in range(20)]
        files[name] = str(table(tmp_path / f"{name}.csv", ("text", "answer"), rows))
    with pytest.raises(DataError, match="lukewarm"):
        task(tmp_path, label="answer", files=files).prepare(Model(name=str(tiny_model)), All())
    several = task(tmp_path, labels="answer", files=files).prepare(Model(name=str(tiny_model)), All())
    assert several.classes == ("cold", "lukewarm", "warm")  # rare ones may be held out whole
    assert "no training row of class 'lukewarm' in this subset" in several.facts["notes"]


def test_several_labels_have_no_classes_to_count_rows_of(tmp_path: Path, tiny_model: Path) -> None:
    path = table(tmp_path / "a.csv", ("text", "labels"), sentences(40, colours))
    with pytest.raises(DataError, match=r"size\.per_class needs a task with classes"):
        task(path, labels="labels").prepare(Model(name=str(tiny_model)), PerClass(per_class=2))


# What answers mean, against other libraries and by hand.


def test_one_class_by_hand() -> None:
    judged = OneClass(("no", "yes")).evaluate(
        np.log([[3.0, 1], [1, 1], [1, 3]]), np.array([0, 1, 0]), "abc", ["accuracy"]
    )
    assert judged.statistics["score"] == pytest.approx([0.75, 0.5, 0.25])
    assert judged.loss == pytest.approx(-np.log([0.75, 0.5, 0.25]).mean())
    assert (judged.labels, judged.predictions) == (["no", "yes", "no"], ["no", "no", "yes"])
    assert judged.scores == {"accuracy": pytest.approx(1 / 3)}


def test_several_classes_by_hand() -> None:
    logits, true = np.array([[2.0, -1, 0], [-3, -1, -2]]), np.array([[1, 0, 0], [0, 1, 0]], dtype=np.float32)
    judged = ManyClasses(("a", "b", "c")).evaluate(logits, true, "xy", ManyClasses.metrics)
    assert (judged.labels, judged.predictions) == (["a", "b"], ["a, c", "(none)"])
    assert {name: list(column) for name, column in judged.statistics.items()} == {
        "true_positive": [1, 0],
        "predicted": [2, 0],
        "true": [1, 1],
        "exact": [0, 0],
    }
    assert judged.scores == {"micro_f1": pytest.approx(2 * 1 / (2 + 2)), "exact_match": 0}


@settings(max_examples=12)
@given(st.integers(1, 12), st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_several_classes_agree_with_torch_and_scikit_learn(rows: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, true = 30 * rng.standard_normal((rows, classes)), (rng.random((rows, classes)) < 0.5) * 1.0
    answer = ManyClasses(tuple("abcdef"[:classes]))
    judged = answer.evaluate(logits, true, [""] * rows, ManyClasses.metrics)
    assert judged.loss == pytest.approx(float(answer.loss(torch.tensor(logits), torch.tensor(true))))
    micro = metrics.f1_score(true, logits >= 0, average="micro", zero_division=0)  # pyright: ignore[reportArgumentType]
    assert judged.scores["micro_f1"] == pytest.approx(micro)
    assert judged.scores["exact_match"] == pytest.approx(metrics.accuracy_score(true, logits >= 0))


@settings(max_examples=12)
@given(
    st.floats(-1e6, 1e6),
    st.floats(1e-3, 1e6),
    st.integers(3, 20),
    st.integers(0, 2**32 - 1),
)
def test_numbers_are_scored_in_their_own_unit(mean: float, deviation: float, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    told, logits = rng.standard_normal(rows).astype(np.float32), rng.standard_normal((rows, 1))
    judged = Number(mean, deviation).evaluate(logits, told, [""] * rows, Number.metrics)
    target, estimate = mean + deviation * told.astype(float), mean + deviation * logits[:, 0]
    assert judged.loss == pytest.approx(
        float(Number.loss(torch.tensor(logits), torch.tensor(told, dtype=torch.float64)))
    )
    assert judged.scores["mse"] == pytest.approx(metrics.mean_squared_error(target, estimate))
    assert judged.scores["mae"] == pytest.approx(metrics.mean_absolute_error(target, estimate))
    assert judged.scores["pearson"] == pytest.approx(stats.pearsonr(told, logits[:, 0])[0], abs=1e-6)
    assert judged.scores["spearman"] == pytest.approx(stats.spearmanr(told, logits[:, 0])[0], abs=1e-6)


def test_numbers_are_standardised_by_the_rows_that_are_used(tmp_path: Path, tiny_model: Path) -> None:
    from headstart.data.size import Rows

    path = table(tmp_path / "a.csv", ("text", "number"), sentences(60, warmth))
    prepared = task(path, number="number").prepare(Model(name=str(tiny_model)), Rows(rows=16))
    told = prepared.train.batch(range(16), None)["labels"]
    assert told.mean() == pytest.approx(0, abs=1e-6) and told.std(unbiased=False) == pytest.approx(1)
    assert any(note.startswith("numbers are standardised: (number - ") for note in prepared.facts["notes"])
    assert prepared.head["num_labels"] == 1 and prepared.head["problem_type"] == "regression"


# Architectures: where each of them reads its answer.

SMALL: dict[str, Any] = {
    "gpt2": (tf.GPT2Config, {"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 64}, ""),
    "llama": (
        tf.LlamaConfig,
        {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2},
        "<s>",
    ),
    "t5": (tf.T5Config, {"d_model": 32, "d_kv": 16, "num_heads": 2, "d_ff": 64, "num_layers": 1}, "</s>"),
    "bart": (
        tf.BartConfig,
        {"d_model": 32, "max_position_embeddings": 64}
        | {f"{side}_{what}": n for side in ("encoder", "decoder")
           for what, n in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 64))},
        "<s> </s>",
    ),
}  # fmt: skip
WRITTEN = {  # what the tokenizers of these models put around a text, and around two
    "": ("$A", "$A $B:1"),
    "<s>": ("<s> $A", "<s> $A <s> $B:1"),
    "</s>": ("$A </s>", "$A </s> $B:1 </s>"),
    "<s> </s>": ("<s> $A </s>", "<s> $A </s> </s> $B:1 </s>"),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A checkpoint of one layer x 32 of a family, with a word tokenizer that writes as the family's does."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

    made: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind in made:
            return made[kind]
        config, shape, written = SMALL[kind]
        folder = made[kind] = tmp_path_factory.mktemp("small") / kind
        names = ["<pad>", "<s>", "</s>", "<unk>", "\n", *WORDS, "good", "bad"]
        tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))  # noqa: S106
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[^ \n]+|\n"), "removed", invert=True)
        single, pair = WRITTEN[written]
        tokenizer.post_processor = processors.TemplateProcessing(single, pair, [("<s>", 1), ("</s>", 2)])
        tokens = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
        padding = {} if kind in ("gpt2", "llama") else {"pad_token": "<pad>"}  # published decoders have none
        tf.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, model_max_length=48, **tokens, **padding
        ).save_pretrained(folder)
        special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "decoder_start_token_id": 0}
        torch.manual_seed(1)
        tf.AutoModel.from_config(config(**shape, vocab_size=len(names), **special)).save_pretrained(folder)
        return folder

    return make


def built(task: TextClassification, model: Model, prepared: Prepared) -> Any:
    return model.seeded(task.auto_class, model.transformers_config(**prepared.head), 0).eval()


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("pair", [None, "other"])
def test_padding_changes_no_answer(
    small: Callable[[str], Path], tmp_path: Path, kind: str, pair: str | None
) -> None:
    long = [(" ".join(WORDS[i:] + WORDS[:i]), "no") for i in range(9)]
    rows = [(*row, "blue calm red") for row in [*sentences(40, red), *long]]
    asked = task(table(tmp_path / "a.csv", ("text", "label", "other"), rows), pair=pair)
    model = Model(name=str(small(kind)), max_length=32)
    prepared = asked.prepare(model, All())
    network = built(asked, model, prepared)
    order = np.argsort(prepared.train.lengths)
    shortest, longest = int(order[0]), int(order[-1])
    assert prepared.train.shape([shortest]) < prepared.train.shape([shortest, longest])
    with torch.no_grad():
        alone = asked.observe(network, prepared.train.batch([shortest], None))["logits"]
        beside = asked.observe(network, prepared.train.batch([shortest, longest], None))["logits"]
    assert torch.allclose(alone[0], beside[0], atol=1e-5) and alone.shape == (1, 2)
    assert not torch.allclose(beside[0], beside[1], atol=1e-5)


@pytest.mark.parametrize("kind", SMALL)
def test_counted_flops_are_those_of_a_real_batch(
    small: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    path = table(tmp_path / "a.csv", ("text", "labels"), sentences(40, colours))
    asked, model = task(path, labels="labels"), Model(name=str(small(kind)), max_length=32)
    prepared = asked.prepare(model, All())
    config = model.transformers_config(**prepared.head)
    config._attn_implementation = "eager"  # torch's counter has no formula for the fused kernel of the CPU
    network = model.seeded(asked.auto_class, config, 0)
    counter = FlopCounter(
        model.skeleton(asked.auto_class, config), {n for n, _ in network.named_parameters()}, asked.inputs
    )
    rows = [0, 1, 2]
    with FlopCounterMode(display=False) as real:
        asked.loss(network, prepared.train.batch(rows, None)).backward()
    assert counter.train(3, *prepared.train.shape(rows)) == real.get_total_flops() > 0
    assert counter.without_formula == set()


def test_two_texts_of_a_decoder_are_told_apart(small: Callable[[str], Path], tmp_path: Path) -> None:
    rows = [(f"red {w}", "blue", ("no", "yes")[i % 2]) for i, w in enumerate(WORDS * 3)]
    asked = task(table(tmp_path / "a.csv", ("text", "other", "label"), rows), pair="other")
    newline, blue = 4, 7
    prepared = asked.prepare(Model(name=str(small("gpt2"))), All())
    assert all(list(ids[-2:]) == [newline, blue] for ids in tokens(prepared))
    assert prepared.head["pad_token_id"] == 2  # its end token, since it has no other
    assert isinstance(prepared.train, LabelledTexts) and prepared.train.texts[0].endswith(" | blue")


def tokens(prepared: Prepared) -> Sequence[np.ndarray]:
    assert isinstance(prepared.train, LabelledTexts)
    return prepared.train.tokens.ids


def test_an_end_token_written_in_a_text_ends_nothing(small: Callable[[str], Path], tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", ("text", "label"), [*sentences(40, red), ("red </s> blue", "yes")])
    end = 2
    for kind, own in (("t5", 1), ("llama", 0)):
        prepared = task(path).prepare(Model(name=str(small(kind))), All())
        assert {list(ids).count(end) for ids in tokens(prepared)} == {own}
        assert sum(prepared.facts["special_tokens"].values()) == 1


def test_an_encoder_decoder_needs_a_tokenizer_that_ends_its_texts(
    small: Callable[[str], Path], tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", ("text", "label"), sentences(40, red))
    model = Model.read({"name": str(small("bart")), "tokenizer": {"name": str(small("gpt2"))}})
    with pytest.raises(DataError, match="classifies by the token that ends a text, and its"):
        task(path).prepare(model, All())


def test_an_encoder_decoder_reads_the_last_token_of_an_encoders_tokenizer(
    small: Callable[[str], Path], tiny_model: Path, tmp_path: Path
) -> None:
    path = table(tmp_path / "a.csv", ("text", "label"), sentences(40, red))
    settings = {**SMALL["t5"][1], "model_type": "t5", "vocab_size": 32}
    model = Model.read({"name": "mine", "architecture": settings, "tokenizer": {"name": str(tiny_model)}})
    prepared = task(path).prepare(model, All())
    assert prepared.head["eos_token_id"] == 3 and prepared.head["decoder_start_token_id"] == 0  # [SEP], [PAD]
    assert task(path).observe(built(task(path), model, prepared), prepared.test.batch([0, 1], None))


# Whole runs.


def overrides(path: Path, folder: Path, role: str, *more: str) -> list[str]:
    return [
        "task=files",
        f"task.files.train={path}",
        f"task.{role}={role}",
        "model=hub",
        f"model.name={folder}",
        "model.max_length=32",
        "size=all",
        "budget.epochs=9",
        "budget.evaluations=2",
        "optim.lr=6e-3",
        "hardware=cpu",
        "tracker=none",
        "meter=none",
        "precision=fp32",
        *more,
    ]


@pytest.mark.parametrize(
    ("role", "answer", "least"),
    [("labels", colours, {"micro_f1": 0.6, "exact_match": 0.3}), ("number", warmth, {"pearson": 0.7})],
)
def test_a_run_learns_and_its_scores_can_be_recomputed(
    tmp_path: Path, tiny_model: Path, role: str, answer: Callable[[list[str]], str], least: dict[str, float]
) -> None:
    rows = [(*row, f"page {number // 4}") for number, row in enumerate(sentences(240, answer))]
    path = table(tmp_path / "a.csv", ("text", role, "page"), rows)
    record = trained(tmp_path / "run", overrides(path, tiny_model, role, "arm=scratch", "task.group=page"))
    first, *_, last = (point["validation"] for point in curve(tmp_path / "run"))
    assert last["loss"] < 0.7 * first["loss"]
    for name, value in least.items():
        assert record["scores"]["test"][name] > value, name
    check_recomputed(tmp_path / "run", record)
    groups = read_predictions(tmp_path / "run/predictions.parquet").groups
    assert groups is not None and set(Counter(groups).values()) == {4}  # whole pages


def check_recomputed(folder: Path, record: dict[str, Any]) -> None:
    """The report's own arithmetic on the stored predictions finds the scores of the record."""
    told = read_predictions(folder / "predictions.parquet")
    nobody = np.zeros(len(told), dtype=int)
    for name, value in record["scores"]["test"].items():
        if name != "spearman":  # of ranks, which are no sums over examples
            assert float(recomputed(name, nobody, nobody, told.statistics, 0)) == pytest.approx(
                value, rel=1e-4
            )


@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_decoders_and_encoder_decoders_learn_to_classify(
    tmp_path: Path, small: Callable[[str], Path], kind: str
) -> None:
    path = table(tmp_path / "a.csv", ("text", "label"), sentences(200, red))
    record = trained(tmp_path / kind, overrides(path, small(kind), "label", "arm=pretrained"))
    losses = [point["validation"]["loss"] for point in curve(tmp_path / kind)]
    assert losses[-1] < 0.8 * losses[0]
    assert record["scores"]["test"]["accuracy"] > 0.8
    assert record["init"]["loaded"]["parameters"] > 0 and record["cost"]["flops"]["lower_bound"] == []

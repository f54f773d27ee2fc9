"""Kept weights, used as somebody else would: by transformers alone, from a run's folder and raw rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
import transformers as tf
from tests.contract.cells import rows

from headstart.tasks.token_classification import entities, shown


def pipeline(task: str, model: Path, **settings: Any) -> Any:
    """What transformers makes of the folder."""
    return tf.pipeline(task, str(model), **settings)  # pyright: ignore[reportCallIssue, reportArgumentType]


def check_the_kept_weights(run: Any, variant: str, record: dict[str, Any], folder: Path) -> None:
    """transformers gives the answers of predictions.parquet, under the names of the task's classes."""
    config = json.loads((folder / "model" / "config.json").read_text("utf8"))
    classes = record["data"]["classes"]
    if classes:
        assert config["id2label"] == {str(number): name for number, name in enumerate(classes)}
        assert config["label2id"] == {name: number for number, name in enumerate(classes)}
    else:
        assert all(name.startswith("LABEL_") for name in config["id2label"].values())
    assert config["dtype"] == "float32" and config["problem_type"] == PROBLEMS.get(variant)
    if variant not in ANSWERS:
        return
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    given = [json.loads(line) for line in (rows(variant) / "test.jsonl").read_text("utf8").splitlines()]
    told = [ANSWERS[variant](folder / "model", row, run) for row in given]
    if variant == "regression":
        expected = [float(number) for number in table["prediction"]]
        assert [float(number) for number in told] == pytest.approx(expected, rel=2e-4)
    else:
        assert told == table["prediction"]


def classified(model: Path, row: dict[str, Any], run: Any) -> str:
    """The likeliest class."""
    text = {"text": row["text"], "text_pair": row["pair"]} if "pair" in row else row["text"]
    (best,) = pipeline("text-classification", model)([text], truncation=True)
    return best["label"]


def labelled(model: Path, row: dict[str, Any], run: Any) -> str:
    """Every class of a probability of a half and more."""
    (scores,) = pipeline("text-classification", model, top_k=None)([row["text"]], truncation=True)
    return ", ".join(sorted(s["label"] for s in scores if s["score"] >= 0.5)) or "(none)"


def estimated(model: Path, row: dict[str, Any], run: Any) -> str:
    """The number: in its own unit, or standardised as config.json says where the output has no bias."""
    pipe = pipeline("text-classification", model)
    (best,) = pipe([row["text"]], truncation=True)
    unit = getattr(pipe.model.config, "standardised", {"mean": 0.0, "deviation": 1.0})
    assert (unit["mean"] == 0) == (pipe.model.config.model_type not in ("gpt2", "llama"))
    return str(unit["mean"] + unit["deviation"] * best["score"])


def tagged(model: Path, row: dict[str, Any], run: Any) -> str:
    """The entities by the tags of the first token of every word."""
    text = " ".join(row["words"])
    pipe = pipeline("token-classification", model, ignore_labels=[])
    ends = {}
    for token in reversed(pipe(text)):
        ends[text.count(" ", 0, token["end"])] = token["entity"]
    return shown(entities([ends.get(place, "O") for place in range(len(row["words"]))]), row["words"])


def answered(model: Path, row: dict[str, Any], run: Any) -> str:
    """The passage with the highest sum of scores; transformers 5 has no pipeline for it."""
    tokenizer = tf.AutoTokenizer.from_pretrained(model)
    read = tokenizer(row["question"], row["context"], return_offsets_mapping=True, return_tensors="pt")
    places, parts = read.pop("offset_mapping")[0].tolist(), read.sequence_ids(0)
    found = tf.AutoModelForQuestionAnswering.from_pretrained(model)(**read)
    tokens = [token for token, part in enumerate(parts) if part == 1 and places[token][0] < places[token][1]]
    passages = [(a, b) for a in tokens for b in tokens if a <= b < a + run.task.max_answer]
    sums = [(found.start_logits[0, a] + found.end_logits[0, b]).item() for a, b in passages]
    first, last = passages[sums.index(max(sums))]
    return row["context"][places[first][0] : places[last][1]]


def written(model: Path, row: dict[str, Any], run: Any) -> str:
    """What the model writes when it is only told where to begin: how to decode is kept beside it."""
    tokenizer: Any = tf.AutoTokenizer.from_pretrained(model)
    config = tf.AutoConfig.from_pretrained(model)
    auto: Any = tf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else tf.AutoModelForCausalLM
    ids = tokenizer(row["text"])["input_ids"]
    if not config.is_encoder_decoder:
        ids += tokenizer(run.task.separator, add_special_tokens=False)["input_ids"]
    made = auto.from_pretrained(model).generate(torch.tensor([ids]))[0]
    end = 1 if config.is_encoder_decoder else len(ids)
    return tokenizer.decode(made[end:], skip_special_tokens=True).strip()


def seen(model: Path, row: dict[str, Any], run: Any) -> str:
    """The likeliest class of an image."""
    best, *_ = pipeline("image-classification", model)(row["image"])
    return best["label"]


ANSWERS = {
    "one text": classified,
    "pair": classified,
    "many labels": labelled,
    "regression": estimated,
    "tags": tagged,
    "questions": answered,
    "text to text": written,
    "images": seen,
}
PROBLEMS = {
    "one text": "single_label_classification",
    "pair": "single_label_classification",
    "images": "single_label_classification",
    "many labels": "multi_label_classification",
    "regression": "regression",
}

"""Alike: what can change the answer refuses a pair and names itself; what may is in the first lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.factory import make_study

from headstart.compare.alike import REFUSES
from headstart.compare.findings import Comparison
from headstart.compare.study import compare

SMALL: dict[str, Any] = {"examples": 40, "evaluations": 2}


def compared(folder, alter: Callable[[dict[str, Any]], object], seeds=(0, 1), **changes) -> Comparison:
    """The comparison of a study in which the pretrained runs are altered."""

    def change(record: dict[str, Any]) -> None:
        if record["arm"] == "pretrained":
            alter(record)

    (found,) = compare(make_study(folder, seeds=seeds, change=change, **(SMALL | changes))).comparisons
    return found


def put(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Write a value at a place of the record."""

    def alter(record: dict[str, Any]) -> None:
        for name in path[:-1]:
            record = record[name]
        record[path[-1]] = value

    return alter


def added_with_peft(record: dict[str, Any]) -> None:
    record["init"]["added"] = {"tensors": 4, "parameters": 128}
    record["environment"]["versions"]["peft"] = "0.21.2"


def reordered(record: dict[str, Any]) -> None:
    classes = record["data"]["classes"]
    classes[0], classes[1] = classes[1], classes[0]


OTHER = "f" * 16
REFUSED = {
    "precision": (put("environment", "precision", value="fp32"), "bf16 against fp32"),
    "kind of device": (put("environment", "device", value="cuda:NVIDIA H200"), "cpu against cuda"),
    "number of devices": (put("environment", "devices", value=2), "1 against 2"),
    "code": (put("environment", "code", "digest", value=OTHER), f"{'c' * 16} against {OTHER}"),
    "torch": (put("environment", "versions", "torch", value="2.14.0"), "2.13.0 against 2.14.0"),
    "transformers": (put("environment", "versions", "transformers", value="5.0"), "unknown against 5.0"),
    "tokenizers": (put("environment", "versions", "tokenizers", value="0.23"), "unknown against 0.23"),
    "pytorch-lightning": (put("environment", "versions", "pytorch-lightning", value="3"), "against 3"),
    "peft": (added_with_peft, "unknown against 0.21.2"),
    "types of parameters": (
        put("init", "dtypes", value={"float32": 1, "bfloat16": 2}),
        "float32 against bfloat16, float32",
    ),
    "architecture": (put("init", "architecture", value=OTHER), f"against {OTHER}"),
    "head at step 0": (put("init", "head", value=OTHER), f"against {OTHER}"),
    "stream of weights": (put("init", "streams", "weights", value=7), "against 7"),
    "stream of order": (put("init", "streams", "order", value=7), "against 7"),
    "stream of noise": (put("init", "streams", "noise", value=7), "against 7"),
    "stream of subset": (put("init", "streams", "subset", value=7), "against 7"),
    "tokenizer": (put("data", "tokenizer", value=OTHER), f"against {OTHER}"),
    "length limit": (put("data", "max_length", value=64), "128 against 64"),
    "order of classes": (reordered, "numpy in place 1 against pandas in place 1"),
    "train rows": (put("data", "rows", "train", value=OTHER), f"against {OTHER}"),
    "validation rows": (put("data", "rows", "validation", value=OTHER), f"against {OTHER}"),
    "test rows": (put("data", "rows", "test", value=OTHER), f"against {OTHER}"),
    "number of train rows": (put("data", "counts", "train", value=511), "512 against 511"),
    "order of the rows": (put("data", "order", value=OTHER), f"against {OTHER}"),
    "steps done": (put("cost", "steps", value=48), "32 against 48"),
    "samples seen": (put("cost", "samples", "train", value=500), "512 against 500"),
    "tokens seen": (put("cost", "tokens", "train", "real", value=9), "24576 against 9"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_change_the_answer_refuses_the_pair_and_names_itself(tmp_path, name):
    alter, values = REFUSED[name]
    found = compared(tmp_path, alter, seeds=[0], curve=False, predictions=False)
    assert found.pairs == ()
    told = found.excluded[0].reason
    assert told.startswith(f"not the same {name}: ")
    assert values in told
    assert told in found.sentence


def test_every_fact_that_refuses_was_tried():
    alike = {
        "types of parameters",
        "stream of arm",
        "number of validation rows",
        "number of test rows",
    }  # as one that was tried
    assert {fact.name for fact in REFUSES} - {*REFUSED} <= alike


SAID = {
    "machine": (put("environment", "machine", value=OTHER), f"against {OTHER}"),
    "processor": (put("environment", "cpu", value="another CPU"), "a CPU against another CPU"),
    "threads": (put("environment", "threads", value=8), "2 against 8"),
    "platform": (put("environment", "platform", value="macOS"), "Linux-6.1-x86_64 against macOS"),
    "python": (put("environment", "python", value="3.13.1"), "3.11.9 against 3.13.1"),
    "numpy": (put("environment", "versions", "numpy", value="2.4"), "2.3.0 against 2.4"),
    "datasets": (put("environment", "versions", "datasets", value="5"), "unknown against 5"),
    "commit": (put("environment", "code", "commit", value="1" * 40), f"against {'1' * 40}"),
    "changes that were not committed": (put("environment", "code", "dirty", value=True), "no against yes"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_may_change_the_answer_is_in_the_first_lines(tmp_path, name):
    alter, values = SAID[name]
    found = compared(tmp_path, alter, seeds=[0], curve=False, predictions=False)
    assert len(found.pairs) == 1
    assert f"Besides the arm, pairs differ in {name}: " in found.sentence
    assert values in found.sentence
    assert any(told.startswith(f"{name}: ") for told in found.differences)


def test_two_graphics_cards_of_different_models_are_said(tmp_path):
    def cards(record):
        record["environment"]["device"] = "cuda:A100" if record["arm"] == "scratch" else "cuda:H200"

    (found,) = compare(make_study(tmp_path, seeds=[0], change=cards, **SMALL)).comparisons
    assert "pairs differ in device: cuda:A100 against cuda:H200." in found.sentence


def test_a_freed_budget_may_differ_in_steps_and_samples(tmp_path):
    def longer(record):
        record["config"]["study"]["free"] = ["budget"]
        if record["arm"] == "pretrained":
            record["config"]["budget"]["epochs"] = 8
            record["cost"]["steps"] *= 2
            record["cost"]["samples"]["train"] *= 2
            record["cost"]["tokens"]["train"]["real"] *= 2
            record["data"]["order"] = OTHER

    found = compare(make_study(tmp_path, seeds=[0, 1], change=longer, **SMALL)).comparisons[0]
    assert len(found.pairs) == 2
    assert (
        "each arm has settings of its own (budget.epochs: 4 for scratch, 8 for pretrained)" in found.sentence
    )


def test_a_refused_pair_among_others_is_in_the_first_lines(tmp_path):
    def once(record):
        if record["seed"] == 1:
            record["environment"]["versions"]["torch"] = "2.14.0"

    found = compared(tmp_path, once, seeds=range(3))
    assert [pair.seed for pair in found.pairs] == [0, 2]
    told = "1 of 3 pairs is left out (seed 1, not the same torch: 2.13.0 against 2.14.0)."
    assert told in found.sentence

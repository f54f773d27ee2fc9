"""The rules of a pair on real attestations: any arm may be compared with any other, and none may cheat."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest
from tests.arms.choices import ALL, arm, started
from tests.factory import altered, make_study

from headstart.compare.pairs import Match, refusal
from headstart.randomness import stream
from headstart.records.attestation import at_step_zero
from headstart.records.record import Record, faults
from headstart.records.sections import Init
from headstart.records.store import read_study

Starts = dict[str, dict[str, Any]]  # the attestation by arm
LAYER = "bert.encoder.layer.1.attention.self.query.weight"  # above what first_k with one layer pours


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A valid record, whose start is replaced by those of real models."""
    folder = tmp_path_factory.mktemp("study")
    return read_study(make_study(folder, seeds=[0], examples=20, evaluations=2)).records[0]


@pytest.fixture(scope="module")
def starts() -> Starts:
    """The attestation of every arm, on BERT."""
    settings = {"first_k": {"layers": 1}}
    made = {choice: started(arm(choice, **settings.get(choice, {})), "bert")[1] for choice in ALL}
    known = {
        "architecture": "a" * 16,
        "streams": {n: stream(0, n) for n in ("weights", "order", "noise")} | {"subset": 0},
        "dtypes": {"float32": 1},
    }
    return {choice: {**init, **known} for choice, init in made.items()}


def pair(record: Record, starts: Starts, baseline: str, other: str) -> Match:
    left, right = (altered(record, arm=name, init=deepcopy(starts[name])) for name in (baseline, other))
    return Match(left, right)


def test_any_two_arms_may_be_compared(record: Record, starts: Starts) -> None:
    refused = {names: refusal(pair(record, starts, *names)) for names in permutations(ALL, 2)}
    assert {names: why for names, why in refused.items() if why} == {}


def swap(side: str, source: str) -> Callable[[Match, Starts], None]:
    """Put a tensor of another arm's start into one side of a pair."""

    def change(match: Match, starts: Starts) -> None:
        getattr(match, side).init.changed[LAYER] = at_step_zero(Init.model_validate(starts[source]))[LAYER]

    return change


LOST, WRITTEN = "is not what the checkpoint delivered", "is not what the seed gives"
CHEATS = [
    ("scratch", "mean_var", swap("arm", "pretrained"), f"mean_var, seed 0: at step 0 {LAYER} {LOST}"),
    ("scratch", "shuffled", swap("arm", "scratch"), f"shuffled, seed 0: at step 0 {LAYER} {LOST}"),
    ("scratch", "mean_var", swap("baseline", "mean_var"), f"scratch, seed 0: at step 0 {LAYER} {WRITTEN}"),
    ("scratch", "first_k", swap("arm", "pretrained"), f"first_k, seed 0: at step 0 {LAYER} {WRITTEN}"),
    ("pretrained", "first_k", swap("arm", "pretrained"), f"first_k, seed 0: at step 0 {LAYER} {WRITTEN}"),
    (
        "first_k",
        "pretrained",
        swap("baseline", "pretrained"),
        f"first_k, seed 0: at step 0 {LAYER} {WRITTEN}",
    ),
    ("frozen_random", "frozen", swap("baseline", "pretrained"), f"frozen_random, seed 0: at step 0 {LAYER}"),
]


@pytest.mark.parametrize(("baseline", "other", "change", "reason"), CHEATS)
def test_an_arm_that_is_not_what_it_says_is_refused(
    record: Record, starts: Starts, baseline: str, other: str, change: Any, reason: str
) -> None:
    match = pair(record, starts, baseline, other)
    assert refusal(match) is None
    change(match, starts)
    assert str(refusal(match)).startswith(reason)


def test_the_record_has_a_place_for_every_start(record: Record, starts: Starts) -> None:
    raw = json.loads((record.folder / "record.json").read_text("utf8"))
    for choice, init in starts.items():
        init = {
            **raw["init"],
            **init,
            "streams": raw["init"]["streams"],
            "added": {"tensors": 2, "parameters": 8},
        }
        assert faults({**raw, "init": init}) == [], choice
        assert faults({**raw, "init": {**init, "added": 2}}) != []

"""A scratch arm that holds what pretraining has learnt is refused, whatever was done to it on the way.

Three lies: the record says what is there at step 0; it says that the seed gave it; both records say so.
The first two are refused from the records alone, the last one by `headstart verify` (tests/studies).
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.arms.cheats import CHEATS
from tests.arms.families import BARE, CLASSIFY, attested, published, seeded
from tests.factory import altered, make_study

from headstart.arms.attest import digests
from headstart.arms.kinds import Pretrained, Scratch, ScratchAgain
from headstart.compare.pairs import Match, refusal
from headstart.randomness import stream
from headstart.records.record import Record
from headstart.records.store import read_study


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Match, Any, dict[str, str]]:
    """An honest pair, the pretrained model, and the digests of the model of another seed."""
    folder = tmp_path_factory.mktemp("study")
    record = read_study(make_study(folder, seeds=[0], examples=20, evaluations=2)).records[0]
    model, start = published("bert", BARE), stream(0, "weights")
    _, scratch = attested(Scratch(kind="scratch"), model, CLASSIFY, start)
    loaded, pretrained = attested(Pretrained(kind="pretrained"), model, CLASSIFY, start)
    match = Match(with_init(record, "scratch", scratch), with_init(record, "pretrained", pretrained))
    return match, loaded, digests(seeded(model, CLASSIFY, 7).state_dict())


def with_init(record: Record, arm: str, init: dict[str, Any]) -> Record:
    known = {
        "architecture": "a" * 16,
        "streams": {**dict(record.init.streams), "weights": stream(0, "weights")},
    }
    return altered(record, arm=arm, init={**init, **known})


def lie(match: Match, **init: Any) -> str:
    """Why the pair is refused when the scratch arm's record says this of its start."""
    return str(refusal(Match(altered(match.baseline, init=init), match.arm)))


def test_an_honest_pair_is_kept(pair) -> None:
    assert refusal(pair[0]) is None


def test_two_draws_of_random_weights_are_a_pair_only_where_they_differ(pair) -> None:
    first, start = pair[0].baseline, stream(0, "weights")
    kind = ScratchAgain(kind="scratch_again")
    for arm_seed, refused in ((start, "scratch_again drew "), (stream(0, "arm"), None)):
        _, init = attested(kind, published("bert", BARE), CLASSIFY, start, arm_seed)
        second = with_init(first, "scratch_again", init)
        for match in (Match(first, second), Match(second, first)):
            told = refusal(match)
            assert told is None if refused is None else str(told).startswith(refused)
    name = next(iter(init["drawn_again"]))
    lied = altered(second, init={"drawn_again": {**init["drawn_again"], name: "0" * 16}})
    assert str(refusal(Match(first, lied))).endswith(f"at step 0 {name} is not what was drawn again")


@pytest.mark.parametrize("cheat", CHEATS)
def test_what_pretraining_has_learnt_is_no_scratch_arm(pair, cheat: str) -> None:
    match, loaded, _ = pair
    backbone = {n: t for n, t in loaded.state_dict().items() if n.startswith("bert.")}
    held = digests(CHEATS[cheat](backbone))
    assert held and held.items() != {n: match.baseline.init.seeded[n] for n in held}.items()
    assert "is not what the seed gives, though nothing was loaded into it" in lie(match, changed=held)
    hidden = {**match.baseline.init.seeded, **held}
    assert lie(match, seeded=hidden).startswith("the seeded models differ in ")


def test_the_backbone_of_another_seed_is_refused(pair) -> None:
    match, _, other = pair
    head = {n: d for n, d in match.baseline.init.seeded.items() if not n.startswith("bert.")}
    assert lie(match, seeded={**other, **head}).startswith("the seeded models differ in ")
    streams = dict(match.baseline.init.streams) | {"weights": stream(1, "weights")}
    assert lie(match, streams=streams).startswith("not the same stream of weights: ")
    both = Match(*(altered(record, init={"streams": streams}) for record in match.sides))
    assert refusal(both) == "scratch, seed 0: its weights were not drawn from that seed"


@pytest.mark.parametrize(
    ("part", "value", "sentence"),
    [
        (
            "newly_initialised",
            {"tensors": 3},
            "3 tensors are said to be newly initialised, but the digests name",
        ),
        ("newly_initialised", {"names": ["bert.embeddings"]}, "are not those that were not loaded"),
        ("loaded", {"tensors": 9}, "9 tensors were loaded, but no checkpoint is named"),
        ("added", {"tensors": 4}, "4 tensors are said to be added, but the digests name 0"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(pair, part: str, value: Any, sentence: str) -> None:
    match, _, _ = pair
    assert sentence in lie(match, **{part: {**dict(getattr(match.baseline.init, part)), **value}})

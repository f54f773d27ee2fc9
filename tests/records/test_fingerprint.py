"""Fingerprints: blind to plumbing, place and order of keys; awake to everything else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import make_record

from headstart.config import renamed
from headstart.errors import RecordError
from headstart.records.fingerprint import ARM, FORMER, LOCATIONS, PLUMBING, SCIENCE, digest, fingerprint

CONFIG: dict[str, Any] = make_record("pretrained", 1, arms=("scratch", "pretrained"))["config"]
CONFIG |= {"checkpoint_steps": [60], "order_seed": 5}
TEXT = {"train": "t.csv", "validation": None, "test": None}
CONFIG["model"]["tokenizer"] = {"name": "words", "folder": "f", "distribution": "d", "train": {"files": TEXT}}
CONFIG["task"]["files"] = {"train": "a.csv", "validation": "b.csv", "test": "c.csv", "separator": ","}
FILES = {"config.json": "0" * 16, "tokenizer/vocab.txt": "1" * 16}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    else:
        yield path


def changed(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    place = config
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return config


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(list(value))}
    return value


PATHS = list(leaves(CONFIG))
SCIENCE_PATHS = [p for p in PATHS if p[0] in SCIENCE and ".".join(p) not in LOCATIONS]
QUIET_PATHS = [p for p in PATHS if p[0] in PLUMBING or ".".join(p) in LOCATIONS]
ORIGINAL = fingerprint(CONFIG, "data", FILES, "weights")


def test_partition_covers_the_configuration_once():
    assert sorted(CONFIG) == sorted([*SCIENCE, *ARM, *PLUMBING])


def test_order_of_keys_does_not_matter():
    assert fingerprint(shuffled(CONFIG), "data", FILES, "weights") == ORIGINAL


@given(path=st.sampled_from(QUIET_PATHS), value=st.one_of(st.none(), st.text(), st.integers()))
def test_plumbing_and_places_never_change_it(path, value):
    assert fingerprint(changed(path, value), "data", FILES, "weights") == ORIGINAL


@pytest.mark.parametrize("path", SCIENCE_PATHS, ids=".".join)
def test_every_science_leaf_changes_it(path):
    found = fingerprint(changed(path, "another value"), "data", FILES, "weights")
    assert found.pair_id != ORIGINAL.pair_id
    assert found.run_id != ORIGINAL.run_id
    assert (found.condition_id == ORIGINAL.condition_id) == (path == ("seed",))


def test_arm_and_weights_change_the_run_and_not_the_pair():
    for other in (
        fingerprint(changed(("arm", "kind"), "scratch"), "data", FILES, "weights"),
        fingerprint(CONFIG, "data", FILES, None),
    ):
        assert other.pair_id == ORIGINAL.pair_id
        assert other.run_id != ORIGINAL.run_id


def test_data_enters_by_content():
    other = fingerprint(CONFIG, "other data", FILES, "weights")
    assert other.pair_id != ORIGINAL.pair_id
    assert other.condition_id != ORIGINAL.condition_id


@pytest.mark.parametrize("files", [{}, {**FILES, "config.json": "2" * 16}, {**FILES, "added": "3" * 16}])
def test_what_the_model_is_built_from_enters_by_content(files):
    other = fingerprint(CONFIG, "data", files, "weights")
    assert other.pair_id != ORIGINAL.pair_id
    assert other.run_id != ORIGINAL.run_id
    assert other.condition_id != ORIGINAL.condition_id


def test_a_new_top_level_setting_forces_the_question():
    with pytest.raises(RecordError, match="colour is in none of"):
        fingerprint({**CONFIG, "colour": "red"}, "data", FILES, None)


def test_nan_has_no_fingerprint():
    with pytest.raises(RecordError, match="cannot be fingerprinted"):
        fingerprint(changed(("optim", "lr"), float("nan")), "data", FILES, None)


def test_a_renamed_setting_keeps_the_names_of_its_runs():
    for arm in ({"checkpoint_step": 60}, {"recipe": ["size=all", "checkpoint_steps=[60,180]"]}):
        now = CONFIG | {"arm": CONFIG["arm"] | arm}
        then = renamed(now, FORMER)
        assert then["keep_at"] == [60] and then["arm"] != now["arm"] and renamed(then) == now
        assert fingerprint(then, "data", FILES, "w") == fingerprint(now, "data", FILES, "w")
        written = {"pair": ORIGINAL.pair_id, "arm": {"arm": then["arm"]}, "weights": "w"}
        assert fingerprint(now, "data", FILES, "w").run_id == digest(written)

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
    for arm in ({"checkpoint_step": 60}, {"pretraining": ["size=all", "checkpoint_steps=[60,180]"]}):
        now = CONFIG | {"arm": CONFIG["arm"] | arm}
        then = renamed(now, FORMER)
        assert then["keep_at"] == [60] and then["arm"] != now["arm"] and renamed(then) == now
        assert fingerprint(then, "data", FILES, "w", version=1) == fingerprint(
            now, "data", FILES, "w", version=1
        )
        written = {
            "pair": fingerprint(now, "data", FILES, "w", version=1).pair_id,
            "arm": {"arm": then["arm"]},
            "weights": "w",
        }
        assert fingerprint(now, "data", FILES, "w", version=1).run_id == digest(written)


NAMES = st.text("abcdefgh", min_size=1, max_size=6).map(lambda word: f"new_{word}")
VALUES = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3), st.just([1, 2]))
GROUPS = st.sampled_from([("optim",), ("model",), ("model", "tokenizer"), ("task",), ("arm",), ("budget",)])
SETTINGS = {".".join(path): "unlike any value" for path in PATHS}
V1 = ("026315e21464eda4", "4a44d163578b9eca", "ba4e9eb2c9c8133c")


def added(group: tuple[str, ...], name: str, value: Any) -> dict[str, Any]:
    return changed((*group, name), value)


@given(group=GROUPS, name=NAMES, value=VALUES)
def test_a_new_setting_at_its_default_changes_no_name(group, name, value):
    before = fingerprint(CONFIG, "data", FILES, "weights", SETTINGS)
    defaults = {**SETTINGS, ".".join((*group, name)): value}
    after = fingerprint(added(group, name, value), "data", FILES, "weights", defaults)
    assert ids(after) == ids(before)


@given(group=GROUPS, name=NAMES, values=st.lists(VALUES, min_size=2, max_size=2, unique_by=repr))
def test_a_new_setting_with_another_value_is_another_run(group, name, values):
    default, value = values
    if default == value and isinstance(default, bool) == isinstance(value, bool):
        return
    names = fingerprint(
        added(group, name, value), "data", FILES, "weights", {".".join((*group, name)): default}
    )
    before = fingerprint(CONFIG, "data", FILES, "weights")
    assert names.run_id != before.run_id
    assert (names.pair_id == before.pair_id) == (group == ("arm",))


def test_a_new_group_of_settings_that_is_there_by_default_changes_no_name():
    config = changed(("optim", "more"), {"a": 1, "b": None})
    defaults = {"optim.more": {}, "optim.more.a": 1, "optim.more.b": None}
    before = fingerprint(CONFIG, "data", FILES, "weights")
    assert ids(fingerprint(config, "data", FILES, "weights", defaults)) == ids(before)
    del defaults["optim.more"]  # null by default: its presence says something
    assert ids(fingerprint(config, "data", FILES, "weights", defaults)) != ids(before)


@given(path=st.sampled_from(SCIENCE_PATHS))
def test_a_setting_at_its_default_is_not_the_same_as_any_other_value(path):
    value = CONFIG
    for name in path:
        value = value[name]
    default = fingerprint(CONFIG, "data", FILES, "weights", {".".join(path): value})
    other = fingerprint(changed(path, "another"), "data", FILES, "weights", {".".join(path): value})
    assert default.run_id != other.run_id


def test_what_a_record_keeps_gives_its_names_again():
    defaults = {"optim.weight_decay": 0.01, "optim.warmup": 0.2, "model.folder": None, "absent": 3}
    names = fingerprint(CONFIG, "data", FILES, "weights", defaults)
    assert names.defaults == {"optim.weight_decay": 0.01, "model.folder": None}
    assert fingerprint(CONFIG, "data", FILES, "weights", names.defaults) == names


def test_true_is_not_one():
    config, defaults = changed(("optim", "new"), True), {"optim.new": 1}
    assert fingerprint(config, "data", FILES, "weights", defaults).defaults == {}


def test_version_1_keeps_the_names_that_it_gave():
    """Written down when runs were named by version 1 alone."""
    names = fingerprint(CONFIG, "data", FILES, "weights", SETTINGS, version=1)
    assert ids(names) == V1
    assert names.defaults == {}


def ids(names: Any) -> tuple[str, str, str]:
    return names.pair_id, names.run_id, names.condition_id


def test_a_setting_that_lies_elsewhere_now_stays_in_the_names_of_its_runs():
    """Else a record from before would not have the names that its configuration gives, and be left out."""
    task = {"kind": "image_classification", "digits": {"split_seed": 0, "classes": [5, 6]}}
    arm = {"kind": "from_run", "name": "x", "pretraining": ["task.digits.classes=[0,1]"]}
    config, defaults = {"task": task, "arm": arm, "seed": 0}, {"task.digits.split_seed": 0}
    names = fingerprint(config, source="s", built_from={}, weights=None, defaults=defaults)
    # as the version gave them that had the setting there
    assert (names.pair_id, names.run_id) == ("d728051abb2eff73", "fed4c767e18a8bc3")
    assert renamed(config) == config

"""Size: subsets are nested, stratified, and the same whatever the order of the file."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.rows import forget
from tests.training.runs import composed

from headstart.data.files import Files
from headstart.data.rows import Splits
from headstart.data.size import All, Fraction, PerClass, Rows, Size
from headstart.errors import DataError

classes = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=80)
seeds = st.integers(0, 5)


def keys_of(strata: list[str]) -> list[str]:
    return [f"row {number} of {name}" for number, name in enumerate(strata)]


@given(classes, seeds)
def test_every_prefix_keeps_the_class_proportions_within_one_row(strata: list[str], seed: int):
    order = Rows(rows=len(strata), seed=seed).choose(strata, keys_of(strata))
    whole, seen = Counter(strata), Counter()
    assert sorted(order) == list(range(len(strata)))
    for count, row in enumerate(order, 1):
        seen[strata[row]] += 1
        for name, total in whole.items():
            assert abs(seen[name] - count * total / len(strata)) < 1


@given(classes, seeds, st.data())
def test_a_smaller_choice_is_the_beginning_of_a_larger_one(strata: list[str], seed: int, data: st.DataObject):
    keys = keys_of(strata)
    small, large = sorted(data.draw(st.tuples(*[st.integers(1, len(strata))] * 2)))
    chosen = Rows(rows=large, seed=seed).choose(strata, keys)
    assert Rows(rows=small, seed=seed).choose(strata, keys) == chosen[:small]
    k = min(Counter(strata).values())
    several = PerClass(per_class=k, seed=seed).choose(strata, keys)
    fewer = PerClass(per_class=data.draw(st.integers(1, k)), seed=seed).choose(strata, keys)
    assert fewer == several[: len(fewer)]
    assert set(Counter(strata[row] for row in several).values()) == {k}


@given(classes, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_file_does_not_matter(strata: list[str], seed: int, shuffle: random.Random):
    keys = keys_of(strata)
    places = list(range(len(keys)))
    shuffle.shuffle(places)
    moved_strata, moved_keys = [strata[place] for place in places], [keys[place] for place in places]
    for size in (Rows(rows=1 + len(keys) // 2, seed=seed), Fraction(fraction=1.0, seed=seed), All()):
        if isinstance(size, Rows) and size.rows > len(keys):
            continue
        before = [keys[row] for row in size.choose(strata, keys)]
        assert before == [moved_keys[row] for row in size.choose(moved_strata, moved_keys)]


@settings(max_examples=20)
@given(st.floats(0.1, 1), st.floats(0.1, 1), seeds)
def test_shares_are_nested(one: float, other: float, seed: int):
    strata = list("aab" * 20)
    small, large = sorted((one, other))
    chosen = Fraction(fraction=large, seed=seed).choose(strata, keys_of(strata))
    fewer = Fraction(fraction=small, seed=seed).choose(strata, keys_of(strata))
    assert fewer == chosen[: round(small * 60)]


def test_without_classes_the_seed_alone_decides():
    keys = [str(number) for number in range(50)]
    assert Rows(rows=10).choose(None, keys) == Rows(rows=10).choose(None, keys)
    assert Rows(rows=10).choose(None, keys) != Rows(rows=10, seed=1).choose(None, keys)


def test_the_choice_is_the_same_on_every_platform():
    assert Rows(rows=6).choose(list("aaabbbccc"), [str(number) for number in range(9)]) == [1, 3, 6, 2, 4, 7]


def test_many_rows_are_ordered_quickly():
    strata = [str(number % 20) for number in range(50_000)]
    assert len(All().choose(strata, [str(number) for number in range(50_000)])) == 50_000


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (Rows(rows=5), "size.rows=5 but train has 3 rows: ask for no more, or size=all"),
        (Fraction(fraction=0.1), "size.fraction=0.1 of 3 train rows is not one row: ask for more"),
        (PerClass(per_class=2), "size.per_class=2 but class 'b' has 1 train rows: ask for at most 1"),
    ],
)
def test_more_than_there_is_cannot_be_chosen(size: Rows | Fraction | PerClass, sentence: str):
    with pytest.raises(DataError) as error:
        size.choose(["a", "a", "b"], ["0", "1", "2"])
    assert str(error.value) == sentence


def test_per_class_needs_classes():
    with pytest.raises(DataError, match="needs a task with classes"):
        PerClass(per_class=1).choose(None, ["0"])


def test_rows_of_several_classes_are_no_strata():
    with pytest.raises(
        DataError, match=r"a row has the class \['x', 'y'\]: rows can only be chosen by class"
    ):
        Rows(rows=1).choose([["x", "y"], ["x"]], ["0", "1"])  # pyright: ignore[reportArgumentType]


def test_the_kind_decides_which_size_is_read():
    read = TypeAdapter(Size).validate_python
    assert read({"kind": "rows", "rows": 512}) == Rows(rows=512, seed=0)
    assert read({"kind": "all"}) == All()
    assert read({"kind": "per_class", "per_class": 16, "seed": 3}) == PerClass(per_class=16, seed=3)
    assert read({"kind": "fraction", "fraction": 0.1}) == Fraction(fraction=0.1)


def test_the_sizes_of_a_study_read_the_rows_once(quick: list[str], monkeypatch: pytest.MonkeyPatch):
    """Until the file changes."""
    read: list[Files] = []
    load = Files.load

    def counted(self: Files, *columns: Any, **more: Any) -> Splits:
        read.append(self)
        return load(self, *columns, **more)

    monkeypatch.setattr(Files, "load", counted)
    forget()
    runs = [composed(*quick, *size) for size in (["size=k4"], ["size=n32"], ["size=n32", "size.seed=1"])]
    assert len({tuple(run.prepare().train.ids) for run in runs}) == len(runs)
    assert len(read) == 1
    path = Path("reviews.csv")
    path.write_text("".join(path.read_text("utf8").splitlines(keepends=True)[:-1]), "utf8")
    assert [*runs[0].prepare().train.ids] and len(read) == 2

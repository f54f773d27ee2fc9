"""Rules for labels, against scikit-learn and against every threshold tried."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from headstart.tasks.rules import labels


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_the_majority_is_the_most_frequent_class(targets: list[int]) -> None:
    logits = labels.majority(np.array(targets), 5, 3)
    dummy: Any = DummyClassifier(strategy="most_frequent").fit(np.zeros((len(targets), 1)), targets)
    assert logits.argmax(axis=1).tolist() == dummy.predict(np.zeros((3, 1))).tolist()
    assert np.exp(logits).sum(axis=1) == pytest.approx(1)


def test_of_several_labels_the_most_frequent_set_is_given() -> None:
    targets = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 0]], dtype=np.float32)
    assert (labels.majority(targets, 3, 2) > 0).tolist() == [[True, True, False]] * 2


TRAIN = ["a warm red day", "warm and red", "a cold blue night", "cold_blue", "blue or red"]


def test_tfidf_learns_words_and_the_parts_of_names() -> None:
    targets = np.array([0, 0, 2, 2, 2])  # no row of class 1
    fitted = labels.tfidf(TRAIN, targets, ["WARM, red!", "blue_night", "warm"], 3)
    assert fitted is not None and fitted[1] is None
    logits, _ = fitted
    assert logits.argmax(axis=1).tolist() == [0, 2, 0]
    assert np.exp(logits).sum(axis=1) == pytest.approx(1)
    assert labels.tfidf(["?", "!"], np.array([0, 1]), ["?"], 2) is None
    assert labels.tfidf(TRAIN, np.zeros(5, dtype=int), ["red"], 2) is None


def test_tfidf_gives_every_class_of_several_and_numbers() -> None:
    several = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1], [0, 1, 1], [1, 1, 1]], dtype=np.float32)
    fitted = labels.tfidf(TRAIN, several, ["warm", "cold night"], 3)
    assert fitted is not None
    logits, _ = fitted
    assert (logits > 0)[:, :2].tolist() == [[True, False], [False, True]] and (logits[:, 2] > 0).all()
    fitted = labels.tfidf(TRAIN, np.array([2.0, 2.0, -1.0, -1.0, 0.5]), ["warm", "cold"], 0)
    assert fitted is not None
    numbers, _ = fitted
    assert numbers.shape == (2, 1) and numbers[0, 0] > numbers[1, 0]


def test_many_classes_bound_the_words_and_that_is_said(recwarn: pytest.WarningsRecorder) -> None:
    rows = [f"text about c{number} and more" for number in range(300)]
    fitted = labels.tfidf(rows, np.arange(300), rows[:5], 300_000)
    assert fitted is not None and fitted[1] == "the 6 most frequent words" and not recwarn.list


ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=30)


@given(ROWS)
def test_the_threshold_is_the_best_on_the_training_rows(rows: list[tuple[int, int]]) -> None:
    overlap, targets = (np.array(column) for column in zip(*rows, strict=True))
    logits = labels.overlap_threshold(overlap / 4, targets, overlap / 4, 3)
    right = (logits.argmax(axis=1) == targets).sum()
    best = 0
    for cut in range(-1, 5):
        sides = [np.bincount(targets[side], minlength=3).max() for side in (overlap <= cut, overlap > cut)]
        best = max(best, sum(sides))
    assert right == best


def test_overlap_is_of_words_whatever_their_case() -> None:
    pairs = [("Cache the dir", "cache_dir"), ("one", "two"), ("", ""), ("same words", "Words same")]
    assert labels.overlaps(pairs) == pytest.approx([2 / 3, 0, 0, 1])
    line = labels.overlap_threshold(np.array([0.0, 0.5, 1.0]), np.array([1.0, 2.0, 3.0]), np.array([0.25]), 0)
    assert line[0, 0] == pytest.approx(1.5)
    flat = labels.overlap_threshold(np.array([0.5, 0.5]), np.array([1.0, 3.0]), np.array([0.25]), 0)
    assert flat[0, 0] == 0  # the mean of the standardised numbers


@pytest.mark.parametrize("shape", [(3, 8, 6), (1, 70, 33)])
def test_the_nearest_image_is_that_of_scikit_learn(shape: tuple[int, ...]) -> None:
    draw = np.random.default_rng(0)
    train, test = (draw.integers(0, 256, (rows, *shape), dtype=np.uint8) for rows in (40, 25))
    targets = draw.integers(0, 4, 40)
    flat = labels.small(train)
    assert flat.shape[1] <= shape[0] * labels.PIXELS**2
    logits = labels.nearest(flat, targets, lambda some: labels.small(test[some]), 25, 4)
    known = KNeighborsClassifier(1).fit(flat, targets)
    assert logits.argmax(axis=1).tolist() == known.predict(labels.small(test)).tolist()
    assert np.exp(logits).sum(axis=1) == pytest.approx(1)

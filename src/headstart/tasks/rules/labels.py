"""Rules for labels: the most frequent class or the mean, TF-IDF with a linear model, overlap, neighbours.

Every function gives logits of the test rows, (rows, outputs) float64, which the kind of answer scores like
those of a model. Targets are its own: class numbers (rows,), 0 or 1 (rows, classes), numbers (rows,).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np

from headstart.metrics import SMALLEST_PROBABILITY

WORD = re.compile(r"[^\W_]+")  # the parts of snake_case are words
MOST_WEIGHTS = 2_000_000  # of a linear model: words x classes
MOST_WORDS = 50_000
SURE = 10.0  # logit of a class that every training row has
PIXELS = 32  # height and width that images are averaged to
AT_ONCE = 1000  # test images


def most_rows(classes: int) -> int:
    """How many training rows a linear model may have: its cost grows with rows and classes."""
    return min(20_000, max(2_000, 400_000 // max(classes, 1)))


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def majority(targets: np.ndarray, classes: int, rows: int) -> np.ndarray:
    """The frequencies of the classes, whatever the text; of several classes a row the most frequent set."""
    if targets.ndim == 2:
        ((chosen, _),) = Counter(map(tuple, targets.tolist())).most_common(1)
        logits = np.where(np.array(chosen) > 0, SURE, -SURE)
    else:
        logits = np.log((np.bincount(targets, minlength=classes) + 1) / (len(targets) + classes))
    return np.tile(logits, (rows, 1))


def tfidf(
    train: Sequence[str], targets: np.ndarray, test: Sequence[str], classes: int
) -> tuple[np.ndarray, str | None] | None:
    """TF-IDF of words with a linear model, and how many words it is bound to; None where nothing can be
    learnt."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(map(words, train)) or len(np.unique(targets, axis=0)) < 2:
        return None
    analyzer: Any = words  # its types know names alone
    most = min(MOST_WORDS, MOST_WEIGHTS // max(classes, 1))
    vectors = TfidfVectorizer(analyzer=analyzer, max_features=most)
    seen: Any = vectors.fit_transform(train)
    bound = f"the {most:,} most frequent words" if seen.shape[1] == most else None
    return _linear(seen, targets, vectors.transform(test), classes), bound


def _linear(seen: Any, targets: np.ndarray, unseen: Any, classes: int) -> np.ndarray:
    """Logistic regression, one for each class where a row may have several; ridge regression for a number."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if not classes:
        return Ridge().fit(seen, targets).predict(unseen)[:, None]

    def fitted(column: np.ndarray) -> Any:
        with catch_warnings():  # classes with few rows are no mistake here
            simplefilter("ignore", UserWarning)
            return LogisticRegression(max_iter=300).fit(seen, column)

    if targets.ndim == 1:
        model = fitted(targets)
        logits = np.full((unseen.shape[0], classes), np.log(SMALLEST_PROBABILITY))
        logits[:, model.classes_] = model.predict_log_proba(unseen)
        return logits
    columns = [
        fitted(column).decision_function(unseen)
        if np.ptp(column)
        else np.full(unseen.shape[0], SURE if column[0] else -SURE)
        for column in targets.T
    ]
    return np.stack(columns, axis=1)


def overlaps(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """The share of the words of two texts that both have (Jaccard's index): (pairs,)."""
    sets = [(set(words(first)), set(words(second))) for first, second in pairs]
    return np.array([len(a & b) / max(1, len(a | b)) for a, b in sets])


def overlap_threshold(train: np.ndarray, targets: np.ndarray, test: np.ndarray, classes: int) -> np.ndarray:
    """Classes by one threshold of the overlap, the best on the training rows: the frequencies on each side.

    A number (no classes) is a straight line of the overlap.
    """
    if not classes:
        line = np.polynomial.Polynomial.fit(train, targets, 1) if np.ptp(train) else lambda x: 0 * x
        return np.asarray(line(test), dtype=np.float64)[:, None]
    order = np.argsort(train, kind="stable")
    values = train[order]
    below = np.cumsum(np.eye(classes)[targets[order]], axis=0)  # up to and with each row
    above = below[-1] - below
    cut = np.append(np.diff(values) > 0, True)  # equal values stay on one side
    right = np.where(cut, below.max(axis=1) + above.max(axis=1), -1)
    place = int(right.argmax())
    sides = np.stack([below[place], above[place]]) + 1
    logits = np.log(sides / sides.sum(axis=1, keepdims=True))
    return logits[(test > values[place]).astype(int)]


def small(pixels: np.ndarray) -> np.ndarray:
    """Images as rows of numbers, averaged to at most 32 x 32: (images, numbers) float32."""
    step = [max(1, -(-side // PIXELS)) for side in pixels.shape[2:]]
    height, width = (side - side % by for side, by in zip(pixels.shape[2:], step, strict=True))
    cut = pixels[:, :, :height, :width].astype(np.float32)
    blocks = cut.reshape(*cut.shape[:2], height // step[0], step[0], width // step[1], step[1])
    return blocks.mean(axis=(3, 5)).reshape(len(pixels), -1)


def nearest(
    train: np.ndarray, targets: np.ndarray, test: Callable[[slice], np.ndarray], rows: int, classes: int
) -> np.ndarray:
    """The class of the nearest training image, by the squared distance of pixels; `test` reads some rows."""
    logits = np.full((rows, classes), np.log(0.5 / classes))
    lengths = (train**2).sum(axis=1)
    for start in range(0, rows, AT_ONCE):
        some = test(slice(start, start + AT_ONCE))
        closest = (lengths - 2 * some @ train.T).argmin(axis=1)
        logits[start + np.arange(len(some)), targets[closest]] = np.log(0.5 + 0.5 / classes)
    return logits

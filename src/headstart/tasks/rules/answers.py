"""Rules for questions and tags: the most frequent answer, words beside the question's, the tags of words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from headstart.tasks.rules.labels import words

LENGTHS = (1, 2, 3, 5, 8, 12, 20, 30)  # words of an answer
REACH = 5  # words on either side in which those of the question count


def most_frequent(answers: Sequence[str]) -> str:
    """The answer that is given most often; of several the first in the alphabet."""
    counts = Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer))


def beside(question: str, context: str, length: int) -> str:
    """So many words of the context: those beside words of the question, best right behind them.

    A word of the question counts 1 / d at d words before the answer, half of that behind it, -1 inside.
    """
    spans = [match.span() for match in re.finditer(r"\S+", context)]
    if not spans:
        return ""
    asked = set(words(question))
    length = min(length, len(spans))
    hits = np.zeros(len(spans) + 2 * REACH)
    hits[REACH:-REACH] = [any(word in asked for word in words(context[a:b])) for a, b in spans]
    starts = np.arange(len(spans) - length + 1) + REACH
    before = sum(hits[starts - d] / d for d in range(1, REACH + 1))
    behind = sum(hits[starts + length - 1 + d] / (2 * d) for d in range(1, REACH + 1))
    sums = np.concatenate([[0], np.cumsum(hits)])
    first = int((before + behind - (sums[starts + length] - sums[starts])).argmax())
    return context[spans[first][0] : spans[first + length - 1][1]]


def best_length(questions: Sequence[str], contexts: Sequence[str], score: Callable[[int, str], float]) -> int:
    """The number of words that scores highest on these questions; `score` gets the row and the answer."""
    rows = range(len(questions))
    means = [
        np.mean([score(row, beside(questions[row], contexts[row], length)) for row in rows])
        for length in LENGTHS
    ]
    return LENGTHS[int(np.argmax(means))]


def tags_of_words(
    train: Sequence[Sequence[str]], tags: Sequence[Sequence[str]]
) -> tuple[dict[str, str], str]:
    """The most frequent tag of every training word, and that of all of them."""
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for row, own in zip(train, tags, strict=True):
        for word, tag in zip(row, own, strict=True):
            seen[word].append(tag)
    every = most_frequent([tag for own in tags for tag in own])
    return {word: most_frequent(own) for word, own in seen.items()}, every

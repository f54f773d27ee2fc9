"""Answers: how right an answer is, as SQuAD counts it (Rajpurkar et al. 2016)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

ARTICLE = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """Lower case, without punctuation (ASCII), articles and superfluous spaces."""
    return " ".join(ARTICLE.sub(" ", answer.lower().translate(PUNCTUATION)).split())


def exact(answer: str, right: Sequence[str]) -> float:
    """1 when the answer is one of the right ones, else 0; none are right where there is no answer ("")."""
    return max(float(normalised(answer) == normalised(one)) for one in right or [""])


def f1(answer: str, right: Sequence[str]) -> float:
    """Overlap with the right answer that it is closest to: F1 over words, 0..1."""
    return max(_overlap(normalised(answer).split(), normalised(one).split()) for one in right or [""])


def _overlap(words: list[str], right: list[str]) -> float:
    if not words or not right:  # no answer is right when there is none
        return float(words == right)
    same = (Counter(words) & Counter(right)).total()
    return 2 * same / (len(words) + len(right))

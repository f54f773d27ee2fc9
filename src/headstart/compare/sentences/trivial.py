"""Of trivial rules and of chance: what they are called, and which arms are not above them."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare import phrases
from headstart.compare.quantity import Quantity

TITLES = {
    "tfidf": "TF-IDF",
    "overlap": "word overlap",
    "nearest": "nearest image",
    "word_tag": "tag of the word",
    "window": "nearby words",
    "lead": "first words",
    "unigram": "unigrams",
    "five_gram": "5-grams",
}
CHANCE = "chance"


def title(rule: str) -> str:
    return TITLES.get(rule, rule.replace("_", " "))


def how(words: str, bound: str | None, seconds: float) -> str:
    parts = (words, f"on {bound}" if bound else "", f"in {phrases.short(seconds)} s")
    return ", ".join(part for part in parts if part)


def beside(rules: Sequence[tuple[str, str]]) -> str:
    told = "; ".join(f"{name}: {how}" for name, how in rules)
    return f"Trivial rules, fitted on the same training rows (in brackets, their 95 % interval). {told}."


def no_rules(reason: str) -> str:
    return f"No trivial rule stands beside these scores: {reason}."


def over(level: str, score: float) -> str:
    return f"over {level}, {phrases.number(score)}"


def below(level: str, score: float, arms: Sequence[Quantity], every: bool) -> str:
    """'Both arms are below a trivial rule (TF-IDF, 0.493): scratch (...) and ...'."""
    lead = "Both arms are below" if every else "Below"
    return f"{lead} {_level(level, score)}: {_arms(arms)}."


def not_above(level: str, score: float, arms: Sequence[Quantity], every: bool) -> str:
    lead = "Neither arm is shown to be above" if every else "Not shown to be above"
    return f"{lead} {_level(level, score)}: {_arms(arms)}."


def _level(level: str, score: float) -> str:
    told = phrases.number(score)
    return f"chance ({told})" if level == CHANCE else f"a trivial rule ({level}, {told})"


def _arms(arms: Sequence[Quantity]) -> str:
    return phrases.joined(
        [f"{row.arm} ({phrases.number(row.value or 0.0, '+')}{_ends(row)})" for row in arms]
    )


def _ends(row: Quantity) -> str:
    if row.low is None or row.high is None:
        return ""
    return f", 95 % interval {phrases.number(row.low, '+')} to {phrases.number(row.high, '+')}"

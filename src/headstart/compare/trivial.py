"""Trivial: what rules score that cost next to nothing, and whether the arms are above them and above chance.

The difference of an arm and a rule moves with seeds, with test examples (as the arm's score does), and with
the rule's own standard error over the examples. The two answer the same examples, so that their errors mostly
go together: adding both makes the interval wider than it need be, never narrower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs] - scipy has none

from headstart.compare import factors, ranges
from headstart.compare.bounds import Interval
from headstart.compare.pairs import scores_by_side
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.sentences import trivial as sentences
from headstart.compare.statistics.bootstrap import resampled_scores, spread
from headstart.metrics import orient
from headstart.records.fingerprint import digest
from headstart.records.record import Record
from headstart.records.sections import TrivialRules

RESAMPLES = 1000
NORMAL = 1.96  # standard errors on either side of a rule's score: 95 %


@dataclass(frozen=True)
class Level:
    """What an arm should be above: a rule, or chance."""

    key: str  # of the rows that compare with it
    name: str
    score: float
    error: float | None = 0.0  # standard error over the test examples; None: not known


def rules_of(records: Sequence[Record]) -> TrivialRules | None:
    """What is known of rules on the rows of these runs, which are the same; None of earlier records."""
    return next((record.rules for record in records if record.rules is not None), None)


def rows(condition: str, records: Sequence[Record]) -> Rows:
    """The scores of every rule, its time, and chance; of the headline metric first."""
    rules = rules_of(records)
    if rules is None:
        return NO_ROWS
    template, headline = Quantity("", condition), records[0].config["task"]["headline"]
    found: list[Quantity] = []
    for rule in rules.rules:
        note = sentences.how(rule.how, rule.bound, rule.seconds)
        for metric in sorted(rule.scores, key=lambda metric: metric != headline):
            score, error = rule.scores[metric], rule.standard_errors.get(metric)
            ends = Interval(score - NORMAL * error, score + NORMAL * error) if error is not None else None
            row = template.named(f"rule.{rule.name}", metric=metric, note=note)
            found.append(row.at(score, ranges.of_score(ends, metric)))
        found.append(template.named(f"rule_seconds.{rule.name}").at(rule.seconds))
    chance = sorted(rules.chance.items(), key=lambda item: item[0] != headline)
    return Rows([*found, *(template.named("chance", metric=name).at(score) for name, score in chance)])


def notes(groups: Sequence[Sequence[Record]]) -> tuple[str, ...]:
    """Why there are no rules, where the runs say it."""
    known = [rules for records in groups if (rules := rules_of(records))]
    reasons = dict.fromkeys(rules.reason for rules in known if rules.reason)
    return tuple(sentences.no_rules(reason) for reason in reasons if reason)


def against(compared: Compared) -> tuple[Rows, tuple[str, ...]]:
    """Both arms over the best rule and over chance, with intervals; and what the first lines say of it."""
    records = [record for pair in compared.matches for record in pair.sides]
    rules = rules_of(records)
    if rules is None or not compared.pairs:
        return NO_ROWS, ()
    found, lines = list[Quantity](), list[str]()
    sides, arms = _sides(compared), (compared.baseline, compared.arm)
    for level in _levels(rules, compared.headline):
        over = [_over(compared, side, sides[side], level) for side in (0, 1)]
        found += over
        for verdict, say in (("below", sentences.below), ("not above", sentences.not_above)):
            if told := [row for row in over if row.verdict == verdict]:
                named = [replace(row, arm=arms[over.index(row)]) for row in told]
                lines.append(say(level.name, level.score, named, len(told) == len(over)))
    return Rows(found), tuple(lines)


def _levels(rules: TrivialRules, headline: str) -> Iterator[Level]:
    scored = [rule for rule in rules.rules if headline in rule.scores]
    if scored:
        best = max(scored, key=lambda rule: orient(headline) * rule.scores[headline])
        error = best.standard_errors.get(headline)
        yield Level("over_rule", sentences.title(best.name), best.scores[headline], error)
    if headline in rules.chance:
        yield Level("over_chance", sentences.CHANCE, rules.chance[headline])


Side = tuple[np.ndarray, np.ndarray | None]  # oriented scores (pairs,), and on resamples (resamples, pairs)


def _sides(compared: Compared) -> list[Side]:
    matches, headline, answers = compared.matches, compared.headline, compared.answers
    scores = orient(headline) * scores_by_side(matches, headline)
    drawn = None
    if answers is not None and answers.resamples and answers.recomputes(headline):
        drawn = orient(headline) * resampled_scores(answers, headline, _seed(compared), RESAMPLES)
    return [(scores[side], None if drawn is None else drawn[:, side]) for side in (0, 1)]


def _seed(compared: Compared) -> int:
    return int(digest([record.run_id for pair in compared.matches for record in pair.sides]), 16)


def _over(compared: Compared, side: int, scores: Side, level: Level) -> Quantity:
    """An arm's mean score over a level, its interval and a word; neither of one pair or an unsure level."""
    (values, drawn), headline, seed = scores, compared.headline, _seed(compared)
    at = orient(headline) * level.score
    key = level.key if side else f"{level.key}.baseline"
    row = compared.here.named(key, metric=headline).at(float((values - at).mean()))
    row = row.because(sentences.over(level.name, level.score))
    if len(values) < 2 or level.error is None:
        return row
    answers = compared.answers
    groups = answers.units if answers is not None and answers.groups is not None else None
    table = factors.table([pair.sides for pair in compared.matches])
    varied = spread(values - at, None if drawn is None else drawn - at, seed, groups=groups, table=table)
    if varied is None:
        return row
    quantiles = (np.arange(len(varied.draws)) + 0.5) / len(varied.draws)
    own = level.error * np.random.default_rng(seed).permutation(ndtri(quantiles))
    interval = ranges.of_gain(replace(varied, draws=varied.draws + own).interval(), headline)
    word = "below" if interval.high < 0 else "above" if interval.low > 0 else "not above"
    return replace(row.at(row.value, interval), verdict=word)

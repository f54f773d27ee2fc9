"""Remarks: what the first lines must say of the pairs under a verdict, in whole sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from headstart.compare import factors
from headstart.compare.aligned_predictions import Answers
from headstart.compare.pairs import Match, Matching
from headstart.compare.sentences import remarks as sentences

# Dixon's Q for three values at 95 % (Rorabacher 1991): the gap to the nearest one as a part of the range.
DIXON = 0.970
# Scaled median absolute deviations from the median; so few normal values pass 6 in 8 % of studies or fewer.
FAR = 6.0


def remarks(matching: Matching, answers: Answers | None, gains: np.ndarray, margin: float) -> tuple[str, ...]:
    """Everything that is odd about these pairs; `gains` of the headline metric, (pairs,)."""
    if not matching.matches:
        return ()
    lines: list[str] = []
    if scope := sentences.of_these(*factors.few([pair.sides for pair in matching.matches])):
        lines.append(scope)
    if refused := matching.refused:
        first = f"seed {refused[0].seed}, {refused[0].reason}"
        pairs = len(refused) + len(matching.matches)
        lines.append(sentences.left_out(len(refused), pairs, first, matching.survivors_only))
    if matching.said:
        lines.append(sentences.besides(matching.said))
    if answers:
        lines += _collapsed(matching.matches, answers)
    # A mean with a gain that is far from the rest is mostly that of one pair.
    if far := [i for i in outlying(gains) if abs(gains[i] - np.median(gains)) > margin]:
        rest = np.delete(gains, far)
        named = [(matching.matches[i].arm.seed, float(gains[i])) for i in far]
        lines.append(sentences.far(named, (float(rest.min()), float(rest.max()))))
    return tuple(lines)


def _collapsed(matches: Sequence[Match], answers: Answers) -> Iterator[str]:
    """Runs that answer everything alike, and runs that are no better than that while others are."""
    runs = [(side, pair) for side in (0, 1) for pair in range(len(matches))]
    constant = [run for run in runs if answers.is_constant(*run)]
    if constant:
        counts = [sum(side == of for of, _ in constant) for side in (0, 1)]
        yield sentences.collapsed(
            _names(matches, constant), mixed=any(0 < count < len(matches) for count in counts)
        )
    trivial = answers.trivial()
    if trivial is None:
        return
    share, below = trivial
    weak = [run for run in runs if below[run] and run not in constant]
    if weak and len(weak) + len(constant) < len(runs):
        yield sentences.trivial(share, _names(matches, weak))


def _names(matches: Sequence[Match], runs: Sequence[tuple[int, int]]) -> str:
    """'scratch (all 3 runs) and pretrained (seeds 1 and 2)'."""
    told: list[str] = []
    for side in (0, 1):  # one run may be in several pairs
        every = {id(pair.sides[side]) for pair in matches}
        found = {id(run): run for of, pair in runs if of == side for run in [matches[pair].sides[side]]}
        if records := [*found.values()]:
            told.append(sentences.runs_of(records[0].arm, [record.seed for record in records], len(every)))
    return " and ".join(told)


def outlying(values: np.ndarray) -> list[int]:
    """Positions of values that are far from the rest; none of two values.

    Three: Dixon's Q, at 95 %. More: beyond FAR median absolute deviations, scaled to a normal's sd.
    """
    if len(values) < 3:
        return []
    away = np.abs(values - np.median(values))
    if len(values) == 3:
        return [int(away.argmax())] if away.max() > DIXON * np.ptp(values) else []
    return np.flatnonzero(away > FAR * 1.4826 * np.median(away)).tolist()

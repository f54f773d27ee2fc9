"""Remarks: what the first lines must say of the pairs under a verdict, in whole sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from headstart.compare import phrases
from headstart.compare.aligned_predictions import Answers
from headstart.compare.pairs import Match, Matching
from headstart.records.record import Record

MOST = 4  # things of one kind that a sentence names
# Dixon's Q for three values at 95 % (Rorabacher 1991): the gap to the nearest one as a part of the range.
DIXON = 0.970
# Scaled median absolute deviations from the median; so few normal values pass 6 in 8 % of studies or fewer.
FAR = 6.0


def remarks(matching: Matching, answers: Answers | None, gains: np.ndarray, margin: float) -> tuple[str, ...]:
    """Everything that is odd about these pairs; `gains` of the headline metric, (pairs,)."""
    if not matching.matches:
        return ()
    return (
        *_refused(matching),
        *_said(matching),
        *(_collapsed(matching.matches, answers) if answers else ()),
        *_far(matching.matches, gains, margin),
    )


def _refused(matching: Matching) -> Iterator[str]:
    """'1 of 3 pairs is left out, over survivors only: ...', with the first reason."""
    refused = matching.refused
    if not refused:
        return
    total = phrases.plural(len(refused) + len(matching.matches), "pair")
    verb = "is" if len(refused) == 1 else "are"
    lead = "This is over survivors only: " if matching.survivors_only else ""
    more = f"; and {len(refused) - 1} more" if refused[1:] else ""
    first = f"seed {refused[0].seed}, {refused[0].reason}"
    told = f"{lead}{len(refused)} of {total} {verb} left out ({first}{more})."
    yield told[:1].upper() + told[1:]


def _said(matching: Matching) -> Iterator[str]:
    """What differs inside pairs besides the arm and may have changed the answer a little."""
    if matching.said:
        yield f"Besides the arm, pairs differ in {_few(matching.said)}."


def _collapsed(matches: Sequence[Match], answers: Answers) -> Iterator[str]:
    """Runs that answer everything alike, and runs that are no better than that while others are."""
    runs = [(side, pair) for side in (0, 1) for pair in range(len(matches))]
    constant = [run for run in runs if answers.is_constant(*run)]
    if constant:
        yield f"Collapsed, with the same answer to every test example: {_names(matches, constant)}."
    trivial = answers.trivial()
    if trivial is None:
        return
    share, below = trivial
    weak = [run for run in runs if below[run] and run not in constant]
    if weak and len(weak) + len(constant) < len(runs):
        yield (
            f"No better than always giving the most frequent label, which is right in "
            f"{phrases.number(share)} of the test examples: {_names(matches, weak)}."
        )


def _far(matches: Sequence[Match], gains: np.ndarray, margin: float) -> Iterator[str]:
    """Pairs whose gain is far from the rest: such a mean is mostly that of one pair."""
    far = [i for i in outlying(gains) if abs(gains[i] - np.median(gains)) > margin]
    if not far:
        return
    rest = np.delete(gains, far)
    told = [f"seed {matches[i].arm.seed} ({phrases.number(gains[i], '+')})" for i in far]
    ends = " to ".join(dict.fromkeys(phrases.number(end, "+") for end in (rest.min(), rest.max())))
    yield f"The gain of {_few(told)} is far from the rest ({ends}): look at that pair."


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


def _names(matches: Sequence[Match], runs: Sequence[tuple[int, int]]) -> str:
    """'scratch (all 3 runs) and pretrained (seeds 1 and 2)'."""
    told = []
    for side in (0, 1):
        own = [pair for of, pair in runs if of == side]
        records: list[Record] = [matches[pair].sides[side] for pair in own]
        if len(own) == len(matches) > 1:
            told.append(f"{records[0].arm} (all {len(own)} runs)")
        elif own:
            seeds = phrases.joined([str(record.seed) for record in records])
            told.append(f"{records[0].arm} (seed{'s' * (len(own) > 1)} {seeds})")
    return " and ".join(told)


def _few(told: Sequence[str]) -> str:
    more = [f"{len(told) - MOST} more"] if len(told) > MOST else []
    return phrases.joined([*told[:MOST], *more])

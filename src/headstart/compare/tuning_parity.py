"""Tuning parity: in one or two sentences, how both arms of a comparison came to their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headstart.compare.pairs import Match
from headstart.compare.sentences import tuning as sentences
from headstart.compare.settings import own_settings, told
from headstart.compare.tuning import Tuning, tune_of
from headstart.records.record import Record

UNTUNED = sentences.NOT_TUNED
Tuned = Literal["untuned", "freed", "equal", "unequal", "unseen"]


def settings_of(matches: Sequence[Match], condition: str, tuning: Tuning | None) -> tuple[Tuned, str]:
    """How the arms of these pairs were tuned, as a word and as a sentence that says so."""
    if not matches:
        return "untuned", UNTUNED
    tune = tune_of(matches[0].arm)
    if tune is None:
        return _freed(matches)
    if tuning is None:
        return "unseen", sentences.unseen(tune.get("trials"))
    return _by_trials(matches, condition, tuning)


def _freed(matches: Sequence[Match]) -> tuple[Tuned, str]:
    """Of a study without tuning: which settings each arm has for itself."""
    left, right = (_used([pair.sides[side] for pair in matches]) for side in (0, 1))
    if not left:
        return "untuned", UNTUNED
    settings = {
        name: (left.get(name, "none"), right.get(name, "none"))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }
    if not settings:
        return "untuned", sentences.free_but_same(list(left))
    return "freed", sentences.own_settings(settings, (matches[0].baseline.arm, matches[0].arm.arm))


def _used(records: Sequence[Record]) -> dict[str, str]:
    """The free settings of these runs; where they had several values, all of them."""
    every = [own_settings(record) for record in records]
    return {name: " or ".join(dict.fromkeys(each.get(name, "none") for each in every)) for name in every[0]}


def _by_trials(matches: Sequence[Match], condition: str, tuning: Tuning) -> tuple[Tuned, str]:
    """Of a tuned study: whether trials and their runs were as many, and what each arm went on with."""
    names = matches[0].baseline.arm, matches[0].arm.arm
    own = [[t for t in tuning.trials if (t.arm, t.condition) == (name, condition)] for name in names]
    numbers = [len(trials) for trials in own]
    settings = [told(_used([pair.sides[side] for pair in matches])) for side in (0, 1)]
    went_on, space = sentences.chosen(names, settings), list(tuning.space)
    runs = [sum(trial.runs for trial in trials) for trials in own]
    if numbers[0] == numbers[1] and runs[0] == runs[1]:
        return "equal", sentences.equally(numbers[0], space, went_on)
    return "unequal", sentences.unequally(names, numbers, runs, space, went_on)

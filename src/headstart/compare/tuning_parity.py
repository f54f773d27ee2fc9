# pyright: strict
"""Tuning parity: in one or two sentences, how both arms of a comparison came to their settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from headstart.compare.pairs import Match
from headstart.compare.phrases import plural
from headstart.compare.settings import own_settings, told
from headstart.compare.tuning import Tuning, tune_of
from headstart.records.record import Record

UNTUNED = "Not tuned: all arms use the same hyperparameters."
Tuned = Literal["untuned", "freed", "equal", "unequal", "unseen"]


def settings_of(matches: Sequence[Match], condition: str, tuning: Tuning | None) -> tuple[Tuned, str]:
    """How the arms of these pairs were tuned, as a word and as a sentence that says so."""
    if not matches:
        return "untuned", UNTUNED
    tune = tune_of(matches[0].arm)
    if tune is None:
        return _freed(matches)
    if tuning is None:
        asked = f"{tune.get('trials')} trials per arm" if tune.get("trials") else "trials"
        return "unseen", (
            f"Tuned, says the configuration ({asked}), but no trial lies beside this study: "
            "their number and their cost cannot be checked."
        )
    return _by_trials(matches, condition, tuning)


def _freed(matches: Sequence[Match]) -> tuple[Tuned, str]:
    """Of a study without tuning: which settings each arm has for itself."""
    left, right = (_used([pair.sides[side] for pair in matches]) for side in (0, 1))
    differing = [name for name in dict.fromkeys([*left, *right]) if left.get(name) != right.get(name)]
    if not left:
        return "untuned", UNTUNED
    if not differing:
        return "untuned", f"{UNTUNED[:-1]}, though the arms might have differed in {', '.join(left)}."
    names = matches[0].baseline.arm, matches[0].arm.arm
    each = "; ".join(
        f"{name}: {left.get(name, 'none')} for {names[0]}, {right.get(name, 'none')} for {names[1]}"
        for name in differing
    )
    return "freed", f"Not tuned, but each arm has settings of its own ({each}): nothing here chose them."


def _used(records: Sequence[Record]) -> dict[str, str]:
    """The free settings of these runs; where they had several values, all of them."""
    every = [own_settings(record) for record in records]
    return {name: " or ".join(dict.fromkeys(each.get(name, "none") for each in every)) for name in every[0]}


def _by_trials(matches: Sequence[Match], condition: str, tuning: Tuning) -> tuple[Tuned, str]:
    """Of a tuned study: whether trials and their runs were as many, and what each arm went on with."""
    names = matches[0].baseline.arm, matches[0].arm.arm
    own = [[t for t in tuning.trials if (t.arm, t.condition) == (name, condition)] for name in names]
    numbers = [len(trials) for trials in own]
    chosen = [_used([pair.sides[side] for pair in matches]) for side in (0, 1)]
    went = (
        f"both went on with {told(chosen[0])}"
        if chosen[0] == chosen[1]
        else f"{names[0]} went on with {told(chosen[0])}, {names[1]} with {told(chosen[1])}"
    )
    space = ", ".join(tuning.space)
    runs = [sum(trial.runs for trial in trials) for trials in own]
    if numbers[0] == numbers[1] and runs[0] == runs[1]:
        each = f"{plural(numbers[0], 'trial')} per arm over {space}, chosen on validation"
        return "equal", f"Tuned equally: {each}; {went}."
    efforts = [f"{plural(n, 'trial')} ({plural(r, 'run')})" for n, r in zip(numbers, runs, strict=True)]
    each = f"{names[0]} had {efforts[0]}, {names[1]} {efforts[1]} over {space}"
    return "unequal", f"Tuned unequally: {each}; {went}."

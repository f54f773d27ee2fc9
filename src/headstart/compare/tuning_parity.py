"""Fairness: in one or two sentences, how both arms of a comparison came to their settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.compare.pairs import Match
from headstart.compare.settings import own_settings, told
from headstart.compare.tuning import tune_of
from headstart.compare.values.trials import Trial, Tuned, Tuning
from headstart.records.record import Record

UNTUNED = "Untuned: both arms used the same settings, and this study tuned neither."


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


def with_sentence(tuning: Tuning) -> Tuning:
    """The tuning with its sentence: how many trials, of what, and what they cost against the study's runs."""
    counts = dict.fromkeys(tuning.counts.values())
    every = [f"{number} for {arm}" for arm, number in tuning.counts.items()]
    number = f"{_plural(next(iter(counts)), 'trial')} for each arm" if len(counts) == 1 else ", ".join(every)
    space = ", ".join(tuning.space)
    own = sum(cost.study.flops for cost in tuning.costs)
    times = f"{tuning.total.flops / own:.2f} times the FLOPs of the runs that are compared" if own else ""
    cost = f"; the trials cost {times}" if own else ""
    lead = "Tuned equally" if tuning.equal else "Tuned unequally"
    return replace(tuning, sentence=f"{lead}, on validation: {number}, over {space}{cost}.")


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
    return "freed", f"Untuned, but each arm has settings of its own ({each}): nothing here chose them."


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
    if numbers[0] == numbers[1] and _runs(own[0]) == _runs(own[1]):
        each = f"{_plural(numbers[0], 'trial')} per arm over {space}, chosen on validation"
        return "equal", f"Tuned equally: {each}; {went}."
    each = f"{names[0]} had {_effort(own[0])}, {names[1]} {_effort(own[1])} over {space}"
    return "unequal", f"Tuned unequally: {each}; {went}."


def _runs(trials: Sequence[Trial]) -> int:
    return sum(trial.runs for trial in trials)


def _effort(trials: Sequence[Trial]) -> str:
    return f"{_plural(len(trials), 'trial')} ({_plural(_runs(trials), 'run')})"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

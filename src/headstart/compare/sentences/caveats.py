"""Of what would change an answer: more pairs, more examples, a longer budget, another margin."""

from __future__ import annotations

from headstart.compare import phrases

ONE_CHECKPOINT = "the weights are one checkpoint: another pretraining of the same kind may give another gain."
ESTIMATED = "energy is estimated: on a machine with counters the energy, but not the scores, would change."


def to_decide(how: str) -> str:
    return f"to decide: {how.rstrip('.')}."


def nearer_end(end: float) -> str:
    return f"the nearer end of the interval is {phrases.number(end, '+')}: it would have to reach 0."


def smaller_margin(reach: float) -> str:
    return (
        f"a margin below {phrases.short(reach)} would make 'equivalent' undecided or give one arm the lead."
    )


def shrinks_with(what: str, error: float) -> str:
    size = phrases.number(error)
    return f"most of the uncertainty (a standard error of {size}) would shrink with more {what}."


def few_pairs(pairs: int, smallest: float) -> str:
    return (
        f"with {phrases.plural(pairs, 'pair')} an exact two-sided test over seeds cannot reach p < 0.05 "
        f"(smallest: {phrases.short(smallest)})."
    )


def longer_budget(arm: str, other: str, missed: int, pairs: int) -> str:
    return (
        f"within this budget {arm} did not reach the final score of {other} in {missed} of "
        f"{phrases.plural(pairs, 'pair')}; a longer one could change that."
    )

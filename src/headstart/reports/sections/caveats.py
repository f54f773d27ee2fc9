"""What would change the answer: the weak points of a study, one sentence each, most important first."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Comparison, Findings, Gain
from headstart.reports import numbers

FEW = 5  # pairs below which the spread between seeds is itself hardly known


def changers(findings: Findings) -> tuple[str, ...]:
    """Rows that weights met before, the study's own notes, the sentences of each comparison; each once."""
    told = _grouped([(item, line) for item in findings.comparisons for line in _of(item)], findings)
    met = [*findings.met_before, *findings.unchecked]
    own = [line[:1].upper() + line[1:] for line in (*findings.notes, *told)]
    return tuple(dict.fromkeys([*met, *own]))


def _grouped(told: Sequence[tuple[Comparison, str]], findings: Findings) -> list[str]:
    """Each sentence once, led by the comparisons that it is about where these are not all there are."""
    every = [item for item in findings.comparisons if item.gain]
    arms = {item.arm for item in every}
    about: dict[str, list[str]] = {}
    for item, line in told:
        names = [name for name in (item.condition.name, item.arm if len(arms) > 1 else "") if name]
        about.setdefault(line, []).append(", ".join(names))
    return [
        line if len(names) == len(every) == 1 else f"{_everywhere(names, len(every))}: {line}"
        for line, names in about.items()
    ]


def _everywhere(names: Sequence[str], number: int) -> str:
    return f"in all {number} comparisons" if len(names) == number else "; ".join(names)


def _of(item: Comparison) -> list[str]:
    gain = item.gain
    if gain is None:
        return []
    lines = [_decide(gain), _uncertainty(gain), _few(gain), _censored(item), _energy(item)]
    return [line for line in lines if line]


def _decide(gain: Gain) -> str:
    """What an undecided answer waits for, or how far a decided one is from falling."""
    if gain.decide:
        return f"to decide: {gain.decide.rstrip('.')}."
    if gain.interval is None:
        return ""
    low, high = gain.interval.low, gain.interval.high
    if gain.word in ("better", "worse"):
        nearer = low if gain.word == "better" else high
        return f"the nearer end of the interval is {numbers.signed(nearer)}: it would have to reach 0."
    if gain.word == "equivalent" and gain.margin:
        reach = numbers.significant(max(abs(low), abs(high)))
        return f"a margin below {reach} would make 'equivalent' undecided or give one arm the lead."
    return ""


def _uncertainty(gain: Gain) -> str:
    """Whether more seeds or more test examples would narrow the interval."""
    if gain.seed_sd is None or gain.example_se is None or gain.pairs < FEW:
        return ""
    seeds = gain.seed_sd / gain.pairs**0.5
    if max(seeds, gain.example_se) <= 0:
        return ""
    more, share = ("seeds", seeds) if seeds > gain.example_se else ("test examples", gain.example_se)
    error = numbers.score(share)
    return f"most of the uncertainty (a standard error of {error}) would shrink with more {more}."


def _few(gain: Gain) -> str:
    if gain.smallest_p <= 0.05:
        return ""
    pairs = numbers.plural(gain.pairs, "pair")
    smallest = numbers.significant(gain.smallest_p)
    return f"with {pairs} an exact two-sided test over seeds cannot reach p < 0.05 (smallest: {smallest})."


def _censored(item: Comparison) -> str:
    reach = item.baseline_to_arm
    if reach is None or not reach.pairs or reach.reached == reach.pairs:
        return ""
    missed = f"{reach.pairs - reach.reached} of {numbers.plural(reach.pairs, 'pair')}"
    return (
        f"within this budget {reach.runner} did not reach the final score of {reach.target_of} in {missed}; "
        "a longer one could change that."
    )


def _energy(item: Comparison) -> str:
    if item.energy != "estimated":
        return ""
    return "energy is estimated: on a machine with counters the energy figures, not the scores, would change."

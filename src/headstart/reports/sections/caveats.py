"""What would change the answer: the weak points of a study, one sentence each, most important first."""

from __future__ import annotations

from headstart.compare.findings import Comparison, Findings, Gain
from headstart.reports import numbers
from headstart.reports.page import Parts
from headstart.reports.tables import bullets

FEW = 5  # pairs below which the spread between seeds is itself hardly known


def parts(findings: Findings) -> Parts:
    """The sentences as a list."""
    return bullets(changers(findings))


def changers(findings: Findings) -> tuple[str, ...]:
    """Rows that weights met before, the study's own notes, the sentences of each comparison; each once."""
    compared = [item for item in findings.comparisons if item.gain]
    arms = {item.arm for item in compared}
    about: dict[str, list[str]] = {}  # the comparisons that each sentence is about
    for item in compared:
        for line in _of(item):
            names = [name for name in (item.condition.name, item.arm if len(arms) > 1 else "") if name]
            about.setdefault(line, []).append(", ".join(names))
    lines = []
    for line, names in about.items():
        every = len(names) == len(compared)
        lead = f"in all {len(names)} comparisons: " if every else f"{'; '.join(names)}: "
        lines.append(line if every and len(names) == 1 else lead + line)
    own = [line[:1].upper() + line[1:] for line in (*findings.notes, *lines)]
    return tuple(dict.fromkeys([*findings.met_before, *findings.unchecked, *own]))


def _of(item: Comparison) -> list[str]:
    gain, lines = item.gain, []
    if gain is None:
        return []
    lines += [_decide(gain), _uncertainty(gain)]
    if gain.smallest_p > 0.05:
        pairs, smallest = numbers.plural(gain.pairs, "pair"), numbers.significant(gain.smallest_p)
        lines.append(
            f"with {pairs} an exact two-sided test over seeds cannot reach p < 0.05 (smallest: {smallest})."
        )
    reached = item.rows.first("to_target.reached", arm=item.baseline)
    if reached and reached.n and (reached.value or 0) < reached.n:
        missed = f"{numbers.count(reached.n - (reached.value or 0))} of {numbers.plural(reached.n, 'pair')}"
        lines.append(
            f"within this budget {reached.arm} did not reach the final score of {reached.baseline} in "
            f"{missed}; a longer one could change that."
        )
    if item.energy == "estimated":
        lines.append(
            "energy is estimated: on a machine with counters the energy, but not the scores, would change."
        )
    return [line for line in lines if line]


def _decide(gain: Gain) -> str:
    """What would decide an undecided answer, or how far a decided one is from the other side."""
    if gain.decide:
        return f"to decide: {gain.decide.rstrip('.')}."
    if gain.interval is None:
        return ""
    low, high = gain.interval.low, gain.interval.high
    if gain.verdict in ("better", "worse"):
        nearer = low if gain.verdict == "better" else high
        return f"the nearer end of the interval is {numbers.signed(nearer)}: it would have to reach 0."
    if gain.verdict == "equivalent" and gain.margin:
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
    more, error = ("seeds", seeds) if seeds > gain.example_se else ("test examples", gain.example_se)
    return (
        f"most of the uncertainty (a standard error of {numbers.score(error)}) would shrink with more {more}."
    )

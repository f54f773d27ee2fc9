"""Caveats: what would change the answer, the weak points of a study, most important first."""

from __future__ import annotations

from collections.abc import Iterator

from headstart.compare import phrases
from headstart.compare.findings import Comparison, Findings, Gain
from headstart.compare.sentences import caveats as sentences
from headstart.compare.sentences import power as power_sentences
from headstart.compare.statistics.power import may_stay_unseen

FEW = 5  # pairs below which the spread between seeds is itself hardly known


def caveats(findings: Findings) -> tuple[str, ...]:
    """Rows that weights met before, the study's own notes, the sentences of each comparison; each once."""
    compared = [item for item in findings.comparisons if item.gain]
    arms = {item.arm for item in compared}
    about: dict[str, list[str]] = {}  # the comparisons that each sentence is about
    for item in compared:
        for line in _of(item, item.gain) if item.gain else ():
            names = [name for name in (item.condition.name, item.arm if len(arms) > 1 else "") if name]
            about.setdefault(line, []).append(", ".join(names))
    lines: list[str] = []
    for line, names in about.items():
        every = len(names) == len(compared)
        lead = f"in all {len(names)} comparisons: " if every else f"{'; '.join(names)}: "
        lines.append(line if every and len(names) == 1 else lead + line)
    own = map(phrases.capitalised, (*findings.notes, *_one_checkpoint(findings), *lines))
    return tuple(dict.fromkeys([*findings.met_before, *findings.unchecked, *own]))


def _one_checkpoint(findings: Findings) -> Iterator[str]:
    """Published weights are one pretraining of many that there might have been."""
    here = {
        item.arm for item in findings.comparisons if any(p.pretraining_seed is not None for p in item.pairs)
    }
    arms = [start.arm for start in findings.attestations if start.checkpoint and start.arm not in here]
    if arms and not here:
        yield sentences.ONE_CHECKPOINT


def _of(item: Comparison, gain: Gain) -> Iterator[str]:
    yield from _other_verdict(gain)
    if gain.seed_sd is not None and gain.example_se is not None and gain.pairs >= FEW:
        seeds = gain.seed_sd / gain.pairs**0.5
        if max(seeds, gain.example_se) > 0:
            more_seeds = seeds > gain.example_se
            yield sentences.shrinks_with(
                "seeds" if more_seeds else "test examples", max(seeds, gain.example_se)
            )
    if power := item.rows.first("gain.detectable"):
        yield power_sentences.smaller_gains(power.note, gain.pairs, may_stay_unseen(gain.pairs))
    if gain.smallest_p > 0.05:
        yield sentences.few_pairs(gain.pairs, gain.smallest_p)
    reached = item.rows.first("to_target.reached", arm=item.baseline)
    if reached and reached.n and (missed := reached.n - round(reached.value or 0)) > 0:
        yield sentences.longer_budget(reached.arm, reached.baseline, missed, reached.n)
    if item.energy == "estimated":
        yield sentences.ESTIMATED


def _other_verdict(gain: Gain) -> Iterator[str]:
    """What would decide an undecided answer, or how far a decided one is from another."""
    ends = gain.interval
    if gain.decide:
        yield sentences.to_decide(gain.decide)
    elif ends and gain.verdict in ("better", "worse"):
        yield sentences.nearer_end(ends.low if gain.verdict == "better" else ends.high)
    elif ends and gain.verdict == "equivalent" and gain.margin:
        yield sentences.smaller_margin(max(abs(ends.low), abs(ends.high)))

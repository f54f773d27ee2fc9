"""Ranking: all arms of a condition in order, and all comparisons of a study held together by Holm."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Comparison, Findings
from headstart.compare.values.claims import Rank, Ranking
from headstart.metrics import metric_name
from headstart.reports import bounds, numbers
from headstart.reports.page import Cell, Part, Table, cells, columns

HOLM = "Holm: p corrected for all comparisons of this study; a word holds where it is below 0.05."


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """A table of the conditions with more than two arms; else the comparisons as one family, if they are."""
    if findings.rankings:
        metrics = dict.fromkeys(each.metric for each in findings.rankings)
        own = [[each for each in findings.rankings if each.metric == metric] for metric in metrics]
        return tuple(_table(each, arms) for each in own)
    return _family(findings.comparisons, arms)


def title(findings: Findings) -> str:
    """What the section is called."""
    return "The arms in order" if findings.rankings else "All comparisons together"


def chance(p: float | None) -> str:
    """'0.013', '< 0.001', 'unknown'."""
    return "< 0.001" if p is not None and p < 0.001 else numbers.significant(p, 2)


def holds(survives: bool | None) -> str:
    """Whether a word survives the correction; '' where there is nothing to survive."""
    return "" if survives is None else "yes" if survives else "no"


def line(item: Comparison) -> str:
    """One comparison on one line: 'better +0.388 (+0.360 to +0.410), 3 pairs; Holm p 0.013'."""
    gain = item.gain
    if gain is None:
        return "no pair is left"
    span = bounds.ends(gain.interval, numbers.signed)
    told = f"{gain.word} {numbers.signed(gain.gain)} ({span}), {numbers.plural(gain.pairs, 'pair')}"
    found = item.corrected
    if found is None or found.corrected is None:
        return told
    p = chance(found.corrected)
    return f"{told}; not after Holm (p {p})" if found.survives is False else f"{told}; Holm p {p}"


def _table(found: Sequence[Ranking], arms: Sequence[str]) -> Table:
    """The rankings of all conditions that share a metric, one after the other."""
    first, several = found[0], any(each.condition for each in found)
    lead = "Condition | " * several
    names = f"{lead}#Place | Arm | #Test {metric_name(first.metric)} | #95 % interval | #Runs | #Gain"
    order = "Higher is better" if first.higher_is_better else "Lower is better"
    caption = (
        f"{order}. Interval of a score: Student's over runs. Gains are over the baseline, in pairs: only "
        f"these are tested, so two neighbours need not differ. {HOLM}"
    )
    rows = tuple(
        (*cells(*[each.condition] * several), *_rank(rank, arms)) for each in found for rank in each.ranks
    )
    return Table(columns(f"{names} | #95 % interval | Verdict | #p | #Holm p | Holds"), rows, caption)


def _rank(each: Rank, arms: Sequence[str]) -> tuple[Cell, ...]:
    gained = each.gain is not None
    return cells(
        numbers.count(each.place),
        Cell(each.arm, arm=list(arms).index(each.arm) if each.arm in arms else None, strong=True),
        numbers.score(each.score),
        bounds.ends(each.interval, numbers.score),
        numbers.count(each.runs),
        Cell(numbers.signed(each.gain), strong=True) if gained else _absent(each),
        bounds.ends(each.gain_interval, numbers.signed) if gained else "",
        each.word,
        chance(each.p) if gained else "",
        chance(each.corrected) if gained else "",
        holds(each.survives),
    )


def _absent(each: Rank) -> str:
    return "the baseline" if each.is_baseline else "no pair"


def _family(items: Sequence[Comparison], arms: Sequence[str]) -> tuple[Part, ...]:
    """Every comparison with its corrected p; nothing where a study has one."""
    kept = [item for item in items if item.corrected and item.gain]
    if not kept:
        return ()
    several = any(item.condition.name for item in kept)
    names = (
        f"{'Condition | ' * several}Arm | #Gain | #95 % interval | #Pairs | Verdict | #p | #Holm p | Holds"
    )
    rows = tuple(_claim(item, arms, several) for item in kept)
    caption = f"{HOLM} p is that of no difference; of an equivalent arm, that of a gain beyond the margin."
    return (Table(columns(names), rows, caption),)


def _claim(item: Comparison, arms: Sequence[str], several: bool) -> tuple[Cell, ...]:
    gain, found = item.gain, item.corrected
    if gain is None or found is None:
        raise ValueError(f"{item.arm}: a comparison without a gain is no claim")
    return cells(
        *([Cell(item.condition.name)] if several else []),
        Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
        Cell(numbers.signed(gain.gain), strong=True),
        bounds.ends(gain.interval, numbers.signed),
        numbers.count(gain.pairs),
        gain.word,
        chance(found.p),
        chance(found.corrected),
        Cell(holds(found.survives), found.sentence),
    )

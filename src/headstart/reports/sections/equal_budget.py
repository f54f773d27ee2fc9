"""Equal budget: the same pairs again, both arms cut off at the same cost, for each cost."""

from __future__ import annotations

from dataclasses import replace

from headstart.compare.findings import Comparison, Matched
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts, Table
from headstart.reports.tables import table
from headstart.resources import RESOURCES

SHORT = 30  # characters of a remark that may stand twice
NAMES = {key: resource.name for key, resource in RESOURCES.items()} | {
    "target": "quality",
    "converged": "convergence",
}


def parts(item: Comparison) -> Parts:
    """One row per matching; nothing where no curve supports any."""
    if all(match.reason for match in item.matchings):
        return ()
    made = table(
        item.matchings,
        {
            "Both at the same": lambda match: NAMES[match.matching],
            f"#{item.baseline}": lambda match: _unless_refused(match, numbers.score(match.baseline_score)),
            f"#{item.arm}": lambda match: _unless_refused(match, numbers.score(match.arm_score)),
            "#Gain": lambda match: Cell(_unless_refused(match, _gain(match)), strong=not match.reason),
            "#95 % interval": lambda match: _unless_refused(match, _interval(match) or "no interval"),
            "#Pairs": lambda match: numbers.count(match.pairs),
            "Verdict": lambda match: _unless_refused(match, match.word),
            "Remark": lambda match: match.reason or _remark(match),
        },
        f"Validation {metric_name(item.headline)}, both arms read at the same point of their own curves. "
        "Intervals are Student's over pairs: they cover seeds, not validation rows. At the same quality, the "
        "ratio of the FLOPs.",
    )
    return tuple(replace(part, rows=_shortened(part)) for part in made)


def _unless_refused(match: Matched, text: str) -> str:
    return "" if match.reason else text


def _gain(match: Matched) -> str:
    return numbers.bound(match.ratio, numbers.ratio) if match.ratio else numbers.signed(match.gain)


def _interval(match: Matched) -> str:
    if match.ratio:
        return numbers.bound_interval(match.ratio, numbers.ratio)
    return numbers.ends(match.interval, numbers.signed)


def _remark(match: Matched) -> str:
    """What is cut, and whether that is fair."""
    shares = (match.baseline_share, match.arm_share)
    cut = [share for share in shares if share is not None and share < 1]
    if match.unfair:
        return " ".join(["Unfair:", *match.notes])
    lead = [f"{match.cut} is read at {numbers.percent(cut[0])} of its own."] if match.cut and cut else []
    return " ".join([*lead, *match.notes])


def _shortened(made: Table) -> tuple[tuple[Cell, ...], ...]:
    """Neighbours that say the same are one row, 'steps, samples, FLOPs'; a long remark is not repeated."""
    rows: list[tuple[Cell, ...]] = []
    for name, *rest in made.rows:
        if rows and rows[-1][1:] == tuple(rest) and rest[0].text:
            rows[-1] = (Cell(f"{rows[-1][0].text}, {name.text}"), *rest)
        else:
            rows.append((name, *rest))
    remarks = [row[-1].text for row in rows]
    return tuple(
        (*row[:-1], Cell("as above", remark)) if remark == before and len(remark) > SHORT else row
        for row, remark, before in zip(rows, remarks, ["", *remarks], strict=False)
    )

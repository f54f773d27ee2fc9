"""Matchings: the same pairs again, both arms cut off at the same cost, each cost in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headstart.compare.findings import Comparison
from headstart.compare.values.efficiency import Matched
from headstart.metrics import metric_name
from headstart.reports import bounds, numbers
from headstart.reports.page import Cell, Part, Table, cells, columns

SHORT = 30  # characters of a remark that may stand twice
NAMES = {
    "steps": "steps",
    "samples": "samples",
    "tokens": "tokens",
    "flops": "FLOPs",
    "seconds": "time",
    "joules": "energy",
    "target": "quality",
    "converged": "convergence",
}


def parts(item: Comparison) -> tuple[Part, ...]:
    """One row per matching; nothing where no curve supports any."""
    if all(each.reason for each in item.matchings):
        return ()
    metric = metric_name(item.headline)
    sides = f"#{item.baseline} | #{item.arm}"
    names = f"Both at the same | {sides} | #Gain | #95 % interval | #Pairs | Verdict | Remark"
    caption = (
        f"Validation {metric}, both arms read at the same point of their own curves. Intervals are Student's "
        "over pairs: they cover seeds, not validation rows. At the same quality, the ratio of the FLOPs."
    )
    rows = _together([_row(each) for each in item.matchings])
    return (Table(columns(names), tuple(_shortened(rows)), caption),)


def _together(rows: Sequence[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Neighbours that say the same in every cell are one row: 'steps, samples, tokens, FLOPs'."""
    found: list[tuple[Cell, ...]] = []
    for name, *rest in rows:
        if found and found[-1][1:] == tuple(rest) and rest[0].text:
            found[-1] = (Cell(f"{found[-1][0].text}, {name.text}"), *rest)
        else:
            found.append((name, *rest))
    return found


def _shortened(rows: Sequence[tuple[Cell, ...]]) -> Iterator[tuple[Cell, ...]]:
    """A remark that the row before has as well is not said again."""
    before = ""
    for *rest, remark in rows:
        again = remark.text == before and len(before) > SHORT
        yield (*rest, Cell("as above", before) if again else remark)
        before = remark.text


def _row(each: Matched) -> tuple[Cell, ...]:
    if each.reason:
        return cells(NAMES[each.matching], "", "", "", "", numbers.count(each.pairs), "", each.reason)
    gain, span = (numbers.signed(each.gain), bounds.ends(each.interval, numbers.signed))
    if each.ratio:
        gain, span = (
            bounds.value(each.ratio, numbers.ratio),
            bounds.interval(each.ratio, numbers.ratio),
        )
    return cells(
        NAMES[each.matching],
        numbers.score(each.baseline_score),
        numbers.score(each.arm_score),
        Cell(gain, strong=True),
        span or "no interval",
        numbers.count(each.pairs),
        each.word,
        " ".join(_remarks(each)),
    )


def _remarks(each: Matched) -> Sequence[str]:
    """What is cut, and whether that is fair."""
    shares = (each.baseline_share, each.arm_share)
    known = [share for share in shares if share is not None and share < 1]
    cut = f"{each.cut} is read at {numbers.percent(known[0])} of its own." if each.cut and known else ""
    lead = "Unfair:" if each.unfair else ""
    return [line for line in (lead, "" if each.unfair else cut, *each.notes) if line]

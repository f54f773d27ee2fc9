"""Tuning: how the arms were tuned, what won, what the trials cost and what a few would have found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from headstart.compare.findings import Findings, Total, Tuning
from headstart.compare.settings import told
from headstart.compare.values.trials import ExpectedBest, Trial, TuningCost
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import (
    Bullets,
    Cell,
    Figure,
    Gallery,
    Part,
    Table,
    Text,
    cells,
    columns,
)

BAND = "Band: the best of so many trials in 95 of 100 orders of these trials."
SURE = (
    "Dashed: the ends of an exact 95 % interval for the median best of as many new random trials, where "
    "these trials bound it."
)


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """The section; nothing for a study that tuned nothing, or has no trials beside it."""
    found = findings.tuning
    if found is None:
        return ()
    return (
        Text(found.sentence),
        _fair(found),
        *_winners(found, arms),
        _costs(found, arms),
        *_expected(found, arms),
        *((Bullets(found.notes),) if found.notes else ()),
    )


def line(findings: Findings) -> str:
    """What the terminal says of it; '' when nothing was tuned."""
    return findings.tuning.sentence if findings.tuning else ""


def _fair(found: Tuning) -> Text:
    """How the trials were chosen, and whether the arms had the same ones."""
    space = "; ".join(f"{name}: {values}" for name, values in found.space.items())
    same = "the same" if found.same_candidates else "not the same"
    seeds = ", ".join(map(str, found.seeds)) or "none"
    return Text(
        f"Sampler {found.sampler} over {space}. The arms tried {same} candidates, with "
        f"tuning seed{'s' * (len(found.seeds) > 1)} {seeds}. Trials see validation rows, never test rows.",
        "note",
    )


def _winners(found: Tuning, arms: Sequence[str]) -> tuple[Part, ...]:
    if not found.winners:
        return ()
    several = len({each.condition for each in found.trials}) > 1
    lead = "Condition | " if several else ""
    score = f"#Validation {metric_name(found.metric)}"
    order = [cost.arm for cost in found.costs]
    won = sorted(found.winners, key=lambda each: (_place(each.condition, found), order.index(each.arm)))
    rows = tuple(_winner(each, found, arms, several) for each in won)
    caption = (
        "The settings that each arm went on with. A score that won among trials is too good a forecast of "
        "the next run: the test scores above are of runs with other seeds."
    )
    names = columns(f"{lead}Arm | Went on with | {score} | #All trials | #Trials | #Without a score")
    return (Table(names, rows, caption),)


def _place(condition: str, found: Tuning) -> int:
    """The place of a condition in the order of the trials."""
    return [each.condition for each in found.trials].index(condition)


def _winner(each: Trial, found: Tuning, arms: Sequence[str], several: bool) -> tuple[Cell, ...]:
    own = [one for one in found.trials if (one.arm, one.condition) == (each.arm, each.condition)]
    scores = [one.score for one in own if one.score is not None]
    spread = numbers.interval(min(scores), max(scores)) if scores else numbers.UNKNOWN
    return cells(
        *([Cell(each.condition)] if several else []),
        _arm(each.arm, arms),
        told(each.settings),
        Cell(
            numbers.score(each.score),
            f"mean over {numbers.plural(each.runs, 'tuning seed')}",
            strong=True,
        ),
        Cell(spread, "lowest to highest trial"),
        numbers.count(len(own)),
        numbers.count(len(own) - len(scores)),
    )


def _costs(found: Tuning, arms: Sequence[str]) -> Table:
    names = "Arm | #Runs of trials | #FLOPs | #Time | #Energy | #FLOPs of its study runs | #Trials / study"
    rows = tuple(_cost(each, arms) for each in found.costs)
    caption = "What the tuning cost, all phases, trials that diverged among them. It is in the study's total."
    return Table(columns(names), rows, caption)


def _cost(each: TuningCost, arms: Sequence[str]) -> tuple[Cell, ...]:
    return cells(
        _arm(each.arm, arms),
        numbers.count(each.total.runs),
        _flops(each.total),
        numbers.seconds(each.total.seconds),
        _energy(each.total),
        _flops(each.study),
        Cell(numbers.ratio(each.times), "FLOPs of the trials / FLOPs of the runs that are compared"),
    )


def _flops(total: Total) -> str:
    return numbers.flops(total.flops, lower_bound=total.flops_lower_bound)


def _energy(total: Total) -> str:
    """Measured and estimated joules side by side, never added."""
    told_apart = (("measured", total.joules_measured), ("estimated", total.joules_estimated))
    known = [f"{numbers.energy(joules)} ({how})" for how, joules in told_apart if joules is not None]
    return " and ".join(known) or "not measured"


def _expected(found: Tuning, arms: Sequence[str]) -> tuple[Part, ...]:
    """One chart per condition; a single trial has no curve."""
    drawn = [each for each in found.best if len(each.trials) > 1]
    if not drawn:
        return ()
    conditions = list(dict.fromkeys(each.condition for each in drawn))
    figures = tuple(
        _figure(place, [each for each in drawn if each.condition == name], arms)
        for place, name in enumerate(conditions)
    )
    shown = (Gallery(figures, columns=2),) if len(figures) > 1 else figures
    return (*shown, Text(f"{BAND} {_new(drawn)}", "note"))


def _new(drawn: Sequence[ExpectedBest]) -> str:
    """What the chart says of trials that were never run."""
    if any(end is not None for each in drawn for end in (*each.sure_low, *each.sure_high)):
        return SURE
    return "Nothing is said of trials that were not run."


def _figure(place: int, drawn: Sequence[ExpectedBest], arms: Sequence[str]) -> Figure:
    where = f", {drawn[0].condition}" if drawn[0].condition else ""
    words = "; ".join(_words(each) for each in drawn)
    title = f"Best validation {metric_name(drawn[0].metric)} to expect of so many trials{where}"
    return Figure(f"tuning-{place}", title, f"{words}.", chart(drawn, arms))


def _words(each: ExpectedBest) -> str:
    first, last = numbers.score(each.expected[0]), numbers.score(each.expected[-1])
    lost = f", {each.failed} without a score" if each.failed else ""
    return f"{each.arm}: {first} with 1 trial, {last} with {len(each.trials)}{lost}"


def chart(drawn: Sequence[ExpectedBest], arms: Sequence[str]) -> style.Spec:
    """Expected best against trials, with the band of orders; the sure band, where there is one, is dashed."""
    rows = [row for each in drawn for row in _rows(each)]
    whole = alt.Axis(values=list(range(1, max(len(each.trials) for each in drawn) + 1)), grid=False)
    base = style.chart(rows).encode(
        x=alt.X("trials:Q", title="Trials", axis=whole, scale=style.tight(1)), color=style.colour(arms)
    )
    title = f"{metric_title(drawn[0].metric)} on validation"
    band = base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    line = base.mark_line(strokeWidth=2.25).encode(y=alt.Y("expected:Q", scale=alt.Scale(zero=False)))
    told_by = style.tips(
        arm="Arm", trials="Trials", text="Expected best", range="95 of 100 orders", flops="FLOPs"
    )
    dots = base.mark_point(size=40, filled=True, opacity=1).encode(
        y=alt.Y("expected:Q"), shape=style.shape(arms), tooltip=told_by
    )
    sure = [
        _sure(base, end) for end in ("sure_low", "sure_high") if any(row[end] is not None for row in rows)
    ]
    return style.spec(alt.layer(band, *sure, line, dots), height=220)


def _sure(base: alt.Chart, end: str) -> alt.Chart:
    dashed = base.mark_line(strokeWidth=1.25, strokeDash=[3, 3])
    return dashed.encode(y=alt.Y(f"{end}:Q")).transform_filter(f"isValid(datum.{end})")


def _rows(each: ExpectedBest) -> style.Rows:
    ends = zip(
        each.trials,
        each.expected,
        each.low,
        each.high,
        each.sure_low,
        each.sure_high,
        each.flops,
        strict=True,
    )
    return [_row(each.arm, *point) for point in ends]


def _row(
    arm: str, trials: int, expected: float, low: float, high: float, sure_low: float | None,
    sure_high: float | None, flops: float,
) -> dict[str, Any]:  # fmt: skip
    return {
        "arm": arm,
        "trials": trials,
        "expected": expected,
        "low": low,
        "high": high,
        "sure_low": sure_low,
        "sure_high": sure_high,
        "text": numbers.score(expected),
        "range": numbers.interval(low, high),
        "flops": numbers.flops(flops),
    }


def _arm(name: str, arms: Sequence[str]) -> Cell:
    return Cell(name, arm=list(arms).index(name) if name in arms else None, strong=True)

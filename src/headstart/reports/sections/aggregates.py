"""Aggregates: one arm against the baseline over many conditions, with performance profiles."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from headstart.compare.findings import Findings
from headstart.compare.values.claims import Aggregate, Estimate, Profile
from headstart.reports import bounds, numbers
from headstart.reports.charts import style
from headstart.reports.page import Bullets, Cell, Figure, Gallery, Part, Table, Text, cells, columns

NUMBERS = {
    "baseline_iqm": ("Interquartile mean of {baseline}", numbers.score),
    "arm_iqm": ("Interquartile mean of {arm}", numbers.score),
    "iqm_gain": ("Gain in the interquartile mean", numbers.signed),
    "mean_gain": ("Mean gain", numbers.signed),
    "improvement": ("P(a run of {arm} beats one of {baseline})", numbers.percent),
}


def parts(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """A table and a profile per arm; of arms for which it is refused, the reason."""
    told = [each for each in findings.aggregates if not each.reason]
    refused = tuple(f"{each.arm}: {each.reason}." for each in findings.aggregates if each.reason)
    if not told:
        return ()
    figures = tuple(_figure(each, arms) for each in told if each.profiles)
    notes = tuple(dict.fromkeys([*(note for each in told for note in each.notes), *refused]))
    return (
        _table(told, arms),
        *(Text(_scope(each), "note") for each in told),
        *((Gallery(figures, columns=2),) if figures else ()),
        *((Bullets(notes),) if notes else ()),
    )


def _scope(each: Aggregate) -> str:
    pairs = ", ".join(dict.fromkeys(map(str, each.pairs)))
    return f"{each.arm}: {len(each.conditions)} conditions with {pairs} pairs each; scores: {each.scale}."


def _table(told: Sequence[Aggregate], arms: Sequence[str]) -> Table:
    rows = tuple(
        cells(
            Cell(each.arm, arm=list(arms).index(each.arm) if each.arm in arms else None, strong=True),
            name.format(arm=each.arm, baseline=each.baseline),
            *_estimate(getattr(each, key), form),
            numbers.count(sum(each.pairs)),
        )
        for each in told
        for key, (name, form) in NUMBERS.items()
    )
    caption = "Over all conditions; the interquartile mean is that of the middle half of all runs."
    return Table(columns("Arm | What | #Value | #95 % interval | #Pairs"), rows, caption)


def _estimate(found: Estimate | None, form: bounds.Form) -> tuple[Cell, Cell]:
    if found is None:
        return Cell(numbers.UNKNOWN), Cell("")
    return Cell(form(found.value), strong=True), Cell(bounds.ends(found.interval, form))


def _figure(each: Aggregate, arms: Sequence[str]) -> Figure:
    title = f"Share of the runs above each score: {each.arm} and {each.baseline}"
    words = "A curve that lies above the other belongs to the better arm. Band: pointwise 95 % interval."
    place = list(arms).index(each.arm) if each.arm in arms else 0
    return Figure(f"profile-{place}", title, words, chart(each.profiles, arms))


def chart(profiles: Sequence[Profile], arms: Sequence[str]) -> style.Spec:
    """Performance profiles: share of all runs above tau, with bands where there are intervals."""
    rows = [row for each in profiles for row in _rows(each)]
    base = style.chart(rows).encode(
        x=alt.X("tau:Q", title="Score", scale=alt.Scale(nice=False), axis=alt.Axis(grid=False, tickCount=5)),
        color=style.colour(arms),
    )
    percent = alt.Axis(format="~%", tickCount=5)
    title = "Share of runs above it"
    y = alt.Y("share:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=percent)
    band = base.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    band = band.transform_filter("isValid(datum.low) && isValid(datum.high)")
    tips = style.tips(arm="Arm", score="Score", text="Share above it", interval="95 % interval")
    line = base.mark_line(strokeWidth=2.25).encode(y=y)
    hover = base.mark_point(size=60, opacity=0).encode(y=y, tooltip=tips)
    return style.spec(alt.layer(band, line, hover), height=240)


def _rows(each: Profile) -> style.Rows:
    points = zip(each.taus, each.shares, each.low, each.high, strict=True)
    return [
        {
            "arm": each.arm,
            "tau": tau,
            "share": share,
            "low": low,
            "high": high,
            "score": numbers.score(tau),
            "text": numbers.percent(share),
            "interval": f"{numbers.percent(low)} to {numbers.percent(high)}" if low is not None else "none",
        }
        for tau, share, low, high in points
    ]

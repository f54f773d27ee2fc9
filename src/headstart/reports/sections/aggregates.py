"""Aggregates: one arm against the baseline over many conditions, with performance profiles."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Findings, Profile
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Figure, Parts, Text
from headstart.reports.tables import bullets, gallery, of_rows

ABOVE = "A curve that lies above the other belongs to the better arm. Band: pointwise 95 % interval."


def parts(findings: Findings) -> Parts:
    """A table and a profile per arm; of arms for which there is none, the reason."""
    shown = [aggregate for aggregate in findings.aggregates if not aggregate.reason]
    if not shown:
        return ()
    refused = [f"{each.arm}: {each.reason}." for each in findings.aggregates if each.reason]
    rows = [row for each in shown for row in findings.rows.select("aggregate.*", arm=each.arm)]
    scopes, figures = [], []
    for index, each in enumerate(shown):
        pairs = ", ".join(dict.fromkeys(map(str, each.pairs)))
        scope = (
            f"{each.arm}: {len(each.conditions)} conditions with {pairs} pairs each; scores: {each.scale}."
        )
        scopes.append(Text(scope, "note"))
        title = f"Share of the runs above each score: {each.arm} and {each.baseline}"
        if each.profiles:
            figures.append(Figure(f"profile-{index}", title, ABOVE, chart(each.profiles)))
    return (
        *of_rows(
            type(findings.rows)(rows),
            "aggregate.*",
            ("arm", "label", "value", "interval", "n"),
            "Over all conditions; the interquartile mean is that of the middle half of all runs.",
            by=("arm", "key"),
        ),
        *scopes,
        *gallery(figures),
        *bullets([*(note for each in shown for note in each.notes), *refused]),
    )


def chart(profiles: Sequence[Profile]) -> style.Spec:
    """Performance profiles: share of all runs above tau, with bands where there are intervals."""
    rows = [
        {
            "arm": each.arm, "tau": tau, "mean": share, "low": low, "high": high,
            "score": numbers.score(tau), "text": numbers.percent(share),
            "interval": "none" if low is None else numbers.span(low, high, numbers.percent),
        }
        for each in profiles
        for tau, share, low, high in zip(each.taus, each.shares, each.low, each.high, strict=True)
    ]  # fmt: skip
    x = field("tau:Q", title="Score", scale={"nice": False}, axis={"grid": False, "tickCount": 5})
    title = "Share of runs above it"
    axis = {"format": "~%", "tickCount": 5}
    y = field("mean:Q", title=title, scale={"domain": [0, 1]}, axis=axis)
    tips = {"arm": "Arm", "score": "Score", "text": "Share above it", "interval": "95 % interval"}
    return style.lines(rows, x, title, tips, spread="band", dot=0, y=y)

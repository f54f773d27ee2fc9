"""Tuning: how the arms were tuned, the chosen settings, the cost of the trials, and the best to expect."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import Findings
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Gallery, Parts, Text
from headstart.reports.tables import Line, bullets, lines_of, of_rows, under

BAND = "Band: the best of so many trials in 95 of 100 orders of these trials."
SURE = (
    "Dashed: the ends of an exact 95 % interval for the median best of as many new random trials, where "
    "these trials bound it."
)


def parts(findings: Findings) -> Parts:
    """The section; nothing for a study that tuned nothing, or has no trials beside it."""
    tuning = findings.tuning
    if tuning is None:
        return ()
    space = "; ".join(f"{name}: {values}" for name, values in tuning.space.items())
    same = "the same" if tuning.same_candidates else "not the same"
    seeds = ", ".join(map(str, tuning.seeds)) or "none"
    how = (
        f"Sampler {tuning.sampler} over {space}. The arms tried {same} candidates, with tuning "
        f"seed{'s' * (len(tuning.seeds) > 1)} {seeds}. Trials see validation rows, never test rows."
    )
    return (
        Text(tuning.sentence),
        Text(how, "note"),
        *_winners(findings, tuning.metric),
        *_costs(findings),
        *_expected(findings),
        *bullets(tuning.notes),
    )


def _winners(findings: Findings, metric: str) -> Parts:
    def score(line: Line) -> Cell:
        seeds = numbers.plural(line.first.n or 0, "tuning seed")
        return Cell(numbers.value_text(line.first), f"mean over {seeds}", strong=True)

    return of_rows(
        findings.rows,
        "tuning.winner",
        (
            "condition",
            "arm",
            ("Chosen settings", lambda line: line.first.note),
            (f"#Validation {metric_name(metric)}", score),
            (
                "#All trials",
                lambda line: Cell(numbers.value_text(line.row("tuning.scores")), "lowest to highest trial"),
            ),
            ("#Trials", lambda line: numbers.count(line.row("tuning.scores").n)),
            under("#Without a score", "tuning.without_score"),
        ),
        "The settings of each arm's runs. The best score among trials is too good a forecast of the next "
        "run: the test scores above are of runs with other seeds.",
    )


def _costs(findings: Findings) -> Parts:
    def energy(line: Line) -> str:
        """Measured and estimated joules side by side, never added."""
        both = {how: line.row(f"tuning.joules_{how}") for how in ("measured", "estimated")}
        known = [f"{numbers.value_text(row)} ({how})" for how, row in both.items() if row.known]
        return " and ".join(known) or "not measured"

    return of_rows(
        findings.rows,
        "tuning.flops",
        (
            "arm",
            ("#Runs of trials", lambda line: numbers.count(line.first.n)),
            under("#FLOPs", "tuning.flops"),
            under("#Time", "tuning.seconds"),
            ("#Energy", energy),
            under("#FLOPs of its study runs", "tuning.study_flops"),
            under("#Trials / study", "tuning.flops_ratio"),
        ),
        "What the tuning cost, all phases, trials that diverged included. It is part of the study's total.",
    )


def _expected(findings: Findings) -> Parts:
    """One chart per condition; a single trial has no curve."""
    curves = [
        lines
        for rows in findings.rows.by("condition").values()
        for own in rows.by("arm").values()
        if len(lines := lines_of(own, "tuning.expected_best.*")) > 1
    ]
    if not curves:
        return ()
    figures = []
    for index, condition in enumerate(dict.fromkeys(lines[0].first.condition for lines in curves)):
        drawn = [lines for lines in curves if lines[0].first.condition == condition]
        title = f"Best validation {metric_name(drawn[0][0].first.metric)} to expect of so many trials"
        title += f", {condition}" if condition else ""
        told: list[str] = []
        for lines in drawn:
            first, last = (numbers.value_text(line.first) for line in (lines[0], lines[-1]))
            failed = lines[0].row("tuning.without_score")
            lost = f", {numbers.value_text(failed)} without a score" if failed.value else ""
            told.append(f"{lines[0].first.arm}: {first} with 1 trial, {last} with {lines[-1].part}{lost}")
        figures.append(Figure(f"tuning-{index}", title, f"{'; '.join(told)}.", chart(drawn)))
    shown: Parts = (Gallery(tuple(figures), columns=2),) if len(figures) > 1 else tuple(figures)
    bounded = any(line.first.level for lines in curves for line in lines)
    note = SURE if bounded else "Nothing is said of trials that were not run."
    return (*shown, Text(f"{BAND} {note}", "note"))


def chart(curves: Sequence[Sequence[Line]]) -> style.Spec:
    """Expected best against trials, with the band of orders; the exact interval, where it is, is dashed."""
    points: style.Rows = []
    for line in (line for lines in curves for line in lines):
        best, orders = line.first, line.row("tuning.orders.*")
        points.append(
            style.point(
                best, trials=best.n, low=orders.low, high=orders.high, sure_low=best.low, sure_high=best.high,
                range=numbers.value_text(orders), flops=numbers.value_text(line.row("tuning.spent.*")),
            )
        )  # fmt: skip
    numbered = list(range(1, max(point["trials"] for point in points) + 1))
    whole = {"values": numbered, "format": "d", "grid": False}
    x = field("trials:Q", title="Trials", axis=whole, scale={"nice": False, "domainMin": 1})
    title = f"{metric_title(curves[0][0].first.metric)} on validation"
    sure = [
        style.chart(points)
        .mark("line", strokeWidth=1.25, strokeDash=[3, 3])
        .encode(x=x, color=style.ARM, y=field(f"{end}:Q", title=title))
        .where(f"isValid(datum.{end})")
        for end in ("sure_low", "sure_high")
        if any(point[end] is not None for point in points)
    ]
    tips = {"arm": "Arm", "trials": "Trials", "text": "Expected best", "range": "95 of 100 orders",
            "flops": "FLOPs"}  # fmt: skip
    return style.lines(points, x, title, tips, spread="band", dot=40, below=sure, height=220)

"""Tuning: how the arms were tuned, the chosen settings, the cost of the trials, and the best to expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from headstart.compare.findings import ExpectedBest, Findings, Total, Trial, Tuning
from headstart.compare.settings import told
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Gallery, Parts, Text
from headstart.reports.tables import OF_ARM, arm_cell, bullets, table

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
        *_winners(tuning),
        *_costs(tuning),
        *_expected(tuning),
        *bullets(tuning.notes),
    )


def _winners(tuning: Tuning) -> Parts:
    arms = [cost.arm for cost in tuning.costs]
    conditions = [trial.condition for trial in tuning.trials]

    def own(winner: Trial) -> list[float | None]:
        """The scores of all trials of its arm and condition."""
        place = (winner.arm, winner.condition)
        return [trial.score for trial in tuning.trials if (trial.arm, trial.condition) == place]

    def spread(winner: Trial) -> str:
        scores = [score for score in own(winner) if score is not None]
        return numbers.span(min(scores), max(scores), numbers.score) if scores else numbers.UNKNOWN

    return table(
        sorted(tuning.winners, key=lambda trial: (conditions.index(trial.condition), arms.index(trial.arm))),
        OF_ARM
        | {
            "Chosen settings": lambda winner: told(winner.settings),
            f"#Validation {metric_name(tuning.metric)}": lambda winner: Cell(
                numbers.score(winner.score),
                f"mean over {numbers.plural(winner.runs, 'tuning seed')}",
                strong=True,
            ),
            "#All trials": lambda winner: Cell(spread(winner), "lowest to highest trial"),
            "#Trials": lambda winner: numbers.count(len(own(winner))),
            "#Without a score": lambda winner: numbers.count(own(winner).count(None)),
        },
        "The settings of each arm's runs. The best score among trials is too good a forecast of the next "
        "run: the test scores above are of runs with other seeds.",
    )


def _costs(tuning: Tuning) -> Parts:
    def flops(total: Total) -> str:
        return numbers.flops(total.flops, lower_bound=total.flops_lower_bound)

    return table(
        tuning.costs,
        {
            "Arm": lambda cost: arm_cell(cost.arm),
            "#Runs of trials": lambda cost: numbers.count(cost.total.runs),
            "#FLOPs": lambda cost: flops(cost.total),
            "#Time": lambda cost: numbers.seconds(cost.total.seconds),
            "#Energy": lambda cost: _energy(cost.total),
            "#FLOPs of its study runs": lambda cost: flops(cost.study),
            "#Trials / study": lambda cost: Cell(
                numbers.ratio(cost.times), "FLOPs of the trials / FLOPs of the runs that are compared"
            ),
        },
        "What the tuning cost, all phases, trials that diverged included. It is part of the study's total.",
    )


def _energy(total: Total) -> str:
    """Measured and estimated joules side by side, never added."""
    both = {"measured": total.joules_measured, "estimated": total.joules_estimated}
    known = [f"{numbers.energy(joules)} ({how})" for how, joules in both.items() if joules is not None]
    return " and ".join(known) or "not measured"


def _expected(tuning: Tuning) -> Parts:
    """One chart per condition; a single trial has no curve."""
    drawn = [best for best in tuning.best if len(best.trials) > 1]
    if not drawn:
        return ()
    figures = []
    for index, condition in enumerate(dict.fromkeys(best.condition for best in drawn)):
        own = [best for best in drawn if best.condition == condition]
        title = f"Best validation {metric_name(own[0].metric)} to expect of so many trials"
        title += f", {condition}" if condition else ""
        texts = [
            f"{best.arm}: {numbers.score(best.expected[0])} with 1 trial, {numbers.score(best.expected[-1])} "
            f"with {len(best.trials)}" + (f", {best.failed} without a score" if best.failed else "")
            for best in own
        ]
        figures.append(Figure(f"tuning-{index}", title, f"{'; '.join(texts)}.", chart(own)))
    shown: Parts = (Gallery(tuple(figures), columns=2),) if len(figures) > 1 else tuple(figures)
    bounded = any(end is not None for best in drawn for end in (*best.sure_low, *best.sure_high))
    note = SURE if bounded else "Nothing is said of trials that were not run."
    return (*shown, Text(f"{BAND} {note}", "note"))


def chart(drawn: Sequence[ExpectedBest]) -> style.Spec:
    """Expected best against trials, with the band of orders; the exact interval, where it is, is dashed."""
    rows: list[dict[str, Any]] = [
        {
            "arm": best.arm, "trials": trials, "mean": expected, "low": low, "high": high,
            "sure_low": sure_low, "sure_high": sure_high, "text": numbers.score(expected),
            "range": numbers.span(low, high, numbers.score), "flops": numbers.flops(flops),
        }
        for best in drawn
        for trials, expected, low, high, sure_low, sure_high, flops in zip(
            best.trials, best.expected, best.low, best.high, best.sure_low, best.sure_high, best.flops,
            strict=True,
        )
    ]  # fmt: skip
    whole = alt.Axis(values=list(range(1, max(row["trials"] for row in rows) + 1)), grid=False)
    x = alt.X("trials:Q", title="Trials", axis=whole, scale=alt.Scale(nice=False, domainMin=1))
    title = f"{metric_title(drawn[0].metric)} on validation"
    sure = [
        style.chart(rows)
        .mark_line(strokeWidth=1.25, strokeDash=[3, 3])
        .encode(x=x, color=style.ARM, y=alt.Y(f"{end}:Q", title=title))
        .transform_filter(f"isValid(datum.{end})")
        for end in ("sure_low", "sure_high")
        if any(row[end] is not None for row in rows)
    ]
    tips = {"arm": "Arm", "trials": "Trials", "text": "Expected best", "range": "95 of 100 orders",
            "flops": "FLOPs"}  # fmt: skip
    return style.lines(rows, x, title, tips, spread="band", dot=40, below=sure, height=220)

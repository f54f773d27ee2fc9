"""Summary: the answer as one table and one chart: every arm's score, gain and cost, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from headstart.compare.findings import Comparison, Findings
from headstart.compare.quantity import NO_ROWS, Quantity
from headstart.compare.sentences import trivial
from headstart.metrics import metric_name, orient
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Parts, Table, Text
from headstart.reports.tables import Line, bullets, first_of, number, of_rows, source, table

MOST_VALUES = 40  # of a setting that is varied
DRAWN = ("pretraining seed", "draw of the rows", "seed")
STATES = ("finished", "diverged", "failed", "interrupted")


def labels_of(items: Iterable[Comparison | Quantity]) -> list[str]:
    """A short name per comparison or gain: what tells it from the others."""
    places = [
        (item.condition if isinstance(item, Quantity) else item.condition.name, item.arm) for item in items
    ]
    several = len({arm for _, arm in places}) > 1
    return [
        ", ".join(name for name in (condition, arm if several or not condition else "") if name)
        for condition, arm in places
    ]


def varied(findings: Findings) -> str:
    """'size: 64 rows, 256 rows; seed: 0, 1, 2': what differs between the runs of a study, beside the arm."""
    values: dict[str, dict[str, None]] = {}
    for item in findings.comparisons:
        for name, value in item.condition.settings.items():
            values.setdefault(name, {})[value] = None
        for pair in item.pairs:
            drawn = zip(DRAWN, (pair.pretraining_seed, pair.draw, pair.seed), strict=True)
            for name, level in drawn:
                if level is not None:
                    values.setdefault(name, {})[str(level)] = None
    parts: list[str] = []
    for name, each in values.items():
        listed = [*each]
        if len(listed) > MOST_VALUES:  # the first and the last of very many
            listed = [*listed[:3], f"... {listed[-1]} ({len(listed):,} values)"]
        parts += [f"{name}: {', '.join(listed)}"] * (len(each) > 1)
    return "; ".join(parts)


def summary(findings: Findings) -> Parts:
    """The table of all arms, and a warning where a mean leaves out runs that were lost."""
    direction = "Higher is better." if findings.higher_is_better else "Lower is better."
    paired = {
        (item.condition.name, arm): len(item.pairs)
        for item in findings.comparisons
        for arm in (item.baseline, item.arm)
    }
    unpaired = any(
        paired.get((item.condition, item.arm), item.finished) != item.finished for item in findings.arms
    )
    shown = of_rows(
        findings.rows,
        "runs.started",
        (
            "condition",
            "arm",
            "mean_score range",
            gain_column(findings),
            "gain interval",
            "train.flops",
            "train.seconds",
            "train.joules",
            ("Runs", runs_text),
        ),
        "Means over finished runs; in brackets, the range over seeds. Costs are of training alone. "
        + direction
        + " Gains are over complete pairs only, so they differ from the difference of these means."
        * unpaired,
    )
    lost = []
    for item in findings.arms:
        where = f" ({item.condition})" if item.condition else ""
        counts = ", ".join(f"{getattr(item, state)} {state}" for state in STATES if getattr(item, state))
        score = (
            f"The score of {item.arm}{where} is a mean over survivors only: {counts} of {item.runs} started."
        )
        lost += [Text(score, "warning")] * item.survivors_only
    rules_of = (rules(findings, condition) for condition in findings.rules)
    told = next(filter(None, ([(name, row.note) for name, row in own if row.note] for own in rules_of)), [])
    how = (Text(trivial.beside(told), "note"),) if told else ()
    return (*(_with_rules(made, findings) for made in shown), *lost, *how)


def rules(findings: Findings, condition: str) -> list[tuple[str, Quantity]]:
    """The trivial rules of a condition and chance by what they are called, on the headline metric."""
    own = findings.rules.get(condition, NO_ROWS).select("rule.*", "chance", metric=findings.headline)
    return [(trivial.title(row.key.partition(".")[2] or row.key), row) for row in own]


def _with_rules(made: Table, findings: Findings) -> Table:
    """The table of arms with a line for each trivial rule below those of its condition."""
    names = [column.name for column in made.columns]
    arm = names.index("Arm")
    rows: list[tuple[Cell, ...]] = []
    for condition, lines in groupby(made.rows, lambda row: row[0].text if arm else ""):
        rows += lines
        for name, row in rules(findings, condition):
            score = Cell(numbers.with_interval(row), source(row))
            cells = [Cell(condition)] * arm + [Cell(name, row.note), score]
            rows.append((*cells, *[Cell("")] * (len(names) - len(cells))))
    return replace(made, rows=tuple(rows))


def gain_column(findings: Findings) -> tuple[str, Any]:
    """The gain of a line over the baseline; of the baseline, and without a pair, words."""

    def show(line: Line) -> Cell:
        if "gain" in line.rows:
            return number(line.rows["gain"])
        return Cell("the baseline" if line.first.arm == findings.baseline else "no pair")

    return "#Gain", show


def runs_text(line: Line) -> str:
    """'6 finished', '5 finished, 1 diverged'."""
    counts = {state: line.row(f"runs.{state}").value for state in STATES}
    return ", ".join(f"{count:.0f} {state}" for state, count in counts.items() if count) or "none"


def gains(findings: Findings) -> Parts:
    """The chart of all gains with their intervals."""
    every = findings.rows.select("gain", metric=findings.headline)
    if not (rows := every[: style.MOST_MARKS]):
        return ()
    labelled = list(zip(labels_of(rows), rows, strict=True))
    texts = [f"{label}: {numbers.with_interval(row)}, {row.verdict}" for label, row in labelled]
    level = next((row.level for row in rows if row.level), 0.95)
    title = f"Gain in {metric_name(findings.headline)}, {numbers.percent(level)} interval"
    note = f"Shaded: the margin of ±{findings.margin:g} within which arms count as equivalent."
    levels = [level for label, row in labelled if (level := _level(findings, label, row))]
    texts += [f"{level['label']}: {level['name']} at {level['text']}" for level in levels]
    chart = gains_chart(labelled, findings.margin, levels)
    figure = Figure("gain", title, f"{'; '.join(texts)}.", chart)
    lines = "Lines across: the best of the trivial rules and chance."
    notes = [note] * bool(findings.margin) + [lines] * bool(levels)
    if len(rows) < len(every):
        notes.append(first_of(len(rows), len(every), "gains are drawn"))
    return (figure, *(Text(line, "note") for line in notes))


def _level(findings: Findings, label: str, gain: Quantity) -> dict[str, Any] | None:
    """What the best of the trivial rules and chance would gain over the baseline, as a mark of the chart."""
    where = {"condition": gain.condition, "arm": gain.arm, "metric": gain.metric}
    baseline = findings.rows.value("baseline_score", **where)
    scores = [(name, row.value) for name, row in rules(findings, gain.condition) if row.value is not None]
    if baseline is None or not scores:
        return None
    at, name = max((orient(gain.metric) * (score - baseline), name) for name, score in scores)
    return {"label": label, "name": name, "at": at, "text": numbers.signed(at)}


def gains_chart(
    labelled: Sequence[tuple[str, Quantity]], margin: float = 0.0, levels: Sequence[dict[str, Any]] = ()
) -> style.Spec:
    """One dot with its interval per gain, against zero, the equivalence margin and trivial rules."""
    band = style.chart([{"from": -margin, "until": margin}]).mark("rect", style="margin")
    zero = style.chart([{"at": 0}]).mark("rule", style="zero").encode(x=field("at:Q"))
    below = [band.encode(x=field("from:Q"), x2=field("until:Q"))] if margin else []
    title = f"Gain over {labelled[0][1].baseline} (right of 0 is better)"
    x = field("mean:Q", title=title, axis={"tickCount": 7})
    tips = {"label": "Comparison", "text": "Gain", "interval": "Interval", "runs": "Pairs"}
    points = [style.point(row, label=label) for label, row in labelled]
    ticks = style.levels(levels) if levels else []
    return style.whiskers(points, x, "label", tips | {"verdict": "Verdict"}, below=[*below, zero, *ticks])


def differences(findings: Findings) -> Parts:
    """What else than the arm differs inside pairs, and what is the same in all of them."""
    if findings.unknown:
        return (Text("These runs were imported. Not known:"), *bullets(findings.unknown))
    if not any(item.pairs for item in findings.comparisons):
        return ()
    labels = zip(findings.comparisons, labels_of(findings.comparisons), strict=True)
    differing = [f"{label}: {', '.join(item.differences)}" for item, label in labels if item.differences]
    pairs = numbers.plural(sum(len(item.pairs) for item in findings.comparisons), "pair")
    same = Text(
        f"Inside each of the {pairs} compared, the head's weights at step 0 are equal bit for bit and the "
        "rows came in the same order; a pair for which this does not hold is left out."
    )
    if not differing:
        return (Text("Nothing but the arm: inside every pair all other settings are the same."), same)
    return (Text("Besides the arm, these settings differ inside pairs:"), *bullets(differing), same)


def excluded(findings: Findings) -> Parts:
    """Runs and pairs that are left out, and folders that could not be read."""
    shown = table(
        findings.excluded,
        {
            "Arm": lambda item: item.arm,
            "#Seed": lambda item: "" if item.seed is None else str(item.seed),
            "Why": lambda item: item.reason,
            "Folder": lambda item: item.folder,
        },
    )
    return (*shown, *bullets(findings.problems))

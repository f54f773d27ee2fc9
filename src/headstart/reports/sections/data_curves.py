"""Data curves: scores against training rows, what the weights are worth in rows, and the law of transfer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import sizes as sentences
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Parts, Text
from headstart.reports.sections import summary
from headstart.reports.tables import FIELDS, Line, Show, bullets, gallery, lines_of, of_rows, table, under

TITLE = "What the weights are worth in training rows"
HEIGHT = 270
MARKS = {"": "circle", "at least": "triangle-up", "at most": "triangle-down"}
FACTS = ("data.draws", "data.seed_sets", "data.epochs", "data.updates")


def lead(findings: Findings) -> Parts:
    """Scores of all arms against training rows, a chart for each other setting that varies; nothing without
    curves."""
    figures = []
    for index, curves in enumerate(findings.rows.select("data.sizes").by("condition").values()):
        figures.append(_scores(findings, curves, f"rows-{index}"))
    return (figures[0],) if len(figures) == 1 else gallery(figures)


def parts(findings: Findings) -> Parts:
    """Sentences, charts and the table of every arm, and the laws; nothing in a study of one size."""
    curves = findings.rows.select("data.sizes")
    if not curves:
        return ()
    sentences_of = [
        Text(sentences.of_curve(curve, curves), "warning" if curve.verdict else "plain")
        for curve in curves
        if len(curves) > 1 or curve.verdict  # that of a lone curve is the answer of the page
    ]
    points = [line for curve in curves for line in _points(findings, curve)]
    covers = dict.fromkeys(line.first.note for line in points)
    laws = [
        f"{law.arm}: {law.note}" if len(curves) > 1 else law.note
        for law in findings.rows.select("law.points")
    ]
    facts = [row.note for row in findings.rows.select(*FACTS)]
    return (
        *sentences_of,
        *gallery(_needed(findings, curves)),
        *_table(points, findings.baseline),
        Text(f"The 95 % intervals cover {'; '.join(covers)}.", "note"),
        *bullets([*facts, sentences.STRAIGHT, *laws]),
        *_laws(findings),
    )


def _points(findings: Findings, curve: Quantity) -> list[Line]:
    """A line per size of one arm's curve."""
    own = findings.rows.select(arm=curve.arm, metric=curve.metric)
    return lines_of(
        Rows(row for row in own if row.condition.partition(", ")[2] == curve.condition), "data.rows"
    )


def _levels(findings: Findings, curve: Quantity, points: Sequence[Line]) -> list[dict[str, Any]]:
    """The trivial rules and chance at every size that has one condition."""
    levels: list[dict[str, Any]] = []
    for size in _sizes(points):
        own = [item for item in findings.comparisons if item.arm == curve.arm]
        names = {item.condition.name for item in own if item.condition.train_rows == size}
        for name, row in summary.rules(findings, *names) if len(names) == 1 else ():
            levels.append({"rule": name, "rows": size, "mean": row.value, "text": numbers.value_text(row)})
    return levels


def _scores(findings: Findings, curves: Rows, key: str) -> Figure:
    """The scores of the arms of these curves, which share everything but the arm, and of trivial rules."""
    lines = {curve.arm: _points(findings, curve) for curve in curves}
    first, alone = curves[0], len(curves) == 1
    levels = _levels(findings, first, lines[first.arm])
    crossing = findings.rows.first("crossing", condition=first.condition) if alone else None
    texts = []
    for name, key_of_score, points in _sides(first.baseline, lines):
        scores = (f"{numbers.value_text(line.row(key_of_score))}" for line in points)
        texts.append(f"{name}: {', '.join(scores)}")
    by_rule: dict[str, list[str]] = {}
    for level in levels:
        by_rule.setdefault(level["rule"], []).append(level["text"])
    texts += [f"{rule}: {', '.join(scores)}" for rule, scores in by_rule.items()]
    sizes = ", ".join(numbers.value_text(line.first) for line in lines[first.arm])
    words = f"With {sizes} rows: {'; '.join(texts)}. Whiskers: lowest to highest run."
    if alone:
        upright = crossing is not None and crossing.value is not None
        words += f" Dashed: from each score of {first.arm} to the rows that {first.baseline} needs for it"
        words += "; upright, the crossing with its 95 % interval." if upright else "."
    title = f"Test {metric_name(first.metric)} against training rows"
    title += f", {first.condition}" if first.condition else ""
    return Figure(key, title, words, scores_chart(first.baseline, lines, crossing, levels))


def _sides(baseline: str, lines: Mapping[str, Sequence[Line]]) -> list[tuple[str, str, Sequence[Line]]]:
    """Every arm once, the baseline first: its name, the key of its scores, and the points that have them."""
    arms = [(arm, "data.score", points) for arm, points in lines.items()]
    return [(baseline, "data.baseline_score", arms[0][2]), *arms]


def _needed(findings: Findings, curves: Rows) -> list[Figure]:
    """What the weights are worth in rows: a chart per setting that varies, with all arms."""
    figures = []
    for index, (condition, own) in enumerate(curves.by("condition").items()):
        points = [line for curve in own for line in _points(findings, curve)]
        baseline = own[0].baseline
        title = f"Rows that {baseline} needs for the score of {own[0].arm if len(own) == 1 else 'each arm'}"
        words = (
            "Whiskers: 95 % intervals. On the line, the weights save no rows. Hollow triangles are bounds: "
            "the number lies beyond the sizes that were run."
        )
        title += f", {condition}" if condition else ""
        figures.append(Figure(f"rows-needed-{index}", title, words, needed_chart(points)))
    return figures


def scores_chart(
    baseline: str,
    lines: Mapping[str, Sequence[Line]],
    crossing: Quantity | None = None,
    levels: Sequence[dict[str, Any]] = (),
) -> style.Spec:
    """All arms and trivial rules against rows; of one arm also, dashed, what its score would cost the
    baseline, and the crossing."""
    points = next(iter(lines.values()))
    drawn = [
        style.point(
            replace(line.row(f"{key}.runs"), value=line.row(key).value), arm=arm, rows=line.first.value
        )
        for arm, key, own in _sides(baseline, lines)
        for line in own
    ]
    spans = [
        {"rows": line.first.value, "until": needed, "mean": line.row("data.score").value}
        for line in (points if len(lines) == 1 else ())
        if (needed := line.row("data.rows_needed").value) is not None
    ]
    title, x = f"{metric_title(points[0].first.metric)} on test", _x(points, "Training rows")
    below = _crossing(crossing, points, x) if crossing else []
    known = [row[end] for row in drawn for end in ("low", "high") if row[end] is not None]
    known += [level["mean"] for level in levels]
    below += _rules(levels, x, title, (min(known), max(known))) if levels else []
    if spans:
        saved = style.link(spans, strokeWidth=1.5)
        below.append(saved.encode(x=x, x2=field("until:Q"), y=field("mean:Q", title=title)))
    tips = {"arm": "Arm", "rows": "Rows", "text": "Mean", "interval": "Range over runs", "runs": "Runs"}
    return style.lines(drawn, x, title, tips, below=below, height=HEIGHT)


def _rules(
    levels: Sequence[dict[str, Any]], x: style.Spec, title: str, ends: tuple[float, float]
) -> list[style.Layer]:
    """A dotted line for each trivial rule, with its name beside the last size."""
    y = field("mean:Q", title=title, scale={"zero": False})
    lines = style.chart(list(levels)).mark("line", style="link", strokeDash=[1, 3])
    last = [level for level in levels if level["rows"] == levels[-1]["rows"]]
    return [
        lines.encode(x=x, y=y, detail="rule:N"),
        *(name.encode(x=x, y=y, text="rule:N") for name in style.names_beside(last, ends, HEIGHT)),
    ]


def needed_chart(points: Sequence[Line]) -> style.Spec:
    """Rows that the baseline needs against rows given, both logarithmic; a bound is a hollow triangle."""
    key, sizes = "data.rows_needed", _sizes(points)
    drawn = [
        style.bound(
            line.row(key), line.ends(key), sizes, _is_open(line, key), rows=line.first.value,
            times=line.with_interval("data_multiplier"),
        )
        for line in points
    ]  # fmt: skip
    title = f"Rows that {points[0].first.baseline} needs"
    x = _x(points, "Rows that the arm was given")
    axis = {"values": sizes, "format": ",d", "labelOverlap": True}
    y = field("mean:Q", title=title, scale=style.log_scale(), axis=axis)
    ends = [{"rows": size, "mean": size} for size in (sizes[0], sizes[-1])]
    same = style.chart(ends).mark("line", style="link", strokeDash=[4, 3]).encode(x=x, y=y)
    several = len({line.first.arm for line in points}) > 1
    base = style.chart(drawn).encode(x=x, color=style.ARM if several else style.ARM_WITHOUT_LEGEND)
    whisker = base.mark("rule", strokeWidth=2).encode(y=field("low:Q", title=title), y2=field("high:Q"))
    tips = {"rows": "Rows given", "text": "Rows needed", "interval": "95 % interval", "times": "Multiplier"}
    dots = style.bounds(base.encode(y=y, tooltip=style.tooltips(tips)), drawn, MARKS)
    return style.spec([same, whisker, *dots], height=HEIGHT)


def _is_open(line: Line, key: str) -> bool:
    """Does the interval of a number of rows reach beyond the sizes that were run, on both sides?"""
    row = line.row(key)
    return row.value is not None and row.level is None and line.row("data.gain").level is not None


def _sizes(points: Sequence[Line]) -> list[float]:
    return sorted({line.first.value or 0.0 for line in points})


def _x(points: Sequence[Line], title: str) -> style.Spec:
    return style.logarithmic("rows", title, _sizes(points), format=",d")


def _crossing(crossing: Quantity, points: Sequence[Line], x: style.Spec) -> list[style.Layer]:
    """The number of rows from which on the baseline has caught up, with its interval inside the data."""
    if crossing.value is None:
        return []
    upright = style.link([{"rows": crossing.value}]).encode(x=x)
    if points[0].row("data.gain").level is None:
        return [upright]
    first, *_, last = _sizes(points)
    ends = {"rows": max(crossing.low or first, first), "until": min(crossing.high or last, last)}
    return [style.chart([ends]).mark("rect", style="margin").encode(x=x, x2=field("until:Q")), upright]


def _table(points: Sequence[Line], baseline: str) -> Parts:
    def bound(key: str) -> Callable[[Line], Cell]:
        """A number with its interval; an interval that no size bounds on either side is called open."""

        def show(line: Line) -> Cell:
            opened = " (open)" if _is_open(line, key) else ""
            return Cell(line.with_interval(key) + opened, line.row(key).note, strong=key == "data_multiplier")

        return show

    arms = {line.first.arm for line in points}
    of_arm = (FIELDS["arm"],) if len(arms) > 1 else ()
    return table(
        points,
        (
            ("?Condition", lambda line: line.first.condition.partition(", ")[2]),
            *of_arm,
            under("#Rows", "data.rows"),
            under(f"#{baseline}", "data.baseline_score"),
            under("#Arm's score" if of_arm else f"#{', '.join(arms)}", "data.score"),
            under("#Gain", "data.gain"),
            ("#95 % interval", lambda line: line.interval("data.gain") or "no interval"),
            ("#n", lambda line: numbers.count(line.first.n)),
            (f"#Rows {baseline} needs", bound("data.rows_needed")),
            ("#Data multiplier", bound("data_multiplier")),
            ("#Rows transferred", bound("data.rows_transferred")),
        ),
        f"Rows {baseline} needs: where its smoothed curve, never worse with more rows, is at the score "
        "of the arm (effective data). Multiplier: that / the rows. Transferred: that less the rows. "
        "In brackets: 95 % intervals, open where no size bounds them. n: pairs, or draws of the rows.",
    )


def _laws(findings: Findings) -> Parts:
    """The laws over models of several sizes, where there are any."""

    def coefficient(name: str) -> tuple[str, Show]:
        def show(line: Line) -> str:
            row = line.row(f"law_over_models.{name}")
            return numbers.with_interval(row) if row.value is not None else "none"

        return f"#{name}", show

    def why_not(line: Line) -> str:
        first = line.row("law_over_models.k")
        return first.note if first.value is None else ""

    return of_rows(
        findings.rows,
        "law_over_models.points",
        (
            ("Arm", lambda line: line.first.arm),
            under("#Points", "law_over_models.points"),
            under("#Left out", "law_over_models.left_out"),
            *map(coefficient, ("k", "alpha", "beta")),
            ("Why not", why_not),
        ),
        "Rows transferred = k · rows^alpha · parameters^beta over all models of the study, with 95 % "
        "intervals. Left out: points beyond the sizes that were run, or not above their own rows.",
    )

"""Data curves: scores against training rows, what the weights are worth in rows, and the law of transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import altair as alt

from headstart.compare.findings import Comparison, DataCurve, Findings, PowerLaw, SizePoint
from headstart.compare.quantity import Quantity, Rows
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.page import Cell, Figure, Gallery, Parts, Section, Text
from headstart.reports.tables import Line, bullets, of_rows, table, under

TITLE = "What the weights are worth in training rows"
HEIGHT = 270
MARKS = {"": "circle", "at least": "triangle-up", "at most": "triangle-down"}
Scores = Mapping[tuple[str, int], Sequence[float]]  # of the runs behind a point, by (arm, rows)


def sections(findings: Findings) -> list[Section]:
    """One section, or one per arm and context under a heading; without parts in a study of one size."""
    curves = findings.data_curves
    if len(curves) < 2:
        parts = _parts(curves[0], findings, "rows") if curves else ()
        return [Section("rows", TITLE, (*parts, *_laws(findings.laws)))]
    inner = [
        Section(f"rows{index}", _name(curve), _parts(curve, findings, f"rows{index}"), level=3)
        for index, curve in enumerate(curves)
    ]
    return [Section("rows", TITLE, _laws(findings.laws)), *inner]


def lines(findings: Findings) -> list[str]:
    """The sentence of every curve for the terminal, named where there are several."""
    several = len(findings.data_curves) > 1
    return [
        f"{_name(curve)}: {curve.sentence}" if several else curve.sentence for curve in findings.data_curves
    ]


def _name(curve: DataCurve) -> str:
    return f"{curve.arm}, {curve.context}" if curve.context else f"{curve.arm} against {curve.baseline}"


def _parts(curve: DataCurve, findings: Findings, key: str) -> Parts:
    tone = "warning" if curve.ossified or curve.worse_everywhere else "plain"
    return (
        Text(curve.sentence, tone),
        Gallery(_figures(curve, scores_of(curve, findings.comparisons), key), columns=2),
        *_table(curve, findings),
        Text(f"The 95 % intervals cover {curve.covers}.", "note"),
        *bullets([*curve.notes, law_words(curve.law)]),
    )


def scores_of(curve: DataCurve, comparisons: Sequence[Comparison]) -> dict[tuple[str, int], list[float]]:
    """Test scores of the runs behind each point, by (arm, rows), in the curve's own context."""
    context = {name for name in curve.context.split(", ") if name}
    scores: dict[tuple[str, int], list[float]] = {}
    for item in comparisons:
        if item.arm == curve.arm and context <= set(item.condition.name.split(", ")):
            for pair in item.pairs:
                for arm, score in ((item.baseline, pair.baseline_score), (item.arm, pair.arm_score)):
                    scores.setdefault((arm, item.condition.train_rows), []).append(score)
    return scores


def _figures(curve: DataCurve, scores: Scores, key: str) -> tuple[Figure, ...]:
    points = "; ".join(
        f"{point.rows:,} rows: {curve.baseline} {numbers.score(point.baseline)}, "
        f"{curve.arm} {numbers.score(point.arm)}"
        for point in curve.points
    )
    crossing = "" if curve.crossing.rows.value is None else "; upright, the crossing with its 95 % interval"
    left = Figure(
        f"{key}-scores",
        f"Test {metric_name(curve.metric)} against training rows",
        f"{points}. Whiskers: lowest to highest run. Dashed: from each score of {curve.arm} to the rows that "
        f"{curve.baseline} needs for it{crossing}.",
        scores_chart(curve, scores),
    )
    right = Figure(
        f"{key}-needed",
        f"Rows that {curve.baseline} needs for the score of {curve.arm}",
        "Whiskers: 95 % intervals. On the line, the weights save no rows. Hollow triangles are bounds: the "
        "number lies beyond the sizes that were run.",
        needed_chart(curve),
    )
    return left, right


def scores_chart(curve: DataCurve, scores: Scores) -> style.Spec:
    """Both arms against rows; dashed, what the arm's score would cost the baseline, and the crossing."""
    rows = []
    for point in curve.points:
        for arm, mean in ((curve.baseline, point.baseline), (curve.arm, point.arm)):
            runs = scores.get((arm, point.rows), ())
            score = Quantity("score", arm=arm, n=len(runs), unit="score").at(mean)
            score = score.between(min(runs, default=mean), max(runs, default=mean))
            rows.append(style.point(score, rows=point.rows))
    title, x = f"{metric_title(curve.metric)} on test", _x(curve, "Training rows")
    below = _crossing(curve, x)
    spans = [
        {"rows": point.rows, "until": point.rows_needed.value, "mean": point.arm}
        for point in curve.points
        if point.rows_needed.value is not None
    ]
    if spans:
        saved = style.link(spans, strokeWidth=1.5)
        below.append(saved.encode(x=x, x2=alt.X2("until:Q"), y=alt.Y("mean:Q", title=title)))
    tips = {"arm": "Arm", "rows": "Rows", "text": "Mean", "interval": "Range over runs", "runs": "Runs"}
    return style.lines(rows, x, title, tips, below=below, height=HEIGHT)


def needed_chart(curve: DataCurve) -> style.Spec:
    """Rows that the baseline needs against rows given, both logarithmic; a bound is a hollow triangle."""
    rows = [row for point in curve.points if (row := _needed_row(curve, point))]
    title, x = f"Rows that {curve.baseline} needs", _x(curve, f"Rows that {curve.arm} was given")
    axis = alt.Axis(values=[point.rows for point in curve.points], format=",d", labelOverlap=True)
    y = alt.Y("needed:Q", title=title, scale=style.log_scale(), axis=axis)
    ends = [{"rows": point.rows, "needed": point.rows} for point in (curve.points[0], curve.points[-1])]
    same = style.chart(ends).mark_line(style="link", strokeDash=[4, 3]).encode(x=x, y=y)
    base = style.chart(rows).encode(x=x, color=style.ARM_WITHOUT_LEGEND)
    whisker = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q"))
    tips = {"rows": "Rows given", "text": "Rows needed", "interval": "95 % interval", "times": "Multiplier"}
    dots = style.bounds(base.encode(y=y, tooltip=style.tooltips(tips)), rows, MARKS)
    return style.spec(alt.layer(same, whisker, *dots), height=HEIGHT)


def _x(curve: DataCurve, title: str) -> alt.X:
    return style.logarithmic("rows", title, [point.rows for point in curve.points], format=",d")


def _crossing(curve: DataCurve, x: alt.X) -> list[alt.Chart]:
    """The number of rows from which on the baseline has caught up, with its interval inside the data."""
    rows, first, last = curve.crossing.rows, curve.points[0].rows, curve.points[-1].rows
    if rows.value is None:
        return []
    ends = {"rows": max(rows.sure_low or first, first), "until": min(rows.sure_high or last, last)}
    band = style.chart([ends]).mark_rect(style="margin").encode(x=x, x2=alt.X2("until:Q"))
    return [band, style.link([{"rows": rows.value}]).encode(x=x)]


def _needed_row(curve: DataCurve, point: SizePoint) -> dict | None:
    """An end of the interval that is not bounded is drawn to the edge of the data."""
    needed, first, last = point.rows_needed, curve.points[0].rows, curve.points[-1].rows
    at = needed.low if needed.low is not None else needed.high
    if at is None:
        return None
    ends = (at, at)
    if needed.sure_low is not None or needed.sure_high is not None:
        ends = (needed.sure_low or first, needed.sure_high or last)
    return {
        "arm": curve.arm, "rows": point.rows, "needed": at, "low": ends[0], "high": ends[1],
        "kind": needed.censored, "text": numbers.bound(needed, numbers.count),
        "interval": numbers.bound_interval(needed, numbers.count) or "no interval",
        "times": numbers.bound_with_interval(point.multiplier, numbers.ratio),
    }  # fmt: skip


def _table(curve: DataCurve, findings: Findings) -> Parts:
    def bound(key: str) -> Callable[[Line], Cell]:
        """A number with its interval; an interval that no size bounds on either side is called open."""

        def show(line: Line) -> Cell:
            row = line.row(key)
            unbounded = row.value is not None and row.level is None
            opened = " (open)" if unbounded and line.row("data.gain").level else ""
            return Cell(line.with_interval(key) + opened, row.note, strong=key == "data_multiplier")

        return show

    conditions = {curve.condition(point.rows) for point in curve.points}
    own = findings.rows.select("data.*", "data_multiplier*", arm=curve.arm, metric=curve.metric)
    return of_rows(
        Rows(row for row in own if row.condition in conditions),
        "data.rows",
        (
            under("#Rows", "data.rows"),
            under(f"#{curve.baseline}", "data.baseline_score"),
            under(f"#{curve.arm}", "data.score"),
            under("#Gain", "data.gain"),
            ("#95 % interval", lambda line: line.interval("data.gain") or "no interval"),
            ("#n", lambda line: numbers.count(line.first.n)),
            (f"#Rows {curve.baseline} needs", bound("data.rows_needed")),
            ("#Data multiplier", bound("data_multiplier")),
            ("#Rows transferred", bound("data.rows_transferred")),
        ),
        f"Rows {curve.baseline} needs: where its smoothed curve, never worse with more rows, is at the score "
        f"of {curve.arm} (effective data). Multiplier: that / the rows. Transferred: that less the rows. "
        "In brackets: 95 % intervals, open where no size bounds them. n: pairs, or draws of the rows.",
    )


def law_words(law: PowerLaw) -> str:
    """The law in one sentence, or why there is none."""
    if law.k is None:
        return f"No power law: {law.reason}."
    terms = "; ".join(f"{name} = {text}" for name, text in _coefficients(law))
    rest = f"; the points lie {numbers.significant(law.residual)} (log) off it" if law.residual else ""
    model = " · N^beta" if law.beta is not None else ""
    caveat = f" {' '.join(law.notes)}" if law.notes else ""
    points = numbers.plural(law.points, "point")
    return f"Power law over {points}: rows transferred = k · rows^alpha{model}, with {terms}{rest}.{caveat}"


def _coefficients(law: PowerLaw) -> Iterator[tuple[str, str]]:
    for name in ("k", "alpha", "beta"):
        value, interval = getattr(law, name), getattr(law, f"{name}_interval")
        if value is not None:
            yield name, f"{numbers.significant(value)} ({numbers.ends(interval, numbers.significant)})"


def _laws(laws: Sequence[PowerLaw]) -> Parts:
    """The laws over models of several sizes, where there are any."""
    return table(
        laws,
        {
            "Arm": lambda law: law.arm,
            "#Points": lambda law: numbers.count(law.points),
            "#Left out": lambda law: numbers.count(law.left_out),
            **{
                f"#{name}": lambda law, name=name: dict(_coefficients(law)).get(name, "none")
                for name in ("k", "alpha", "beta")
            },
            "Why not": lambda law: law.reason,
        },
        "Rows transferred = k · rows^alpha · parameters^beta over all models of the study, with 95 % "
        "intervals. Left out: points beyond the sizes that were run, or not above their own rows.",
    )


def sizes(findings: Findings) -> Parts:
    """Mean scores against training rows, where no curve shows the same lines and nothing else varies."""
    rows_of = {item.condition.name: item.condition.train_rows for item in findings.comparisons}
    scores = [row for row in findings.rows.select("mean_score") if row.condition in rows_of]
    counts = [rows_of[name] for name in {row.condition for row in scores if row.value is not None}]
    if len(findings.data_curves) == 1 or len(counts) < 2 or len(set(counts)) < len(counts):
        return ()
    points = [style.point(row, rows=rows_of[row.condition]) for row in scores if row.value is not None]
    tips = {"arm": "Arm", "rows": "Rows", "text": "Mean", "interval": "Range over seeds", "runs": "Runs"}
    x = style.logarithmic("rows", "Training rows", sorted(counts), format=",d")
    spec = style.lines(points, x, f"{metric_title(findings.headline)} on test", tips, height=260)
    words = f"Mean test {metric_name(findings.headline)} against training rows; whiskers: range over seeds."
    return (Figure("sizes", "More labels, or pretrained weights?", words, spec),)

"""Data curves: what the weights are worth in training rows, with the crossing and the law of transfer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headstart.compare.findings import Comparison, Findings
from headstart.compare.values.efficiency import Bounded, DataCurve, PowerLaw, SizePoint
from headstart.metrics import metric_name
from headstart.reports import bounds, numbers
from headstart.reports.charts import data_curves
from headstart.reports.page import (
    Bullets,
    Cell,
    Column,
    Figure,
    Gallery,
    Part,
    Section,
    Table,
    Text,
    cells,
    columns,
)

TITLE = "What the weights are worth in training rows"


def sections(findings: Findings, arms: Sequence[str]) -> list[Section]:
    """One section, or one per arm and context under a heading; without parts in a study of one size."""
    found = findings.data_curves
    if len(found) < 2:
        parts = _parts(found[0], findings, arms, "rows") if found else ()
        return [Section("rows", TITLE, (*parts, *_laws(findings.laws)))]
    inner = [
        Section(f"rows{place}", _name(each), _parts(each, findings, arms, f"rows{place}"), level=3)
        for place, each in enumerate(found)
    ]
    return [Section("rows", TITLE, _laws(findings.laws)), *inner]


def lines(findings: Findings) -> list[str]:
    """What the terminal says: the sentence of every curve, named where there are several."""
    several = len(findings.data_curves) > 1
    return [f"{_name(each)}: {each.sentence}" if several else each.sentence for each in findings.data_curves]


def _name(curve: DataCurve) -> str:
    return f"{curve.arm}, {curve.context}" if curve.context else f"{curve.arm} against {curve.baseline}"


def _parts(curve: DataCurve, findings: Findings, arms: Sequence[str], key: str) -> tuple[Part, ...]:
    tone = "warning" if curve.ossified or curve.worse_everywhere else "plain"
    return (
        Text(curve.sentence, tone),
        Gallery(_figures(curve, ranges(curve, findings.comparisons), arms, key), columns=2),
        _table(curve),
        Text(f"The 95 % intervals cover {curve.covers}.", "note"),
        Bullets((*curve.notes, law_words(curve.law))),
    )


def ranges(curve: DataCurve, comparisons: Sequence[Comparison]) -> dict[tuple[str, int], list[float]]:
    """Test scores of the runs behind each point, by (arm, rows), in the curve's own context."""
    found: dict[tuple[str, int], list[float]] = {}
    for item in comparisons:
        if item.arm == curve.arm and _same_context(item, curve):
            for pair in item.pairs:
                ends = ((item.baseline, pair.baseline_score), (item.arm, pair.arm_score))
                for arm, score in ends:
                    found.setdefault((arm, item.condition.train_rows), []).append(score)
    return found


def _same_context(item: Comparison, curve: DataCurve) -> bool:
    """Whether every other setting that the curve's context names is this comparison's."""
    rest = [name for name in curve.context.split(", ") if name]
    return all(name in item.condition.name.split(", ") for name in rest)


def _figures(
    curve: DataCurve, scores: dict[tuple[str, int], list[float]], arms: Sequence[str], key: str
) -> tuple[Figure, ...]:
    told = "; ".join(f"{point.rows:,} rows: {_told(curve, point)}" for point in curve.points)
    left = Figure(
        f"{key}-scores",
        f"Test {metric_name(curve.metric)} against training rows",
        f"{told}. Whiskers: lowest to highest run. Dashed: {_dashed(curve)}",
        data_curves.scores(curve, scores, arms),
    )
    right = Figure(
        f"{key}-needed",
        f"Rows that {curve.baseline} needs for the score of {curve.arm}",
        "Whiskers: 95 % intervals. The line: as many rows as were given, which is worth nothing. "
        "Hollow triangles are bounds: the number lies beyond the sizes that were run.",
        data_curves.needed(curve, arms),
    )
    return left, right


def _told(curve: DataCurve, point: SizePoint) -> str:
    return f"{curve.baseline} {numbers.score(point.baseline)}, {curve.arm} {numbers.score(point.arm)}"


def _dashed(curve: DataCurve) -> str:
    """What the dashed lines of the chart show, in words."""
    saved = f"from each score of {curve.arm} to the rows that {curve.baseline} needs for it"
    if curve.crossing.rows.value is None:
        return f"{saved}."
    return f"{saved}; upright, the crossing with its 95 % interval."


def _table(curve: DataCurve) -> Table:
    own = ("Rows", curve.baseline, curve.arm, "Gain", "95 % interval", "n")
    heads = (*own, f"Rows {curve.baseline} needs", "Multiplier", "Rows transferred")
    caption = (
        f"Rows {curve.baseline} needs: where its smoothed curve, never worse with more rows, is at the score "
        f"of {curve.arm} (effective data). Multiplier: that / the rows. Transferred: that less the rows. "
        "In brackets: 95 % intervals, open where no size bounds them. n: pairs, or draws of the rows."
    )
    return Table(tuple(Column(head, number=True) for head in heads), tuple(map(_row, curve.points)), caption)


def _row(point: SizePoint) -> tuple[Cell, ...]:
    smooth = f"smoothed {numbers.score(point.baseline_smooth)}"
    return cells(
        numbers.count(point.rows),
        Cell(numbers.score(point.baseline), smooth),
        numbers.score(point.arm),
        Cell(numbers.signed(point.gain), strong=True),
        bounds.ends(point.gain_interval, numbers.signed),
        numbers.count(point.units),
        Cell(_bounded(point, point.rows_needed, numbers.count), _between(point)),
        Cell(_bounded(point, point.multiplier, numbers.ratio), strong=True),
        _bounded(point, point.transferred, numbers.count),
    )


def _bounded(point: SizePoint, found: Bounded, form: bounds.Form) -> str:
    """A number with its interval; an interval that no size bounds on either side is called open."""
    unbounded = found.value is not None and found.sure_low is None and found.sure_high is None
    open_ended = " (open)" if unbounded and point.gain_interval else ""
    return bounds.with_interval(found, form) + open_ended


def _between(point: SizePoint) -> str:
    low, high = point.between
    return f"between the sizes {low:,} and {high:,}" if low and high else "beyond the sizes that were run"


def law_words(law: PowerLaw) -> str:
    """The law in one sentence, or why there is none."""
    if law.k is None:
        return f"No power law: {law.reason}."
    told = "; ".join(f"{name} = {value} ({ends})" for name, value, ends in _coefficients(law))
    rest = f"; the points lie {numbers.significant(law.residual)} (log) off it" if law.residual else ""
    model = " · N^beta" if law.beta is not None else ""
    caveat = f" {' '.join(law.notes)}" if law.notes else ""
    points = numbers.plural(law.points, "point")
    return f"Power law over {points}: rows transferred = k · rows^alpha{model}, with {told}{rest}.{caveat}"


def _coefficients(law: PowerLaw) -> Iterator[tuple[str, str, str]]:
    for name in ("k", "alpha", "beta"):
        value, ends = getattr(law, name), getattr(law, f"{name}_interval")
        if value is not None:
            yield name, numbers.significant(value), bounds.ends(ends, numbers.significant)


def _laws(laws: Sequence[PowerLaw]) -> tuple[Part, ...]:
    """The laws over models of several sizes, where there are any."""
    if not laws:
        return ()
    rows = tuple(
        cells(
            law.arm,
            numbers.count(law.points),
            numbers.count(law.left_out),
            *_law_cells(law),
            law.reason,
        )
        for law in laws
    )
    heads = "Arm | #Points | #Left out | #k | #alpha | #beta | Why not"
    caption = (
        "Rows transferred = k · rows^alpha · parameters^beta over all models of the study, with 95 % "
        "intervals. Left out: points beyond the sizes that were run, or not above their own rows."
    )
    return (Table(columns(heads), rows, caption),)


def _law_cells(law: PowerLaw) -> list[str]:
    told = {name: f"{value} ({ends})" for name, value, ends in _coefficients(law)}
    return [told.get(name, "none") for name in ("k", "alpha", "beta")]

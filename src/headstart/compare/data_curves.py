# pyright: strict
"""Data curves: what each arm makes of more rows: rows saved, crossing point, power law."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headstart.compare import phrases, sentences
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.ranges import of_gain, of_score
from headstart.compare.series import Series, series, size_scores
from headstart.compare.statistics.power_law import Point, PowerLaw, power_law
from headstart.compare.statistics.transfer import Crossing, SizePoint, transfer
from headstart.compare.verdicts import verdict_of
from headstart.metrics import orient
from headstart.records.fingerprint import digest


@dataclass(frozen=True)
class DataCurve:
    """One arm against the baseline over sizes: rows saved, crossing point, ossification, power law."""

    arm: str
    baseline: str
    context: str  # the other settings that vary, as verdicts; "" when none does
    task: str
    model: str
    parameters: int | None
    metric: str
    points: tuple[SizePoint, ...]  # fewest rows first
    crossing: Crossing
    ossified: tuple[int, ...]  # sizes, from the largest down, at which the arm is worse though it was better
    worse_everywhere: bool
    law: PowerLaw
    covers: str  # what the intervals cover, in verdicts
    notes: tuple[str, ...]

    def condition(self, rows: int) -> str:
        """The condition of a size, as the rows name it: '64 rows, lr 0.001'."""
        return ", ".join(part for part in (f"{rows} rows", self.context) if part)

    @property
    def sentence(self) -> str:
        """Rows saved, where the baseline has caught up, and ossification."""
        return _sentence(self)


def data_curves(
    compared: Sequence[Compared], margin: float
) -> tuple[tuple[DataCurve, ...], tuple[PowerLaw, ...]]:
    """A data curve per arm and context, and a law per arm over models of several sizes.

    Both are empty in a study of one size.
    """
    curves: list[DataCurve] = []
    points: dict[str, list[Point]] = defaultdict(list)
    for sizes in series(compared):
        curve, transferred = _curve(sizes, margin)
        curves.append(curve)
        points[sizes.arm] += transferred
    several = [arm for arm, own in points.items() if len({point.parameters for point in own}) > 1]
    return tuple(curves), tuple(power_law(arm, points[arm]) for arm in several)


def rows(curve: DataCurve) -> Rows:
    """Rows that the weights save at every size, where the baseline has caught up, and the power law."""
    curve_template = Quantity("", arm=curve.arm, baseline=curve.baseline, metric=curve.metric)
    numbers: list[Quantity] = []
    for point in curve.points:
        template = replace(
            curve_template, condition=curve.condition(point.rows), n=point.units, note=curve.covers
        )
        low, high = point.between
        sizes = (
            f"between the sizes {low:,} and {high:,}" if low and high else "beyond the sizes that were run"
        )
        smooth = f"smoothed {phrases.number(point.baseline_smooth)}"
        numbers += [
            template.named("data.rows").at(point.rows),
            template.named("data.gain").at(point.gain, point.gain_interval),
            template.named("data.baseline_score").at(point.baseline, point.baseline_interval).because(smooth),
            template.named("data.score").at(point.arm, point.arm_interval),
            *template.because(sizes).named("data_multiplier").with_interval(point.multiplier),
            *template.because(sizes).named("data.rows_needed").with_interval(point.rows_needed),
            *template.because(sizes).named("data.rows_transferred").with_interval(point.transferred),
        ]
    template = replace(curve_template, condition=curve.context)
    worse = f"worse at {', '.join(map(phrases.rows, curve.ossified))}" if curve.ossified else ""
    beyond = "resamples in which it lies above the largest size"
    return Rows([
        *numbers,
        template.named("crossing").bounded(curve.crossing.rows).because(_crossing_sentence(curve)),
        template.named("crossing.beyond").at(curve.crossing.beyond).because(beyond),
        template.named("data.ossified_sizes").at(len(curve.ossified)).because(worse),
        *law_rows(template, curve.law, "law"),
    ])  # fmt: skip


def law_rows(template: Quantity, law: PowerLaw, key: str) -> list[Quantity]:
    """The three coefficients of rows transferred, or why there are none."""
    template = replace(template, arm=law.arm, n=law.points)
    intervals = {"k": law.k_interval, "alpha": law.alpha_interval, "beta": law.beta_interval}
    return [
        *(
            template.named(f"{key}.{name}").at(getattr(law, name), interval).because(law.reason, *law.notes)
            for name, interval in intervals.items()
        ),
        template.named(f"{key}.residual").at(law.residual),
    ]


def _curve(sizes: Series, margin: float) -> tuple[DataCurve, list[Point]]:
    first, metric = sizes.first, sizes.first.headline
    arm = first.matches[0].arm
    runs = [record for each in sizes.all for pair in each.matches for record in pair.sides]
    seed = int(digest(sorted([record.run_id, record.arm] for record in runs)), 16)
    scores = size_scores(sizes, metric, seed)
    result, crossing = transfer(scores, orient(metric), margin, seed)
    parameters = arm.cost.parameters.all
    largest = float(result.rows[-1])
    law_points = [
        Point(int(rows), parameters, float(result.needed[i] - rows), result.drawn[:, i] - rows, largest)
        for i, rows in enumerate(result.rows)
    ]

    # Intervals are cut at what the metric allows; the gain's, and its verdict, are those of its comparison
    # where there is one alone.
    points: list[SizePoint] = []
    verdicts: list[str] = []
    for point in result.points:
        every = sizes.sizes[point.rows]
        own = every[0].gain if len(every) == 1 else None
        interval = own.interval if own else of_gain(point.gain_interval, metric)
        verdicts.append(own.verdict if own else verdict_of(interval, margin, point.units))
        points.append(
            replace(
                point,
                gain_interval=interval,
                baseline_interval=of_score(point.baseline_interval, metric),
                arm_interval=of_score(point.arm_interval, metric),
            )
        )
    curve = DataCurve(
        arm=sizes.arm,
        baseline=first.baseline,
        context=sizes.context,
        task=first.task,
        model=str(arm.config["model"]["name"]),
        parameters=parameters,
        metric=metric,
        points=tuple(points),
        crossing=crossing,
        ossified=_ossified(points, verdicts),
        worse_everywhere=all(verdict == "worse" for verdict in verdicts),
        law=power_law(sizes.arm, law_points),
        covers=_covers(sizes, scores[0].examples is not None),
        notes=tuple(_notes(sizes)),
    )
    return curve, law_points


def _ossified(points: Sequence[SizePoint], verdicts: Sequence[str]) -> tuple[int, ...]:
    """The largest sizes, as far down as the arm is worse at each, if it was better at a smaller one."""
    worse: list[int] = []
    for point, verdict in zip(reversed(points), reversed(verdicts), strict=True):
        if verdict != "worse":
            break
        worse.append(point.rows)
    return tuple(worse) if "better" in verdicts[: len(verdicts) - len(worse)] else ()


def _covers(sizes: Series, examples: bool) -> str:
    several = sizes.draws > 2 or any(len(each.matches) > 1 for each in sizes.all)
    parts = ["draws of the rows" if sizes.draws > 2 else "seeds"] * several + ["test examples"] * examples
    return " and ".join(parts) if parts else "nothing: one pair at each size, and no predictions"


def _notes(sizes: Series) -> Iterator[str]:
    if sizes.draws == 1:
        yield "One draw of the rows at each size: the intervals do not cover other draws."
    elif sizes.draws == 2:
        yield "Two draws of the rows are too few to be resampled: every run counts as if drawn by itself."
    if len({tuple(sorted({p.arm.seed for p in each.matches})) for each in sizes.all}) > 1:
        yield "The seeds differ between sizes."
    budget = sizes.first.matches[0].arm.config["budget"]
    if budget.get("epochs"):
        yield f"Every size trains for {budget['epochs']:g} epochs: more rows are more updates as well."
    elif budget.get("steps"):
        yield f"Every size trains for {budget['steps']} updates."
    yield "Between two sizes the curve is taken to be straight on the logarithm of the rows."


def _sentence(curve: DataCurve) -> str:
    """Rows saved, at the smallest size where that is a number; then the crossing point, and ossification."""
    known = [point for point in curve.points if point.rows_needed.value is not None]
    point = known[0] if known else curve.points[0]
    parts = [
        sentences.rows_saved(
            curve.arm, curve.baseline, point.rows, point.rows_needed, point.multiplier,
            point.gain_interval is not None,
        ),
        _crossing_sentence(curve),
    ]  # fmt: skip
    if curve.ossified:
        sizes = phrases.joined([phrases.rows(size) for size in sorted(curve.ossified)])
        parts.append(f"With {sizes}, {curve.arm} is worse than {curve.baseline}: ossification.")
    if curve.worse_everywhere:
        parts.append(f"{curve.arm} is worse than {curve.baseline} at every size.")
    if all(point.units == 1 for point in curve.points):
        parts.append("Every size rests on one pair: other seeds may say otherwise.")
    return " ".join(parts)


def _crossing_sentence(curve: DataCurve) -> str:
    crossing, largest = curve.crossing, curve.points[-1].rows
    return sentences.crossing(
        curve.arm, curve.baseline, crossing.rows, crossing.beyond, crossing.margin, largest
    )

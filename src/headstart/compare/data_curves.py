"""Data curves: what each arm makes of more rows, told as rows saved, a crossing point and a law."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from headstart.compare import phrases
from headstart.compare.pairwise import Compared
from headstart.compare.ranges import of_gain, of_score
from headstart.compare.series import Series, series, size_scores
from headstart.compare.statistics.power_law import Point, power_law
from headstart.compare.statistics.transfer import Transfer, transfer
from headstart.compare.values.efficiency import Crossing, DataCurve, PowerLaw, SizePoint
from headstart.compare.verdicts import verdict
from headstart.metrics import orient
from headstart.records.fingerprint import digest


def data_curves(
    compared: Sequence[Compared], margin: float
) -> tuple[tuple[DataCurve, ...], tuple[PowerLaw, ...]]:
    """A data curve per arm and context, and a law per arm over models of several sizes.

    Both are empty in a study of one size.
    """
    curves: list[DataCurve] = []
    points: dict[str, list[Point]] = defaultdict(list)
    for found in series(compared):
        curve, transferred = _curve(found, margin)
        curves.append(curve)
        points[found.arm] += transferred
    several = [arm for arm, own in points.items() if len({point.parameters for point in own}) > 1]
    return tuple(curves), tuple(power_law(arm, points[arm]) for arm in several)


def _curve(found: Series, margin: float) -> tuple[DataCurve, list[Point]]:
    first, every = found.first, found.all
    metric = first.comparison.headline
    ids = [[record.run_id, record.arm] for one in every for pair in one.matches for record in pair.sides]
    seed = int(digest(sorted(ids)), 16)
    sizes = size_scores(found, metric, seed)
    result, crossing = transfer(sizes, orient(metric), margin, seed)
    shown = tuple(_inside(found, point, metric) for point in result.points)
    words = [_word(found, point, margin) for point in shown]
    points = list(_points(result, _parameters(first)))
    curve = DataCurve(
        arm=found.arm,
        baseline=first.comparison.baseline,
        context=found.context,
        task=first.comparison.task,
        model=str(first.matches[0].arm.config["model"]["name"]),
        parameters=_parameters(first),
        metric=metric,
        points=shown,
        crossing=crossing,
        ossified=_ossified(shown, words),
        worse_everywhere=all(word == "worse" for word in words),
        law=power_law(found.arm, points),
        covers=_covers(found, sizes[0].examples is not None),
        notes=tuple(_notes(found)),
        sentence="",
    )
    crossing = replace(crossing, sentence=_crossing_words(curve, crossing))
    curve = replace(curve, crossing=crossing)
    return replace(curve, sentence=_sentence(curve)), points


def _points(result: Transfer, parameters: int | None) -> Iterator[Point]:
    for i, rows in enumerate(result.rows):
        drawn, most = result.drawn[:, i] - rows, float(result.rows[-1])
        yield Point(int(rows), parameters, float(result.needed[i] - rows), drawn, most)


def _inside(found: Series, point: SizePoint, metric: str) -> SizePoint:
    """The point with its intervals cut at what the metric allows, the gain's as its comparison has it."""
    every = found.sizes[point.rows]
    own = every[0].comparison.gain if len(every) == 1 else None
    return replace(
        point,
        gain_interval=own.interval if own else of_gain(point.gain_interval, metric),
        baseline_interval=of_score(point.baseline_interval, metric),
        arm_interval=of_score(point.arm_interval, metric),
    )


def _word(found: Series, point: SizePoint, margin: float) -> str:
    """The verdict at one size: that of the comparison, where there is one alone."""
    every = found.sizes[point.rows]
    gain = every[0].comparison.gain
    return gain.word if len(every) == 1 and gain else verdict(point.gain_interval, margin, point.units)


def _ossified(points: Sequence[SizePoint], words: Sequence[str]) -> tuple[int, ...]:
    """The largest sizes, as far down as the arm is worse at each, if it was better at a smaller one."""
    worse: list[int] = []
    for point, word in zip(reversed(points), reversed(words), strict=True):
        if word != "worse":
            break
        worse.append(point.rows)
    return tuple(worse) if "better" in words[: len(words) - len(worse)] else ()


def _parameters(one: Compared) -> int | None:
    return one.matches[0].arm.cost.parameters.all


def _covers(found: Series, examples: bool) -> str:
    pairs = max(len(one.matches) for one in found.all)
    several = found.draws > 2 or pairs > 1
    parts = ["draws of the rows" if found.draws > 2 else "seeds"] * several + ["test examples"] * examples
    return " and ".join(parts) if parts else "nothing: one pair at each size, and no predictions"


def _notes(found: Series) -> Iterator[str]:
    if found.draws == 1:
        yield "One draw of the rows at each size: the intervals do not cover other draws."
    elif found.draws == 2:
        yield "Two draws of the rows are too few to be resampled: every run counts as if drawn by itself."
    if len({tuple(sorted({p.arm.seed for p in one.matches})) for one in found.all}) > 1:
        yield "The seeds differ between sizes."
    budget = found.first.matches[0].arm.config["budget"]
    if budget.get("epochs"):
        yield f"Every size trains for {budget['epochs']:g} epochs: more rows are more updates as well."
    elif budget.get("steps"):
        yield f"Every size trains for {budget['steps']} updates."
    yield "Between two sizes the curve is taken to be straight on the logarithm of the rows."


def _sentence(curve: DataCurve) -> str:
    """Rows saved, at the smallest size where that is a number; then the crossing point, and ossification."""
    known = [point for point in curve.points if point.rows_needed.value is not None]
    told = [_saved(curve, known[0] if known else curve.points[0]), curve.crossing.sentence]
    if curve.ossified:
        sizes = phrases.joined([phrases.rows(size) for size in sorted(curve.ossified)])
        told.append(f"With {sizes}, {curve.arm} is worse than {curve.baseline}: ossification.")
    if curve.worse_everywhere:
        told.append(f"{curve.arm} is worse than {curve.baseline} at every size.")
    if all(point.units == 1 for point in curve.points):
        told.append("Every size rests on one pair: other seeds may say otherwise.")
    return " ".join(told)


def _saved(curve: DataCurve, point: SizePoint) -> str:
    """'With 64 rows, pretrained scores what scratch needs about 410 rows for (95 % interval ...): ...'."""
    lead = f"With {phrases.rows(point.rows)}, {curve.arm} scores"
    needed = point.rows_needed
    if needed.value is not None:
        told = f"what {curve.baseline} needs about {phrases.rows(needed.value)} for{_sure(point)}"
    elif needed.low is not None:
        told = f"more than {curve.baseline} does with {phrases.rows(needed.low)}, the most that were run"
    else:
        smallest = phrases.rows(needed.high or 0)
        told = f"less than {curve.baseline} does with {smallest}, the fewest that were run"
    return f"{lead} {told}: a data multiplier of {phrases.bounded(point.multiplier)}."


def _sure(point: SizePoint) -> str:
    """The interval of the rows needed; one that is open on both sides is not passed over."""
    told = phrases.interval(point.rows_needed, phrases.whole)
    if told or point.gain_interval is None:
        return told
    return " (the 95 % interval reaches beyond the sizes that were run, on both sides)"


def _crossing_words(curve: DataCurve, found: Crossing) -> str:
    """Where the baseline has caught up; "not within the data" where it has not."""
    largest, margin = phrases.rows(curve.points[-1].rows), f"{found.margin:g}"
    if found.rows.value is not None:
        where = f"about {phrases.rows(found.rows.value)} on{phrases.interval(found.rows, phrases.whole)}"
        return f"{curve.baseline} is within {margin} of {curve.arm} from {where}."
    if found.rows.high is not None:
        return f"{curve.arm} is at no size more than {margin} ahead."
    does = phrases.percent(1 - found.beyond)
    unsure = "" if found.beyond > 0.975 else f"; in {does} of the resamples it does"
    ahead = f"{curve.arm} is still more than {margin} ahead with {largest}"
    return f"{curve.baseline} does not catch up within the data: {ahead}{unsure}."

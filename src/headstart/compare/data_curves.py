"""Data curves: what each arm makes of more rows: rows saved, crossing point, power law."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headstart.compare import factors, phrases
from headstart.compare.equal_budget import late_gain
from headstart.compare.learning_curves import pairs_of_curves
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.ranges import of_gain, of_score
from headstart.compare.sentences import sizes as sentences
from headstart.compare.sentences.remarks import of_these
from headstart.compare.series import Series, series, size_scores
from headstart.compare.statistics.joint import SizeScores
from headstart.compare.statistics.power_law import Point, PowerLaw, power_law
from headstart.compare.statistics.transfer import Crossing, SizePoint, transfer
from headstart.compare.verdicts import Gain, verdict_of
from headstart.metrics import orient
from headstart.records.fingerprint import digest

OPEN = frozenset({"undecided", "equivalent"})  # verdicts that show no difference


@dataclass(frozen=True)
class DataCurve:
    """One arm against the baseline over sizes: rows saved, crossing point, ossification, power law."""

    arm: str
    baseline: str
    context: str  # the other settings that vary, as words; "" when none does
    metric: str
    points: tuple[SizePoint, ...]  # fewest rows first
    crossing: Crossing
    ossified: tuple[int, ...]  # sizes, from the largest down, at which the arm is worse though it was better
    verdicts: tuple[str, ...]  # of the gain at each size
    law: PowerLaw
    covers: str  # what the intervals cover, in words
    scope: str  # of which weights and rows it speaks alone; "" where these were drawn often enough
    facts: tuple[tuple[str, float, str], ...]  # draws, seeds and budget: key, number, note
    scores: Mapping[int, tuple[Sequence[float], Sequence[float]]]  # of the runs at each size: baseline, arm

    @property
    def verdict(self) -> str:
        """Where the arm is worse than the baseline, if that needs saying."""
        return "worse at every size" if self.worse_everywhere else "ossified" if self.ossified else ""

    @property
    def worse_everywhere(self) -> bool:
        """Is the arm shown to be worse at every size?"""
        return {*self.verdicts} == {"worse"}

    @property
    def shows_nothing(self) -> bool:
        """Is no difference shown at any size? Then the baseline has nothing to catch up with."""
        return {*self.verdicts} <= OPEN

    @property
    def crossing_sentence(self) -> str:
        """Where the baseline has caught up."""
        crossing, largest = self.crossing, self.points[-1].rows
        if self.shows_nothing:
            gains = [point.gain for point in self.points]
            return sentences.no_difference(self.arm, self.baseline, min(gains), max(gains))
        if crossing.rows.value is None and crossing.rows.high is None and self.verdicts[-1] == "undecided":
            return sentences.open_crossing(self.baseline, largest)
        has_interval = self.points[0].gain_interval is not None
        return sentences.crossing(
            self.arm, self.baseline, crossing.rows, crossing.beyond, crossing.margin, largest, has_interval
        )

    @property
    def sentence(self) -> str:
        """Rows saved, at the smallest size where that is a number; the crossing point, and ossification.

        Where no size shows a difference there are no rows saved to tell of.
        """
        if self.shows_nothing:
            return " ".join(part for part in (self.crossing_sentence, self.scope) if part)
        point = next((each for each in self.points if each.rows_needed.value is not None), self.points[0])
        saved = sentences.rows_saved(
            self.arm, self.baseline, point.rows, point.rows_needed, point.multiplier,
            point.gain_interval is not None,
        )  # fmt: skip
        behind = sentences.behind(self.arm, self.baseline, sorted(self.ossified), self.worse_everywhere)
        one_pair = sentences.ONE_PAIR_EACH if all(each.units == 1 for each in self.points) else ""
        parts = (saved, self.crossing_sentence, *behind, one_pair, self.scope)
        return " ".join(part for part in parts if part)


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
    template = Quantity("", curve.context, curve.arm, curve.baseline, curve.metric)
    worse = f"worse at {', '.join(map(phrases.rows, curve.ossified))}" if curve.ossified else ""
    beyond = "resamples in which it lies above the largest size"
    crossing = template.named("crossing")
    if not curve.shows_nothing:
        crossing = crossing.bounded(curve.crossing.rows)
    return Rows([
        template.named("data.sizes", verdict=curve.verdict).at(len(curve.points)).because(curve.sentence),
        *(row for point in curve.points for row in _point_rows(template, curve, point)),
        crossing.because(curve.crossing_sentence),
        template.named("crossing.beyond").at(curve.crossing.beyond).because(beyond),
        template.named("data.ossified_sizes").at(len(curve.ossified)).because(worse),
        *(template.named(f"data.{name}", note=note).at(value) for name, value, note in curve.facts),
        *law_rows(template, curve.law, "law"),
    ])  # fmt: skip


def _point_rows(template: Quantity, curve: DataCurve, point: SizePoint) -> list[Quantity]:
    """Both scores at one size, and how many rows the baseline needs for the arm's."""
    condition = ", ".join(part for part in (f"{point.rows} rows", curve.context) if part)
    template = replace(template, condition=condition, n=point.units, note=curve.covers)
    smooth = f"smoothed {phrases.number(point.baseline_smooth)}"
    spread: list[Quantity] = []
    for side, scores in zip(("baseline_score", "score"), curve.scores[point.rows], strict=True):
        row = template.named(f"data.{side}.runs", n=len(scores), note="")
        spread.append(row.between(min(scores), max(scores)))
    low, high = point.between
    sizes = f"between the sizes {low:,} and {high:,}" if low and high else "beyond the sizes that were run"
    needed = template.because(sizes)
    return [
        template.named("data.rows").at(point.rows),
        template.named("data.gain").at(point.gain, point.gain_interval),
        template.named("data.baseline_score").at(point.baseline, point.baseline_interval).because(smooth),
        template.named("data.score").at(point.arm, point.arm_interval),
        *spread,
        *needed.named("data_multiplier").with_interval(point.multiplier),
        *needed.named("data.rows_needed").with_interval(point.rows_needed),
        *needed.named("data.rows_transferred").with_interval(point.transferred),
    ]


def law_rows(template: Quantity, law: PowerLaw, key: str) -> list[Quantity]:
    """The three coefficients of rows transferred, or why there are none."""
    template = replace(template, arm=law.arm, n=law.points)
    intervals = {"k": law.k_interval, "alpha": law.alpha_interval, "beta": law.beta_interval}
    known = {name: (getattr(law, name), interval) for name, interval in intervals.items()}
    sentence = sentences.power_law(known, law.points, law.residual, law.reason, law.notes)
    return [
        template.named(f"{key}.points", note=sentence).at(law.points),
        template.named(f"{key}.left_out").at(law.left_out),
        *(
            template.named(f"{key}.{name}").at(value, interval).because(law.reason, *law.notes)
            for name, (value, interval) in known.items()
        ),
        template.named(f"{key}.residual").at(law.residual),
    ]


def _curve(sizes: Series, margin: float) -> tuple[DataCurve, list[Point]]:
    first, metric = sizes.first, sizes.first.headline
    arm = first.matches[0].arm
    runs = [record for each in sizes.all for pair in each.matches for record in pair.sides]
    seed = int(digest(sorted([record.run_id, record.arm] for record in runs)), 16)
    scores = size_scores(sizes, metric, seed)
    parts = [phrases.FACTORS[name][1] for name in sizes.factors]
    if scores[0].examples is not None:
        parts.append("test examples" if scores[0].groups is None else "groups of test examples")
    # Pretraining seeds and draws at the sizes with the fewest of them.
    few = [factors.few([p.sides for one in every for p in one.matches]) for every in sizes.sizes.values()]
    fewest = [min((n for n in own if n is not None), default=None) for own in zip(*few, strict=True)]
    of_size = {rows: [pair for one in every for pair in one.pairs] for rows, every in sizes.sizes.items()}
    return data_curve(
        scores,
        {rows: every[0].gain if len(every) == 1 else None for rows, every in sizes.sizes.items()},
        margin,
        seed,
        arm=sizes.arm,
        baseline=first.baseline,
        context=sizes.context,
        parameters=arm.cost.parameters.all,
        metric=metric,
        covers=phrases.joined(parts) if parts else "nothing: one pair at each size, and no predictions",
        scope=of_these(*fewest),
        facts=tuple(_facts(sizes)),
        scores={
            rows: ([pair.baseline_score for pair in pairs], [pair.arm_score for pair in pairs])
            for rows, pairs in of_size.items()
        },
    )


def data_curve(
    sizes: Sequence[SizeScores], gains: Mapping[int, Gain | None], margin: float, seed: int,
    *, metric: str, parameters: int | None, **about: Any,
) -> tuple[DataCurve, list[Point]]:  # fmt: skip
    """The curve of these scores, and the points of its law; `gains` are those of comparisons that stand
    alone at their size, `about` are the other fields of the curve."""
    result, crossing = transfer(sizes, orient(metric), margin, seed)
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
        own = gains[point.rows]
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
    # The largest sizes, as far down as the arm is worse at each, if it was better at a smaller one.
    worse = next((i for i, verdict in enumerate(reversed(verdicts)) if verdict != "worse"), len(verdicts))
    ossified = points[len(points) - worse :] if "better" in verdicts[: len(verdicts) - worse] else []
    curve = DataCurve(
        **about,
        metric=metric,
        points=tuple(points),
        crossing=crossing,
        ossified=tuple(point.rows for point in reversed(ossified)),
        verdicts=tuple(verdicts),
        law=power_law(about["arm"], law_points),
    )
    return curve, law_points


def _facts(sizes: Series) -> Iterator[tuple[str, float, str]]:
    """Draws, sets of seeds and budget over the sizes: the last part of the key, the number, and its note."""
    yield "draws", sizes.draws, sentences.draws(sizes.draws)
    seeds = len({tuple(sorted({pair.arm.seed for pair in each.matches})) for each in sizes.all})
    yield "seed_sets", seeds, sentences.SEEDS_DIFFER if seeds > 1 else ""
    budget = sizes.first.matches[0].arm.config["budget"]
    if epochs := budget.get("epochs"):
        yield "epochs", float(epochs), sentences.same_epochs(epochs)
    elif steps := budget.get("steps"):
        best, rising = budget.get("keep") == "best", [*_rising(sizes)]
        yield "updates", float(steps), sentences.same_updates(steps, best, rising, sizes.first.margin)


def _rising(sizes: Series) -> Iterator[str]:
    """Arms and sizes that still gained more than the margin on validation in the last quarter of training."""
    for rows, every in sizes.sizes.items():
        first = every[0]
        curves = pairs_of_curves(first.matches, first.headline)
        for side, arm in enumerate((first.baseline, first.arm)):
            if curves and late_gain(curves, side) > first.margin:
                yield f"{arm} with {phrases.rows(rows)}"

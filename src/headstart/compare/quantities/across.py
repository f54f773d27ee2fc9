"""Quantities across comparisons: data curves and their laws, rankings, aggregates, scales and spreads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headstart.compare import phrases
from headstart.compare.quantity import Quantity
from headstart.compare.values.claims import Aggregate, Estimate, Ranking
from headstart.compare.values.efficiency import DataCurve, PowerLaw, SizePoint
from headstart.compare.values.scales import Front, ModelPoint, VarianceSplit

UNITS = {"flops": "FLOPs", "seconds": "s", "joules": "J"}
AGGREGATES = {
    "baseline_iqm": "score",
    "arm_iqm": "score",
    "iqm_gain": "difference",
    "mean_gain": "difference",
    "improvement": "share",
}


def of_data_curve(found: DataCurve) -> Iterator[Quantity]:
    """Rows that the weights save at every size, where the baseline has caught up, and the scaling law."""
    here = Quantity(key="", arm=found.arm, baseline=found.baseline, metric=found.metric, note=found.covers)
    for point in found.points:
        yield from _size(replace(here, condition=_rows(point.rows, found.context), n=point.units), point)
    here = replace(here, condition=found.context, note="")
    crossing = replace(here, key="crossing", unit="rows").bounded(found.crossing.rows)
    yield crossing.because(found.crossing.sentence)
    share = replace(here, key="crossing.beyond", unit="share")
    yield share.at(found.crossing.beyond).because("resamples in which it lies above the largest size")
    worse = replace(here, key="data.ossified_sizes", unit="sizes").at(len(found.ossified))
    yield worse.because(f"worse at {', '.join(map(phrases.rows, found.ossified))}" if found.ossified else "")
    yield from of_law(replace(here, key="law"), found.law)


def of_law(here: Quantity, found: PowerLaw) -> Iterator[Quantity]:
    """The three coefficients of rows transferred, or why there are none."""
    here = replace(here, arm=found.arm, n=found.points, unit="number")
    for name in ("k", "alpha", "beta"):
        one = replace(here, key=f"{here.key}.{name}")
        one = one.at(getattr(found, name), getattr(found, f"{name}_interval"))
        yield one.because(found.reason, *found.notes)
    yield replace(here, key=f"{here.key}.residual").at(found.residual)


def of_ranking(found: Ranking) -> Iterator[Quantity]:
    """Every arm of one condition by its mean score."""
    for rank in found.ranks:
        here = Quantity(key="", condition=found.condition, arm=rank.arm, metric=found.metric, n=rank.runs)
        yield replace(here, key="rank", unit="place", verdict=rank.word).at(rank.place)
        score = replace(here, key="rank.score", unit="score").at(rank.score, rank.interval)
        yield score.because("Student's interval over runs: seeds, not test examples")


def of_aggregate(found: Aggregate) -> Iterator[Quantity]:
    """Interquartile means, mean gain and probability of improvement over conditions."""
    here = Quantity(key="", arm=found.arm, baseline=found.baseline, n=sum(found.pairs))
    for name, unit in AGGREGATES.items():
        estimate: Estimate | None = getattr(found, name)
        one = replace(here, key=f"aggregate.{name}", unit=unit)
        one = one.at(estimate.value, estimate.interval) if estimate else one
        over = f"over {phrases.plural(len(found.conditions), 'condition')}; {found.scale}"
        yield one.because(found.reason or over, *found.notes)


def of_model(found: ModelPoint, metric: str) -> Iterator[Quantity]:
    """Score and cost of one arm of one model, beside its number of parameters."""
    condition = ", ".join(part for part in (found.model, found.context) if part)
    here = Quantity(key="", condition=condition, arm=found.arm, metric=metric, n=found.runs)
    size = f"{found.parameters:,} parameters"
    yield replace(here, key="model.parameters", unit="parameters").at(found.parameters)
    yield replace(here, key="model.score", unit="score").at(found.score, found.interval).because(size)
    for name, unit in UNITS.items():
        word = found.energy_method if name == "joules" else ""
        yield (
            replace(here, key=f"model.{name}", unit=unit, verdict=word).at(getattr(found, name)).because(size)
        )


def of_front(found: Front) -> Iterator[Quantity]:
    """Whether each arm under each condition is worth its cost."""
    place = Quantity(key=f"front.{found.resource}", metric=found.metric, unit=UNITS[found.resource])
    estimated = "estimated" if found.estimated else ""
    if not found.points:
        yield replace(place, condition=found.task).because(found.reason)
    for point in found.points:
        one = replace(place, condition=point.condition, arm=point.arm, n=point.runs)
        one = replace(one, verdict="on the front" if point.on_front else "beaten").at(point.cost)
        yield one.because(f"by {point.beaten_by}" if point.beaten_by else "", estimated)


def of_variance(found: VarianceSplit) -> Iterator[Quantity]:
    """What the spread of a score or a gain is due to."""
    here = Quantity(key="variance", condition=found.condition, arm=found.of, metric=found.metric)
    if not found.components:
        yield here.because(found.reason)
    for part in found.components:
        one = replace(here, key=f"variance.{part.source}", unit="variance", n=part.levels or None)
        yield one.at(part.variance, part.interval)
        yield replace(one, key=f"{one.key}.share", unit="share").at(part.share)


def _size(here: Quantity, point: SizePoint) -> Iterator[Quantity]:
    yield replace(here, key="data.gain", unit="difference").at(point.gain, point.gain_interval)
    yield replace(here, key="data_multiplier", unit="times").bounded(point.multiplier)
    yield replace(here, key="data.rows_needed", unit="rows").bounded(point.rows_needed)
    yield replace(here, key="data.rows_transferred", unit="rows").bounded(point.transferred)


def _rows(rows: int, context: str) -> str:
    """'512 rows', '512 rows, lr 0.001': as a condition over sizes is named."""
    return ", ".join(part for part in (f"{rows} rows", context) if part)

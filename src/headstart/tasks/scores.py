"""Scores of an evaluation: metrics with an entry in metrics.py, and any other metric through `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from headstart.errors import ConfigError
from headstart.metrics import METRICS, score

if TYPE_CHECKING:
    import evaluate

Metrics = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
NONE = np.zeros(0, dtype=np.int64)


def scores_of(
    metrics: Sequence[str],
    statistics: Mapping[str, np.ndarray],
    labels: np.ndarray = NONE,
    predictions: np.ndarray = NONE,
    classes: int = 0,
    **columns: np.ndarray,
) -> dict[str, float]:
    """Every metric's value, from what an evaluation knows of its examples, (examples, ...) each.

    A metric of the hub gets those columns that it knows of statistics, references (the labels), predictions
    and `columns`.
    """
    scores: dict[str, float] = {}
    for metric in metrics:
        if metric in METRICS:
            scores[metric] = float(score(metric, labels, predictions, statistics, classes))
        else:
            offered = {**statistics, "references": labels, "predictions": predictions, **columns}
            module = _loaded(metric)
            known: Any = module.features
            values = module.compute(**{column: offered[column] for column in known if column in offered})
            scores |= {key: float(value) for key, value in (values or {}).items() if np.ndim(value) == 0}
    return scores


def fitting(metrics: Sequence[str], statistics: Mapping[str, np.ndarray]) -> list[str]:
    """The metrics with an entry in metrics.py that these statistics give."""
    return [name for name in metrics if name in METRICS and statistics.keys() >= set(METRICS[name].needs)]


@cache
def _loaded(name: str) -> evaluate.EvaluationModule:
    import evaluate

    try:
        return evaluate.load(name)
    except Exception as error:  # noqa: BLE001 - whatever evaluate meets on the way to the hub, the sentence is the same
        raise ConfigError(
            f"task.metrics: {name} is not one of {', '.join(METRICS)} and could not be loaded from the hub "
            f"({type(error).__name__}); check the name or the network"
        ) from None

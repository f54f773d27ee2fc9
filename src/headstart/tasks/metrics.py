"""Metrics of our own as `evaluate` modules, so that scoring needs no network; hub metrics by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import datasets
import evaluate
import numpy as np

from headstart.node import ConfigError

CLASSES = {"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}
PROBABILITIES = {
    "probabilities": datasets.List(datasets.Value("float64")),
    "references": datasets.Value("int64"),
}


class _Local(evaluate.Metric):
    """A metric that stands in this file: nothing is downloaded, nothing is written to disk."""

    columns = CLASSES

    def __init__(self) -> None:
        super().__init__(keep_in_memory=True)

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            module_name=type(self).__name__,
            description=type(self).__doc__ or "",
            citation="",
            inputs_description="class numbers (int), or probabilities per class (float)",
            features=datasets.Features(self.columns),
        )


class Accuracy(_Local):
    """Share of examples whose predicted class is the true one, 0..1."""

    def _compute(self, *, predictions: Any = None, references: Any = None, **_: Any) -> dict[str, float]:
        return {"accuracy": float(np.mean(np.asarray(predictions) == np.asarray(references)))}


class MacroF1(_Local):
    """Unweighted mean over classes of the harmonic mean of precision and recall, 0..1."""

    def _compute(self, *, predictions: Any = None, references: Any = None, **_: Any) -> dict[str, float]:
        from sklearn.metrics import f1_score

        return {"macro_f1": float(f1_score(references, predictions, average="macro", zero_division=0))}  # pyright: ignore[reportArgumentType]


class Matthews(_Local):
    """Correlation of predicted and true classes, -1..1; 0 is chance (Matthews 1975, Gorodkin 2004)."""

    def _compute(self, *, predictions: Any = None, references: Any = None, **_: Any) -> dict[str, float]:
        from sklearn.metrics import matthews_corrcoef

        return {"matthews": float(matthews_corrcoef(references, predictions))}


class LogLoss(_Local):
    """Mean negative log probability of the true class, in nats; lower is better."""

    columns = PROBABILITIES

    def _compute(
        self, *, predictions: Any = None, references: Any = None, probabilities: Any = None, **_: Any
    ) -> dict[str, float]:
        chances = np.asarray(probabilities, dtype=np.float64)  # (examples, classes)
        true = chances[np.arange(len(references)), np.asarray(references)]
        return {"log_loss": float(-np.log(np.clip(true, 1e-12, None)).mean())}


LOCAL = {"accuracy": Accuracy, "macro_f1": MacroF1, "matthews": Matthews, "log_loss": LogLoss}


def scorer(names: Sequence[str]) -> evaluate.CombinedEvaluations:
    """All metrics as one module; feed it with `score`."""
    return evaluate.combine([LOCAL[name]() if name in LOCAL else _from_hub(name) for name in names])


def score(
    metrics: evaluate.CombinedEvaluations, references: np.ndarray, probabilities: np.ndarray
) -> dict[str, float]:
    """Every metric's value. references: (examples,) int; probabilities: (examples, classes)."""
    metrics.add_batch(
        predictions=probabilities.argmax(axis=1), references=references, probabilities=probabilities
    )
    return {name: float(value) for name, value in _computed(metrics).items() if np.ndim(value) == 0}


def _computed(metrics: evaluate.CombinedEvaluations) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for module in metrics.evaluation_modules:
        values.update(module.compute() or {})
    return values


def _from_hub(name: str) -> evaluate.EvaluationModule:
    try:
        return evaluate.load(name)
    except Exception as error:  # noqa: BLE001 - whatever evaluate meets on the way to the hub, the sentence is the same
        raise ConfigError(
            f"task.metrics: {name} is not one of {', '.join(LOCAL)} and could not be loaded from the hub "
            f"({type(error).__name__}); check the name or the network"
        ) from None

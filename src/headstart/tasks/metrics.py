"""Metrics of our own as `evaluate` modules, so that scoring needs no network; hub metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import datasets
import evaluate
import numpy as np

from headstart.errors import ConfigError

Values = dict[str, float]
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


class _OfStatistics(_Local):
    """A metric of per-example numbers: `statistics` names them, `value` makes one number of the columns."""

    statistics: tuple[str, ...] = ()
    value: Callable[..., float]  # of the columns that `statistics` names, (examples,) float64 each

    def _info(self) -> evaluate.MetricInfo:
        self.columns = dict.fromkeys(self.statistics, datasets.Value("float64"))
        return super()._info()

    def _compute(self, *, predictions: Any = None, references: Any = None, **columns: Any) -> Values:
        arrays = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
        name = next(name for name, kind in LOCAL.items() if type(self) is kind)
        return {name: float(self.value(**arrays))}


def _share(part: Any, whole: Any) -> float:
    return float(np.sum(part) / np.sum(whole)) if np.sum(whole) else 0.0


class ExactMatch(_OfStatistics):
    """Share of examples that are right as a whole, 0..1."""

    statistics = ("exact",)

    def value(self, exact: Any) -> float:
        return np.mean(exact)


class AnswerF1(_OfStatistics):
    """Mean overlap of the words of answer and prediction (Rajpurkar et al. 2016), 0..1."""

    statistics = ("f1",)

    def value(self, f1: Any) -> float:
        return np.mean(f1)


class MicroF1(_OfStatistics):
    """Harmonic mean of precision and recall over all labels or entities of all examples, 0..1."""

    statistics = ("true_positive", "predicted", "true")

    def value(self, true_positive: Any, predicted: Any, true: Any) -> float:
        return _share(2 * true_positive, predicted + true)


class EntityF1(MicroF1):
    """F1 over entities; one counts when its bounds and its kind are right (Tjong Kim Sang 2003), 0..1."""


class EntityPrecision(_OfStatistics):
    """Share of the predicted entities that are right, 0..1."""

    statistics = ("true_positive", "predicted")

    def value(self, true_positive: Any, predicted: Any) -> float:
        return _share(true_positive, predicted)


class EntityRecall(_OfStatistics):
    """Share of the true entities that are found, 0..1."""

    statistics = ("true_positive", "true")

    def value(self, true_positive: Any, true: Any) -> float:
        return _share(true_positive, true)


class TokenAccuracy(_OfStatistics):
    """Share of the scored tokens that are predicted, 0..1."""

    statistics = ("correct", "tokens")

    def value(self, correct: Any, tokens: Any) -> float:
        return _share(correct, tokens)


class TokenLoss(_OfStatistics):
    """Mean cross-entropy per scored token, in nats; lower is better."""

    statistics = ("loss", "tokens")

    def value(self, loss: Any, tokens: Any) -> float:
        return _share(loss, tokens)


class Perplexity(TokenLoss):
    """exp of the loss per token; depends on the tokenizer; lower is better."""

    def value(self, loss: Any, tokens: Any) -> float:
        return float(np.exp(_share(loss, tokens)))


class BitsPerByte(_OfStatistics):
    """Loss in bits per byte of the scored text, so that tokenizers compare; lower is better."""

    statistics = ("loss", "bytes")

    def value(self, loss: Any, bytes: Any) -> float:
        return _share(loss, bytes) / np.log(2)


class _OfEstimates(_OfStatistics):
    """A metric of numbers and their estimates."""

    statistics = ("target", "estimate")


class MeanSquaredError(_OfEstimates):
    """Mean squared difference of target and estimate; lower is better."""

    def value(self, target: Any, estimate: Any) -> float:
        return np.mean((target - estimate) ** 2)


class MeanAbsoluteError(_OfEstimates):
    """Mean absolute difference of target and estimate; lower is better."""

    def value(self, target: Any, estimate: Any) -> float:
        return np.mean(np.abs(target - estimate))


class Pearson(_OfEstimates):
    """Linear correlation of target and estimate, -1..1; 0 where one of them is constant."""

    def value(self, target: Any, estimate: Any) -> float:
        if np.ptp(target) == 0 or np.ptp(estimate) == 0:
            return 0.0
        return np.corrcoef(target, estimate)[0, 1]


class Spearman(_OfEstimates):
    """Correlation of the ranks of target and estimate, -1..1; 0 where one of them is constant."""

    def value(self, target: Any, estimate: Any) -> float:
        from scipy.stats import rankdata

        return Pearson().value(target=rankdata(target), estimate=rankdata(estimate))


class Chrf(_OfStatistics):
    """Mean over sentences of the F-score of character n-grams (Popović 2015), 0..100."""

    statistics = ("chrf",)

    def value(self, chrf: Any) -> float:
        return np.mean(chrf)


class RougeL(_OfStatistics):
    """Mean over texts of the F-score of the longest common subsequence of words (Lin 2004), 0..1."""

    statistics = ("rouge_l",)

    def value(self, rouge_l: Any) -> float:
        return np.mean(rouge_l)


class Bleu(_OfStatistics):
    """Corpus BLEU of up to four words, from each text's counts (Papineni et al. 2002), 0..100."""

    statistics = (
        *(f"bleu_{kind}_{n}" for kind in ("correct", "total") for n in range(1, 5)),
        *("bleu_system", "bleu_reference"),
    )

    def value(self, **columns: Any) -> float:
        from sacrebleu.metrics import BLEU  # pyright: ignore[reportPrivateImportUsage]

        sums = {name: int(column.sum()) for name, column in columns.items()}
        correct, total = ([sums[f"bleu_{kind}_{n}"] for n in range(1, 5)] for kind in ("correct", "total"))
        return BLEU.compute_bleu(correct, total, sums["bleu_system"], sums["bleu_reference"], "exp").score


LOCAL = {
    "accuracy": Accuracy,
    "macro_f1": MacroF1,
    "matthews": Matthews,
    "log_loss": LogLoss,
    "exact_match": ExactMatch,
    "f1": AnswerF1,
    "micro_f1": MicroF1,
    "entity_f1": EntityF1,
    "entity_precision": EntityPrecision,
    "entity_recall": EntityRecall,
    "token_accuracy": TokenAccuracy,
    "token_loss": TokenLoss,
    "perplexity": Perplexity,
    "bits_per_byte": BitsPerByte,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "pearson": Pearson,
    "spearman": Spearman,
    "chrf": Chrf,
    "rouge_l": RougeL,
    "bleu": Bleu,
}


def score(names: Sequence[str], offered: Mapping[str, Any]) -> dict[str, float]:
    """Every metric's value; each takes the columns that it knows of those `offered`."""
    values: dict[str, float] = {}
    for name in names:
        metric = _metric(name)
        columns = {column: offered[column] for column in metric.features if column in offered}
        found = metric.compute(**columns) or {}
        values |= {key: float(value) for key, value in found.items() if np.ndim(value) == 0}
    return values


@cache
def _metric(name: str) -> evaluate.EvaluationModule:
    return LOCAL[name]() if name in LOCAL else _from_hub(name)


def _from_hub(name: str) -> evaluate.EvaluationModule:
    try:
        return evaluate.load(name)
    except Exception as error:  # noqa: BLE001 - whatever evaluate meets on the way to the hub, the sentence is the same
        raise ConfigError(
            f"task.metrics: {name} is not one of {', '.join(LOCAL)} and could not be loaded from the hub "
            f"({type(error).__name__}); check the name or the network"
        ) from None

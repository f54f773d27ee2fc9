"""Metric names: the metrics of a record in the words a reader knows them by, and which way is better."""

from __future__ import annotations

NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "matthews": "Matthews correlation",
    "log_loss": "log loss",
    "loss": "loss",
    "exact_match": "exact match",
    "f1": "answer F1",
    "micro_f1": "micro F1",
    "entity_f1": "entity F1",
    "entity_precision": "entity precision",
    "entity_recall": "entity recall",
    "token_accuracy": "token accuracy",
    "token_loss": "loss per token",
    "perplexity": "perplexity",
    "bits_per_byte": "bits per byte",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "pearson": "Pearson correlation",
    "spearman": "Spearman correlation",
    "chrf": "chrF",
    "rouge_l": "ROUGE-L",
    "bleu": "BLEU",
}
LOWER_IS_BETTER = frozenset({"loss", "log_loss", "token_loss", "perplexity", "bits_per_byte", "mse", "mae"})


def metric_name(metric: str) -> str:
    """'macro F1', 'bits per byte'; a metric of the user's own keeps its name, with spaces."""
    return NAMES.get(metric, metric.replace("_", " "))


def metric_title(metric: str) -> str:
    """The name at the beginning of a title: 'Log loss', but 'chrF'."""
    name = metric_name(metric)
    return name[:1].upper() + name[1:] if name.partition(" ")[0].islower() else name


def higher_is_better(metric: str) -> bool:
    """Whether a larger score is a better one; a metric without a name here is, unless it is a loss."""
    return metric not in LOWER_IS_BETTER and not metric.endswith(("loss", "error", "perplexity"))


def orient(metric: str) -> int:
    """1 for metrics where higher is better, -1 for the others: makes a positive gain mean better."""
    return 1 if higher_is_better(metric) else -1

"""Runs of every family of task, with a gain planted in their answers, and their scores from other libraries.

Each answers as `make_study` asks: what is asked is the same in every run, how well it is answered is the
skill's and the luck's. Skill becomes a share of good answers, between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtr
from tests.factory import Family

WORDS = np.array("red green blue cold warm sweet sour fast slow loud calm old new big small".split())  # noqa: SIM905
COUNTS = ("true_positive", "predicted", "true")
SIDES = ("labels", "predictions")
TOPICS = np.array(["art", "law", "sport", "war"])


def asked(examples: int) -> np.random.Generator:
    """The generator of what every run is asked."""
    return np.random.default_rng(examples)


def many_labels(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Rows of several topics; each topic of a row is told right or not."""
    true = asked(examples).random((examples, len(TOPICS))) < 0.4
    predicted = np.where(luck.random(true.shape) < ndtr(skill), true, ~true)
    columns = ((true & predicted).sum(1), predicted.sum(1), true.sum(1), (true == predicted).all(1))
    return {
        "labels": [", ".join(TOPICS[row]) for row in true],
        "predictions": [", ".join(TOPICS[row]) for row in predicted],
        "statistics": dict(zip((*COUNTS, "exact"), columns, strict=True)),
    }


def score_many_labels(answers: Mapping[str, Any]) -> dict[str, float]:
    """micro_f1 and exact_match from scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score

    true, predicted = ([[topic in row for topic in TOPICS] for row in answers[side]] for side in SIDES)
    f1 = f1_score(true, predicted, average="micro")
    return {"micro_f1": float(f1), "exact_match": float(accuracy_score(true, predicted))}


def regression(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Numbers between 0 and 5, estimated with less noise by the better."""
    target = asked(examples).uniform(0, 5, examples)
    estimate = target + 2 * (1.2 - ndtr(skill)) * luck.standard_normal(examples)
    return {
        "labels": [f"{value:.3f}" for value in target],
        "predictions": [f"{value:.3f}" for value in estimate],
        "statistics": {"target": target, "estimate": estimate},
    }


def score_regression(answers: Mapping[str, Any]) -> dict[str, float]:
    """Correlations from scipy, errors from scikit-learn."""
    from scipy.stats import pearsonr, spearmanr
    from sklearn.metrics import mean_absolute_error, mean_squared_error

    sides = answers["statistics"]["target"], answers["statistics"]["estimate"]
    return {
        "pearson": float(pearsonr(*sides)[0]),  # pyright: ignore[reportArgumentType]
        "spearman": float(spearmanr(*sides)[0]),  # pyright: ignore[reportArgumentType]
        "mse": float(mean_squared_error(*sides)),
        "mae": float(mean_absolute_error(*sides)),
    }


def tagging(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Sentences of eight words, some of them names of one word."""
    true = asked(examples).random((examples, 8)) < 0.3
    predicted = np.where(luck.random(true.shape) < 0.5 + ndtr(skill) / 2, true, ~true)
    counted = ((true & predicted).sum(1), predicted.sum(1), true.sum(1))
    tokens = {"correct": (true == predicted).sum(1), "tokens": np.full(examples, 8)}
    return {
        "labels": [" ".join(np.where(row, "B-NAME", "O")) for row in true],
        "predictions": [" ".join(np.where(row, "B-NAME", "O")) for row in predicted],
        "statistics": {**dict(zip(COUNTS, counted, strict=True)), **tokens},
    }


def score_tagging(answers: Mapping[str, Any]) -> dict[str, float]:
    """Entities of one word, so that scikit-learn's scores of the words are those of the entities."""
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    true, predicted = ([tag != "O" for row in answers[side] for tag in row.split()] for side in SIDES)
    return {
        "entity_f1": float(f1_score(true, predicted)),
        "entity_precision": float(precision_score(true, predicted)),
        "entity_recall": float(recall_score(true, predicted)),
        "token_accuracy": float(accuracy_score(true, predicted)),
    }


def question_answering(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Answers of two words, of which a run gets none, one or both."""
    true = asked(examples).integers(len(WORDS), size=(examples, 2))
    found = luck.random(true.shape) < ndtr(skill)
    predicted = np.where(found, true, (true + 1) % len(WORDS))
    return {
        "labels": [" ".join(row) for row in WORDS[true]],
        "predictions": [" ".join(row) for row in WORDS[predicted]],
        "statistics": {"exact": found.all(1), "f1": found.mean(1)},
    }


def score_question_answering(answers: Mapping[str, Any]) -> dict[str, float]:
    """Words in their own order, so that F1 is the share of words at their place."""
    rows = list(zip(answers["labels"], answers["predictions"], strict=True))
    shares = [np.mean([a == b for a, b in zip(x.split(), y.split(), strict=True)]) for x, y in rows]
    return {"f1": float(np.mean(shares)), "exact_match": float(np.mean([x == y for x, y in rows]))}


def language(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Texts of different length, each token of which costs the better run less."""
    tokens = asked(examples).integers(5, 60, size=examples)
    loss = tokens * luck.gamma(20, (3 - 2 * ndtr(skill)) / 20, size=examples)
    return {
        "labels": [""] * examples,
        "predictions": [""] * examples,
        "statistics": {
            "loss": loss,
            "tokens": tokens,
            "bytes": 4 * tokens + 1,
            "correct": luck.binomial(tokens, ndtr(skill)),
        },
    }


def score_language(answers: Mapping[str, Any]) -> dict[str, float]:
    """Weighted means of the losses per token and per byte."""
    loss, tokens, size, correct = answers["statistics"].values()
    per_token = float(np.average(loss / tokens, weights=tokens))
    return {
        "token_loss": per_token,
        "perplexity": float(np.exp(per_token)),
        "bits_per_byte": float(np.average(loss / size, weights=size) / np.log(2)),
        "token_accuracy": float(np.average(correct / tokens, weights=tokens)),
    }


def text_to_text(skill: float, luck: np.random.Generator, examples: int, spoil: str = "") -> dict[str, Any]:
    """Sentences of six words, of which a run says some; `spoil` is appended, so that none is exact."""
    true = asked(examples).integers(len(WORDS), size=(examples, 6))
    kept = luck.random(true.shape) < ndtr(skill)
    predicted = WORDS[np.where(kept, true, luck.integers(len(WORDS), size=true.shape))]
    references = [" ".join(row) for row in WORDS[true]]
    texts = [" ".join(row) + spoil for row in predicted]
    return {"labels": references, "predictions": texts, "statistics": text_statistics(references, texts)}


def text_statistics(references: list[str], texts: list[str]) -> dict[str, np.ndarray]:
    """Per text: is it the reference, chrF and what BLEU counts (by sacrebleu), share of the words said."""
    import sacrebleu

    pairs = list(zip(texts, references, strict=True))
    found = [sacrebleu.sentence_bleu(text, [reference]) for text, reference in pairs]
    rows = [[*each.counts, *each.totals, each.sys_len, each.ref_len] for each in found]
    names = [f"bleu_{part}_{n}" for part in ("correct", "total") for n in (1, 2, 3, 4)]
    return {
        "exact": np.array([text == reference for text, reference in pairs], dtype=float),
        "chrf": np.array([sacrebleu.sentence_chrf(text, [reference]).score for text, reference in pairs]),
        "rouge_l": np.array([len({*a.split()} & {*b.split()}) / len({*b.split()}) for a, b in pairs]),
        **dict(zip([*names, "bleu_system", "bleu_reference"], np.array(rows, dtype=float).T, strict=True)),
    }


def score_text_to_text(answers: Mapping[str, Any]) -> dict[str, float]:
    """BLEU of the whole corpus from sacrebleu; plain means of the rest."""
    import sacrebleu

    means = {name: float(answers["statistics"][name].mean()) for name in ("chrf", "rouge_l", "exact")}
    bleu = sacrebleu.corpus_bleu(answers["predictions"], [answers["labels"]])
    return {"bleu": bleu.score, "exact_match": means.pop("exact"), **means}


def summaries(skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    """Texts of which none is the reference to the letter."""
    return text_to_text(skill, luck, examples, spoil=" indeed")


FAMILIES = {
    "many_labels": Family("text_classification", ("micro_f1", "exact_match"), many_labels, score_many_labels),
    "regression": Family(
        "text_classification", ("pearson", "spearman", "mse", "mae"), regression, score_regression
    ),
    "tagging": Family(
        "token_classification",
        ("entity_f1", "entity_precision", "entity_recall", "token_accuracy"),
        tagging,
        score_tagging,
    ),
    "question_answering": Family(
        "question_answering", ("f1", "exact_match"), question_answering, score_question_answering
    ),
    "language": Family(
        "causal_lm", ("token_loss", "perplexity", "bits_per_byte", "token_accuracy"), language, score_language
    ),
    "text_to_text": Family(
        "text_to_text", ("bleu", "chrf", "rouge_l", "exact_match"), text_to_text, score_text_to_text
    ),
    "summaries": Family("text_to_text", ("chrf", "bleu", "rouge_l"), summaries, score_text_to_text),
}

"""Every metric against other libraries, and the laws that all of them keep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU
from scipy.stats import spearmanr
from sklearn import metrics as sk

from headstart.compare.ranges import span
from headstart.metrics import (
    METRICS,
    Examples,
    can_recompute,
    higher_is_better,
    limits,
    metric_name,
    metric_title,
    orient,
    score,
)

RECOMPUTED = [name for name, entry in METRICS.items() if can_recompute(name, dict.fromkeys(entry.needs))]  # pyright: ignore[reportArgumentType]

QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
NUMBER = st.floats(-100, 100, width=32).map(lambda value: round(value, 2))
SHARE = st.floats(0, 1, width=32)
WORD = st.sampled_from(["red", "green", "blue", "cold", "warm"])
SENTENCE = st.lists(WORD, max_size=7).map(" ".join)


@pytest.fixture(params=[0, 1, 2])
def case(request):
    rng = np.random.default_rng(request.param)
    labels = rng.integers(5, size=120)
    predictions = np.where(rng.random(120) < 0.5, labels, rng.integers(5, size=120))
    return labels, predictions, {"score": rng.random(120)}, rng.integers(0, 4, size=120)


def reference(metric, labels, predictions, statistics, weights):
    if metric == "accuracy":
        return sk.accuracy_score(labels, predictions, sample_weight=weights)
    if metric == "macro_f1":
        return sk.f1_score(labels, predictions, average="macro", sample_weight=weights)
    if metric == "matthews":
        return sk.matthews_corrcoef(labels, predictions, sample_weight=weights)
    return np.average(-np.log(statistics["score"]), weights=weights)


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric.needs == ("score",)])
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_agree_with_scikit_learn(metric, weighted, case):
    labels, predictions, statistics, drawn = case
    weights = drawn if weighted else None
    found = score(metric, labels, predictions, statistics, 5, weights)
    expected = reference(metric, labels, predictions, statistics, weights)
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_a_constant_prediction_correlates_with_nothing():
    labels = np.array([0, 1, 1])
    assert score("matthews", labels, np.zeros(3, int), {"score": np.ones(3)}, 2) == 0


def test_a_probability_of_zero_does_not_decide_a_loss():
    labels = np.zeros(2, int)
    found = score("log_loss", labels, labels, {"score": np.array([0.0, 1.0])}, 1)
    assert float(found) == pytest.approx(-np.log(1e-12) / 2)  # as training clips it


def test_every_metric_has_a_title_of_its_own():
    assert set(METRICS) - set(RECOMPUTED) == {"loss", "spearman"}
    assert len({entry.title for entry in METRICS.values()}) == len(METRICS)
    assert not any("_" in entry.title for entry in METRICS.values())


@pytest.mark.parametrize(
    ("metric", "name", "title"),
    [
        ("chrf", "chrF", "chrF"),
        ("rouge_l", "ROUGE-L", "ROUGE-L"),
        ("bits_per_byte", "bits per byte", "Bits per byte"),
        ("entity_f1", "entity F1", "Entity F1"),
        ("my_own_score", "my own score", "My own score"),
    ],
)
def test_a_name_in_a_sentence_and_in_a_title(metric, name, title):
    assert (metric_name(metric), metric_title(metric)) == (name, title)


def test_directions():
    worse = {"log_loss", "loss", "token_loss", "perplexity", "bits_per_byte", "mse", "mae"}
    assert {metric for metric in METRICS if not higher_is_better(metric)} == worse
    assert [orient(metric) for metric in ("spearman", "mse")] == [1, -1]
    assert not higher_is_better("squared_error")
    assert higher_is_better("a_metric_of_the_hub")


def rows(*columns):
    """Tables of one to thirty examples, as arrays by column."""
    return st.lists(st.tuples(*columns), min_size=1, max_size=30).map(
        lambda found: [np.array(column) for column in zip(*found, strict=True)]
    )


def ours(metric, statistics, weights=None):
    size = len(next(iter(statistics.values())))
    return float(score(metric, np.zeros(size, int), np.zeros(size, int), statistics, 1, weights))


COUNTED = rows(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)).map(
    lambda found: {"true_positive": found[0], "predicted": found[0] + found[1], "true": found[0] + found[2]}
)


@given(statistics=COUNTED)
@QUICK
def test_entities_and_many_labels_agree_with_scikit_learn(statistics):
    hits, predicted, true = (int(column.sum()) for column in statistics.values())
    missed, wrong = true - hits, predicted - hits
    labels = [1] * hits + [1] * missed + [0] * wrong  # every one that is true or predicted, one by one
    guesses = [1] * hits + [0] * missed + [1] * wrong
    none: Any = 0  # what 0 / 0 is; pyright knows scikit-learn's words for it, not its numbers
    f1 = sk.f1_score(labels, guesses, zero_division=none) if labels else 0
    assert ours("entity_f1", statistics) == ours("micro_f1", statistics) == pytest.approx(f1)
    precision = sk.precision_score(labels, guesses, zero_division=none) if labels else 0
    recall = sk.recall_score(labels, guesses, zero_division=none) if labels else 0
    assert ours("entity_precision", statistics) == pytest.approx(precision)
    assert ours("entity_recall", statistics) == pytest.approx(recall)


@given(table=rows(NUMBER, NUMBER))
@QUICK
def test_errors_and_correlation_agree_with_scikit_learn_and_numpy(table):
    target, estimate = table
    statistics = {"target": target, "estimate": estimate}
    assert ours("mse", statistics) == pytest.approx(sk.mean_squared_error(target, estimate))
    assert ours("mae", statistics) == pytest.approx(sk.mean_absolute_error(target, estimate))
    constant = not np.ptp(target) or not np.ptp(estimate)
    expected = 0 if constant else np.corrcoef(target, estimate)[0, 1]
    assert ours("pearson", statistics) == pytest.approx(expected, abs=1e-9)


@given(table=rows(NUMBER, NUMBER))
@QUICK
def test_rank_correlation_agrees_with_scipy_and_takes_no_weights(table):
    statistics = dict(zip(("target", "estimate"), table, strict=True))
    constant = any(not np.ptp(side) for side in table)
    expected = 0 if constant else spearmanr(*table)[0]
    assert ours("spearman", statistics) == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ValueError, match="weights"):
        ours("spearman", statistics, np.ones(len(table[0])))


def test_a_loss_is_no_function_of_the_predictions():
    with pytest.raises(ValueError, match="loss"):
        ours("loss", {"score": np.ones(2)})


@pytest.mark.parametrize(
    "metric", ["pearson", "spearman", "mse", "mae", "log_loss", "token_loss", "perplexity"]
)
def test_what_is_no_number_makes_no_score(metric):
    broken = {name: np.array([np.nan, 1.0, 2.0]) for name in METRICS[metric].needs}
    assert np.isnan(ours(metric, broken))


@given(shift=st.sampled_from([0.0, 1e4, -1e6]), size=st.sampled_from([1e-3, 1.0, 1e4]))
@QUICK
def test_correlation_survives_single_precision(shift, size):
    rng = np.random.default_rng(0)
    target = rng.standard_normal(200)
    estimate = target + rng.standard_normal(200)
    statistics = {"target": shift + size * target, "estimate": estimate}
    features = METRICS["pearson"].features(Examples(target, target, statistics, 1)).astype(np.float32)
    found = METRICS["pearson"].value(np.ones(200, np.float32) @ features)
    assert float(found) == pytest.approx(np.corrcoef(target, estimate)[0, 1], abs=1e-5)


def test_a_draw_of_equal_numbers_correlates_with_nothing():
    target = np.array([0.1] * 99 + [1000.0])
    statistics = {"target": target, "estimate": np.arange(100.0)}
    weights = np.array([3.0] * 99 + [0.0])  # the only number that differs is not drawn
    assert ours("pearson", statistics, weights) == 0
    features = METRICS["pearson"].features(Examples(target, target, statistics, 1)).astype(np.float32)
    assert METRICS["pearson"].value(weights.astype(np.float32) @ features) == 0


TOKENS = rows(st.floats(0, 50, width=32), st.integers(0, 9), st.integers(0, 30), st.integers(0, 9))


@given(table=TOKENS)
@QUICK
def test_language_models_agree_with_sums_by_hand(table):
    loss, tokens, size, correct = table
    statistics = {"loss": loss, "tokens": tokens, "bytes": size, "correct": np.minimum(correct, tokens)}
    told = sum(tokens.tolist())
    per_token = sum(loss.tolist()) / told if told else 0
    assert ours("token_loss", statistics) == pytest.approx(per_token)
    assert ours("perplexity", statistics) == pytest.approx(np.exp(np.float64(min(per_token, 300))))
    bits = sum(loss.tolist()) / np.log(2) / sum(size.tolist()) if size.any() else 0
    assert ours("bits_per_byte", statistics) == pytest.approx(bits)
    right = sum(statistics["correct"].tolist()) / told if told else 0
    assert ours("token_accuracy", statistics) == pytest.approx(right)


@given(table=rows(st.booleans(), SHARE, st.floats(0, 100, width=32), SHARE))
@QUICK
def test_means_are_means(table):
    names = {"exact": "exact_match", "f1": "f1", "chrf": "chrf", "rouge_l": "rouge_l"}
    statistics = {name: column.astype(float) for name, column in zip(names, table, strict=True)}
    for statistic, metric in names.items():
        expected = np.mean(statistics[statistic])
        assert ours(metric, statistics) == pytest.approx(expected, abs=1e-12)


@given(pairs=st.lists(st.tuples(SENTENCE, SENTENCE), min_size=1, max_size=8))
@QUICK
def test_bleu_is_that_of_sacrebleu(pairs):
    texts, references = ([pair[side] for pair in pairs] for side in (0, 1))
    names = METRICS["bleu"].needs
    found = [sacrebleu.sentence_bleu(text, [reference]) for text, reference in pairs]
    table = np.array([[*f.counts, *f.totals, f.sys_len, f.ref_len] for f in found], dtype=float)
    expected = sacrebleu.corpus_bleu(texts, [references]).score
    assert ours("bleu", dict(zip(names, table.T, strict=True))) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("missing", [(4,), (3, 4), (2, 3, 4), (2,)])
def test_every_order_without_a_match_is_smoothed_as_sacrebleu_does(missing):
    matches = [0 if n in missing else 20 - n for n in (1, 2, 3, 4)]
    expected = BLEU.compute_bleu(list(matches), [40, 36, 32, 28], 40, 50, smooth_method="exp").score
    row = dict(zip(METRICS["bleu"].needs, np.array([[*matches, 40, 36, 32, 28, 40, 50]]).T, strict=True))
    assert ours("bleu", row) == pytest.approx(expected)
    assert expected > 0


def generated(metric, rng, size):
    """Statistics that the metric could meet, zeros among them."""
    statistics = {name: rng.integers(0, 5, size).astype(float) for name in METRICS[metric].needs}
    if "score" in statistics:
        statistics["score"] = rng.random(size)
    for n in (1, 2, 3, 4) if metric == "bleu" else ():
        statistics[f"bleu_correct_{n}"] = np.minimum(
            statistics[f"bleu_correct_{n}"], statistics[f"bleu_total_{n}"]
        )
    return statistics


@pytest.mark.parametrize("metric", RECOMPUTED)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 25))
@settings(QUICK, max_examples=15)
def test_a_weight_is_a_repetition(metric, seed, size):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, size)
    assume(weights.any())
    labels, predictions = rng.integers(3, size=(2, size))
    statistics = generated(metric, rng, size)
    repeated = {name: np.repeat(column, weights) for name, column in statistics.items()}
    sides = (np.repeat(labels, weights), np.repeat(predictions, weights))
    found = score(metric, labels, predictions, statistics, 3, weights)
    assert float(found) == pytest.approx(float(score(metric, *sides, repeated, 3)), abs=1e-9)


@pytest.mark.parametrize("metric", RECOMPUTED)
def test_empty_sums_are_zero_and_spans_hold(metric):
    rule, rng = METRICS[metric], np.random.default_rng(1)
    labels = np.zeros(40, int)
    width = rule.features(Examples(labels, labels, generated(metric, rng, 40), 3)).shape[1]
    with np.errstate(all="raise"):
        assert float(rule.value(np.zeros(width))) == (1 if metric == "perplexity" else 0)  # exp(0 / 0)
    if span(metric) is None:
        assert metric in ("log_loss", "mse", "mae", "token_loss", "perplexity", "bits_per_byte")
    else:
        assert extremes(metric) == pytest.approx(limits(metric))


def extremes(metric):
    """The metric of answers that are all wrong, and all right."""
    labels = np.array([0, 1, 0, 1])
    lowest = {**dict.fromkeys(METRICS[metric].needs, np.zeros(4)), "target": labels, "estimate": -labels}
    highest = {**dict.fromkeys(METRICS[metric].needs, np.ones(4)), "target": labels, "estimate": labels}
    highest |= {"chrf": np.full(4, 100.0)}
    low = float(score(metric, labels, 1 - labels, lowest, 2))
    return low, float(score(metric, labels, labels, highest, 2))


def test_a_hopeless_language_model_stays_a_number():
    statistics = {"loss": np.array([1e6]), "tokens": np.array([10.0])}
    assert np.isfinite(ours("perplexity", statistics) ** 2)

"""Catalogue: every number that a study can say, one line per key: its label and unit.

A `*` in a key stands for the part that varies (a target, a number of uses, a number of trials), which
replaces the `{}` of the label. Whoever shows a number looks it up here: `entry(row.key).label`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from headstart.resources import RESOURCES

FORMS = {  # unit -> the function of `reports.numbers` that writes it; any other unit is "significant"
    "score": "score",
    "difference": "signed",
    "times": "ratio",
    "share": "percent",
    "FLOPs": "flops",
    "s": "seconds",
    "J": "energy",
    "B": "size",
    "uses": "uses",
    **dict.fromkeys(
        ("rows", "runs", "steps", "samples", "tokens", "trials", "examples", "groups", "parameters", "place",
         "sizes"), "count",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What is known of a number before any study: how it is called and counted."""

    key: str
    label: str
    unit: str  # "": the row says it (a currency)


def form(unit: str) -> str:
    """The name of the function of `reports.numbers` that writes a number of this unit."""
    return FORMS.get(unit, "significant")


def _ratios(key: str, label: str) -> tuple[Entry, ...]:
    """One entry per resource: `key` and `label` each hold one `%s`."""
    return tuple(
        Entry(key % r.key, label % (r.name if r.unit == "FLOPs" else r.name.capitalize()), "times")
        for r in RESOURCES.values()
    )


# The short table of the exports, W&B and the comparison of two studies, in its order.
MAIN: tuple[Entry, ...] = (
    Entry("mean_score", "Test score", "score"),
    Entry("gain", "Gain", "difference"),
    Entry("flops_ratio", "FLOPs ratio", "times"),
    Entry("seconds_ratio", "Time ratio", "times"),
    Entry("joules_ratio", "Energy ratio", "times"),
    Entry("data_multiplier", "Data multiplier", "times"),
    Entry("crossing", "Crossing point", "rows"),
    Entry("break_even.flops.arm_score", "Break-even (FLOPs)", "uses"),
    Entry("break_even.joules.arm_score", "Break-even (energy)", "uses"),
    Entry("aggregate.iqm_gain", "Gain of the interquartile means", "difference"),
    Entry("aggregate.improvement", "Probability of improvement", "share"),
    Entry("rule.*", "Trivial rule: {}", "score"),
    Entry("chance", "Chance level", "score"),
)
CATALOGUE: tuple[Entry, ...] = (
    *MAIN,
    # one arm against the baseline
    Entry("score", "Mean test score of the pairs", "score"),
    Entry("baseline_score", "Baseline's mean test score of the pairs", "score"),
    Entry("gain.probability_better", "Probability that the arm is better", "share"),
    Entry("gain.seed_sd", "SD of the gain between seeds", "difference"),
    Entry("gain.example_se", "SE of the gain from test examples", "difference"),
    Entry("gain.groups", "Groups of the test examples", "groups"),
    Entry("gain.detectable", "Gain that 80 % of such studies find", "difference"),
    Entry("gain.margin", "Equivalence margin", "difference"),
    Entry("gain.p", "p of no difference", "p"),
    Entry("gain.p_margin", "p of a gain beyond the margin", "p"),
    Entry("gain.smallest_p", "Smallest p that the pairs allow", "p"),
    Entry("gain.corrected_p", "p, corrected by Holm", "p"),
    Entry("gain.test.signed_rank", "p of the signed-rank test", "p"),
    Entry("gain.test.sign", "p of the sign test", "p"),
    Entry("gain.test.mcnemar", "p of McNemar's test", "p"),
    Entry("tokens_ratio", "Tokens ratio", "times"),
    *(
        Entry(f"{r.key}_ratio.{side}", f"{r.title} of the {side}, mean per run", r.unit)
        for r in RESOURCES.values()
        if r.key not in ("steps", "samples")
        for side in ("baseline", "arm")
    ),
    Entry("over_rule", "Gain over the best trivial rule", "difference"),
    Entry("over_rule.baseline", "Baseline's gain over the best trivial rule", "difference"),
    Entry("over_chance", "Gain over chance", "difference"),
    Entry("over_chance.baseline", "Baseline's gain over chance", "difference"),
    Entry("rule_seconds.*", "Time of the trivial rule {}", "s"),
    Entry("class.gain", "Gain of a class", "difference"),
    Entry("examples.only_arm", "Examples that only the arm gets right", "examples"),
    Entry("examples.only_baseline", "Examples that only the baseline gets right", "examples"),
    # cost to a target
    Entry("to_target.score", "The other's final validation score", "score"),
    Entry("to_target.steps", "Steps to the other's final score", "steps"),
    Entry("to_target.flops", "FLOPs to the other's final score", "FLOPs"),
    Entry("to_target.seconds", "Time to the other's final score", "s"),
    Entry("to_target.reached", "Pairs that reached the other's final score", "runs"),
    Entry("to_target.flops_share", "FLOPs to the other's final score, of all its FLOPs", "times"),
    Entry("to_target.seconds_share", "Time to the other's final score, of all its time", "times"),
    Entry("target.*.score", "Target: {}", "score"),
    Entry("target.*.baseline_reached", "Pairs in which the baseline reached the target {}", "runs"),
    Entry("target.*.arm_reached", "Pairs in which the arm reached the target {}", "runs"),
    Entry("target.spacing", "Steps between two evaluations, at most", "steps"),
    *_ratios("target.*.%s_ratio", "%s ratio to the target {}"),
    *_ratios("target.*.%s_ratio.interval", "Interval of the %s ratio to the target {}"),
    *_ratios("target.*.%s_ratio.reason", "Pairs left out of the %s ratio to the target {}"),
    # equal budget
    Entry("matched.*.gain", "Gain at equal {}", "difference"),
    Entry("matched.*.score", "Validation score at equal {}", "score"),
    Entry("matched.*.baseline_score", "Baseline's validation score at equal {}", "score"),
    Entry("matched.*.share", "Part of the arm's curve that is used at equal {}", "share"),
    Entry("matched.*.baseline_share", "Part of the baseline's curve that is used at equal {}", "share"),
    Entry("matched.target.flops_ratio", "FLOPs ratio at equal score", "times"),
    Entry("matched.target.flops_ratio.interval", "Interval of the FLOPs ratio at equal score", "times"),
    # what the pretraining cost, and when it pays
    Entry("pretraining.flops", "FLOPs of the pretraining", "FLOPs"),
    Entry("pretraining.joules", "Energy of the pretraining", "J"),
    Entry("ledger.marginal.flops_ratio", "FLOPs ratio, pretraining excluded", "times"),
    Entry("ledger.amortised_*.flops_ratio", "FLOPs ratio, pretraining shared by {} uses", "times"),
    Entry("ledger.full.flops_ratio", "FLOPs ratio, pretraining included", "times"),
    Entry("ledger.*.share", "FLOPs of the pretraining that one run answers for ({})", "FLOPs"),
    Entry("ledger.*.total", "FLOPs of one run with its share of the pretraining ({})", "FLOPs"),
    Entry("break_even.flops.*.saving", "FLOPs saved per use ({})", "FLOPs"),
    Entry("break_even.joules.*.saving", "Energy saved per use ({})", "J"),
    Entry("break_even.*.interval", "Interval of the break-even ({})", "uses"),
    Entry("break_even.flops.baseline_score", "Break-even at the baseline's score (FLOPs)", "uses"),
    Entry("break_even.joules.baseline_score", "Break-even at the baseline's score (energy)", "uses"),
    # over sizes of the training set
    Entry("data.rows", "Training rows", "rows"),
    Entry("data.baseline_score", "Baseline's mean test score at this size", "score"),
    Entry("data.score", "Mean test score at this size", "score"),
    Entry("data.gain", "Gain at this size", "difference"),
    Entry("data.baseline_score.runs", "Lowest and highest score of the baseline at this size", "score"),
    Entry("data.score.runs", "Lowest and highest score at this size", "score"),
    Entry("data.rows_needed", "Rows that the baseline needs for the arm's score", "rows"),
    Entry("data.rows_needed.interval", "Interval of the rows that the baseline needs", "rows"),
    Entry("data.rows_transferred", "Rows transferred", "rows"),
    Entry("data.rows_transferred.interval", "Interval of the rows transferred", "rows"),
    Entry("data_multiplier.interval", "Interval of the data multiplier", "times"),
    Entry("data.sizes", "Sizes of the training set", "sizes"),
    Entry("data.draws", "Draws of the rows at each size", "draws"),
    Entry("data.seed_sets", "Different sets of seeds over the sizes", "sets"),
    Entry("data.epochs", "Epochs at every size", "epochs"),
    Entry("data.updates", "Updates at every size", "steps"),
    Entry("data.ossified_sizes", "Sizes at which the arm has become worse", "sizes"),
    Entry("crossing.beyond", "Resamples with the crossing point above the data", "share"),
    *(
        Entry(f"{law}.{name}", f"Scaling law{over}: {name}", "number")
        for law, over in (("law", ""), ("law_over_models", " over models"))
        for name in ("k", "alpha", "beta", "residual")
    ),
    *(
        Entry(f"{law}.{name}", f"Sizes {of} the scaling law{over}", "sizes")
        for law, over in (("law", ""), ("law_over_models", " over models"))
        for name, of in (("points", "under"), ("left_out", "left out of"))
    ),
    # over conditions, models and arms
    Entry("aggregate.baseline_iqm", "Interquartile mean of the baseline", "score"),
    Entry("aggregate.arm_iqm", "Interquartile mean of the arm", "score"),
    Entry("aggregate.mean_gain", "Mean gain", "difference"),
    Entry("rank", "Rank", "place"),
    Entry("rank.score", "Mean score", "score"),
    Entry("model.parameters", "Parameters", "parameters"),
    Entry("model.score", "Mean score of the model", "score"),
    *(
        Entry(f"{lead}.{key}", RESOURCES[key].axis, RESOURCES[key].unit)
        for lead in ("model", "front")
        for key in ("flops", "seconds", "joules")
    ),
    Entry("front.*.score", "Mean score in the plane of score and {}", "score"),
    Entry("variance", "Variance", ""),
    Entry("variance.*", "Variance: {}", "variance"),
    Entry("variance.*.sd", "Standard deviation: {}", "score"),
    Entry("variance.*.share", "Share of the variance: {}", "share"),
    # of one arm
    Entry("mean_score.sd", "SD of the test score", "difference"),
    Entry("train.flops", "Training FLOPs", "FLOPs"),
    Entry("train.seconds", "Training time", "s"),
    Entry("train.joules", "Training energy", "J"),
    Entry("train.tokens", "Tokens, padding included", "tokens"),
    Entry("samples_per_second", "Samples per second", "samples/s"),
    Entry("peak_memory", "Peak memory", "B"),
    Entry("usage.tokens_per_second", "Tokens per second", "tokens/s"),
    Entry("usage.padded_tokens_per_second", "Tokens per second, padding included", "tokens/s"),
    Entry("usage.padding", "Padding", "share"),
    Entry("usage.waiting", "Time spent waiting for data", "share"),
    Entry("usage.flops_share", "Share of the measured peak", "share"),
    Entry("carbon", "Emissions", "g CO2e"),
    Entry("carbon.*.grams", "Emissions ({})", "g CO2e"),
    Entry("carbon.*.intensity", "Carbon intensity ({})", "g/kWh"),
    Entry("carbon.*.year", "Year of the carbon intensity ({})", "year"),
    Entry("carbon.*.pue", "Power usage effectiveness ({})", "PUE"),
    Entry("money.electricity", "Price of the electricity", ""),
    Entry("money.device", "Price of the device's time", ""),
    Entry("money.per_kwh", "Price per kWh", ""),
    Entry("money.per_device_hour", "Price per device-hour", ""),
    Entry("money.*.per_kwh", "Price per kWh ({})", ""),
    Entry("money.*.per_device_hour", "Price per device-hour ({})", ""),
    Entry("money.*.electricity", "Price of the electricity ({})", ""),
    Entry("money.*.device", "Price of the device's time ({})", ""),
    Entry("runs.started", "Runs", "runs"),
    Entry("runs.finished", "Finished runs", "runs"),
    Entry("runs.diverged", "Diverged runs", "runs"),
    Entry("runs.failed", "Failed runs", "runs"),
    Entry("runs.interrupted", "Interrupted runs", "runs"),
    Entry("runs.diverged_share", "Share of diverged runs", "share"),
    Entry("stability.diverged", "Diverged runs, all conditions", "runs"),
    Entry("stability.failed", "Failed runs, all conditions", "runs"),
    Entry("stability.diverged_share", "Share of diverged runs, all conditions", "share"),
    Entry("met_before", "Evaluation rows in the pretraining text", "rows"),
    # tuning, and the whole study
    Entry("tuning.trials", "Trials", "trials"),
    Entry("tuning.winner", "Validation score of the chosen trial", "score"),
    Entry("tuning.scores", "Lowest and highest validation score of all trials", "score"),
    Entry("tuning.without_score", "Trials without a score", "trials"),
    Entry("tuning.expected_best.*", "Expected best score of {} trials", "score"),
    Entry("tuning.orders.*", "Best score of {} trials in 95 of 100 orders", "score"),
    Entry("tuning.spent.*", "FLOPs of {} trials", "FLOPs"),
    Entry("tuning.flops", "FLOPs of the trials", "FLOPs"),
    Entry("tuning.seconds", "Time of the trials", "s"),
    Entry("tuning.joules_measured", "Measured energy of the trials", "J"),
    Entry("tuning.joules_estimated", "Estimated energy of the trials", "J"),
    Entry("tuning.study_flops", "FLOPs of the study's runs", "FLOPs"),
    Entry("tuning.flops_ratio", "FLOPs of the trials / of the study's runs", "times"),
    *(
        Entry(f"{lead}.{name}", f"{label} of {of}", unit)
        for lead, of in (("total", "the whole study"), ("tuning.total", "all trials"))
        for name, label, unit in (
            ("flops", "FLOPs", "FLOPs"),
            ("seconds", "Time", "s"),
            ("joules_measured", "Measured energy", "J"),
            ("joules_estimated", "Estimated energy", "J"),
            ("runs", "Runs", "runs"),
            ("runs_without_energy", "Runs without energy", "runs"),
        )
    ),
)  # fmt: skip

_EXACT = {each.key: each for each in CATALOGUE}
_PATTERNS = [
    (re.compile(re.escape(each.key).replace(r"\*", "(.+)")), each) for each in CATALOGUE if "*" in each.key
]
MAIN_KEYS: tuple[str, ...] = tuple(each.key for each in MAIN)


@cache
def entry(key: str) -> Entry:
    """The entry of a key, with the varying part in its label. KeyError for a key that has none."""
    if key in _EXACT:
        return _EXACT[key]
    matches = [(match, each) for pattern, each in _PATTERNS if (match := pattern.fullmatch(key))]
    if not matches:
        raise KeyError(f"{key}: no entry in compare/catalogue.py")
    match, general = max(matches, key=lambda pair: len(pair[1].key))  # the most specific
    label = general.label.format(match[1].replace("_", " "))
    return Entry(key, label, general.unit)

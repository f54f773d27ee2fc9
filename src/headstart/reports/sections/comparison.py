"""One comparison: the sections about one arm against the baseline under one condition."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import get_args

from headstart.compare import phrases
from headstart.compare.findings import NO_VERDICT, Axis, Comparison, Curve, Findings, Pair
from headstart.metrics import metric_name, metric_title
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Gallery, Parts, Section, Text
from headstart.reports.sections import cost_to_target, equal_budget, predictions
from headstart.reports.tables import Line, Show, bullets, gallery, number, of_rows, table, under
from headstart.resources import RESOURCES

PLAIN = ",~r"  # 0.2 and 12,000; not 200m, which is no time
AXES: dict[Axis, tuple[str, str, str, numbers.Form]] = {
    "step": ("By step", "Training step", "~s", numbers.count),
    "flops": ("By compute", "Training compute (FLOPs)", "~s", numbers.flops),
    "seconds": ("By time", "Training time (seconds)", PLAIN, numbers.seconds),
}
LOSSES = ("log_loss", "token_loss", "bits_per_byte", "perplexity", "mse")  # the loss again, in other units
NOTHING = hashlib.sha256().hexdigest()[:8]  # the digest of no tensor at all
# What the verdicts mean, for a reader who sees them for the first time.
VERDICTS = {
    "better": "the whole interval of the gain is above zero",
    "worse": "the whole interval of the gain is below zero",
    "equivalent": "the whole interval of the gain is inside the margin that was named beforehand",
    "undecided": "the interval contains zero and extends beyond the margin, or there is none",
    NO_VERDICT: "one pair describes two runs and does not show what other seeds give",
}


def lead(findings: Findings) -> Parts:
    """How all arms of a study of one condition learnt, by compute; nothing where there are several."""
    items = findings.comparisons
    if len({item.condition.name for item in items}) != 1:
        return ()
    wanted = [(items[0].baseline, items[0]), *((item.arm, item) for item in items)]
    drawn = [
        curve
        for arm, item in wanted
        for curve in item.curves
        if (curve.arm, curve.axis, curve.metric) == (arm, "flops", item.headline) and any(curve.x)
    ]
    return (_curve_figure(drawn, "arms", ""),) if drawn else ()


def block(findings: Findings, item: Comparison, key: str, level: int) -> list[Section]:
    """The sections of one comparison; those without evidence have no parts."""
    draft = {
        "metrics": ("Every metric", _metrics(findings, item)),
        "curves": ("Learning curves", _curves(item, key)),
        "classes": ("Class by class", predictions.classes(item, key)),
        "confusion": ("Where the predictions go", predictions.confusions(item, key)),
        "examples": predictions.examples(item),
        "targets": ("Cost to reach a score", cost_to_target.parts(item, key)),
        "matchings": ("The gain at equal cost", equal_budget.parts(item)),
        "ratios": ("Cost of one arm against the other", _ratios(item)),
        "pairs": ("The pairs", _pairs(item)),
    }
    return [Section(f"{key}{name}", title, parts, level) for name, (title, parts) in draft.items()]


def _metrics(findings: Findings, item: Comparison) -> Parts:
    gain = item.gain
    if gain is None:
        return ()

    def metric(line: Line) -> Cell:
        lower = not item.gains[line.first.metric].higher_is_better
        return Cell(metric_name(line.first.metric) + " (lower is better)" * lower)

    rows = findings.rows.select(condition=item.condition.name, arm=item.arm, baseline=item.baseline)
    intervals = ""
    if gain.interval:
        intervals = " Intervals: multi-bootstrap over pairs and test examples, paired across arms."
        if gain.examples is None:
            intervals = " No predictions, so the intervals do not include the size of the test set."
    listed = of_rows(
        rows,
        "gain",
        (
            ("Metric", metric),
            under(f"#{item.baseline}", "baseline_score"),
            under(f"#{item.arm}", "score"),
            "gain",
            "gain interval",
            "gain.probability_better",
            ("Verdict", lambda line: Cell(line.first.verdict, VERDICTS[line.first.verdict])),
        ),
        f"Test scores, means over {numbers.plural(len(item.pairs), 'pair')}. A positive gain means that "
        f"{item.arm} is better, also where lower is better.{intervals}",
        by=("metric",),
    )
    words = dict.fromkeys(each.verdict for each in item.gains.values())
    legend = "; ".join(f"{word}: {VERDICTS[word]}" for word in words)
    notes = bullets(note for each in item.gains.values() for note in each.notes)
    return (*listed, Text(f"{phrases.capitalised(legend)}.", "note"), *notes)


def _curves(item: Comparison, key: str) -> Parts:
    metrics = dict.fromkeys(curve.metric for curve in item.curves if any(curve.x))
    if item.headline in LOSSES and len(metrics) > 1:
        metrics.pop("loss", None)
    sentences = bullets(f"{row.note}." for row in item.rows.select("to_target.reached"))
    if not metrics:
        return sentences
    galleries: list[Gallery] = []
    for metric in metrics:  # a chart per axis, with both arms
        slug, figures = re.sub(r"[^a-z0-9]+", "-", metric.lower()), list[Figure]()
        for axis in get_args(Axis):
            own = [curve for curve in item.curves if (curve.axis, curve.metric) == (axis, metric)]
            if drawn := [curve for curve in own if any(curve.x)]:
                figures.append(_curve_figure(drawn, f"{key}curve-{slug}-{axis}", item.condition.name))
        galleries += gallery(figures, 3)
    runs = max(max(curve.runs, default=0) for curve in item.curves)
    note = f"Line: mean over {numbers.plural(runs, 'seed')}. Band: lowest to highest seed."
    if any(len(set(curve.runs)) > 1 for curve in item.curves):
        note += " Some points have fewer runs than others: hover to see how many."
    missed = Cell("not reached", "at least half of the pairs did not reach the target within the budget")

    def median(head: str, key: str) -> tuple[str, Show]:
        return head, lambda line: number(line.row(key)) if line.row(key).value is not None else missed

    listed = of_rows(
        item.rows,
        "to_target.reached",
        (
            ("Arm", lambda line: line.first.arm),
            ("Final score of", lambda line: line.first.baseline),
            under("#Target", "to_target.score"),
            ("#Reached", lambda line: f"{numbers.count(line.first.value)} of {line.first.n}"),
            median("#Steps", "to_target.steps"),
            median("#FLOPs", "to_target.flops"),
            median("#Time", "to_target.seconds"),
        ),
        "What each arm needed to first reach the other's final validation score (medians over pairs).",
        by=("arm",),
    )
    return (*galleries, Text(note, "note"), *sentences, *listed)


def _curve_figure(drawn: Sequence[Curve], key: str, condition: str) -> Figure:
    """The learning curves of some arms in one chart, and where they end in words."""
    title, _, _, form = AXES[drawn[0].axis]
    unit, name = " steps" * (drawn[0].axis == "step"), metric_name(drawn[0].metric)
    ends = ", ".join(
        f"{curve.arm} ends at {numbers.score(curve.mean[-1])} after {form(curve.x[-1])}{unit}"
        for curve in drawn
    )
    under = f", {condition}" if condition else ""
    return Figure(key, f"{title}: {name}{under}", f"Validation {name}: {ends}.", curves(drawn))


def curves(drawn: Sequence[Curve]) -> style.Spec:
    """Mean line over the seeds of each arm, with a band from the lowest to the highest seed."""
    _, title, ticks, form = AXES[drawn[0].axis]
    rows = [
        {
            "arm": curve.arm, "x": x, "mean": mean, "low": low, "high": high, "runs": runs,
            "at": form(x), "range": numbers.span(low, high, numbers.score),
        }
        for curve in drawn
        for x, mean, low, high, runs in zip(
            curve.x, curve.mean, curve.low, curve.high, curve.runs, strict=True
        )
        if all(numbers.known(value) for value in (x, mean, low, high))
    ]  # fmt: skip
    axis = {"format": ticks, "tickCount": 5, "grid": False}
    x = field("x:Q", title=title, axis=axis, scale={"nice": False, "domainMin": 0})
    tips = {"arm": "Arm", "at": title, "mean": "Mean", "range": "Range", "runs": "Runs"}
    y = f"{metric_title(drawn[0].metric)} on validation"
    return style.lines(rows, x, y, tips, spread="band", dot=34, height=220)


def _ratios(item: Comparison) -> Parts:
    """A line per resource: both means, the ratio and its interval."""
    titles = {f"{key}_ratio": resource.title for key, resource in RESOURCES.items()}
    ratios = item.rows.select(*titles)

    def cost(side: str) -> Show:
        def show(line: Line) -> str | Cell:
            mean = item.rows.first(f"{line.first.key}.{side}")
            if mean is not None:
                return number(mean)
            blind = line.first.key == "joules_ratio" and item.energy == "not measured"
            return "not measured" if blind else "not compared"

        return show

    def ratio(line: Line) -> Cell:
        per_pair = item.rows.first(f"{line.first.key}.arm")
        text = "no ratio" if line.first.value is None else numbers.ratio(line.first.value)
        return Cell(text, per_pair.note if per_pair else line.first.note, strong=True)

    def interval(line: Line) -> str:
        row = line.first
        if row.value is None:
            return ""
        if row.interval is None:
            return "no interval"
        return "exact" if row.low == row.high else numbers.span(row.low, row.high, numbers.significant)

    def remark(line: Line) -> str:
        if line.first.value is None:
            return line.first.note
        return "estimated, not measured" * (line.first.verdict == "estimated")

    listed = of_rows(
        ratios,
        tuple(titles),
        (
            ("Cost of training", lambda line: titles[line.first.key]),
            (f"#{item.baseline}", cost("baseline")),
            (f"#{item.arm}", cost("arm")),
            ("#Ratio", ratio),
            ("#95 % interval", interval),
            ("Remark", remark),
        ),
        f"Means per run; ratio {item.arm} / {item.baseline}, geometric mean over pairs.",
        by=("key",),
    )
    return (*listed, *bullets(row.note for row in ratios if row.value is not None))


def _pairs(item: Comparison) -> Parts:
    def digest(digits: str, of: str) -> Cell:
        text = "no head of its own" if digits == NOTHING else f"both {digits}" if digits else numbers.UNKNOWN
        return Cell(text, f"first 8 digits of the digest of the {of}; a pair that differs is left out")

    more: dict[str, Callable[[Pair], str]] = {}
    if len({pair.pretraining_seed for pair in item.pairs}) > 1:
        more["Pretraining seed"] = lambda pair: str(pair.pretraining_seed)
    if len({pair.draw for pair in item.pairs}) > 1:
        more["Draw of the rows"] = lambda pair: str(pair.draw)
    return table(
        item.pairs,
        {
            **more,
            "Seed": lambda pair: str(pair.seed),
            f"#{item.baseline}": lambda pair: numbers.score(pair.baseline_score),
            f"#{item.arm}": lambda pair: numbers.score(pair.arm_score),
            "#Gain": lambda pair: Cell(numbers.signed(pair.gain), strong=True),
            "Pair": lambda pair: Cell(pair.pair_id[:12], f"{pair.baseline_folder} | {pair.arm_folder}"),
            "Head at step 0": lambda pair: digest(pair.head, "head's weights at step 0"),
            "Order of rows": lambda pair: digest(pair.order, "order of the rows"),
        },
        f"Test {metric_name(item.headline)} of every pair that entered the comparison.",
    )

"""Blocks: the sections about one comparison, one arm against the baseline under one condition."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import get_args

from headstart.compare.findings import Axis, Comparison, Curve, Example, Gain, Ratio, ToTarget
from headstart.compare.values.claims import NO_WORD
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.charts import figures
from headstart.reports.page import (
    Bullets,
    Cell,
    Figure,
    Gallery,
    Part,
    Quote,
    Quotes,
    Section,
    Table,
    Text,
    cells,
    columns,
)
from headstart.reports.sections import cost_to_target, equal_budget

QUOTED = 8
AXIS_TITLES = {"step": "By step", "flops": "By compute", "seconds": "By time"}
RESOURCES = {
    "flops": ("Training FLOPs", numbers.flops),
    "seconds": ("Training time", numbers.seconds),
    "joules": ("Energy", numbers.energy),
    "tokens": ("Tokens, padding included", numbers.count),
}
LOSSES = ("log_loss", "token_loss", "bits_per_byte", "perplexity", "mse")  # the loss again, in other units
NOTHING = hashlib.sha256().hexdigest()[:8]  # the digest of no tensor at all
NEARER = "Nearer means a lower loss per token, a smaller error of a number, or a text of higher chrF."
# What the words of the verdict mean, for a reader who sees them for the first time.
WORDS = {
    "better": "the whole interval of the gain is above zero",
    "worse": "the whole interval of the gain is below zero",
    "equivalent": "the whole interval of the gain is inside the margin that was named beforehand",
    "undecided": "the interval holds zero and reaches beyond the margin, or there is none",
    NO_WORD: "one pair tells of two runs, and nothing of other seeds",
}


def block(item: Comparison, arms: Sequence[str], key: str, level: int) -> list[Section]:
    """The sections of one comparison; those without evidence have no parts."""
    draft = {
        "metrics": ("Every metric", _metrics(item)),
        "curves": ("Learning curves", _curves(item, arms, key)),
        "classes": ("Class by class", _classes(item, arms, key)),
        "confusion": ("Where the predictions go", _confusions(item, key)),
        "examples": _examples(item, arms),
        "targets": ("What it took to reach a score", cost_to_target.parts(item, arms, key)),
        "matchings": ("The gain at equal cost", equal_budget.parts(item)),
        "ratios": ("Cost of one arm against the other", _ratios(item)),
        "pairs": ("The pairs", _pairs(item)),
    }
    return [Section(f"{key}{name}", title, parts, level) for name, (title, parts) in draft.items()]


def gain_source(gain: Gain) -> str:
    """Where a gain and its interval come from, in one line."""
    unit = f"{numbers.plural(gain.pairs, 'pair')} of runs"
    if gain.examples is not None:
        return (
            f"multi-bootstrap over {unit} × {numbers.count(gain.examples)} test examples, paired across arms"
        )
    return f"over {unit}; no predictions, so the size of the test set is not in the interval"


def level_of(gain: Gain | None) -> str:
    """'95 %'."""
    return numbers.percent(gain.interval.level if gain and gain.interval else 0.95)


def interval_of(gain: Gain) -> str:
    """The interval of a gain, or that there is none."""
    if gain.interval is None:
        return "no interval: one pair" if gain.word == NO_WORD else "no interval"
    return numbers.interval(gain.interval.low, gain.interval.high, sign=True)


def _metrics(item: Comparison) -> tuple[Part, ...]:
    if not item.gains:
        return ()
    names = f"Metric | #{item.baseline} | #{item.arm} | #Gain | #{level_of(item.gain)} interval"
    table = Table(
        columns(f"{names} | #P({item.arm} better) | Verdict"),
        tuple(_metric_row(gain) for gain in item.gains.values()),
        caption=f"Test scores, means over {numbers.plural(len(item.pairs), 'pair')}. "
        f"A positive gain means that {item.arm} is better, also where lower is better.",
    )
    notes = tuple(dict.fromkeys(note for gain in item.gains.values() for note in gain.notes))
    words = dict.fromkeys(gain.word for gain in item.gains.values())
    legend = "; ".join(f"{word}: {WORDS[word]}" for word in words)
    return (table, Text(f"{legend[:1].upper()}{legend[1:]}.", "note"), *_bullets(notes))


def _metric_row(gain: Gain) -> tuple[Cell, ...]:
    source = gain_source(gain)
    direction = "higher is better" if gain.higher_is_better else "lower is better"
    sure = gain.probability_better
    return cells(
        Cell(
            metric_name(gain.metric) + ("" if gain.higher_is_better else " (lower is better)"),
            direction,
        ),
        numbers.score(gain.baseline_score),
        numbers.score(gain.arm_score),
        Cell(numbers.signed(gain.gain), source, strong=True),
        Cell(interval_of(gain), source),
        numbers.percent(sure),
        Cell(gain.word, WORDS[gain.word]),
    )


def _curves(item: Comparison, arms: Sequence[str], key: str) -> tuple[Part, ...]:
    metrics = dict.fromkeys(curve.metric for curve in item.curves if any(curve.x))
    if item.headline in LOSSES and len(metrics) > 1:
        metrics.pop("loss", None)
    galleries = [_curve_gallery(item, metric, arms, key) for metric in metrics]
    sentences = tuple(f"{each.sentence}." for each in (item.arm_to_baseline, item.baseline_to_arm) if each)
    if not galleries:
        return _bullets(sentences)
    runs = max(max(curve.runs, default=0) for curve in item.curves)
    note = f"Line: mean over {numbers.plural(runs, 'seed')}. Band: lowest to highest seed."
    if any(len(set(curve.runs)) > 1 for curve in item.curves):
        note += " Some points have fewer runs than others: hover to see how many."
    return (*galleries, Text(note, "note"), *_bullets(sentences), *_targets(item))


def _curve_gallery(item: Comparison, metric: str, arms: Sequence[str], key: str) -> Gallery:
    gallery = []
    for axis in get_args(Axis):
        drawn = [each for each in item.curves if (each.axis, each.metric) == (axis, metric) and any(each.x)]
        if drawn:
            gallery.append(
                _curve_figure(drawn, arms, f"{key}curve-{re.sub(r'[^a-z0-9]+', '-', metric.lower())}-{axis}")
            )
    return Gallery(tuple(gallery), columns=3)


def _curve_figure(drawn: Sequence[Curve], arms: Sequence[str], key: str) -> Figure:
    first = drawn[0]
    title = f"{AXIS_TITLES[first.axis]}: {metric_name(first.metric)}"
    ends = ", ".join(_end(each) for each in drawn)
    return Figure(key, title, f"Validation {metric_name(first.metric)}: {ends}.", figures.curves(drawn, arms))


def _end(curve: Curve) -> str:
    spent = (
        f"{numbers.count(curve.x[-1])} steps" if curve.axis == "step" else figures.at(curve.axis, curve.x[-1])
    )
    return f"{curve.arm} ends at {numbers.score(curve.mean[-1])} after {spent}"


def _targets(item: Comparison) -> tuple[Part, ...]:
    reaches = [each for each in (item.arm_to_baseline, item.baseline_to_arm) if each and each.pairs]
    if not reaches:
        return ()
    names = "Arm | Final score of | #Target | #Reached | #Steps | #FLOPs | #Time"
    caption = "What each arm needed to first reach the other's final validation score (medians over pairs)."
    return (Table(columns(names), tuple(_target_row(each) for each in reaches), caption),)


def _target_row(reach: ToTarget) -> tuple[Cell, ...]:
    missed = Cell("not reached", "at least half of the pairs did not reach the target within the budget")
    medians = (reach.median_steps, reach.median_flops, reach.median_seconds)
    forms = (numbers.count, numbers.flops, numbers.seconds)
    medians_told = (
        Cell(form(value)) if numbers.known(value) else missed
        for form, value in zip(forms, medians, strict=True)
    )
    reached = f"{reach.reached} of {reach.pairs}"
    return cells(reach.runner, reach.target_of, numbers.score(reach.target), reached, *medians_told)


def _classes(item: Comparison, arms: Sequence[str], key: str) -> tuple[Part, ...]:
    if not item.classes:
        return ()
    best = max(item.classes, key=lambda each: each.gain)
    title = f"Largest gain: {best.label} ({numbers.signed(best.gain)})"
    spec = figures.classes(item.classes, item.baseline, item.arm, arms)
    figure = Figure(f"{key}classes", title, _class_words(item), spec)
    ordered = sorted(item.classes, key=lambda each: (-each.gain, each.label))
    rows = tuple(
        cells(
            each.label,
            numbers.count(each.examples),
            numbers.percent(each.baseline),
            numbers.percent(each.arm),
            Cell(numbers.signed(each.gain), strong=True),
        )
        for each in ordered
    )
    names = columns(f"Class | #Test examples | #{item.baseline} | #{item.arm} | #Gain")
    caption = "Recall: the share of a class's test examples that are right, mean over pairs."
    return (figure, Table(names, rows, caption))


def _class_words(item: Comparison) -> str:
    drawn = len(figures.classes_drawn(item.classes))
    more = sum(each.gain > 0 for each in item.classes)
    total = numbers.plural(len(item.classes), "class", "classes")
    words = f"{item.arm} is right more often in {more} of {total}."
    return words + (f" Drawn: the {drawn} largest differences." if drawn < len(item.classes) else "")


def _confusions(item: Comparison, key: str) -> tuple[Part, ...]:
    drawn = tuple(
        Figure(
            f"{key}confusion-{index}",
            each.arm,
            f"{each.arm}: true classes down, predicted classes across, in per cent of the true class.",
            figures.confusion(each),
        )
        for index, each in enumerate(item.confusions)
        if each.classes
    )
    return (Gallery(drawn, columns=2),) if drawn else ()


def _examples(item: Comparison, arms: Sequence[str]) -> tuple[str, tuple[Part, ...]]:
    """The title and the parts: quotes where answers are right or wrong, tables where they are near or far."""
    sides = (
        (item.arm, item.only_arm, item.only_arm_count),
        (item.baseline, item.only_baseline, item.only_baseline_count),
    )
    if item.nearer:
        tables = [_nearer(item, arm, shown, count) for arm, shown, count in sides if shown]
        return "Examples on which the arms differ most", (Text(NEARER, "note"), *tables) if tables else ()
    title = "Examples that only one arm gets right"
    if not item.only_arm_count and not item.only_baseline_count:
        return title, ()
    rule = Text("Right means right in most of the arm's runs.", "note")
    quotes = [
        Quotes(_index(arms, arm), _quotes_title(arm, count, len(shown[:QUOTED])), _quotes(item, arm, shown))
        for arm, shown, count in sides
    ]
    return title, (rule, *quotes)


def _nearer(item: Comparison, arm: str, shown: Sequence[Example], count: int) -> Table:
    """The test examples on which one arm is ahead of the other, the largest difference first."""
    labelled = any(each.label for each in shown)
    rows = tuple(
        cells(
            Cell(_text(each), f"example {each.id}"),
            *([each.label] if labelled else []),
            each.baseline_prediction,
            each.arm_prediction,
            f"{each.arm_right if arm == item.arm else each.baseline_right} of {each.pairs}",
        )
        for each in shown[:QUOTED]
    )
    names = f"Example | {'Label | ' * labelled}{item.baseline} | {item.arm} | #Runs in which {arm} is nearer"
    cut = f"; the {len(rows)} largest differences" if len(rows) < count else ""
    caption = f"{arm} is nearer: {numbers.plural(count, 'test example')}{cut}. Means over runs."
    return Table(columns(names), rows, caption)


def _text(each: Example) -> str:
    """The example itself; of an image, which has no text, its name."""
    return f"example {each.id}" if each.text in ("", each.id) else each.text


def _quotes_title(arm: str, count: int, shown: int) -> str:
    cut = f"; {shown} shown" if shown < count else ""
    return f"Only {arm} is right: {numbers.plural(count, 'example')}{cut}"


def _quotes(item: Comparison, arm: str, shown: Sequence[Example]) -> tuple[Quote, ...]:
    return tuple(_quote(item, arm, each) for each in shown[:QUOTED])


def _quote(item: Comparison, arm: str, each: Example) -> Quote:
    mine, other = (
        (each.arm_prediction, item.baseline) if arm == item.arm else (each.baseline_prediction, item.arm)
    )
    wrong = each.baseline_prediction if arm == item.arm else each.arm_prediction
    note = (
        f"right in {each.arm_right} of {each.pairs} runs of {item.arm}, "
        f"{each.baseline_right} of {each.pairs} of {item.baseline}; example {each.id}"
    )
    return Quote(_text(each), each.label, f"{arm}: {mine}", f"{other}: {wrong}", note)


def _ratios(item: Comparison) -> tuple[Part, ...]:
    rows = tuple(_ratio_row(ratio, item.energy) for ratio in item.ratios.values())
    if not rows:
        return ()
    names = f"Cost of training | #{item.baseline} | #{item.arm} | #Ratio | #95 % interval | Remark"
    caption = f"Means per run; ratio {item.arm} / {item.baseline}, geometric mean over pairs."
    notes = tuple(dict.fromkeys(note for ratio in item.ratios.values() for note in ratio.notes))
    return (Table(columns(names), rows, caption), *_bullets(notes))


def _ratio_row(ratio: Ratio, energy: str) -> tuple[Cell, ...]:
    name, form = RESOURCES[ratio.resource]
    ends = ratio.interval
    told = (
        f"{numbers.significant(ends.low)} to {numbers.significant(ends.high)}" if ends else "cannot be given"
    )
    told = "exact" if ends and ends.low == ends.high else told
    remark = ratio.reason or ("estimated, not measured" if ratio.estimated else "")
    value = numbers.ratio(ratio.value) if numbers.known(ratio.value) else "no ratio"
    bound = {"lower_bound": True} if ratio.lower_bound else {}
    source = (
        f"per pair: {', '.join(numbers.ratio(each) for each in ratio.per_pair)}" if ratio.per_pair else remark
    )
    told = told if ratio.value is not None else ""
    blind = ratio.resource == "joules" and energy == "not measured"
    sides = ("not measured" if blind else "not compared",) * 2
    if ratio.value is not None:
        sides = (form(ratio.baseline, **bound), form(ratio.arm, **bound))
    return cells(name, *sides, Cell(value, source, strong=True), told, remark)


def _pairs(item: Comparison) -> tuple[Part, ...]:
    if not item.pairs:
        return ()
    rows = tuple(
        cells(
            str(pair.seed),
            numbers.score(pair.baseline_score),
            numbers.score(pair.arm_score),
            Cell(numbers.signed(pair.gain), strong=True),
            Cell(pair.pair_id[:12], f"{pair.baseline_folder} | {pair.arm_folder}"),
            _both(pair.head, "head's weights at step 0"),
            _both(pair.order, "order of the rows"),
        )
        for pair in item.pairs
    )
    caption = f"Test {metric_name(item.headline)} of every pair that entered the comparison."
    names = f"Seed | #{item.baseline} | #{item.arm} | #Gain | Pair | Head at step 0 | Order of rows"
    return (Table(columns(names), rows, caption),)


def _both(digest: str, of: str) -> Cell:
    """The first digits of a digest that both sides of a pair share."""
    text = f"both {digest}" if digest else numbers.UNKNOWN
    text = "no head of its own" if digest == NOTHING else text
    return Cell(text, f"first 8 digits of the digest of the {of}; a pair that differs is left out")


def _bullets(items: Sequence[str]) -> tuple[Part, ...]:
    return (Bullets(tuple(items)),) if items else ()


def _index(arms: Sequence[str], arm: str) -> int:
    return list(arms).index(arm)

"""Predictions: one comparison class by class, its confusions, and examples that speak for one arm."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare.findings import ClassGain, Comparison, Confusion, Example
from headstart.reports import numbers
from headstart.reports.charts import style
from headstart.reports.charts.vega import field
from headstart.reports.page import Cell, Figure, Parts, Quote, Quotes, Table, Text
from headstart.reports.tables import gallery, table

QUOTED = 8
NEARER = "Nearer means a lower loss per token, a smaller error of a number, or a text of higher chrF."
CLASSES_DRAWN, CELLS_LABELLED = 30, 12


def classes(item: Comparison, key: str) -> Parts:
    """How often each arm is right on each class: a chart of the largest differences, and the table."""
    if not item.classes:
        return ()
    best = max(item.classes, key=lambda label: label.gain)
    ordered = sorted(item.classes, key=lambda label: (-label.gain, label.label))
    largest = sorted(item.classes, key=lambda label: (-abs(label.gain), label.label))[:CLASSES_DRAWN]
    drawn = [label for label in ordered if label in largest]
    more = sum(label.gain > 0 for label in item.classes)
    total = numbers.plural(len(item.classes), "class", "classes")
    words = f"{item.arm} is right more often in {more} of {total}."
    words += f" Drawn: the {len(drawn)} largest differences." if len(drawn) < len(item.classes) else ""
    title = f"Largest gain: {best.label} ({numbers.signed(best.gain)})"
    listed = table(
        ordered,
        {
            "Class": lambda label: label.label,
            "#Test examples": lambda label: numbers.count(label.examples),
            f"#{item.baseline}": lambda label: numbers.percent(label.baseline),
            f"#{item.arm}": lambda label: numbers.percent(label.arm),
            "#Gain": lambda label: Cell(numbers.signed(label.gain), strong=True),
        },
        "Recall: the share of a class's test examples that are right, mean over pairs.",
    )
    return (Figure(f"{key}classes", title, words, classes_chart(drawn, item.baseline, item.arm)), *listed)


def classes_chart(drawn: Sequence[ClassGain], baseline: str, arm: str) -> style.Spec:
    """How often each arm is right on each class: two dots per class, joined by the gain."""
    ends = [
        {
            "label": label.label, "arm": name, "share": share, "right": numbers.percent(share),
            "gain": numbers.signed(label.gain), "examples": label.examples,
        }
        for label in drawn
        for name, share in ((baseline, label.baseline), (arm, label.arm))
    ]  # fmt: skip
    spans = [{"label": label.label, "from": label.baseline, "to": label.arm} for label in drawn]
    y = field("label:N", title=None, sort=[label.label for label in drawn], axis=style.names(grid=True))
    title = "Share of the class's test examples that are right"
    x = field("share:Q", title=title, scale={"domain": [0, 1]}, axis={"format": "~%", "tickCount": 5})
    link = style.chart(spans).mark("rule", style="link").encode(y=y, x=field("from:Q"), x2=field("to:Q"))
    tips = {"label": "Class", "arm": "Arm", "right": "Right", "gain": "Gain", "examples": "Test examples"}
    dots = style.chart(ends).mark("point", size=80, filled=True, opacity=1)
    dots = dots.encode(y=y, x=x, tooltip=style.tooltips(tips), color=style.ARM, shape=style.SHAPE)
    return style.spec([link, dots], 22 * len(drawn))


def confusions(item: Comparison, key: str) -> Parts:
    """A confusion matrix per arm."""
    words = "true classes down, predicted classes across, in per cent of the true class."
    return gallery(
        Figure(f"{key}confusion-{index}", each.arm, f"{each.arm}: {words}", confusion_chart(each))
        for index, each in enumerate(item.confusions)
        if each.classes
    )


def confusion_chart(item: Confusion) -> style.Spec:
    """Where one arm's predictions go, as shares of each true class."""
    rows: style.Rows = []
    for true, counts in zip(item.classes, item.counts, strict=True):
        total = sum(counts)
        for predicted, count in zip(item.classes, counts, strict=True):
            share = count / total if total else 0.0
            short = f"{share * 100:.0f}" if share >= 0.005 else ""
            rows.append(
                {"true": true, "predicted": predicted, "share": share, "count": count,
                 "text": numbers.percent(share), "short": short}
            )  # fmt: skip
    names = list(item.classes)
    base = style.chart(rows).encode(
        x=field("predicted:N", title="Predicted class", sort=names, axis=style.names(labelAngle=-45)),
        y=field("true:N", title="True class", sort=names, axis=style.names()),
    )
    legend = {"format": "~%", "gradientLength": 120, "gradientThickness": 10, "values": [0, 0.5, 1]}
    scale = {"domain": [0, 1]}
    shade = field("share:Q", title="Share of the true class", scale=scale, legend=legend)
    tips = {"true": "True class", "predicted": "Predicted", "text": "Share",
            "count": "Examples (mean over runs)"}  # fmt: skip
    layers = [base.mark("rect").encode(color=shade, tooltip=style.tooltips(tips))]
    if len(names) <= CELLS_LABELLED:
        for name, side in (("on-light", "<"), ("on-strong", ">=")):
            text = base.mark("text", style=name, fontSize=10).encode(text=field("short:N"))
            layers.append(text.where(f"datum.share {side} 0.55"))
    return style.spec(layers, height=min(max(22 * len(names), 140), 560))


def examples(item: Comparison) -> tuple[str, Parts]:
    """The title and the parts: quotes where answers are right or wrong, tables where they are near or far."""
    sides = (
        (item.arm, item.only_arm, item.only_arm_count),
        (item.baseline, item.only_baseline, item.only_baseline_count),
    )
    if item.nearer:
        tables = [part for arm, shown, count in sides for part in _nearer(item, arm, shown, count)]
        return "Examples on which the arms differ most", (Text(NEARER, "note"), *tables) if tables else ()
    title = "Examples that only one arm gets right"
    if not item.only_arm_count and not item.only_baseline_count:
        return title, ()
    quotes = []
    for arm, shown, count in sides:
        other, quoted = item.baseline if arm == item.arm else item.arm, list[Quote]()
        for example in shown[:QUOTED]:
            answers = {item.arm: example.arm_prediction, item.baseline: example.baseline_prediction}
            note = (
                f"right in {example.arm_right} of {example.pairs} runs of {item.arm}, "
                f"{example.baseline_right} of {example.pairs} of {item.baseline}; example {example.id}"
            )
            right, wrong = f"{arm}: {answers[arm]}", f"{other}: {answers[other]}"
            quoted.append(Quote(_text(example), example.label, right, wrong, note))
        cut = f"; {len(quoted)} shown" if len(quoted) < count else ""
        quotes.append(
            Quotes(arm, f"Only {arm} is right: {numbers.plural(count, 'example')}{cut}", tuple(quoted))
        )
    return title, (Text("Right means right in most of the arm's runs.", "note"), *quotes)


def _nearer(item: Comparison, arm: str, shown: Sequence[Example], count: int) -> tuple[Table, ...]:
    """The test examples on which one arm is ahead of the other, the largest difference first."""
    quoted = shown[:QUOTED]
    cut = f"; the {len(quoted)} largest differences" if len(quoted) < count else ""
    side = "arm_right" if arm == item.arm else "baseline_right"
    return table(
        quoted,
        {
            "Example": lambda example: Cell(_text(example), f"example {example.id}"),
            "?Label": lambda example: example.label,
            item.baseline: lambda example: example.baseline_prediction,
            item.arm: lambda example: example.arm_prediction,
            f"#Runs in which {arm} is nearer": lambda ex: f"{getattr(ex, side)} of {ex.pairs}",
        },
        f"{arm} is nearer: {numbers.plural(count, 'test example')}{cut}. Means over runs.",
    )


def _text(example: Example) -> str:
    """The example itself; of an image, which has no text, its name."""
    return f"example {example.id}" if example.text in ("", example.id) else example.text

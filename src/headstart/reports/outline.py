"""Sections: findings as a page, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headstart.compare.findings import ArmSummary, Comparison, Findings
from headstart.compare.values.claims import NO_WORD
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.charts import figures
from headstart.reports.page import (
    Bullets,
    Cell,
    Figure,
    Page,
    Part,
    Section,
    Table,
    Text,
    cells,
    columns,
    keep,
)
from headstart.reports.sections import (
    aggregates,
    comparison,
    consumption,
    data_curves,
    pretraining,
    provenance,
    ranking,
    scales,
    stability,
    tuning,
    utilisation,
    variance,
)
from headstart.reports.sections.caveats import changers


def page(findings: Findings) -> Page:
    """The whole report of a study."""
    arms = arms_of(findings)
    word, facts = _verdicts(findings)
    return Page(
        study=findings.study,
        question=findings.question,
        facts=(("Task", findings.task), ("Model", findings.model), ("Baseline", findings.baseline), *facts),
        sentence=" ".join([findings.sentence, *_curve(findings)]),
        word=word,
        arms=arms,
        sections=keep([*_opening(findings, arms), *_comparisons(findings, arms), *_closing(findings, arms)]),
        fingerprint=findings.fingerprint,
        warnings=_warnings(findings),
    )


def _curve(findings: Findings) -> tuple[str, ...]:
    """What a single data curve says: in a study over sizes, the first comparison is not the whole answer."""
    found = findings.data_curves
    return (found[0].sentence,) if len(found) == 1 else ()


def _warnings(findings: Findings) -> tuple[str, ...]:
    """What stands above everything else; the first comparison's own remarks are in its sentence."""
    lead = (*findings.met_before, *findings.alerts, *filter(None, remarks_of(findings)[1:]))
    if len(findings.problems) <= 2:
        return (*lead, *findings.problems)
    found = numbers.plural(len(findings.problems), "problem")
    return (*lead, f"{found} with the records: see 'What was left out, and why' below.")


def remarks_of(findings: Findings) -> list[str]:
    """The remarks of each comparison on its pairs, one line each; "" for none."""
    items = findings.comparisons
    told = zip(items, labels_of(items), strict=True)
    return [f"{label}: {' '.join(item.remarks)}" if item.remarks else "" for item, label in told]


def _verdicts(findings: Findings) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The word of the answer; of several comparisons, how often each word was given and which is told."""
    words = [item.gain.word if item.gain else "no pair" for item in findings.comparisons]
    if len(words) < 2:
        return (words[0] if words and words[0] not in ("no pair", NO_WORD) else ""), ()
    told = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    told = f"{len(words)}: {told}" if len(set(words)) > 1 else f"{len(words)}, all {words[0]}"
    first = labels_of(findings.comparisons)[0]
    return "", (("Comparisons", told), ("Told above", first))


def arms_of(findings: Findings) -> tuple[str, ...]:
    """The arms, the baseline first: their place decides their colour everywhere."""
    names = [findings.baseline, *(item.arm for item in findings.arms), *(c.arm for c in findings.comparisons)]
    return tuple(dict.fromkeys(names))


def labels_of(comparisons: Sequence[Comparison]) -> list[str]:
    """A short name per comparison: what tells it from the others."""
    several_arms = len({item.arm for item in comparisons}) > 1
    return [_label(item, several_arms) for item in comparisons]


def _label(item: Comparison, several_arms: bool) -> str:
    parts = [item.condition.name, item.arm if several_arms or not item.condition.name else ""]
    return ", ".join(part for part in parts if part)


def _opening(findings: Findings, arms: Sequence[str]) -> list[Section]:
    return [
        Section("summary", "The result", _summary(findings, arms)),
        Section("gain", "The gain and its interval", _gains(findings, arms)),
        Section("ranking", ranking.title(findings), ranking.parts(findings, arms)),
        Section("sizes", "Score against training rows", _sizes(findings, arms)),
        *data_curves.sections(findings, arms),
        Section("models", "Score against the size of the model", scales.models(findings, arms)),
        Section("aggregates", "Over all conditions", aggregates.parts(findings, arms)),
    ]


def _comparisons(findings: Findings, arms: Sequence[str]) -> list[Section]:
    items = findings.comparisons
    if len(items) == 1:
        return comparison.block(items[0], arms, "", level=2)
    sections: list[Section] = []
    for index, item in enumerate(items):
        lead = f"{item.condition.name}: " if item.condition.name else ""
        title = f"{lead}{item.arm} against {item.baseline}"
        sections.append(Section(f"c{index}", title, (Text(item.sentence),), folded=index > 0))
        sections += comparison.block(item, arms, f"c{index}-", level=3)
    return sections


def _closing(findings: Findings, arms: Sequence[str]) -> list[Section]:
    return [
        Section("tuning", "How the arms were tuned", tuning.parts(findings, arms)),
        Section("costs", "What it cost", consumption.parts(findings, arms)),
        Section("fronts", "What is worth its cost", scales.fronts(findings, arms)),
        Section("usage", "How well the machine was used", utilisation.machine(findings.arms, arms)),
        Section("carbon", "Carbon", utilisation.carbon(findings.arms, arms)),
        Section("money", "Money", utilisation.money(findings.arms, arms)),
        Section("pretraining", "What the pretraining cost", pretraining.parts(findings, arms)),
        Section("stability", "Runs that diverged", stability.parts(findings, arms)),
        Section("variances", "Where the spread comes from", variance.parts(findings)),
        Section("differences", "What differed between the arms", _differences(findings)),
        Section("start", "What each arm held at step 0", provenance.attestations(findings, arms)),
        Section("excluded", "What was left out, and why", _excluded(findings)),
        Section("changers", "What would change the answer", _changers(findings)),
        Section("data", "The data", provenance.data(findings)),
        Section("environment", "Where it ran", _where(findings, arms)),
        Section("reproduce", "How to reproduce it", provenance.reproduce(findings)),
    ]


def _summary(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    if not findings.arms:
        return ()
    several = len({item.condition for item in findings.arms}) > 1
    by_place = {(item.condition.name, item.arm): item for item in findings.comparisons}
    lead = "Condition | " if several else ""
    level = comparison.level_of(findings.comparisons[0].gain if findings.comparisons else None)
    headline = metric_name(findings.headline)
    names = f"{lead}Arm | #Test {headline} | #Gain | #{level} interval | #FLOPs | #Time | #Energy | Runs"
    rows = tuple(
        _summary_row(item, by_place.get((item.condition, item.arm)), arms, several) for item in findings.arms
    )
    caption = (
        "Means over finished runs; in brackets, the range over seeds. Costs are of training alone. "
        + _direction(findings)
        + _unpaired(findings)
    )
    survivors = [Text(_survivors(item), "warning") for item in findings.arms if item.survivors_only]
    return (Table(columns(names), rows, caption), *survivors)


def _direction(findings: Findings) -> str:
    return "Higher is better." if findings.higher_is_better else "Lower is better."


def _unpaired(findings: Findings) -> str:
    """A gain is over pairs, so it need not be the difference of two means over all finished runs."""
    paired = {
        (item.condition.name, name): len(item.pairs) for item in findings.comparisons for name in _both(item)
    }
    if all(paired.get((item.condition, item.arm), item.finished) == item.finished for item in findings.arms):
        return ""
    return " Gains are over complete pairs only, so they differ from the difference of these means."


def _both(item: Comparison) -> tuple[str, str]:
    return item.baseline, item.arm


def _summary_row(
    item: ArmSummary, paired: Comparison | None, arms: Sequence[str], several: bool
) -> tuple[Cell, ...]:
    gain = paired.gain if paired else None
    lead = [Cell(item.condition)] if several else []
    absent = "the baseline" if item.is_baseline else "no pair"
    source = comparison.gain_source(gain) if gain else ""
    return cells(
        *lead,
        Cell(item.arm, arm=list(arms).index(item.arm), strong=True),
        score_cell(item),
        Cell(numbers.signed(gain.gain) if gain else absent, source, strong=gain is not None),
        Cell(comparison.interval_of(gain) if gain else "", source),
        Cell(
            numbers.flops(item.flops, lower_bound=item.flops_lower_bound),
            "model FLOPs of training: multiply-add = 2, padding counted",
        ),
        Cell(numbers.seconds(item.seconds), "wall clock of training"),
        energy_cell(item),
        Cell(runs_text(item)),
    )


def score_cell(item: ArmSummary) -> Cell:
    """The mean test score with the range over seeds."""
    text = numbers.score(item.score_mean)
    if item.finished > 1 and numbers.known(item.score_low):
        text += f" ({numbers.interval(item.score_low, item.score_high)})"
    spread = f", standard deviation {numbers.score(item.score_sd)}" if numbers.known(item.score_sd) else ""
    return Cell(text, f"mean and range over {numbers.plural(item.finished, 'finished run')}{spread}")


def energy_cell(item: ArmSummary) -> Cell:
    """Energy with its method beside it; unknown says why."""
    method = consumption.METHODS.get(item.energy_method, item.energy_method)
    if not numbers.known(item.joules):
        return Cell(utilisation.without_energy(item), item.energy_reason or method)
    word = "" if item.energy_method == "measured" else f" ({item.energy_method})"
    return Cell(numbers.energy(item.joules) + word, item.energy_reason or method)


def runs_text(item: ArmSummary) -> str:
    """'6 finished', '5 finished, 1 diverged'."""
    counted = {name: getattr(item, name) for name in ("finished", "diverged", "failed", "interrupted")}
    told = [f"{number} {name}" for name, number in counted.items() if number]
    return ", ".join(told) or "none"


def _survivors(item: ArmSummary) -> str:
    where = f" ({item.condition})" if item.condition else ""
    runs = f"{runs_text(item)} of {item.runs} started"
    return f"The score of {item.arm}{where} is a mean over survivors only: {runs}."


def _gains(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    kept = [item for item in findings.comparisons if item.gain]
    if not kept:
        return ()
    spec = figures.gains(kept, arms, labels_of(kept))
    told = "; ".join(_gain_words(item, label) for item, label in zip(kept, labels_of(kept), strict=True))
    title = f"Gain in {metric_name(findings.headline)}, {comparison.level_of(kept[0].gain)} interval"
    note = f"Shaded: the margin of ±{findings.margin:g} within which arms count as equivalent."
    figure = Figure("gain", title, f"{told}.", spec)
    return (figure, Text(note, "note")) if findings.margin else (figure,)


def _gain_words(item: Comparison, label: str) -> str:
    gain = item.gain
    return (
        f"{label}: {numbers.signed(gain.gain)} ({comparison.interval_of(gain)}), {gain.word}"
        if gain
        else label
    )


def _sizes(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    if len(findings.data_curves) == 1:  # its own chart shows the same two lines
        return ()
    rows_of = {item.condition.name: item.condition.train_rows for item in findings.comparisons}
    placed = [item for item in findings.arms if item.condition in rows_of and item.score_mean is not None]
    sizes = [rows_of[name] for name in {item.condition for item in placed}]
    if len(sizes) < 2 or len(set(sizes)) < len(sizes):  # another setting varies too: a line would mix them
        return ()
    spec = figures.score_by_rows(placed, rows_of, arms)
    headline = metric_name(findings.headline)
    words = f"Mean test {headline} against training rows; whiskers: range over seeds."
    return (Figure("sizes", "More labels, or pretrained weights?", words, spec),)


def _differences(findings: Findings) -> tuple[Part, ...]:
    if not any(item.pairs for item in findings.comparisons):
        return ()
    told = [(label, item.differences) for item, label in _labelled(findings)]
    differing = tuple(f"{label}: {', '.join(names)}" for label, names in told if names)
    pairs = numbers.plural(sum(len(item.pairs) for item in findings.comparisons), "pair")
    same = (
        f"Inside each of the {pairs} compared, the head's weights at step 0 are equal bit for bit and the "
        "rows came in the same order; a pair for which this does not hold is left out."
    )
    if not differing:
        return (Text("Nothing but the arm: inside every pair all other settings are the same."), Text(same))
    return (Text("Besides the arm, these settings differ inside pairs:"), Bullets(differing), Text(same))


def _labelled(findings: Findings) -> Iterable[tuple[Comparison, str]]:
    return zip(findings.comparisons, labels_of(findings.comparisons), strict=True)


def _excluded(findings: Findings) -> tuple[Part, ...]:
    if not findings.excluded and not findings.problems:
        return ()
    rows = tuple(
        cells(item.arm, "" if item.seed is None else str(item.seed), item.reason, item.folder)
        for item in findings.excluded
    )
    table = (Table(columns("Arm | #Seed | Why | Folder"), rows),) if rows else ()
    return (*table, *_bullets(findings.problems))


def _where(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    return (*provenance.environments(findings), *utilisation.order(findings, arms))


def _changers(findings: Findings) -> tuple[Part, ...]:
    return _bullets(changers(findings))


def _bullets(items: Sequence[str]) -> tuple[Part, ...]:
    return (Bullets(tuple(items)),) if items else ()

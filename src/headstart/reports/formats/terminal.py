"""The report in the terminal: one table, the answer in one sentence, and where the full report lies."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.compare import phrases
from headstart.compare.findings import Findings
from headstart.reports import numbers, outline, tables
from headstart.reports.console.listing import listing
from headstart.reports.sections import glance, ranking, summary
from headstart.screen import Screen

FEW = 2  # comparisons up to which each is told in whole sentences
MOST = 40  # comparisons, and rows of the table; of more, the report and the exports tell the rest
WIDEST = 24  # characters of an arm or a condition before they go on below
STYLES = ("yellow", "blue", "green", "magenta", "cyan", "white")


def show(findings: Findings, report: Path | None = None, console: Console | None = None) -> None:
    """Print the summary; plain text without colour or frames when it does not go to a terminal."""
    console = console or Screen()
    console.print(_table(findings, plain=not console.is_terminal))
    console.print()
    sentences = _sentences(findings)
    for sentence in sentences:
        console.print(Text(sentence), style="bold", highlight=False)
    # How the arms were tuned, where no sentence above says it, and in one line what the weights cost.
    settings = dict.fromkeys(item.settings for item in findings.comparisons)
    above = any(each in line for each in settings for line in sentences)
    tuned = [findings.tuning.sentence] if findings.tuning else list(settings) * (len(settings) == 1 > above)
    for line in (*tuned, *map(phrases.capitalised, glance.pretraining_lines(findings))):
        console.print(Text(line), highlight=False)
    for warning in findings.warnings:
        console.print(Text(f"note: {warning}"), highlight=False)
    if report is not None:
        console.print(Text(f"report: {report}"), style="dim", highlight=False, soft_wrap=True)


def _sentences(findings: Findings) -> list[str]:
    """The answers: whole sentences of one or two comparisons, one line each of more and over sizes."""
    items, curves = findings.comparisons, bool(findings.rows.select("data.sizes"))
    if not curves and len(items) <= FEW:
        return list(dict.fromkeys(item.sentence for item in items)) or [findings.sentence]
    labelled = [*zip(items, summary.labels_of(items), strict=True)][:MOST]
    lines = [" ".join([f"{label}: {ranking.sentence(item)}.", *item.remarks]) for item, label in labelled]
    if len(items) > MOST:
        lines.append(tables.first_of(MOST, len(items), "comparisons"))
    return [findings.sentence] * curves + lines


def _table(findings: Findings, *, plain: bool) -> Table:
    """Two lines a row: a number, and below it what it stands on. At 80 columns only intervals wrap."""
    arms = outline.arms_of(findings)
    grid = listing("arm | !#score | #gain | !#FLOPs | !#time | !#energy | !#finished", plain=plain)
    started = tables.lines_of(findings.rows, "runs.started")[:MOST]
    names = [*arms, *(line.first.condition for line in started)]
    names += [rule for condition in findings.rules for rule, _ in summary.rules(findings, condition)]
    grid.columns[0].width = min(max(map(len, names), default=0), WIDEST)  # so that intervals alone wrap
    for condition, lines in groupby(started, lambda line: line.first.condition):
        below = f"\n{condition}" if condition else ""
        for line in lines:
            name = Text(line.first.arm, style=STYLES[arms.index(line.first.arm) % len(STYLES)])
            name.append(below, style="dim")
            grid.add_row(name, *(Text(cell) for cell in _cells(line)))
        for rule, row in summary.rules(findings, condition):
            grid.add_row(Text(rule, style="dim"), Text(numbers.score(row.value), style="dim"))
    return grid


def _cells(line: tables.Line) -> list[str]:
    score, gain, joules = line.row("mean_score"), line.rows.get("gain"), line.row("train.joules")
    scores = numbers.score(score.value)
    if score.n != 1 and score.low is not None:
        scores += f"\n{numbers.score(score.low)}–{numbers.score(score.high)}"
    energy = (
        numbers.text(joules) if joules.value is None else f"{numbers.value_text(joules)}\n{joules.verdict}"
    )
    counts = {state: line.row(f"runs.{state}").value or 0 for state in ("started", *summary.STATES)}
    lost = [f"{counts[state]:.0f} {state}" for state in summary.STATES[1:] if counts[state]]
    return [
        scores,
        f"{numbers.value_text(gain)}\n{tables.interval(gain).text}" if gain else "",
        numbers.value_text(line.row("train.flops")).removesuffix("FLOPs").strip(),
        numbers.value_text(line.row("train.seconds")),
        energy,
        "\n".join([f"{counts['finished']:.0f} of {counts['started']:.0f}", *lost]),
    ]

"""The report in the terminal: one table, the answer in one sentence, and where the full report lies."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headstart.compare.findings import ArmSummary, Comparison, Findings
from headstart.reports import numbers, outline
from headstart.reports.sections import comparison, data_curves, ranking, tuning, utilisation

FEW = 2  # comparisons up to which each is told in whole sentences
WIDEST = 24  # characters of an arm or a condition before they go on below
STYLES = ("yellow", "blue", "green", "magenta", "cyan", "white")


def show(findings: Findings, report: Path | None = None, console: Console | None = None) -> None:
    """Print the summary; plain text without colour or frames when it does not go to a terminal."""
    console = console or Console()
    console.print(_table(findings, plain=not console.is_terminal))
    console.print()
    for sentence in _sentences(findings):
        console.print(Text(sentence), style="bold", highlight=False)
    for line in _more(findings):
        console.print(Text(line), highlight=False)
    for warning in findings.warnings:
        console.print(Text(f"note: {warning}"), highlight=False)
    if report is not None:
        console.print(Text(f"report: {report}"), style="dim", highlight=False, soft_wrap=True)


def _sentences(findings: Findings) -> list[str]:
    """The answers: whole sentences of one or two comparisons, one line each of more."""
    items = findings.comparisons
    if len(items) > FEW:
        return [
            ". ".join([f"{label}: {ranking.line(item)}", *item.remarks])
            for item, label in zip(items, outline.labels_of(items), strict=True)
        ]
    return list(dict.fromkeys(item.sentence for item in items)) or [findings.sentence]


def _more(findings: Findings) -> list[str]:
    """Sentences of sections of their own: how the arms were tuned, rows saved, what the weights cost."""
    settings = dict.fromkeys(item.settings for item in findings.comparisons)
    alike = len(findings.comparisons) > FEW and len(settings) == 1  # else the sentences above have told it
    tuned = [tuning.line(findings)] if findings.tuning else list(settings) * alike
    return [*tuned, *data_curves.lines(findings), *_pretraining(findings)]


def _pretraining(findings: Findings) -> list[str]:
    """One line on what the weights cost, when anything is known about it."""
    known = [item.ledger for item in findings.comparisons if item.ledger and item.ledger.flops.known]
    return [known[0].sentence] if known else []


def _table(findings: Findings, *, plain: bool) -> Table:
    """Two lines a row: a number, and below it what it stands on. At 80 columns only intervals wrap."""
    arms = outline.arms_of(findings)
    frame = None if plain else box.SIMPLE_HEAD
    table = Table(
        box=frame, pad_edge=False, padding=(0, 2 if plain else 1, 0, 0), header_style="" if plain else "dim"
    )
    longest = min(max((len(arm) for arm in arms), default=0), WIDEST)
    table.add_column("arm", min_width=longest, max_width=WIDEST)
    for name in ("score", "gain", "FLOPs", "time", "energy", "finished"):
        table.add_column(name, justify="right", no_wrap=name != "gain")
    by_place = {(item.condition.name, item.arm): item for item in findings.comparisons}
    for item in findings.arms:
        style = STYLES[arms.index(item.arm) % len(STYLES)]
        name = Text(item.arm, style=style).append(
            f"\n{item.condition}" if item.condition else "", style="dim"
        )
        cells = _row(item, by_place.get((item.condition, item.arm)))
        table.add_row(name, *(Text(cell) for cell in cells))
    return table


def _row(item: ArmSummary, paired: Comparison | None) -> list[str]:
    gain = paired.gain if paired else None
    score = numbers.score(item.score_mean)
    if item.finished > 1 and numbers.known(item.score_low):
        score += f"\n{numbers.score(item.score_low)}–{numbers.score(item.score_high)}"
    told = f"{numbers.signed(gain.gain)}\n{comparison.interval_of(gain)}" if gain else ""
    flops = numbers.flops(item.flops, lower_bound=item.flops_lower_bound).removesuffix("FLOPs").strip()
    return [score, told, flops, numbers.seconds(item.seconds), _energy(item), _runs(item)]


def _runs(item: ArmSummary) -> str:
    lost = {name: getattr(item, name) for name in ("diverged", "failed", "interrupted")}
    return "\n".join([f"{item.finished} of {item.runs}", *(f"{n} {name}" for name, n in lost.items() if n)])


def _energy(item: ArmSummary) -> str:
    if not numbers.known(item.joules):
        return utilisation.without_energy(item)
    return f"{numbers.energy(item.joules)}\n{item.energy_method}"

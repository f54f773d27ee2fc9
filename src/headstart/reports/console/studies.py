"""Studies in the terminal and as JSON: what was asked in every folder of a folder, and what came out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from headstart.compare.findings import Comparison, Findings
from headstart.reports import numbers
from headstart.screen import Screen


@dataclass(frozen=True)
class StudyRow:
    """One arm of a study against its baseline under one condition, or why a study says nothing."""

    study: str
    question: str = ""
    baseline: str = ""
    arm: str = ""
    condition: str = ""
    pairs: int = 0
    gain: float | None = None
    low: float | None = None  # of the 95 % interval
    high: float | None = None
    verdict: str | None = None
    seconds: float | None = None  # of all runs of the study
    date: str = ""  # of its newest run
    reason: str | None = None  # why there is no gain


def rows(findings: Findings, date: str) -> list[StudyRow]:
    """A row per comparison of a study; one row with the reason where nothing was compared."""
    made = [_row(findings, item, date) for item in findings.comparisons if item.gain]
    return made or [StudyRow(findings.study, reason=findings.sentence)]


def show_studies(studies: Sequence[StudyRow], folder: Path, *, as_json: bool = False) -> None:
    """Print a paragraph per study: its name, date, cost and question, then a line per comparison."""
    console = Screen()
    if as_json:
        console.out(json.dumps([asdict(row) for row in studies], indent=2))
        return
    for name, comparisons in itertools.groupby(studies, key=lambda row: row.study):
        first, *others = comparisons
        cost = "" if first.seconds is None else f"{numbers.seconds(first.seconds)} in all"
        about = " · ".join(part for part in (first.date, cost, first.question) if part)
        console.print(Text.assemble((name, "bold"), f"  {about}" if about else ""))
        for row in (first, *others):
            console.print(Text(f"  {_line(row)}"))
    console.print(f"\na report: headstart report {folder}/STUDY", highlight=False)


def _line(row: StudyRow) -> str:
    if row.gain is None:
        return row.reason or ""
    known = row.low is not None and row.high is not None
    interval = f" ({numbers.signed(row.low)} to {numbers.signed(row.high)})" if known else ""
    pairs = numbers.plural(row.pairs, "pair")
    gain = f"{numbers.signed(row.gain)}{interval}"
    return f"{row.arm} over {row.baseline}, {row.condition}: {gain}, {pairs}, {row.verdict}"


def _row(findings: Findings, item: Comparison, date: str) -> StudyRow:
    gain = item.gains[item.headline]
    return StudyRow(
        study=findings.study,
        question=findings.question,
        baseline=item.baseline,
        arm=item.arm,
        condition=item.condition.name or numbers.plural(item.condition.train_rows, "row"),
        pairs=gain.pairs,
        gain=gain.gain,
        low=gain.interval.low if gain.interval else None,
        high=gain.interval.high if gain.interval else None,
        verdict=gain.verdict,
        seconds=findings.total.seconds if findings.total else None,
        date=date,
    )

"""Ranking: all arms of a condition in order, and all comparisons of a study corrected together by Holm."""

from __future__ import annotations

from headstart.compare.findings import Comparison, Findings
from headstart.metrics import higher_is_better, metric_name
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts
from headstart.reports.sections.summary import gain_column
from headstart.reports.tables import Line, of_rows

HOLM = "Holm: p corrected for all comparisons of this study; a verdict holds where it is below 0.05."
HOLDS = {"survives": "yes", "does not survive": "no"}


def parts(findings: Findings) -> Parts:
    """A ranking of the conditions with more than two arms; else all comparisons, if there are several."""

    def p(line: Line, key: str) -> str:
        return numbers.chance(line.row(key).value) if "gain" in line.rows else ""

    def p_of_verdict(line: Line) -> str:
        return p(line, "gain.p_margin" if line.row("gain").verdict == "equivalent" else "gain.p")

    def holds(line: Line) -> Cell:
        corrected = line.row("gain.corrected_p")
        return Cell(HOLDS.get(corrected.verdict, ""), corrected.note)

    tested = (
        gain_column(findings),
        "gain interval",
        ("Verdict", lambda line: line.row("gain").verdict),
        ("#p", p_of_verdict),
        ("#Holm p", lambda line: p(line, "gain.corrected_p")),
        ("Holds", holds),
    )
    ranks = findings.rows.select("rank")
    if not ranks:
        caption = (
            f"{HOLM} p is that of no difference; of an equivalent arm, that of a gain beyond the margin."
        )
        return of_rows(
            findings.rows,
            "gain.corrected_p",
            ("condition", "arm", *tested[:2], "gain n", *tested[2:]),
            caption,
        )
    tables = []
    for metric in ranks.by("metric"):
        order = "Higher is better" if higher_is_better(metric) else "Lower is better"
        caption = (
            f"{order}: {metric_name(metric)}. Interval of a score: Student's over runs. Gains are over the "
            f"baseline, in pairs: only these are tested, so two neighbours need not differ. {HOLM}"
        )
        columns = ("condition", "rank", "arm", "rank.score", "rank.score interval", "rank.score n", *tested)
        tables += of_rows(findings.rows.select(metric=metric), "rank", columns, caption)
    return tuple(tables)


def sentence(item: Comparison) -> str:
    """One comparison on one line: 'better +0.388 (+0.360 to +0.410), 3 pairs; Holm p 0.013'."""
    gain = item.rows.first("gain", metric=item.headline)
    if gain is None:
        return "no pair is left"
    interval, pairs = numbers.interval_text(gain) or "no interval", numbers.plural(gain.n or 0, "pair")
    text = f"{gain.verdict} {numbers.value_text(gain)} ({interval}), {pairs}"
    corrected = item.rows.first("gain.corrected_p")
    if corrected is None or corrected.value is None:
        return text
    p = numbers.chance(corrected.value)
    lost = corrected.verdict == "does not survive"
    return f"{text}; not after Holm (p {p})" if lost else f"{text}; Holm p {p}"

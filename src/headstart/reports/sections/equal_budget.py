"""Equal budget: the same pairs again, both arms cut off at the same cost, for each cost."""

from __future__ import annotations

from dataclasses import replace

from headstart.compare.findings import Comparison, Quantity
from headstart.compare.sentences import equal_budget as sentences
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.page import Cell, Parts, Table
from headstart.reports.tables import Line, merged, of_rows
from headstart.resources import RESOURCES

RATIO = "matched.target.flops_ratio"
SAME = "Both at the same"
SHORT = 30  # characters of a remark that may stand twice
NAMES = {key: resource.name for key, resource in RESOURCES.items()} | {
    "target": "quality",
    "converged": "convergence",
}


def parts(item: Comparison) -> Parts:
    """One row per matching; nothing where no curve supports any."""
    if not any(row.verdict for row in item.rows.select("matched.*.gain")):
        return ()

    def known(row: Quantity) -> str:
        return numbers.value_text(row) if row.known else ""

    def gain(line: Line) -> Cell:
        at_target = RATIO in line.rows and line.part == "target"
        return Cell(known(line.rows[RATIO] if at_target else line.first), strong=bool(line.first.verdict))

    def interval(line: Line) -> str:
        key = RATIO if line.part == "target" else "matched.*.gain"
        return (line.interval(key) or "no interval") if line.first.verdict else ""

    listed = of_rows(
        item.rows,
        "matched.*.gain",
        (
            (SAME, lambda line: NAMES[line.part]),
            (f"#{item.baseline}", lambda line: known(line.row("matched.*.baseline_score"))),
            (f"#{item.arm}", lambda line: known(line.row("matched.*.score"))),
            ("#Gain", gain),
            ("#95 % interval", interval),
            "n",
            "verdict",
            ("Remark", _remark),
        ),
        f"Validation {metric_name(item.headline)}, both arms read at the same point of their own curves. "
        "Intervals are Student's over pairs: they cover seeds, not validation rows. At the same quality, the "
        "ratio of the FLOPs.",
    )
    return tuple(map(_shortened, listed))


def _remark(line: Line) -> str:
    """Which curve is cut, unless the note says so, and the note."""
    shares = {
        line.first.baseline: line.row("matched.*.baseline_share").value,
        line.first.arm: line.row("matched.*.share").value,
    }
    cut = [(arm, share) for arm, share in shares.items() if share is not None and share < 1]
    if len(cut) != 1 or line.first.note.startswith(sentences.UNFAIR):
        return line.first.note
    (arm, share), *_ = cut
    return f"{arm} is read at {numbers.percent(share)} of its own. {line.first.note}".strip()


def _shortened(listed: Table) -> Table:
    """Neighbours that say the same are one row, 'steps, samples, FLOPs'; a long remark is not repeated."""
    rows = merged(listed, SAME).rows
    remarks = ["", *(row[-1].text for row in rows)]
    return replace(
        listed,
        rows=tuple(
            (*row[:-1], Cell("as above", remark)) if row[-1].text == remark and len(remark) > SHORT else row
            for row, remark in zip(rows, remarks, strict=False)
        ),
    )

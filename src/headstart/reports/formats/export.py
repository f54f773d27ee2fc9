"""Exports: the numbers of a study for other programs and for papers.

csv and JSON hold all of them, unrounded; the LaTeX and Markdown tables hold the main ones, as the report
writes them.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from headstart.compare.catalogue import entry
from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.formats.markdown import escape, grid

LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "×": r"$\times$", "≥": r"$\geq$", "±": r"$\pm$",
    numbers.MINUS: "$-$",
}  # fmt: skip
_SPECIAL = re.compile("[" + re.escape("".join(LATEX)) + "]")


def csv_text(findings: Findings) -> str:
    """Every quantity, a row each; unknown is empty, run folders are joined with ';'."""
    stream = io.StringIO()
    names = [field.name for field in fields(Quantity)]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for row in findings.rows:
        writer.writerow(asdict(row) | {"provenance": ";".join(row.provenance)})
    return stream.getvalue()


def json_text(findings: Findings) -> str:
    """Every quantity with the study, its answer and the fingerprint of its records; unknown is null."""
    document = {
        "study": findings.study,
        "task": findings.task,
        "model": findings.model,
        "sentence": findings.sentence,
        "fingerprint": findings.fingerprint,
        "quantities": [asdict(row) for row in findings.rows],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def latex_text(findings: Findings) -> str:
    """The main numbers as a booktabs tabular."""
    heads, numeric, rows = table(findings.rows.main)
    lines = [" & ".join(map(latex_escape, row)) + r" \\" for row in rows]
    of = f"{' '.join(findings.study.split())}, records {findings.fingerprint}"
    return "\n".join(
        [
            rf"% {of}; needs \usepackage{{booktabs}}",
            rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in numeric)}}}",
            r"\toprule",
            " & ".join(map(latex_escape, heads)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def markdown_text(findings: Findings) -> str:
    """The main numbers as a Markdown table."""
    heads, numeric, rows = table(findings.rows.main)
    return grid(heads, numeric, [[escape(cell) for cell in row] for row in rows]) + "\n"


FORMATS: dict[str, Callable[[Findings], str]] = {
    "csv": csv_text,
    "latex": latex_text,
    "md": markdown_text,
    "json": json_text,
}


def table(quantities: Sequence[Quantity]) -> tuple[list[str], list[bool], list[list[str]]]:
    """Heads, which columns hold numbers, and the rows as words; columns that say nothing are left out."""
    heads = ["Quantity", "Condition", "Arm", "Metric", "Value", "Interval", "n", "Verdict"]
    numeric = [False, False, False, False, True, True, True, False]
    rows = [_row(row) for row in quantities]
    kept = [column for column in range(len(heads)) if column == 0 or any(row[column] for row in rows)]
    return (
        [heads[column] for column in kept],
        [numeric[column] for column in kept],
        [[row[column] for column in kept] for row in rows],
    )


def latex_escape(text: str) -> str:
    """Words as LaTeX text on one line."""
    return _SPECIAL.sub(lambda match: LATEX[match[0]], " ".join(text.split()))


def _row(row: Quantity) -> list[str]:
    metric = metric_name(row.metric) if row.metric else ""
    word = "" if row.value is None or row.verdict == "lower bound" else row.verdict
    arm = f"{row.arm} / {row.baseline}" if row.unit == "times" and row.baseline else row.arm
    number = "" if row.n is None else numbers.count(row.n)
    return [
        entry(row.key).label,
        row.condition,
        arm,
        metric,
        numbers.value_text(row),
        numbers.interval_text(row),
        number,
        word,
    ]

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
    for one in findings.rows:
        writer.writerow(asdict(one) | {"provenance": ";".join(one.provenance)})
    return stream.getvalue()


def json_text(findings: Findings) -> str:
    """Every quantity with the study, its answer and the fingerprint of its records; unknown is null."""
    told = {
        "study": findings.study,
        "task": findings.task,
        "model": findings.model,
        "sentence": findings.sentence,
        "fingerprint": findings.fingerprint,
        "quantities": [asdict(one) for one in findings.rows],
    }
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


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


def table(found: Sequence[Quantity]) -> tuple[list[str], list[bool], list[list[str]]]:
    """Heads, which columns hold numbers, and the rows as words; columns that say nothing are left out."""
    heads = ["Quantity", "Condition", "Arm", "Metric", "Value", "Interval", "n", "Verdict"]
    numeric = [False, False, False, False, True, True, True, False]
    rows = [_row(one) for one in found]
    kept = [place for place in range(len(heads)) if place == 0 or any(row[place] for row in rows)]
    return (
        [heads[place] for place in kept],
        [numeric[place] for place in kept],
        [[row[place] for place in kept] for row in rows],
    )


def latex_escape(text: str) -> str:
    """Words as LaTeX text on one line."""
    return _SPECIAL.sub(lambda found: LATEX[found[0]], " ".join(text.split()))


def _row(one: Quantity) -> list[str]:
    metric = metric_name(one.metric) if one.metric else ""
    word = "" if one.value is None or one.verdict == "lower bound" else one.verdict
    arm = f"{one.arm} / {one.baseline}" if one.unit == "times" and one.baseline else one.arm
    number = "" if one.n is None else numbers.count(one.n)
    return [
        entry(one.key).label,
        one.condition,
        arm,
        metric,
        numbers.value_text(one),
        numbers.interval_text(one),
        number,
        word,
    ]

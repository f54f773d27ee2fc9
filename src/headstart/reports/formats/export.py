"""Exports: the numbers of a study for other programs and for papers.

csv and JSON hold all of them, unrounded; JSON also holds the lists of which a report shows the first lines.
The LaTeX and Markdown tables hold the main ones, as the report writes them. The SVG is one picture of the
answer and its charts.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import asdict, fields

from headstart.compare.catalogue import entry
from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity, Rows
from headstart.metrics import metric_name
from headstart.reports import numbers, tables
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
    """Every quantity with the study, its answer and the fingerprint of its records; unknown is null.

    And every pair and class, the runs in the order of training, and what was left out, and why.
    """
    document = {
        "study": findings.study,
        "task": findings.task,
        "model": findings.model,
        "sentence": findings.sentence,
        "fingerprint": findings.fingerprint,
        "quantities": [asdict(row) for row in findings.rows],
        "comparisons": [
            {
                "condition": item.condition.name,
                "arm": item.arm,
                "baseline": item.baseline,
                "pairs": [asdict(pair) for pair in item.pairs],
                "classes": [asdict(each) for each in item.classes],
            }
            for item in findings.comparisons
        ],
        "excluded": [asdict(each) for each in findings.excluded],
        "problems": findings.problems,
        "order": [asdict(run) for run in findings.order],
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


def svg_text(findings: Findings) -> str:
    """The answer and the charts of all arms as a picture; RecordError where it cannot be drawn."""
    from headstart.reports import outline  # the others need no charts
    from headstart.reports.formats.pictures import overview

    return overview(outline.page(findings))


FORMATS: dict[str, Callable[[Findings], str]] = {
    "csv": csv_text,
    "latex": latex_text,
    "md": markdown_text,
    "json": json_text,
    "svg": svg_text,
}


def table(rows: Rows) -> tuple[list[str], list[bool], list[list[str]]]:
    """Heads, which columns hold numbers, and the rows as words; columns that say nothing are left out."""

    def arms(row: Quantity) -> str:
        return f"{row.arm} / {row.baseline}" if row.unit == "times" and row.baseline else row.arm

    columns = {
        "Quantity": lambda row: entry(row.key).label,
        "?Condition": lambda row: row.condition,
        "?Arm": arms,
        "?Metric": lambda row: metric_name(row.metric),
        "?#Value": numbers.value_text,
        "?#Interval": numbers.interval_text,
        "?#n": lambda row: "" if row.n is None else numbers.count(row.n),
        "?Verdict": lambda row: "" if row.value is None or row.verdict == "lower bound" else row.verdict,
    }
    heads, numeric, cells = ["Quantity"], [False], []
    for made in tables.table(rows, columns):
        heads, numeric = [column.name for column in made.columns], [column.number for column in made.columns]
        cells = [[cell.text for cell in row] for row in made.rows]
    return heads, numeric, cells


def latex_escape(text: str) -> str:
    """Words as LaTeX text on one line."""
    return _SPECIAL.sub(lambda match: LATEX[match[0]], " ".join(text.split()))

"""Exports: the numbers of a study for other programs and for papers.

csv and JSON hold all of them, unrounded; the LaTeX and Markdown tables hold the main ones, as the report
writes them.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from headstart.compare.findings import Findings
from headstart.compare.quantities.study import Quantity, main, quantities
from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.reports.formats.markdown import escape

NAMES = {
    "mean_score": "Test score",
    "gain": "Gain",
    "flops_ratio": "FLOPs ratio",
    "seconds_ratio": "Time ratio",
    "joules_ratio": "Energy ratio",
    "data_multiplier": "Data multiplier",
    "crossing": "Crossing point",
    "break_even.flops.arm_score": "Break-even (FLOPs)",
    "break_even.joules.arm_score": "Break-even (energy)",
    "aggregate.iqm_gain": "Gain of the interquartile means",
    "aggregate.improvement": "Probability of improvement",
}
FORMS: dict[str, Callable[[float | None], str]] = {
    "score": numbers.score,
    "difference": numbers.signed,
    "times": numbers.ratio,
    "share": numbers.percent,
    "FLOPs": numbers.flops,
    "s": numbers.seconds,
    "J": numbers.energy,
    "B": numbers.size,
    "uses": lambda value: numbers.count(math.ceil(value) if value is not None else None),
}
COUNTED = ("rows", "runs", "steps", "tokens", "trials", "examples", "parameters", "place", "sizes")
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
    for one in quantities(findings):
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
        "quantities": [asdict(one) for one in quantities(findings)],
    }
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def latex_text(findings: Findings) -> str:
    """The main numbers as a booktabs tabular."""
    heads, numeric, rows = table(main(quantities(findings)))
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
    heads, numeric, rows = table(main(quantities(findings)))
    rules = ["---:" if number else ":---" for number in numeric]
    told = [[escape(cell) for cell in row] for row in (heads, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (told[0], rules, *told[1:])) + "\n"


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


def value_text(one: Quantity) -> str:
    """The value in its unit, or the bound or range that is known: '+0.388', 'at least 64.0×', 'never'."""
    form = form_of(one)
    if one.value is not None:
        return f"≥ {form(one.value)}" if one.word == "lower bound" else form(one.value)
    ends = [form(end) for end in (one.low, one.high) if end is not None]
    if len(ends) == 2:
        return f"{ends[0]} to {ends[1]}"
    return f"{one.word} {ends[0]}".strip() if ends else one.word or numbers.UNKNOWN


def interval_text(one: Quantity) -> str:
    """'+0.360 to +0.410', 'at least 30 rows', 'range 0.167 to 0.213'; nothing where there is none."""
    ends = [end for end in (one.low, one.high) if end is not None]
    if one.value is None or not ends:
        return ""
    told = [form_of(one)(end) for end in ends]
    if len(ends) == 1:
        return f"at {'most' if one.low is None else 'least'} {told[0]}"
    if one.level is not None and math.isclose(*ends):
        return "exact"
    return f"{'' if one.level else 'range '}{told[0]} to {told[1]}"


def form_of(one: Quantity) -> Callable[[float | None], str]:
    """How the report writes numbers of this unit."""
    return FORMS.get(one.unit) or (numbers.count if one.unit in COUNTED else numbers.significant)


def name_text(one: Quantity) -> str:
    """The quantity in words; a detail keeps its dotted name."""
    return NAMES.get(one.name, one.name)


def latex_escape(text: str) -> str:
    """Words as LaTeX text on one line."""
    return _SPECIAL.sub(lambda found: LATEX[found[0]], " ".join(text.split()))


def _row(one: Quantity) -> list[str]:
    metric = metric_name(one.metric) if one.metric else ""
    word = "" if one.value is None or one.word == "lower bound" else one.word
    arm = f"{one.arm} / {one.baseline}" if one.unit == "times" and one.baseline else one.arm
    number = "" if one.n is None else numbers.count(one.n)
    return [name_text(one), one.condition, arm, metric, value_text(one), interval_text(one), number, word]

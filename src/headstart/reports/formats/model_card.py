"""Model cards: one Markdown file per arm, with the YAML block that the Hugging Face hub reads."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

from headstart.compare.findings import Comparison, Findings
from headstart.metrics import higher_is_better, metric_name
from headstart.reports import numbers
from headstart.reports.formats import markdown
from headstart.reports.page import Code, Parts, Section, Text
from headstart.reports.sections import consumption, pretraining, provenance, summary
from headstart.reports.tables import Line, bullets, lines_of, of_rows, table

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def cards(findings: Findings) -> dict[str, str]:
    """The text of every arm's card, by file name."""
    texts: dict[str, str] = {}
    if findings.unknown:
        return texts  # of weights that others trained nothing is known
    for arm in dict.fromkeys(item.arm for item in findings.arms):
        name = f"card_{re.sub(r'[^A-Za-z0-9._-]+', '-', arm)}"
        while f"{name}.md" in texts:  # two arms whose names differ only in what a file name cannot hold
            name += "_"
        texts[f"{name}.md"] = card(findings, arm)
    return texts


def card(findings: Findings, arm: str) -> str:
    """One card: front matter, results with intervals and seeds, cost, surroundings, how to repeat it."""
    carbon = _carbon(findings, arm)
    records = (
        f"Fingerprint of the records: {findings.fingerprint}. The whole report: report.md beside this file."
    )
    command = (Code(shlex.join(findings.command)),) if findings.command else ()
    start = "pretrained weights" if _loaded(findings, arm) else "random weights"
    what = (
        f"The arm {arm} of the study {findings.study}: {findings.model}, trained from {start} on "
        f"{findings.task}. The weights themselves are not part of this folder."
    )
    parts = {
        "Results": _results(findings, arm),
        "What it started from": provenance.attestation_table(
            [item for item in findings.attestations if item.arm == arm]
        ),
        "What it cost": _cost(findings, arm, carbon),
        "The data": provenance.data(findings),
        "Where it ran": provenance.environments(findings),
        "How to reproduce it": (*command, Text(records)),
    }
    body = [markdown.section(Section(name, name, section)) for name, section in parts.items() if section]
    title = f"# {markdown.escape(findings.study)}: {markdown.escape(arm)}"
    lead = [markdown.escape(line) for line in (findings.question, what) if line]
    return "\n\n".join([front_matter(findings, arm, carbon), title, *lead, *body]) + "\n"


def front_matter(findings: Findings, arm: str, carbon: Line | None) -> str:
    """The YAML block; `co2_eq_emissions` only when there is a figure, in grams."""
    lines = ["library_name: transformers", "tags:", "- headstart"]
    ledgers = [item.ledger for item in findings.comparisons if item.arm == arm and item.ledger]
    trained_here = any(ledger.stages for ledger in ledgers)  # then no hub model is the base
    if _loaded(findings, arm) and not trained_here and HUB_NAME.fullmatch(findings.model):
        lines.append(f"base_model: {scalar(findings.model)}")
    metrics = dict.fromkeys(metric for item in _with(findings, arm) for metric in item.gains)
    lines += ["metrics:", *(f"- {scalar(metric)}" for metric in metrics)] if metrics else []
    lines += _emissions(findings, arm, carbon) if carbon else []
    return "\n".join(["---", *lines, "---"])


def scalar(text: str) -> str:
    """Text as a YAML scalar that can be nothing but text: quoted, on one line, printable."""
    flat = " ".join(str(text).split())
    return json.dumps("".join(letter for letter in flat if letter.isprintable()), ensure_ascii=False)


def _emissions(findings: Findings, arm: str, carbon: Line) -> list[str]:
    grams = carbon.first.value or 0.0
    hardware = dict.fromkeys(str(item.get("device") or "") for item in findings.environments)
    cpus = dict.fromkeys(str(item.get("cpu") or "") for item in findings.environments)
    used = ", ".join(name for name in (*hardware, *cpus) if name)
    return [
        "co2_eq_emissions:",
        f"  emissions: {grams:.6g}" if grams < 1e6 else f"  emissions: {grams:.0f}",
        f"  source: {scalar(_basis(findings, arm, carbon))}",
        f"  training_type: {scalar('fine-tuning' if _loaded(findings, arm) else 'pre-training')}",
        f"  geographical_location: {scalar(carbon.first.note)}",
        f"  hardware_used: {scalar(used or 'unknown')}",
    ]


def _basis(findings: Findings, arm: str, carbon: Line) -> str:
    """What the grams rest on: method of the energy, intensity, year, PUE, number of runs."""
    methods = dict.fromkeys(item.energy_method for item in findings.arms if item.arm == arm)
    intensity, year, pue = (carbon.row(f"carbon.*.{name}") for name in ("intensity", "year", "pue"))
    of_year = f" of {year.value:.0f}" if year.value else ""
    building = f", PUE {pue.value:g}" if pue.value else ", no PUE"
    return (
        f"headstart: {' and '.join(methods)} energy x {intensity.value:g} g/kWh{of_year} "
        f"({intensity.note}){building}; mean of {numbers.plural(carbon.first.n or 0, 'run')}, all phases"
    )


def _carbon(findings: Findings, arm: str) -> Line | None:
    """The records' own figure over all conditions; None when one has none, or they rest on different ones."""
    rows = findings.rows.select(arm=arm)
    lines, conditions = lines_of(rows, "carbon.*.grams"), rows.select("runs.started")
    if not len(lines) == len(rows.select("carbon")) == len(conditions):
        return None
    bases = set()
    for line in lines:
        intensity, year, pue = (line.row(f"carbon.*.{name}") for name in ("intensity", "year", "pue"))
        place = line.first.verdict, line.first.note, intensity.note
        bases.add((*place, intensity.value, year.value, pue.value))
    if len(bases) != 1:
        return None
    runs = sum(line.first.n or 0 for line in lines)
    grams = sum((line.first.value or 0.0) * (line.first.n or 0) for line in lines) / runs
    return replace(lines[0], first=replace(lines[0].first, value=grams, n=runs))


def _with(findings: Findings, arm: str) -> list[Comparison]:
    """The comparisons that the arm is a side of."""
    return [item for item in findings.comparisons if arm in (item.arm, item.baseline)]


def _loaded(findings: Findings, arm: str) -> bool:
    return any(item.poured_tensors for item in findings.attestations if item.arm == arm)


def _results(findings: Findings, arm: str) -> Parts:
    compared = _with(findings, arm)

    def condition(line: Line) -> str:
        return line.first.condition or "all"

    seeds = {
        (item.condition.name, item.arm): ", ".join(str(pair.seed) for pair in item.pairs) for item in compared
    }

    def metric(line: Line) -> str:
        lower = "" if higher_is_better(line.first.metric) else " (lower is better)"
        return metric_name(line.first.metric) + lower

    def score(line: Line) -> str:
        return numbers.value_text(line.row("score" if arm == line.first.arm else "baseline_score"))

    paired = table(
        [line for item in compared for line in lines_of(item.rows, "gain", by=("metric",))],
        {
            "Condition": condition,
            "Metric": metric,
            "#Test score": score,
            "Against": lambda line: line.first.baseline if arm == line.first.arm else line.first.arm,
            "#Gain": lambda line: f"{numbers.value_text(line.first)} for {line.first.arm}",
            "#Interval": lambda line: numbers.interval_text(line.first) or "no interval",
            "Verdict": lambda line: line.first.verdict,
            "Seeds": lambda line: seeds[line.first.condition, line.first.arm],
        },
        "Means over pairs. A positive gain means that the arm that is not the baseline is better.",
    )

    alone = of_rows(
        findings.rows.select(arm=arm),
        "runs.started",
        (
            ("Condition", condition),
            ("Metric", lambda _: metric_name(findings.headline)),
            "mean_score range",
            ("Runs", summary.runs_text),
        ),
        "Every run that finished; in brackets, the range over seeds.",
    )
    survivors = any(item.survivors_only for item in findings.arms if item.arm == arm)
    warning = (Text(f"{arm}: a mean over survivors only.", "warning"),) if survivors else ()
    return (*bullets(item.sentence for item in compared), *paired, *alone, *warning)


def _cost(findings: Findings, arm: str, carbon: Line | None) -> Parts:
    ledgers = [item.ledger for item in findings.comparisons if item.arm == arm and item.ledger]
    emissions = (
        "No carbon figure: the records do not hold one that covers every run of this arm (it needs joules "
        "and a region with its intensity), and none is guessed."
    )
    if carbon:
        grams = numbers.significant(carbon.first.value)
        emissions = f"Carbon: {grams} g CO2e, {_basis(findings, arm, carbon)}."
    return (
        *consumption.cost_table(findings.rows.select(arm=arm)),
        *(Text(sentence) for sentence in dict.fromkeys(ledger.sentence for ledger in ledgers)),
        *pretraining.published(ledgers),
        Text(emissions),
    )

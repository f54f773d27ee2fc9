"""Model cards: one Markdown file per arm, with the YAML block that the Hugging Face hub reads."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace

from headstart.compare.findings import ArmSummary, Carbon, Comparison, Findings
from headstart.metrics import metric_name
from headstart.reports import numbers, outline
from headstart.reports.formats import markdown
from headstart.reports.page import Bullets, Cell, Code, Part, Section, Table, Text, cells, columns
from headstart.reports.sections import comparison, consumption, pretraining, provenance

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def cards(findings: Findings, carbon: Mapping[str, Carbon] | None = None) -> dict[str, str]:
    """The text of every arm's card, by file name; `carbon` by arm stands in where the records hold none."""
    given = carbon or {}
    made = {}
    for arm in dict.fromkeys(item.arm for item in findings.arms):
        name = f"card_{re.sub(r'[^A-Za-z0-9._-]+', '-', arm)}"
        while f"{name}.md" in made:  # two arms whose names differ only in what a file name cannot hold
            name += "_"
        made[f"{name}.md"] = card(findings, arm, given.get(arm) or _recorded(findings, arm))
    return made


def card(findings: Findings, arm: str, carbon: Carbon | None) -> str:
    """One card: front matter, results with intervals and seeds, cost, surroundings, how to repeat it."""
    parts = {
        "Results": _results(findings, arm),
        "What it started from": _start(findings, arm),
        "What it cost": _cost(findings, arm, carbon),
        "The data": provenance.data(findings),
        "Where it ran": provenance.environments(findings),
        "How to reproduce it": _reproduce(findings),
    }
    body = [markdown.section(Section(name, name, told)) for name, told in parts.items() if told]
    title = f"# {markdown.escape(findings.study)}: {markdown.escape(arm)}"
    lead = [markdown.escape(line) for line in (findings.question, _what(findings, arm)) if line]
    return "\n\n".join([front_matter(findings, arm, carbon), title, *lead, *body]) + "\n"


def front_matter(findings: Findings, arm: str, carbon: Carbon | None) -> str:
    """The YAML block; `co2_eq_emissions` only when there is a figure, in grams."""
    lines = ["library_name: transformers", "tags:", "- headstart"]
    if _poured(findings, arm) and not _trained_here(findings, arm) and HUB_NAME.fullmatch(findings.model):
        lines.append(f"base_model: {scalar(findings.model)}")
    metrics = dict.fromkeys(metric for item in _with(findings, arm) for metric in item.gains)
    lines += ["metrics:", *(f"- {scalar(metric)}" for metric in metrics)] if metrics else []
    lines += _emissions(findings, arm, carbon) if carbon else []
    return "\n".join(["---", *lines, "---"])


def scalar(text: str) -> str:
    """Text as a YAML scalar that can be nothing but text: quoted, on one line, printable."""
    flat = " ".join(str(text).split())
    return json.dumps("".join(letter for letter in flat if letter.isprintable()), ensure_ascii=False)


def _emissions(findings: Findings, arm: str, carbon: Carbon) -> list[str]:
    hardware = dict.fromkeys(str(item.get("device") or "") for item in findings.environments)
    cpus = dict.fromkeys(str(item.get("cpu") or "") for item in findings.environments)
    used = ", ".join(name for name in (*hardware, *cpus) if name)
    return [
        "co2_eq_emissions:",
        f"  emissions: {carbon.grams:.6g}" if carbon.grams < 1e6 else f"  emissions: {carbon.grams:.0f}",
        f"  source: {scalar(_basis(findings, arm, carbon))}",
        f"  training_type: {scalar('fine-tuning' if _poured(findings, arm) else 'pre-training')}",
        f"  geographical_location: {scalar(carbon.region)}",
        f"  hardware_used: {scalar(used or 'unknown')}",
    ]


def _basis(findings: Findings, arm: str, carbon: Carbon) -> str:
    """What the grams rest on: method of the energy, intensity, year, PUE, number of runs."""
    methods = dict.fromkeys(item.energy_method for item in findings.arms if item.arm == arm)
    year = f" of {carbon.year}" if carbon.year else ""
    pue = f", PUE {carbon.pue:g}" if carbon.pue else ", no PUE"
    return (
        f"headstart: {' and '.join(methods)} energy x {carbon.g_per_kwh:g} g/kWh{year} "
        f"({carbon.source}){pue}; mean of {numbers.plural(carbon.runs, 'run')}, all phases"
    )


def _recorded(findings: Findings, arm: str) -> Carbon | None:
    """The records' own figure over all conditions; None when one has none, or they rest on different ones."""
    found = [item.carbon for item in findings.arms if item.arm == arm]
    known = [each for each in found if each]
    if len(known) < len(found) or len({replace(each, grams=0.0, runs=0) for each in known}) != 1:
        return None
    runs = sum(each.runs for each in known)
    return replace(known[0], grams=sum(each.grams * each.runs for each in known) / runs, runs=runs)


def _with(findings: Findings, arm: str) -> list[Comparison]:
    """The comparisons that the arm is a side of."""
    return [item for item in findings.comparisons if arm in (item.arm, item.baseline)]


def _summaries(findings: Findings, arm: str) -> list[ArmSummary]:
    return [item for item in findings.arms if item.arm == arm]


def _poured(findings: Findings, arm: str) -> bool:
    return any(item.poured_tensors for item in findings.attestations if item.arm == arm)


def _trained_here(findings: Findings, arm: str) -> bool:
    """Whether headstart trained the weights that the arm started from: then no hub model is its base."""
    return any(item.ledger.stages for item in findings.comparisons if item.arm == arm and item.ledger)


def _what(findings: Findings, arm: str) -> str:
    start = "pretrained weights" if _poured(findings, arm) else "random weights"
    return (
        f"The arm {arm} of the study {findings.study}: {findings.model}, trained from {start} on "
        f"{findings.task}. The weights themselves are not part of this folder."
    )


def _results(findings: Findings, arm: str) -> tuple[Part, ...]:
    compared = _with(findings, arm)
    sentences = tuple(dict.fromkeys(item.sentence for item in compared))
    rows = [_row(item, metric, arm) for item in compared for metric in item.gains]
    names = columns("Condition | Metric | #Test score | Against | #Gain | #Interval | Verdict | Seeds")
    caption = "Means over pairs. A positive gain means that the arm that is not the baseline is better."
    alone = tuple(
        cells(item.condition or "all", metric_name(item.metric), outline.score_cell(item),
              outline.runs_text(item))
        for item in _summaries(findings, arm)
    )  # fmt: skip
    told = "Every run that finished; in brackets, the range over seeds."
    survivors = [f"{arm}: a mean over survivors only." for s in _summaries(findings, arm) if s.survivors_only]
    return (
        *((Bullets(sentences),) if sentences else ()),
        *((Table(names, tuple(rows), caption),) if rows else ()),
        Table(columns("Condition | Metric | #Test score | Runs"), alone, told),
        *(Text(line, "warning") for line in dict.fromkeys(survivors)),
    )


def _row(item: Comparison, metric: str, arm: str) -> tuple[Cell, ...]:
    gain = item.gains[metric]
    mine = gain.arm_score if arm == item.arm else gain.baseline_score
    other = item.baseline if arm == item.arm else item.arm
    lower = "" if gain.higher_is_better else " (lower is better)"
    return cells(
        item.condition.name or "all",
        metric_name(metric) + lower,
        numbers.score(mine),
        other,
        f"{numbers.signed(gain.gain)} for {item.arm}",
        comparison.interval_of(gain),
        gain.word,
        ", ".join(str(pair.seed) for pair in item.pairs),
    )


def _start(findings: Findings, arm: str) -> tuple[Part, ...]:
    rows = [item for item in findings.attestations if item.arm == arm]
    return provenance.attestation_table(rows, outline.arms_of(findings)) if rows else ()


def _cost(findings: Findings, arm: str, carbon: Carbon | None) -> tuple[Part, ...]:
    own = _summaries(findings, arm)
    ledgers = [item.ledger.sentence for item in findings.comparisons if item.arm == arm and item.ledger]
    if carbon:
        emitted = f"Carbon: {numbers.significant(carbon.grams)} g CO2e, {_basis(findings, arm, carbon)}."
    else:
        emitted = (
            "No carbon figure: the records do not hold one that covers every run of this arm (it needs "
            "joules and a region with its intensity), and none is guessed."
        )
    return (
        consumption.cost_table(own, outline.arms_of(findings)),
        *(Text(line) for line in dict.fromkeys(ledgers)),
        *pretraining.published_part(findings, arm),
        Text(emitted),
    )


def _reproduce(findings: Findings) -> tuple[Part, ...]:
    told = (
        f"Fingerprint of the records: {findings.fingerprint}. The whole report: report.md beside this file."
    )
    command = (Code(shlex.join(findings.command)),) if findings.command else ()
    return (*command, Text(told))

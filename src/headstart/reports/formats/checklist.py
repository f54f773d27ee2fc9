"""Checklist: what the records of a study can answer of a conference's checklist for papers.

Numbers are those of the NeurIPS paper checklist of 2025 (https://neurips.cc/public/guides/PaperChecklist);
titles and answers are ours. What no record knows is "not known", and an author answers it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from headstart.compare.findings import Findings, Gain
from headstart.metrics import metric_name
from headstart.records.fingerprint import as_mapping
from headstart.reports import numbers
from headstart.reports.formats.markdown import escape
from headstart.reports.sections.consumption import METHODS

Answer = Literal["yes", "no", "not known"]
Item = tuple[Answer, Sequence[str]]  # and why, in sentences
SETTINGS = ("lr", "batch_size", "weight_decay", "warmup", "decay", "clip")
# Items about the paper or its consequences, which no record is about.
OTHERS = {
    3: "Theory and proofs",
    9: "Code of ethics",
    10: "Effects on society",
    11: "Safeguards of what is released",
    14: "Work by people who were paid or asked",
    15: "Review of studies with people",
    16: "Use of language models in the work",
}


def neurips(findings: Findings) -> str:
    """The answers as Markdown: number, title, answer, reasons with figures."""
    items: Mapping[int, tuple[str, Callable[[Findings], Item]]] = {
        1: ("Claims", _claims),
        2: ("Limits", _limits),
        4: ("Can it be reproduced?", _reproducible),
        5: ("Code and data that others can get", _access),
        6: ("Settings of the experiment", _settings),
        7: ("Statistics: error bars and seeds", _statistics),
        8: ("Compute", _compute),
        12: ("Licences of what was used", _licences),
        13: ("What is new and given to others", _new),
    }
    parts = [
        f"# NeurIPS checklist: {escape(findings.study)}",
        f"From the records with the fingerprint {findings.fingerprint}. Numbers as in the checklist of 2025. "
        "These are drafts: an author checks them, and answers what no record knows.",
    ]
    for number, (title, answer_of) in items.items():
        answer, reasons = answer_of(findings)
        lines = "\n".join(f"- {escape(reason)}" for reason in reasons if reason)
        parts.append(f"## {number}. {title}: {answer}\n\n{lines}")
    others = "\n".join(f"- {number}. {title}" for number, title in OTHERS.items())
    return "\n\n".join([*parts, f"## Not known\n\nNo record says anything about these:\n\n{others}"]) + "\n"


def _claims(findings: Findings) -> Item:
    sentences = [item.sentence for item in findings.comparisons] or [findings.sentence]
    return "not known", ["Whether the paper claims no more than this:", *dict.fromkeys(sentences)]


def _limits(findings: Findings) -> Item:
    remarks = [*findings.warnings, *findings.unchecked, *findings.notes]
    remarks += [remark for item in findings.comparisons for remark in item.remarks]
    sizes = sorted({item.condition.train_rows for item in findings.comparisons})
    tried = (
        f"Only this was tried: {findings.task}, {findings.model}, training rows {', '.join(map(str, sizes))}."
    )
    return "not known", ["Whether the paper says so:", tried, *dict.fromkeys(remarks)]


def _reproducible(findings: Findings) -> Item:
    if findings.unknown:
        return "not known", [
            "The results were imported; how they were made is not recorded.",
            *findings.unknown,
        ]
    lost = [f"Left out: {problem}" for problem in findings.problems]
    command = shlex.join(findings.command)
    return ("no" if lost else "yes"), [
        f"The command: {command}." if command else "",
        "Each record holds the whole configuration, the seeds, digests of rows, weights and code, and the "
        "versions; headstart verify makes every start again, headstart reproduce every run.",
        *lost,
    ]


def _access(findings: Findings) -> Item:
    task = as_mapping(findings.config.get("task"))
    hub, files = as_mapping(task.get("hub")), as_mapping(task.get("files"))
    source = str(findings.data.get("source") or "not recorded")
    if hub:
        data = f"The rows: {hub.get('name')} on the Hugging Face hub ({source})."
    elif files:
        data = f"The rows are files ({source}); whether others can get them is not known."
    else:
        data = (
            f"The rows come with installed libraries ({source}); whoever installs the same versions has them."
        )
    codes: dict[str, None] = {}
    for item in findings.environments:
        code = as_mapping(item.get("code"))
        commit = f", commit {code['commit']}" if code.get("commit") else ", commit not known"
        changed = " with uncommitted changes" if code.get("dirty") else ""
        version = code.get("version", "of an unknown version")
        codes[f"The code: headstart {version}{commit}{changed}."] = None
    pack = "headstart pack puts code, configurations and records into one zip, and the rows with --rows."
    return "not known", [data, *codes, f"Whether they are given to others is not recorded. {pack}"]


def _settings(findings: Findings) -> Item:
    optim, budget = (as_mapping(findings.config.get(name)) for name in ("optim", "budget"))
    if not optim:
        return "not known", ["No configuration is recorded."]
    counts = as_mapping(findings.data.get("counts"))
    split = ", ".join(
        f"{numbers.count(counts[name])} {name}" for name in ("validation", "test") if name in counts
    )
    sizes = sorted({item.condition.train_rows for item in findings.comparisons})
    training = ", ".join(map(numbers.count, sizes))
    values = ", ".join(f"{name} {optim[name]}" for name in SETTINGS if optim.get(name) is not None)
    length = f"{budget['steps']} steps" if budget.get("steps") else f"{budget.get('epochs')} epochs"
    tuned = dict.fromkeys(item.settings for item in findings.comparisons)
    return "yes", [
        f"Rows: training {training or 'not known'}; {split or 'others not known'}.",
        f"{optim.get('kind', 'adamw')}: {values}; {length}; the {budget.get('keep', 'last')} weights are "
        "scored, once, on the test rows. Of the first run; every record has its own.",
        *tuned,
    ]


def _statistics(findings: Findings) -> Item:
    gains = [(item, item.gain) for item in findings.comparisons if item.gain]
    if not gains:
        return "no", ["Nothing was compared."]
    reasons: list[str] = []
    for item, gain in gains:
        seeds = ", ".join(str(pair.seed) for pair in item.pairs)
        title = f"{item.arm} over {item.baseline}{f', {item.condition.name}' if item.condition.name else ''}"
        reasons.append(f"{title}: gain {_interval(gain)} in {metric_name(gain.metric)}, seeds {seeds}.")
    margins = f"Gains within {findings.margin:g} were declared not to matter before the runs."
    method = (
        "Intervals: a paired multi-bootstrap over seeds and test examples, corrected for few seeds; with "
        "several comparisons, p-values are also corrected by Holm's method."
    )
    return ("yes" if all(gain.interval for _, gain in gains) else "no"), [*reasons, method, margins]


def _interval(gain: Gain) -> str:
    if gain.interval is None:
        return f"{numbers.signed(gain.gain)} without an interval ({'; '.join(gain.notes) or 'one pair'})"
    low, high = numbers.signed(gain.interval.low), numbers.signed(gain.interval.high)
    level = f"{gain.interval.level:.0%}".replace("%", " %")
    examples = f" and {numbers.count(gain.examples)} test examples" if gain.examples else ""
    units = f"{numbers.plural(gain.pairs, 'pair')}{examples}"
    return f"{numbers.signed(gain.gain)}, {level} interval {low} to {high} ({gain.verdict}) over {units}"


def _compute(findings: Findings) -> Item:
    total = findings.total
    if total is None:
        return "not known", ["The results were imported; what they cost is not recorded."]
    machines: dict[str, None] = {}
    for item in findings.environments:
        cpu = item.get("cpu") or "a processor without a name"
        threads = f", {item['threads']} threads" if item.get("threads") else ""
        runs, precision = numbers.plural(item["runs"], "run"), item.get("precision")
        machines[f"{runs} on {item.get('device')} ({cpu}{threads}), {precision}."] = None
    known = {"measured": total.joules_measured, "estimated": total.joules_estimated}
    energy = [
        f"Energy, {METHODS[method]}: {numbers.energy(joules)}."
        for method, joules in known.items()
        if joules is not None
    ]
    if total.runs_without_energy:
        energy.append(f"Energy is not known of {numbers.plural(total.runs_without_energy, 'run')}.")
    everything = (
        f"In all: {numbers.plural(total.runs, 'run')}, {numbers.flops(total.flops)}, "
        f"{numbers.seconds(total.seconds)}, failed and diverged runs included"
    )
    trials = f"; of this, tuning {numbers.seconds(total.tuning.seconds)}" if total.tuning else ""
    return "yes", [
        *machines,
        *_per_run(findings),
        f"{everything}{trials}.",
        *energy,
        "Whether there were other experiments before or beside this study is not recorded.",
    ]


def _per_run(findings: Findings) -> Iterator[str]:
    for arm in findings.arms:
        if arm.seconds is not None:
            memory = f", peak memory {numbers.size(arm.peak_memory_bytes)}" if arm.peak_memory_bytes else ""
            where = f" ({arm.condition})" if arm.condition else ""
            cost = f"{numbers.seconds(arm.seconds)}, {numbers.flops(arm.flops)}{memory}"
            yield f"Training of {arm.arm}{where}, mean per run: {cost}."


def _licences(findings: Findings) -> Item:
    weights = [
        f"{item.checkpoint}, sha256 {item.checkpoint_sha256}"
        for item in findings.attestations
        if item.checkpoint
    ]
    used = [f"Weights: {text}." for text in dict.fromkeys(weights)]
    task = as_mapping(findings.config.get("task"))
    return "not known", [
        "Records hold no licence of data or weights. Used were:",
        f"Rows: {task.get('name') or findings.task}, {findings.data.get('source') or 'source not recorded'}.",
        f"Model: {findings.model}.",
        *used,
        "headstart: Apache-2.0.",
    ]


def _new(findings: Findings) -> Item:
    kept = findings.config.get("keep_weights")
    weights = "Runs saved their weights." if kept else "The first run saved no weights."
    cards = "" if findings.unknown else "headstart report writes a model card per arm."
    return "not known", [
        f"Whether anything is given to others, and how, is not recorded. {weights} {cards}".strip()
    ]

"""At a glance: the lines below the answer: gain, trivial rules and chance, cost, and what was not tested."""

from __future__ import annotations

import math
from collections.abc import Iterator

from headstart.compare.findings import Findings
from headstart.compare.sentences import glance as sentences
from headstart.compare.sentences import trivial
from headstart.records.fingerprint import as_mapping
from headstart.reports import numbers
from headstart.reports.sections import summary
from headstart.reports.sections.pretraining import PAYBACK, amount, payback
from headstart.resources import RESOURCES

SIDES = {"over_rule": "the best trivial rule", "over_chance": trivial.CHANCE}


def points(findings: Findings) -> tuple[tuple[str, str], ...]:
    """Word and words of each line; those that say nothing are left out."""
    lines = {
        "Gain": _gains(findings),
        "Trivial rules": _levels(findings) or sentences.NO_RULES * bool(findings.comparisons),
        "Cost": "; ".join([*_costs(findings), *pretraining_lines(findings)]),
        "Not tested": "" if findings.unknown else sentences.not_tested([*_not_tested(findings)]),
    }
    return tuple((word, words) for word, words in lines.items() if words)


def pretraining_lines(findings: Findings) -> list[str]:
    """What the weights of each arm cost, and the fewest uses, over conditions, that pay for it.

    A condition that shows no gain is not said to pay.
    """
    lines: dict[str, str] = {}
    shown = {(item.condition.name, item.arm) for item in findings.comparisons if item.gain_shown}
    for arm, rows in findings.rows.select("pretraining.flops", PAYBACK).by("arm").items():
        cost, uses = rows[0], rows.select("break_even.flops.*_score")
        if not (cost.key == "pretraining.flops" and cost.known):
            continue
        part = any(item.ledger and item.ledger.covers for item in findings.comparisons if item.arm == arm)
        own = [row for row in uses if (row.condition, arm) in shown] or uses
        known = [row for row in own if row.known]
        told = min(known, key=lambda row: row.high or row.value or math.inf, default=next(iter(own), None))
        pays = payback(told) if told else numbers.UNKNOWN
        if told and told.known:
            where = f" ({told.condition})" if told.condition else ""
            pays = pays + where if (told.condition, arm) in shown else ""
        lines[arm] = sentences.pretraining(amount(cost), cost.verdict + " in part" * part, pays)
    if len(set(lines.values())) < 2:
        return [*lines.values()][:1]
    return [f"{arm}: {line}" for arm, line in lines.items()]


def _gains(findings: Findings) -> str:
    """Each gain with its interval and verdict, or how often each was given; of one, the answer says it."""
    items = [item for item in findings.comparisons if item.gain and len(findings.comparisons) > 1]
    rows = [item.rows.select("gain", metric=item.headline)[0] for item in items]
    labelled = {
        label: f"{row.verdict}, {numbers.with_interval(row)}, {numbers.plural(row.n or 0, 'pair')}"
        for label, row in zip(summary.labels_of(items), rows, strict=True)
    }
    ranked = sorted(zip(rows, labelled, strict=True), key=lambda pair: pair[0].value or 0.0)
    ends = [f"{numbers.value_text(row)} ({label})" for row, label in (*ranked[:1], *ranked[-1:])]
    corrected = [item.rows.first("gain.corrected_p") for item in items]
    lost = sum(row is not None and row.verdict == "does not survive" for row in corrected)
    return sentences.gains(labelled, [row.verdict for row in rows], ends, lost)


def _levels(findings: Findings) -> str:
    """The rules and chance of a study of one condition, and on which side of them each arm is."""
    conditions = list(findings.rules)
    scores = {}
    if len(conditions) == 1:
        scores = {name: numbers.value_text(row) for name, row in summary.rules(findings, *conditions)}
    sides: dict[str, dict[str, dict[str, str]]] = {}  # by arm, level and condition
    for item in findings.comparisons:
        for arm, end in ((item.baseline, ".baseline"), (item.arm, "")):
            for key, level in SIDES.items():
                row = item.rows.first(f"{key}{end}")
                if row and row.verdict:
                    sides.setdefault(arm, {}).setdefault(level, {})[item.condition.name] = row.verdict
    listed = {arm: {level: [*own.values()] for level, own in of.items()} for arm, of in sides.items()}
    return sentences.against_levels(scores, listed)


def _costs(findings: Findings) -> list[str]:
    """What training cost against the baseline, as the lowest and the highest ratio, and the whole study."""
    parts = []
    for key in ("flops", "seconds", "joules"):
        rows = findings.rows.select(f"{key}_ratio")
        known = sorted((row for row in rows if row.value is not None), key=lambda row: row.value or 0.0)
        how = " (estimated)" if any(row.verdict == "estimated" for row in known) else ""
        ends = dict.fromkeys(numbers.value_text(row) for row in (*known[:1], *known[-1:]))
        parts += [f"{RESOURCES[key].name} {' to '.join(ends) or 'not compared'}{how}"] * bool(rows)
    spent = [numbers.value_text(row) for row in findings.rows.select("total.flops", "total.seconds")]
    lines = [f"training against {findings.baseline}: {', '.join(parts)}"] if parts else []
    return [*lines, f"whole study {' in '.join(spent)}"] if spent else lines


def _not_tested(findings: Findings) -> Iterator[str]:
    """What nobody knows after this study, since it was the same in all its runs."""
    items, config = findings.comparisons, findings.config
    if not items or not config:
        return
    varied = {name for item in items for name in item.condition.settings}
    pairs = [pair for item in items for pair in item.pairs]
    if not any(item.tuned in ("equal", "unequal") for item in items):
        yield "hyperparameters"
    if all(_one({pair.seed for pair in item.pairs}) for item in items):
        yield "seeds"
    if as_mapping(config.get("size")).get("kind") != "all" and _one({pair.draw for pair in pairs}):
        yield "draws of the training rows"
    if not varied & {"epochs", "steps", "budget.epochs", "budget.steps"}:
        yield "training lengths"
    if any(item.ledger for item in items) and _one({pair.pretraining_seed for pair in pairs}):
        yield "pretraining runs of the same kind"
    yield from (f"{name}s" for name in ("model", "task") if name not in varied)


def _one(levels: set[int | None]) -> bool:
    """Whether nothing was drawn twice; runs with nothing to draw do not count."""
    return len(levels - {None}) < 2

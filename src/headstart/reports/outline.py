"""Outline: findings as a page, in the order in which a reader asks. A new section is one line here."""

from __future__ import annotations

from collections.abc import Callable

from altair.utils.schemapi import debug_mode

from headstart.compare.caveats import caveats
from headstart.compare.findings import NO_VERDICT, Findings
from headstart.reports import numbers
from headstart.reports.page import Page, Parts, Section, Text, keep
from headstart.reports.sections import (
    aggregates,
    comparison,
    consumption,
    data_curves,
    pretraining,
    provenance,
    ranking,
    scales,
    stability,
    summary,
    tuning,
    utilisation,
    variance,
)
from headstart.reports.tables import bullets

# Every section that is about the study as a whole: its key, title and parts. Comparisons stand in between.
Outline = list[tuple[str, str, Callable[[Findings], Parts]] | Callable[[Findings], list[Section]]]
OPENING: Outline = [
    ("summary", "The result", summary.summary),
    ("gain", "The gain and its interval", summary.gains),
    lambda findings: [Section("ranking", ranking.title(findings), ranking.parts(findings))],
    ("sizes", "Score against training rows", data_curves.sizes),
    data_curves.sections,
    ("models", "Score against the size of the model", scales.models),
    ("aggregates", "Over all conditions", aggregates.parts),
]
CLOSING: Outline = [
    ("tuning", "How the arms were tuned", tuning.parts),
    ("costs", "What it cost", consumption.parts),
    ("fronts", "What is worth its cost", scales.fronts),
    ("usage", "How well the machine was used", utilisation.machine),
    ("carbon", "Carbon", utilisation.carbon),
    ("money", "Money", utilisation.money),
    ("pretraining", "What the pretraining cost", pretraining.parts),
    ("stability", "Runs that diverged", stability.parts),
    ("variances", "Where the spread comes from", variance.parts),
    ("differences", "What differed between the arms", summary.differences),
    ("start", "What each arm held at step 0", provenance.attestations),
    ("excluded", "What was left out, and why", summary.excluded),
    ("changers", "What would change the answer", lambda f: bullets(caveats(f))),
    ("data", "The data", provenance.data),
    ("environment", "Where it ran", lambda f: (*provenance.environments(f), *utilisation.order(f))),
    ("reproduce", "How to reproduce it", provenance.reproduce),
]


def page(findings: Findings) -> Page:
    """The whole report of a study."""
    curves = findings.rows.select("data.sizes")
    verdict, facts = _verdicts(findings)
    with debug_mode(False):  # Altair checks each part of a chart at every step: a third of the time
        sections = [*_sections(OPENING, findings), *_comparisons(findings), *_sections(CLOSING, findings)]
    return Page(
        study=findings.study,
        question=findings.question,
        facts=(("Task", findings.task), ("Model", findings.model), ("Baseline", findings.baseline), *facts),
        sentence=" ".join([findings.sentence, *(row.note for row in curves if len(curves) == 1)]),
        verdict=verdict,
        arms=arms_of(findings),
        sections=keep(sections),
        fingerprint=findings.fingerprint,
        warnings=_warnings(findings),
    )


def arms_of(findings: Findings) -> tuple[str, ...]:
    """The arms, the baseline first: their place decides their colour everywhere."""
    names = [findings.baseline, *(item.arm for item in findings.arms), *(c.arm for c in findings.comparisons)]
    return tuple(dict.fromkeys(names))


def _sections(outline: Outline, findings: Findings) -> list[Section]:
    sections: list[Section] = []
    for entry in outline:
        if callable(entry):
            sections += entry(findings)
        else:
            key, title, parts = entry
            sections.append(Section(key, title, parts(findings)))
    return sections


def _comparisons(findings: Findings) -> list[Section]:
    """The sections of a single comparison, or a chapter per comparison, folded after the first."""
    items = findings.comparisons
    if len(items) == 1:
        return comparison.block(findings, items[0], "", level=2)
    sections: list[Section] = []
    for index, item in enumerate(items):
        lead = f"{item.condition.name}: " if item.condition.name else ""
        title = f"{lead}{item.arm} against {item.baseline}"
        sections.append(Section(f"c{index}", title, (Text(item.sentence),), folded=index > 0))
        sections += comparison.block(findings, item, f"c{index}-", level=3)
    return sections


def _verdicts(findings: Findings) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The verdict of a single comparison; of several, how often each was given and which stands above."""
    words = [item.gain.verdict if item.gain else "no pair" for item in findings.comparisons]
    if len(words) < 2:
        return (words[0] if words and words[0] not in ("no pair", NO_VERDICT) else ""), ()
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    text = f"{len(words)}: {counts}" if len(set(words)) > 1 else f"{len(words)}, all {words[0]}"
    return "", (("Comparisons", text), ("The answer is about", summary.labels_of(findings.comparisons)[0]))


def _warnings(findings: Findings) -> tuple[str, ...]:
    """What stands above everything else; the first comparison's own remarks are in its sentence."""
    items = zip(findings.comparisons, summary.labels_of(findings.comparisons), strict=True)
    remarks = [f"{label}: {' '.join(item.remarks)}" for item, label in [*items][1:] if item.remarks]
    lead = (*findings.met_before, *findings.alerts, *remarks)
    if len(findings.problems) <= 2:
        return (*lead, *findings.problems)
    problems = numbers.plural(len(findings.problems), "problem")
    return (*lead, f"{problems} with the records: see 'What was left out, and why' below.")

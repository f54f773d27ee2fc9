"""Outline: findings as a page, in the order in which a reader asks. A new section is one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from headstart.compare.caveats import caveats
from headstart.compare.findings import NO_VERDICT, Findings
from headstart.reports import numbers
from headstart.reports.page import Page, Parts, Section, Text, keep
from headstart.reports.sections import (
    aggregates,
    comparison,
    consumption,
    data_curves,
    glance,
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
from headstart.reports.tables import bullets, first_of

# Every section that is about the study as a whole: its key, title and parts. Comparisons stand in between.
Outline = list[tuple[str, str, Callable[[Findings], Parts]]]
OPENING: Outline = [
    ("arms", "All arms in one chart", lambda f: data_curves.lead(f) or comparison.lead(f)),
    ("summary", "The result", summary.summary),
    ("gain", "The gain and its interval", summary.gains),
    ("ranking", "All comparisons in order", ranking.parts),
    ("rows", "What the weights are worth in training rows", data_curves.parts),
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
    ("start", "What each arm held at step 0", lambda f: provenance.attestation_table(f.attestations)),
    ("excluded", "What was left out, and why", summary.excluded),
    ("changers", "What would change the answer", lambda f: bullets(caveats(f))),
    ("data", "The data", provenance.data),
    ("environment", "Where it ran", lambda f: (*provenance.environments(f), *utilisation.order(f))),
    ("reproduce", "How to reproduce it", provenance.reproduce),
]
# The others are folded: their titles alone are shown until they are opened. At most ten of these meet, since
# a study of one comparison has no ranking and no curves over rows, and several have no metrics and examples.
OPEN = frozenset((
    "arms", "summary", "gain", "ranking", "rows", "models", "aggregates", "metrics", "examples", "costs",
    "excluded", "changers",
))  # fmt: skip


MOST = 2  # remarks and problems that stand above everything else
MOST_CHAPTERS = 20  # comparisons that have sections and charts of their own


def page(findings: Findings) -> Page:
    """The whole report of a study."""
    sections = [*_sections(OPENING, findings), *_comparisons(findings), *_sections(CLOSING, findings)]
    verdicts = [item.gain.verdict if item.gain else "" for item in findings.comparisons]
    facts = {
        "Task": findings.task,
        "Model": findings.model,
        "Baseline": findings.baseline,
        "Varied": summary.varied(findings),
    }
    return Page(
        study=findings.study,
        question=findings.question,
        facts=tuple(facts.items()),
        sentence=findings.sentence,
        points=glance.points(findings),
        verdict=verdicts[0] if len(verdicts) == 1 and verdicts[0] != NO_VERDICT else "",
        arms=arms_of(findings),
        sections=tuple(
            replace(each, folded=each.level == 2 and each.key not in OPEN) for each in keep(sections)
        ),
        fingerprint=findings.fingerprint,
        warnings=_warnings(findings),
    )


def arms_of(findings: Findings) -> tuple[str, ...]:
    """The arms, the baseline first: their place decides their colour everywhere."""
    names = [findings.baseline, *(item.arm for item in findings.arms), *(c.arm for c in findings.comparisons)]
    return tuple(dict.fromkeys(names))


def _sections(outline: Outline, findings: Findings) -> list[Section]:
    return [Section(key, title, parts(findings)) for key, title, parts in outline]


def _comparisons(findings: Findings) -> list[Section]:
    """The sections of a single comparison, or a chapter for each of the first MOST_CHAPTERS."""
    items = findings.comparisons
    if len(items) == 1:
        return comparison.block(findings, items[0], "", level=2)
    sections: list[Section] = []
    for index, item in enumerate(items[:MOST_CHAPTERS]):
        lead = f"{item.condition.name}: " if item.condition.name else ""
        title = f"{lead}{item.arm} against {item.baseline}"
        sections.append(Section(f"c{index}", title, (Text(item.sentence),)))
        sections += comparison.block(findings, item, f"c{index}-", level=3)
    if len(items) > MOST_CHAPTERS:
        sentence = first_of(MOST_CHAPTERS, len(items), "comparisons have a chapter above")
        sections.append(Section("others", "The other comparisons", (Text(sentence),)))
    return sections


def _warnings(findings: Findings) -> tuple[str, ...]:
    """What stands above everything else; the remarks of the comparison that is the answer are in it."""
    items = zip(findings.comparisons, summary.labels_of(findings.comparisons), strict=True)
    about: dict[str, list[str]] = {}  # the comparisons that each remark is about
    for item, label in items:
        for remark in item.remarks if item.sentence != findings.sentence else ():
            about.setdefault(remark, []).append(label)
    remarks = [f"{'; '.join(labels)}: {remark}" for remark, labels in about.items()]
    if len(remarks) > MOST:
        more = numbers.plural(len(remarks) - MOST, "other remark")
        remarks = [*remarks[:MOST], f"{more} on pairs: see the comparisons below."]
    lead = (*findings.met_before, *findings.alerts, *remarks)
    if len(findings.problems) <= MOST:
        return (*lead, *findings.problems)
    problems = numbers.plural(len(findings.problems), "problem")
    return (*lead, f"{problems} with the records: see 'What was left out, and why' below.")

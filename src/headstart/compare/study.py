"""compare: from the folder of a study to everything it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.compare import data_curves, imported, pareto, summaries, totals, trivial, tuning, verdicts
from headstart.compare.aggregates import aggregates
from headstart.compare.comparison import comparison
from headstart.compare.conditions import conditions
from headstart.compare.findings import ArmSummary, Comparison, Excluded, Findings, Tuning
from headstart.compare.pairs import newest
from headstart.compare.pairwise import Compared, Groups, Question, asked, compare_groups
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.ranking import ranking
from headstart.compare.sentences import sizes
from headstart.compare.sentences import study as sentences
from headstart.compare.settings import word
from headstart.compare.trusted import read_trusted
from headstart.compare.usage import trained
from headstart.compare.variance import variances
from headstart.errors import RecordError
from headstart.metrics import higher_is_better
from headstart.records.fingerprint import digest
from headstart.records.imported import is_imported
from headstart.records.record import Record
from headstart.records.store import StoredStudy


@dataclass(frozen=True)
class Material:
    """What findings are made of: the records, grouped and paired, and the trials beside them."""

    every: tuple[Record, ...]  # also those that a newer one replaces
    records: tuple[Record, ...]  # one per arm and pair_id
    groups: Groups
    question: Question
    trials: StoredStudy | None
    tuning: Tuning | None
    compared: tuple[Compared, ...]
    excluded: tuple[Excluded, ...]
    problems: tuple[str, ...]

    @property
    def first(self) -> Record:
        """The run that speaks for the study: the baseline's first, if there is one."""
        return next((r for r in self.records if r.arm == self.question.baseline), self.records[0])

    @property
    def arms(self) -> list[str]:
        """The baseline first, then the alphabet."""
        return in_order({record.arm for record in self.records}, self.question.baseline)

    def of_arm(self, arm: str) -> list[Record]:
        """The runs of one arm."""
        return [record for record in self.records if record.arm == arm]


def compare(folder: Path) -> Findings:
    """Read a study and answer it. RecordError when the folder cannot be read or holds no run."""
    if is_imported(folder):
        return _with_rows(*imported.findings(folder))
    return _findings(material(folder))


def material(folder: Path) -> Material:
    """Read a study, pair its runs and compare every pair of arms."""
    stored = read_trusted(folder)
    if not stored.records:
        lost = [problem.sentence for problem in stored.problems if "left out" in problem.sentence]
        why = f": {lost[0]}" if lost else "; name the folder of a study"
        raise RecordError(f"{folder}: holds no run that can be read{why}")
    records, excluded = newest(stored.records)
    question, groups = asked(stored.records), conditions(records)
    trials = tuning.stored_trials(folder, stored.records)
    names = {condition.id: condition.name for condition, _ in groups}
    tuned = (
        tuning.tuning(trials.records, records, stored.records, names, question.baseline) if trials else None
    )
    compared, alone = compare_groups(groups, question)
    excluded += alone
    problems = [*stored.problems, *(trials.problems if trials and tuned else ())]
    return Material(
        every=stored.records,
        records=tuple(records),
        groups=groups,
        question=question,
        trials=trials,
        tuning=tuned,
        compared=tuple(compared),
        excluded=tuple(excluded),
        problems=tuple(problem.sentence for problem in problems),
    )


def in_order(arms: Iterable[str], baseline: str) -> list[str]:
    """The baseline first, then the alphabet."""
    return sorted(arms, key=lambda arm: (arm != baseline, arm))


def _findings(material: Material) -> Findings:
    first, question = material.first, material.question
    gains = [(each.here, each.gain) for each in material.compared if each.gain]
    corrected = iter(verdicts.corrected(gains))  # each claim, corrected for the number of all
    comparisons = tuple(
        comparison(each, next(corrected, None) if each.gain else None, material.tuning)
        for each in material.compared
    )
    trials = material.trials.records if material.trials and material.tuning else ()
    arms = _arms(material)
    excluded = [*material.excluded, *(each for item in comparisons for each in item.excluded)]
    tasks = list(dict.fromkeys(record.config["task"]["name"] for record in material.records))
    findings = Findings(
        study=first.study,
        question=question.text or sentences.question(material.arms, question.baseline, tasks),
        baseline=question.baseline,
        headline=question.headline,
        higher_is_better=higher_is_better(question.headline),
        margin=question.margin,
        task=question.task,
        model=str(first.config["model"]["name"]),
        sentence=(
            comparisons[0].sentence
            if comparisons
            else sentences.no_comparison(material.arms, question.baseline)
        ),
        comparisons=comparisons,
        arms=arms,
        attestations=tuple(summaries.attestation(arm, material.of_arm(arm)) for arm in material.arms),
        excluded=tuple(dict.fromkeys(excluded)),  # a run may be missing in several comparisons
        problems=material.problems,
        alerts=tuple(_changed(material)),
        notes=_notes(material, comparisons),
        data=first.data.model_dump(mode="json"),
        environments=summaries.environments(material.every),
        total=replace(
            totals.total([*material.every, *trials]), tuning=totals.total(trials) if trials else None
        ),
        config=first.config,
        command=first.argv,
        fingerprint=digest(sorted([r.run_id, r.arm, r.status] for r in (*material.records, *trials))),
        order=trained(material.every, {id(r): c.name for c, group in material.groups for r in group}),
        tuning=material.tuning,
        aggregates=aggregates(material.compared),
        fronts=pareto.fronts(material.groups),
        rules={condition.name: trivial.rows(condition.name, group) for condition, group in material.groups},
    )
    curves, laws = data_curves.data_curves(material.compared, question.margin)
    over_sizes = [row for curve in curves for row in data_curves.rows(curve)]
    for law in laws:
        template = Quantity("", baseline=question.baseline)
        over_sizes += data_curves.law_rows(template, law, "law_over_models")
    extra = [*pareto.models(material.groups)]
    by_condition: dict[str, list[Comparison]] = {}
    for each in comparisons:
        by_condition.setdefault(each.condition.id, []).append(each)
    for condition, group in material.groups:
        own = by_condition.get(condition.id, ())
        extra += ranking(condition.name, group, Rows(row for each in own for row in each.rows))
    extra += variances(material.compared)
    for arm in material.arms:
        extra += summaries.stability(arm, material.of_arm(arm))
    return _with_rows(findings, over_sizes, extra)


def _with_rows(
    findings: Findings, over_sizes: Iterable[Quantity], extra: Iterable[Quantity] = ()
) -> Findings:
    """The findings with every number; of a study over sizes, the answer is that of its curves."""
    every = Rows(rows(findings, over_sizes, extra))
    curves = every.select("data.sizes")
    return replace(findings, rows=every, sentence=sizes.answer(curves) if curves else findings.sentence)


def rows(
    findings: Findings, over_sizes: Iterable[Quantity] = (), extra: Iterable[Quantity] = ()
) -> Iterator[Quantity]:
    """Every number of the study, comparisons first; one without a value is kept where it says why.

    `over_sizes` and `extra` are the numbers that no object of the findings holds.
    """
    across = [*over_sizes]
    for aggregate in findings.aggregates:
        across += aggregate.rows
    for front in findings.fronts:
        across += front.rows
    across += tuning.rows(findings.tuning) if findings.tuning else ()
    paired = _Paired(findings)
    for arm in findings.arms:
        across += summaries.rows(arm, paired.of_arm(arm))
    across += (row for own in findings.rules.values() for row in own)
    across += extra
    across += summaries.contamination_rows(findings.attestations)
    across += totals.rows(findings.total) if findings.total else ()

    seen: set[Quantity] = set()
    for row in (*(row for each in findings.comparisons for row in each.rows), *across):
        if row in seen or not (row.known or row.note or row.verdict):
            continue
        seen.add(row)
        everywhere = row.provenance or row.key.startswith(("tuning.", "total."))
        yield row if everywhere else replace(row, provenance=paired.runs_of(row))


class _Paired:
    """The folders of the runs that were paired, by condition and arm."""

    def __init__(self, findings: Findings) -> None:
        self._all = findings.comparisons
        self._under: dict[str, list[Comparison]] = {}
        for each in self._all:
            self._under.setdefault(each.condition.name, []).append(each)
        self._known: dict[tuple[str, str, bool], tuple[str, ...]] = {}

    def of_arm(self, summary: ArmSummary) -> tuple[str, ...]:
        """The arm's runs under this condition, those of its pairs."""
        sides = [
            pair.baseline_folder if summary.is_baseline else pair.arm_folder
            for each in self._under.get(summary.condition, ())
            if summary.is_baseline or each.arm == summary.arm
            for pair in each.pairs
        ]
        return tuple(dict.fromkeys(sides))

    def runs_of(self, row: Quantity) -> tuple[str, ...]:
        """The paired runs of its condition, or of all that it joins; of one arm where it has no baseline."""
        place = (row.condition, row.arm, bool(row.baseline))
        if place not in self._known:
            self._known[place] = self._runs_of(row)
        return self._known[place]

    def _runs_of(self, row: Quantity) -> tuple[str, ...]:
        under = _naming(row.arm, self._under.get(row.condition, ())) or _naming(row.arm, self._all)
        folders = [
            folder
            for each in under
            for pair in each.pairs
            for arm, folder in ((each.baseline, pair.baseline_folder), (each.arm, pair.arm_folder))
            if row.baseline or row.arm in ("", arm)
        ]
        return tuple(dict.fromkeys(folders))


def _naming(arm: str, comparisons: Sequence[Comparison]) -> list[Comparison]:
    return [each for each in comparisons if arm in ("", each.arm, each.baseline)]


def _arms(material: Material) -> tuple[ArmSummary, ...]:
    baseline = material.question.baseline
    arms: list[ArmSummary] = []
    for condition, group in material.groups:
        metric = group[0].config["task"]["headline"]
        for arm in in_order({record.arm for record in group}, baseline):
            runs = [record for record in group if record.arm == arm]
            arms.append(summaries.arm_summary(condition.name, arm, runs, baseline, metric))
    return tuple(arms)


def _changed(material: Material) -> Iterator[str]:
    """The baseline or the margin that later runs name otherwise."""
    for name in ("baseline", "margin"):
        value = getattr(material.question, name)
        later = [record for record in material.every if record.config["study"][name] != value]
        if later:
            others = list(dict.fromkeys(word(record.config["study"][name]) for record in later))
            yield sentences.changed(name, word(value), others, len(later))


def _notes(material: Material, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What a reader should know about the study as a whole."""
    records, notes = material.records, list[str]()
    machines = {record.environment.machine for record in records}
    if len(machines) > 1:
        notes.append(sentences.machines(len(machines)))
    if any(record.environment.code.dirty for record in records):
        notes.append(sentences.UNCOMMITTED)
    if any(each.survivors_only for each in comparisons):
        notes.append(sentences.SURVIVORS)
    if material.trials and tuning.tune_of(material.first) is None:
        notes.append(sentences.UNUSED_TRIALS)
    notes += trivial.notes([group for _, group in material.groups])
    return (*notes, *(material.tuning.notes if material.tuning else ()))

"""compare: from the folder of a study to everything it says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.compare import phrases
from headstart.compare.aggregates import aggregates
from headstart.compare.conditions import conditions
from headstart.compare.data_curves import data_curves
from headstart.compare.findings import ArmSummary, Comparison, Condition, Excluded, Findings, Tuning
from headstart.compare.pairs import match, newest
from headstart.compare.pairwise import Compared, Question, compare_arm
from headstart.compare.pareto import fronts, models
from headstart.compare.quantities.study import quantities
from headstart.compare.ranking import ranking
from headstart.compare.settings import word
from headstart.compare.statistics.holm import with_families
from headstart.compare.summaries import arm_summary, attestation, environments, stability, total
from headstart.compare.trusted import read_trusted
from headstart.compare.tuning import stored_trials, tune_of, tuning
from headstart.compare.tuning_parity import with_sentence
from headstart.compare.usage import trained
from headstart.compare.values.claims import Ranking
from headstart.compare.variance import variances
from headstart.compare.verdicts import MOST, sentence
from headstart.errors import RecordError
from headstart.metrics import higher_is_better
from headstart.records.fingerprint import digest
from headstart.records.record import Record
from headstart.records.store import StoredStudy

Groups = Sequence[tuple[Condition, list[Record]]]


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
    findings = _findings(material(folder))
    return replace(findings, rows=quantities(findings))


def material(folder: Path) -> Material:
    """Read a study, pair its runs and compare every pair of arms."""
    stored = read_trusted(folder)
    if not stored.records:
        lost = [problem.sentence for problem in stored.problems if "left out" in problem.sentence]
        why = f": {lost[0]}" if lost else "; name the folder of a study"
        raise RecordError(f"{folder}: holds no run that can be read{why}")
    records, excluded = newest(stored.records)
    question, groups = _question(_earliest(stored.records), folder), conditions(records)
    trials = stored_trials(folder, stored.records)
    tuned = _tuning(trials, records, stored.records, groups, question)
    compared: list[Compared] = []
    for condition, group in groups:
        compared += _compare_arms(condition, group, _question(group[0], folder, question), tuned)
        excluded += _without_partner(condition, group, question.baseline)
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


def _earliest(records: Sequence[Record]) -> Record:
    """The run that began first: what it asked was named before any answer was known."""
    return min(records, key=lambda record: (str(record.environment.started), record.folder.name))


def _question(record: Record, folder: Path, asked: Question | None = None) -> Question:
    """What a run is asked; tasks may differ within a study, baseline and margin are those `asked` first."""
    try:
        own = Question.of(record)
    except KeyError as error:
        raise RecordError(f"{folder}: the config in {record.folder.name} has no {error}") from None
    return own if asked is None else replace(own, baseline=asked.baseline, margin=asked.margin)


def _tuning(
    trials: StoredStudy | None,
    runs: Sequence[Record],
    every: Sequence[Record],
    groups: Groups,
    question: Question,
) -> Tuning | None:
    names = {condition.id: condition.name for condition, _ in groups}
    found = tuning(trials.records, runs, every, names, question.baseline) if trials else None
    return with_sentence(found) if found else None


def _without_partner(condition: Condition, records: Sequence[Record], baseline: str) -> list[Excluded]:
    """Runs of a condition that has no baseline, or nothing else."""
    arms = {record.arm for record in records}
    if baseline in arms and len(arms) > 1:
        return []
    other = "another arm" if baseline in arms else f"the baseline {baseline}"
    where = f" ({condition.name})" if condition.name else ""
    reason = f"no run of {other} under the same settings and data{where}"
    return [Excluded(record.folder.name, record.arm, record.seed, reason) for record in records]


def _compare_arms(
    condition: Condition, records: Sequence[Record], question: Question, tuned: Tuning | None
) -> list[Compared]:
    """Every arm of one condition against the baseline; none when the baseline did not run."""
    baselines = [record for record in records if record.arm == question.baseline]
    arms = sorted({record.arm for record in records} - {question.baseline}) if baselines else []
    own = [[record for record in records if record.arm == arm] for arm in arms]
    return [
        compare_arm(condition, arm, match(baselines, runs), question, tuned)
        for arm, runs in zip(arms, own, strict=True)
    ]


def _findings(given: Material) -> Findings:
    first, question = given.first, given.question
    study = first.config["study"]
    corrected = with_families([one.comparison for one in given.compared])
    comparisons = tuple(replace(one, sentence=sentence(one)) for one in corrected)
    trials = given.trials.records if given.trials and given.tuning else ()
    curves, laws = data_curves(given.compared, question.margin)
    return Findings(
        study=first.study,
        question=str(study.get("question") or _plain_question(given)),
        scale=str(study.get("scale") or ""),
        baseline=question.baseline,
        headline=question.headline,
        higher_is_better=higher_is_better(question.headline),
        margin=question.margin,
        task=question.task,
        model=str(first.config["model"]["name"]),
        sentence=comparisons[0].sentence if comparisons else _no_comparison(given),
        comparisons=comparisons,
        arms=_arms(given),
        attestations=tuple(attestation(arm, given.of_arm(arm)) for arm in given.arms),
        excluded=_every_exclusion(given.excluded, comparisons),
        problems=given.problems,
        alerts=tuple(_changed(given)),
        notes=_notes(given, comparisons),
        data=first.data.model_dump(mode="json"),
        environments=environments(given.every),
        total=_total(given.every, trials),
        config=first.config,
        command=first.argv,
        fingerprint=digest(sorted([r.run_id, r.arm, r.status] for r in (*given.records, *trials))),
        order=trained(given.every, {id(r): c.name for c, group in given.groups for r in group}),
        tuning=given.tuning,
        data_curves=curves,
        laws=laws,
        rankings=tuple(_rankings(given, corrected)),
        aggregates=aggregates(given.compared),
        models=models(given.groups),
        fronts=fronts(given.groups),
        variances=variances(given.compared),
        stability=tuple(each for arm in given.arms if (each := stability(arm, given.of_arm(arm)))),
    )


def _rankings(given: Material, comparisons: Sequence[Comparison]) -> Iterator[Ranking]:
    """One per condition in which three arms or more have a score."""
    for condition, group in given.groups:
        found = ranking(condition, group, comparisons, given.question.baseline)
        if found:
            yield found


def _total(runs: Sequence[Record], trials: Sequence[Record]):
    every = total([*runs, *trials])
    return replace(every, tuning=total(trials)) if trials else every


def _arms(given: Material) -> tuple[ArmSummary, ...]:
    return tuple(
        arm_summary(
            condition.name,
            arm,
            [r for r in group if r.arm == arm],
            given.question.baseline,
            group[0].config["task"]["headline"],
        )
        for condition, group in given.groups
        for arm in in_order({record.arm for record in group}, given.question.baseline)
    )


def _every_exclusion(excluded: Sequence[Excluded], comparisons: Sequence[Comparison]) -> tuple[Excluded, ...]:
    """Each exclusion once: a baseline run without a partner is missing in several comparisons."""
    return tuple(dict.fromkeys([*excluded, *(e for one in comparisons for e in one.excluded)]))


def _no_comparison(given: Material) -> str:
    arms, baseline = ", ".join(sorted(given.arms)), given.question.baseline
    if arms == baseline:
        return f"Nothing to compare: the only arm is {arms}."
    return f"Nothing to compare: no run of the baseline {baseline}; arms with runs: {arms}."


def _plain_question(given: Material) -> str:
    """What is compared, as a question; for a study that was not given one."""
    tasks = list(dict.fromkeys(record.config["task"]["name"] for record in given.records))
    where = phrases.joined(tasks) if len(tasks) <= MOST else f"{len(tasks)} tasks"
    arms, baseline = given.arms, given.question.baseline
    if arms == ["scratch", "pretrained"] and baseline == "scratch":
        return f"What do pretrained weights buy on {where}?"
    others = [arm for arm in arms if arm != baseline] or [baseline]
    verb = "does" if len(others) == 1 else "do"
    if baseline not in arms or others == [baseline]:
        return f"What {verb} {phrases.joined(others)} score on {where}?"
    return f"What {verb} {phrases.joined(others)} gain over {baseline} on {where}?"


def _changed(given: Material) -> Iterator[str]:
    """The baseline or the margin that later runs name otherwise: it was to be named before the answer."""
    for name in ("baseline", "margin"):
        first = getattr(given.question, name)
        later = [record for record in given.every if record.config["study"][name] != first]
        if later:
            others = phrases.joined(list(dict.fromkeys(word(r.config["study"][name]) for r in later)))
            yield (
                f"The {name} was changed after the first run: {word(first)} was named before, {others} by "
                f"{phrases.plural(len(later), 'later run')}. {word(first)} is used."
            )


def _notes(given: Material, comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What a reader should know about the study as a whole."""
    records, notes = given.records, []
    machines = {record.environment.machine for record in records}
    if len(machines) > 1:
        notes.append(f"The runs come from {len(machines)} machines.")
    if any(record.environment.code.dirty for record in records):
        notes.append("Some runs used code with changes that were not committed.")
    if any(one.survivors_only for one in comparisons):
        notes.append("Means are over survivors only: some runs did not finish.")
    if given.trials and tune_of(given.first) is None:
        notes.append("Trials lie beside this study, but its runs were not tuned: they are left out.")
    return (*notes, *(given.tuning.notes if given.tuning else ()))

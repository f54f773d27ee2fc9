"""Imported: what a table of results that others made says, with the same statistics as runs of our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.compare import aggregates, costs, data_curves, phrases, verdicts
from headstart.compare.conditions import Condition
from headstart.compare.findings import ArmSummary, Comparison, Excluded, Findings, Pair
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import comparison as comparisons
from headstart.compare.sentences import imported as sentences
from headstart.compare.sentences.study import question
from headstart.compare.statistics.bootstrap import spread
from headstart.compare.statistics.joint import SizeScores
from headstart.compare.verdicts import Evidence, Gain
from headstart.metrics import higher_is_better, metric_name, orient
from headstart.records.fingerprint import digest
from headstart.records.imported import ImportedRun, ImportedStudy, read_examples, read_imported, values_of

ALERTING = ("attestation", "pairing", "margin before the runs")  # of what is unknown
RESAMPLES = 10_000
_CHUNK = 4_000_000  # weights held in memory at a time
COSTS: tuple[costs.CostKey, ...] = ("flops", "seconds", "joules")
Where = tuple[int | None, str]  # size, and the other columns in words


@dataclass(frozen=True)
class Side:
    """The runs of one arm in one place by their seed, with the numbers of their examples."""

    runs: dict[int, ImportedRun]
    examples: dict[int, dict[str, float]]  # by seed


@dataclass(frozen=True)
class Paired:
    """One arm and the baseline in one place: the gain on every metric."""

    where: Where
    condition: Condition
    arm: str
    headline: str
    scores: np.ndarray  # (2, pairs): baseline, arm; of the headline
    seeds: tuple[int, ...]
    gains: dict[str, Gain]
    resampled: np.ndarray | None  # (resamples, 2, pairs)


def findings(folder: Path) -> tuple[Findings, list[Quantity]]:
    """Everything that the study says but its rows, and the rows of its curves."""
    study = read_imported(folder)
    places = _places(study, read_examples(folder))
    arms = list(dict.fromkeys(run.arm for run in study.runs))
    arms = sorted(arms, key=lambda arm: (arm != study.baseline, arm))
    paired: list[Paired] = []
    summaries: list[ArmSummary] = []
    excluded: list[Excluded] = []
    for where, sides in places.items():
        condition, runs = _condition(study, where), [r for side in sides.values() for r in side.runs.values()]
        headline = next(metric for metric in study.metrics if all(metric in run.scores for run in runs))
        present = [arm for arm in arms if arm in sides]
        summaries += [_summary(study, condition, arm, headline, sides[arm]) for arm in present]
        others = [arm for arm in present if arm != study.baseline]
        if study.baseline not in sides or not others:
            missing = f"the baseline {study.baseline}" if others else "another arm"
            why = sentences.no_run(missing, condition.name)
            excluded += [
                Excluded(study.source, arm, seed, why) for arm in present for seed in sides[arm].runs
            ]
            continue
        paired += [_paired(study, where, arm, headline, sides) for arm in others]
    corrected = iter(verdicts.corrected([(_here(study, each), each.gains[each.headline]) for each in paired]))
    items = tuple(_comparison(study, each, places[each.where], next(corrected, None)) for each in paired)
    curves = list(_curves(study, paired))
    unknown = sentences.unknown({name: study.unknown[name] for name in ALERTING})
    alerts = [" ".join([sentences.source(study.source, study.sha256), *unknown])]
    if "size" in study.columns and (line := sentences.rows_are(study.columns["size"])):
        alerts.append(line)
    headline = paired[0].headline if paired else study.metrics[0]
    return (
        Findings(
            study=study.study,
            question=question(arms, study.baseline, [study.source]),
            baseline=study.baseline,
            headline=headline,
            higher_is_better=higher_is_better(headline),
            margin=study.margin,
            task=study.source,
            model="as imported",
            sentence=items[0].sentence if items else excluded[0].reason,
            comparisons=items,
            arms=tuple(summaries),
            excluded=tuple(excluded),
            command=study.argv,
            fingerprint=digest([study.sha256, study.columns, study.baseline, study.metrics, study.scale]),
            aggregates=tuple(_aggregates(study, paired)),
            alerts=tuple(alerts),
            unknown=tuple(sentences.unknown(study.unknown)),
        ),
        [row for curve in curves for row in data_curves.rows(curve)],
    )


def _places(study: ImportedStudy, examples: dict[int, dict[str, float]]) -> dict[Where, dict[str, Side]]:
    """The sides of every size and condition, as they come, fewest rows first."""
    places: defaultdict[Where, dict[str, Side]] = defaultdict(dict)
    for number, run in enumerate(study.runs):
        side = places[run.size, run.condition].setdefault(run.arm, Side({}, {}))
        side.runs[run.seed] = run
        if number in examples:
            side.examples[run.seed] = examples[number]
    return dict(sorted(places.items(), key=lambda item: item[0][0] or 0))


def _condition(study: ImportedStudy, where: Where) -> Condition:
    size, others = where
    rows = "" if size is None else phrases.rows(size)
    settings = ({"size": rows} if rows else {}) | ({"condition": others} if others else {})
    return Condition(digest([study.sha256, *where]), ", ".join(settings.values()), settings, size or 0)


def _paired(study: ImportedStudy, where: Where, arm: str, headline: str, sides: dict[str, Side]) -> Paired:
    both = [sides[study.baseline], sides[arm]]
    seeds = sorted(both[0].runs)
    metrics = [m for m in study.metrics if all(m in side.runs[s].scores for side in both for s in seeds)]
    metrics.sort(key=lambda metric: metric != headline)
    seed = int(digest([study.sha256, *where, arm]), 16)
    resampled = _resampled([[side.examples.get(s, {}) for s in seeds] for side in both], seed)
    scores = {m: np.array([[side.runs[s].scores[m] for s in seeds] for side in both]) for m in metrics}
    gains: dict[str, Gain] = {}
    for metric in metrics:
        drawn = resampled[0] if resampled and metric == study.example_metric else None
        sign = orient(metric)
        draws = None if drawn is None else sign * (drawn[:, 1] - drawn[:, 0])
        evidence = Evidence(
            metric=metric,
            scores=scores[metric],
            spread=spread(sign * (scores[metric][1] - scores[metric][0]), draws, seed),
            examples=resampled[1] if resampled and drawn is not None else None,
            identical=False,
        )
        gains[metric] = verdicts.evaluate(evidence, study.margin if metric == headline else None)
    drawn = resampled[0] if resampled and headline == study.example_metric else None
    return Paired(
        where, _condition(study, where), arm, headline, scores[headline], tuple(seeds), gains, drawn
    )


def _resampled(sides: list[list[dict[str, float]]], seed: int) -> tuple[np.ndarray, int] | None:
    """The means of every run over resampled examples, (resamples, 2, pairs), and the number of examples."""
    values = values_of([run for side in sides for run in side if run])
    if values is None or len(values) < sum(map(len, sides)):
        return None
    runs, examples = values.shape
    draw, parts = np.random.default_rng(seed), list[np.ndarray]()
    chunk = max(1, _CHUNK // examples)
    for start in range(0, RESAMPLES, chunk):
        drawn = draw.multinomial(examples, np.full(examples, 1 / examples), min(chunk, RESAMPLES - start))
        parts.append(drawn @ values.T / examples)
    return np.concatenate(parts).reshape(RESAMPLES, 2, runs // 2), examples


def _here(study: ImportedStudy, each: Paired) -> Quantity:
    names = tuple(_name(arm, seed) for seed in each.seeds for arm in (study.baseline, each.arm))
    return Quantity("", each.condition.name, each.arm, study.baseline, n=len(each.seeds), provenance=names)


def _comparison(
    study: ImportedStudy, each: Paired, sides: dict[str, Side], corrected: Quantity | None
) -> Comparison:
    here, gain = _here(study, each), each.gains[each.headline]
    both = [sides[study.baseline], sides[each.arm]]
    ratios = [row for cost in COSTS for row in _ratio(here, both, each.seeds, cost)]
    numbers = [row for own in each.gains.values() for row in verdicts.rows(here, own)]
    pairs = [
        Pair(
            pair_id=digest([study.sha256, *each.where, seed]),
            seed=seed,
            baseline_score=float(each.scores[0, i]),
            arm_score=float(each.scores[1, i]),
            gain=float(orient(each.headline) * (each.scores[1, i] - each.scores[0, i])),
            baseline_folder=_name(study.baseline, seed),
            arm_folder=_name(each.arm, seed),
        )
        for i, seed in enumerate(each.seeds)
    ]
    return Comparison(
        sentence=_sentence(study, each, here, gain, corrected),
        condition=each.condition,
        baseline=study.baseline,
        arm=each.arm,
        task=study.source,
        headline=each.headline,
        rows=Rows([*numbers, *([corrected] if corrected else []), *ratios]),
        pairs=tuple(pairs),
        gains=each.gains,
        energy="not known",
        tuned="unseen",
        settings=sentences.TUNING,
    )


def _sentence(
    study: ImportedStudy, each: Paired, here: Quantity, gain: Gain, corrected: Quantity | None
) -> str:
    row = here.named("gain", metric=gain.metric, verdict=gain.verdict).at(gain.gain, gain.interval)
    told = comparisons.scores(
        row, gain.arm_score, gain.baseline_score, gain.margin, lower=not gain.higher_is_better
    )
    parts = [
        f"{sentences.lead(study.source, each.condition.name)}, {told}.",
        comparisons.TWO_PAIRS if gain.pairs == 2 and gain.interval else "",
        sentences.TUNING,
        corrected.note if corrected and corrected.verdict == "does not survive" else "",
        comparisons.would_decide(gain.decide) if gain.decide else "",
    ]
    return " ".join(part for part in parts if part)


def _ratio(
    here: Quantity, both: Sequence[Side], seeds: Sequence[int], cost: costs.CostKey
) -> Iterator[Quantity]:
    """The ratio of a cost and its means, where the file has it for all pairs."""
    spent = [[getattr(side.runs[seed], cost) for side in both] for seed in seeds]
    if any(value is None or value <= 0 for pair in spent for value in pair):
        return
    ratio = costs.geometric_mean([arm / baseline for baseline, arm in spent])
    yield here.named(f"{cost}_ratio").at(*ratio).because(sentences.COST)
    for side, mean in zip(("baseline", "arm"), np.mean(spent, axis=0), strict=True):
        yield here.named(f"{cost}_ratio.{side}").at(float(mean))


def _summary(study: ImportedStudy, condition: Condition, arm: str, metric: str, side: Side) -> ArmSummary:
    runs = list(side.runs.values())
    scores = [run.scores[metric] for run in runs]
    joules = costs.mean([run.joules for run in runs])
    return ArmSummary(
        condition=condition.name,
        arm=arm,
        is_baseline=arm == study.baseline,
        runs=len(runs),
        finished=len(runs),
        metric=metric,
        score_mean=costs.mean(scores),
        score_sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        score_low=min(scores),
        score_high=max(scores),
        flops=costs.mean([run.flops for run in runs]),
        seconds=costs.mean([run.seconds for run in runs]),
        joules=joules,
        energy_method="" if joules is None else "imported",
        energy_reason=study.unknown.get("joules"),
    )


def _curves(study: ImportedStudy, paired: Sequence[Paired]) -> Iterator[data_curves.DataCurve]:
    """A curve per arm and condition that has several sizes."""
    groups: defaultdict[tuple[str, str], list[Paired]] = defaultdict(list)
    for each in paired:
        if each.where[0] is not None:
            groups[each.arm, each.where[1]].append(each)
    for (arm, context), own in groups.items():
        metrics = {each.headline for each in own}
        if len(own) < 2 or len(metrics) > 1:
            continue
        metric, seed = own[0].headline, int(digest([study.sha256, arm, context]), 16)
        sign, sizes = orient(metric), list[SizeScores]()
        for each in own:
            drawn = None if each.resampled is None else sign * each.resampled[:1000]
            seeds = tuple(map(str, each.seeds))
            sizes.append(SizeScores(each.where[0] or 0, seeds, sign * each.scores, drawn))
        examples = all(size.examples is not None for size in sizes)
        yield data_curves.data_curve(
            sizes,
            {each.where[0] or 0: each.gains[metric] for each in own},
            study.margin,
            seed,
            arm=arm,
            baseline=study.baseline,
            context=context,
            parameters=None,
            metric=metric,
            covers=f"{sentences.SEEDS}, and test examples" if examples else sentences.SEEDS,
            scope="",
            facts=(),
            scores={each.where[0] or 0: (each.scores[0].tolist(), each.scores[1].tolist()) for each in own},
        )[0]


def _aggregates(study: ImportedStudy, paired: Sequence[Paired]) -> Iterator[aggregates.Aggregate]:
    """One per arm over three conditions or more, where all scores share a scale."""
    for arm in dict.fromkeys(each.arm for each in paired):
        own = [each for each in paired if each.arm == arm]
        metrics = list(dict.fromkeys(each.headline for each in own))
        if len(own) < aggregates.FEWEST or any(aggregates.largest(metric) is None for metric in metrics):
            continue
        named = (arm, study.baseline, tuple(each.condition.name for each in own))
        divisors = {metric: aggregates.largest(metric) or 1.0 for metric in metrics}
        sides = [each.scores / divisors[each.headline] for each in own]
        scale = phrases.joined([metric_name(metric) for metric in metrics])
        yield aggregates.summarise(named, scale, sides, int(digest([study.sha256, arm]), 16))


def _name(arm: str, seed: int) -> str:
    return f"{arm}, {seed}"

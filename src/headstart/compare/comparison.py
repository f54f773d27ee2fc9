"""Comparison: everything that the pairs of one arm say, put together, with the sentence that says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from headstart.compare import cost_to_target, costs, equal_budget, trivial, verdicts
from headstart.compare import ledger as ledgers
from headstart.compare.examples import class_gains, confusions, telling
from headstart.compare.findings import Comparison
from headstart.compare.learning_curves import curves
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.remarks import remarks
from headstart.compare.sentences import comparison as sentences
from headstart.compare.tuning import Tuning
from headstart.compare.tuning_parity import settings_of


def comparison(compared: Compared, corrected: Quantity | None, tuning: Tuning | None) -> Comparison:
    """One arm against the baseline; `corrected`: its claim among all those of the study, if several."""
    matches, answers, headline = compared.matches, compared.answers, compared.headline
    template = compared.here
    ratios = costs.ratios(template, matches)
    joules = ratios.first("joules_ratio")
    needed = [cost_to_target.to_target(template, matches, headline, side) for side in (1, 0)]
    targets = cost_to_target.targets(matches, headline)
    matched = equal_budget.rows(template, matches, headline, compared.margin, targets)
    shown = bool(compared.gain and compared.gain.shown)
    ledger = ledgers.ledger(template, matches, headline, gain_shown=shown)
    classes = class_gains(answers) if answers else ()
    only_arm, only_arm_count = telling(answers, 1) if answers else ((), 0)
    only_baseline, only_baseline_count = telling(answers, 0) if answers else ((), 0)
    nearer = answers is not None and answers.distance is not None
    tuned, settings = settings_of(matches, compared.condition.name, tuning)
    gains = np.array([pair.gain for pair in compared.pairs])

    over, below = trivial.against(compared)

    sides = [[pair.sides[side] for pair in matches] for side in (0, 1)]
    draft = Comparison(
        sentence="",
        condition=compared.condition,
        baseline=compared.baseline,
        arm=compared.arm,
        task=compared.task,
        headline=headline,
        rows=NO_ROWS,
        pairs=compared.pairs,
        gains=compared.gains,
        curves=tuple(curve for side in sides if side for curve in curves(side, (headline, "loss"))),
        classes=classes,
        confusions=confusions(answers, (compared.baseline, compared.arm)) if answers else (),
        only_arm=only_arm,
        only_baseline=only_baseline,
        only_arm_count=only_arm_count,
        only_baseline_count=only_baseline_count,
        differences=compared.matching.differences,
        survivors_only=compared.matching.survivors_only,
        energy=costs.energy_word(joules, matches) if joules else "not measured",
        excluded=compared.matching.excluded,
        energy_method=costs.energy_method(matches),
        ledger=ledger,
        nearer=nearer,
        tuned=tuned,
        settings=settings,
        remarks=(*below, *remarks(compared.matching, answers, gains, compared.margin)),
    )
    to_target = [row for rows_of_side in needed for row in rows_of_side]
    at_targets = cost_to_target.rows(replace(template, metric=headline), targets)
    extra = [*([corrected] if corrected else []), *ratios, *to_target, *matched, *at_targets, *over]
    draft = replace(draft, rows=rows(draft, template, extra))
    return replace(draft, sentence=sentence(draft))


def rows(result: Comparison, template: Quantity, extra: Iterable[Quantity]) -> Rows:
    """Every number of a comparison; `extra` are those that no object of it holds."""
    numbers = [row for gain in result.gains.values() for row in verdicts.rows(template, gain)]
    numbers += extra
    for each in result.classes:
        row = template.named("class.gain", metric=f"recall of {each.label}").at(each.gain)
        numbers.append(row.because(f"{each.examples} test examples"))
    if result.only_arm_count or result.only_baseline_count:
        note = "nearer" if result.nearer else "right in most of its runs"
        numbers += [
            template.named("examples.only_arm", note=note).at(result.only_arm_count),
            template.named("examples.only_baseline", note=note).at(result.only_baseline_count),
        ]
    numbers += result.ledger.rows if result.ledger else ()
    return Rows(numbers)


def sentence(result: Comparison) -> str:
    """The whole answer, in the words of the report's first line."""
    gain, rows = result.gain, result.rows
    lead = sentences.lead(result.task, result.condition.train_rows, result.condition.settings)
    if gain is None:
        reasons = [excluded.reason for excluded in result.excluded]
        return f"{lead}, {sentences.no_pair(result.arm, result.baseline, reasons, result.survivors_only)}"
    row = Quantity("gain", arm=result.arm, baseline=result.baseline, metric=gain.metric, n=gain.pairs)
    row = replace(row.at(gain.gain, gain.interval), verdict=gain.verdict)
    scores = sentences.scores(
        row, gain.arm_score, gain.baseline_score, gain.margin, lower=not gain.higher_is_better
    )
    reached = None
    if gain.verdict in ("better", "worse"):  # whether the worse side got to the better side's score
        worse = result.baseline if gain.gain >= 0 else result.arm
        reached = rows.first("to_target.reached", arm=worse)
    costs_of = [reached.note if reached else "", sentences.training_flops(rows.first("flops_ratio"))]
    answer = "; ".join([f"{lead}, {scores}", *(part for part in costs_of if part)])

    corrected = rows.first("gain.corrected_p")
    joules = rows.first("joules_ratio")
    parts = [
        f"{answer}.",
        sentences.TWO_PAIRS if gain.pairs == 2 and gain.interval else "",
        *result.remarks,
        result.settings,
        corrected.note if corrected and corrected.verdict == "does not survive" else "",
        sentences.would_decide(gain.decide) if gain.decide else "",
        sentences.energy(result.energy, result.energy_method, joules),
    ]
    return " ".join(part for part in parts if part)

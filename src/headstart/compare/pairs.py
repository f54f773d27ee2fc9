"""Pairs: which two runs may be compared, and why the others may not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.alike import DIET, freed, refusals, said
from headstart.compare.factors import Factor, pretraining_seed
from headstart.randomness import stream
from headstart.records.attestation import contradictions
from headstart.records.fingerprint import leaves
from headstart.records.record import Record

_SILENT = ("arm", "tracker", "runs", "study")  # settings whose difference cannot matter or is the point


@dataclass(frozen=True)
class Pair:
    """One pair of runs that entered the comparison, with its headline scores."""

    pair_id: str
    seed: int
    baseline_score: float
    arm_score: float
    gain: float  # oriented: positive when the arm is better
    baseline_folder: str
    arm_folder: str
    head: str = ""  # digest of the head at step 0, first 8 digits: the same on both sides
    order: str = ""  # digest of the rows' order, first 8 digits: the same on both sides
    pretraining_seed: int | None = None  # of the weights; None: the study did not pretrain them
    draw: int | None = None  # of the rows; None: there is nothing to draw

    @property
    def levels(self) -> dict[Factor, int | None]:
        """What it was drawn over."""
        return {"pretraining": self.pretraining_seed, "subset": self.draw, "seed": self.seed}


@dataclass(frozen=True)
class Excluded:
    """A run or a pair that is left out, and the sentence that says why."""

    folder: str  # the run folder (for a pair: "baseline folder | arm folder")
    arm: str
    seed: int | None
    reason: str


@dataclass(frozen=True)
class Match:
    """A baseline run and an arm's run that differ in the arm and in nothing that can change the answer."""

    baseline: Record
    arm: Record

    @property
    def sides(self) -> tuple[Record, Record]:
        """Baseline first."""
        return self.baseline, self.arm


@dataclass(frozen=True)
class Matching:
    """Everything about one arm against the baseline under one condition."""

    matches: tuple[Match, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    survivors_only: bool = False  # a side of some pair did not finish
    differences: tuple[str, ...] = ()
    refused: tuple[Excluded, ...] = ()  # of those excluded: pairs, unfinished or unlike
    said: tuple[str, ...] = ()  # of the differences: what may have changed the answer a little


def scores_of(record: Record) -> Mapping[str, float]:
    """The test scores of a run; empty when it has none."""
    return record.scores.test or {}


def scores_by_side(matches: Sequence[Match], metric: str) -> np.ndarray:
    """The test scores of all pairs: (2, pairs), baseline first."""
    scores = [[scores_of(pair.sides[side])[metric] for pair in matches] for side in (0, 1)]
    return np.array(scores, dtype=float)


def match(baselines: Sequence[Record], arms: Sequence[Record]) -> Matching:
    """Pair runs of one condition by pair_id, in order of the seed, and check the contract of each pair.

    Runs from several pretrainings share one run of an arm without any; two such arms pair by its seed.
    """
    partners: dict[str, list[Record]] = defaultdict(list)
    for record in arms:
        partners[record.pair_id].append(record)
    possible = [
        Match(left, right)
        for left in baselines
        for right in partners.get(left.pair_id, ())
        if len({pretraining_seed(left), pretraining_seed(right)} - {None}) < 2
    ]
    paired = {id(record) for pair in possible for record in pair.sides}
    excluded: list[Excluded] = []
    for records, others in ((baselines, arms), (arms, baselines)):
        partner = others[0].arm if others else "another arm"
        reason = f"no run of {partner} with the same settings, data and seed"
        alone = [record for record in records if id(record) not in paired]
        excluded += [Excluded(record.folder.name, record.arm, record.seed, reason) for record in alone]
    matches: list[Match] = []
    refused: list[Excluded] = []
    survivors_only = False
    for pair in sorted(possible, key=_place):
        unfinished = [record for record in pair.sides if not record.finished]
        survivors_only |= bool(unfinished)
        reasons: list[str] = []
        for record in unfinished:
            why = f": {record.scores.reason}" if record.scores.reason else " and has no test score"
            reasons.append(f"{record.label} is {record.status}{why}")
        if reason := "; ".join(reasons) or refusal(pair):
            folders = " | ".join(record.folder.name for record in pair.sides)
            refused.append(Excluded(folders, pair.arm.arm, pair.arm.seed, reason))
        else:
            matches.append(pair)
    return Matching(
        matches=tuple(matches),
        excluded=(*refused, *excluded),
        survivors_only=survivors_only,
        differences=differences(matches),
        refused=tuple(refused),
        said=tuple(dict.fromkeys(told for pair in matches for told in said(pair.sides))),
    )


def _place(pair: Match) -> tuple[int, str, int]:
    of_pretraining = [pretraining_seed(record) or 0 for record in pair.sides]
    return pair.baseline.seed, pair.baseline.pair_id, max(of_pretraining)


def newest(records: Sequence[Record]) -> tuple[list[Record], list[Excluded]]:
    """One record per arm, pair_id and pretraining: a finished one, then the latest; the others excluded."""
    best: dict[tuple[str, str, int | None], Record] = {}
    order = sorted(records, key=lambda r: (r.finished, str(r.environment.finished), r.folder.name))
    excluded: list[Excluded] = []
    for record in order:
        key = (record.arm, record.pair_id, pretraining_seed(record))
        if key in best:
            again = record.run_id == best[key].run_id
            same = "same run" if again else "same arm and seed under newer settings"
            reason = f"{record.folder.name} holds the {same}, and is the newer one or the finished one"
            excluded.append(Excluded(best[key].folder.name, record.arm, record.seed, reason))
        best[key] = record
    return sorted(best.values(), key=lambda r: (r.arm, r.seed, r.folder.name)), excluded


def refusal(pair: Match) -> str | None:
    """The first reason not to compare two finished runs of one pair_id, or None."""
    if unlike := list(refusals(pair.sides)):
        return "; ".join(unlike[:3])
    left, right = (record.init.seeded for record in pair.sides)
    if other := [name for name in left if left[name] != right.get(name)]:
        return f"the seeded models differ in {len(other)} of {len(left)} tensors, such as {other[0]}"
    return next(_dishonest(pair), None)


def differences(matches: Sequence[Match]) -> tuple[str, ...]:
    """What differs inside pairs besides the arm: settings that the fingerprint leaves out, and machines."""
    named: dict[str, None] = {}
    for pair in matches:
        defaults = pair.baseline.fingerprint.defaults | pair.arm.fingerprint.defaults
        groups = {*pair.baseline.config, *pair.arm.config} - {*_SILENT}
        groups = [k for k in groups if pair.baseline.config.get(k) != pair.arm.config.get(k)]
        configs = ({k: record.config[k] for k in groups if k in record.config} for record in pair.sides)
        left, right = (defaults | dict(leaves(config)) for config in configs)
        for path in sorted({*left} | {*right}):
            if left.get(path) != right.get(path):
                named[f"{path}: {left.get(path)} against {right.get(path)}"] = None
        if pair.baseline.data.order != pair.arm.data.order:
            named[f"the order of the rows, since {' and '.join(freed(DIET, pair.sides))} differ"] = None
        named.update(dict.fromkeys(said(pair.sides)))
    return tuple(named)


def _dishonest(pair: Match) -> Iterator[str]:
    """What was loaded must be there (derived numbers as they were derived), all else as the seed gave it.

    Tensors that were not loaded must differ from the checkpoint, and those drawn again from the first draw;
    constants (zero biases) prove nothing.
    """
    for record, other in (pair.sides, pair.sides[::-1]):
        yield from (f"{record.label}: at step 0 {fault}" for fault in contradictions(record.init))
        if record.init.streams.weights != stream(record.seed, "weights"):
            yield f"{record.label}: its weights were not drawn from that seed"
        telling = set(record.init.newly_initialised.names) - set(record.init.constant)
        for name, digest in other.init.checkpoint.tensors.items() if other.init.checkpoint else ():
            if name in telling and record.init.seeded.get(name) == digest:
                yield f"{record.arm} holds {name} of the checkpoint, though it did not load it"
        for name, digest in other.init.drawn_again.items():
            if name in telling and record.init.seeded.get(name) == digest:
                yield f"{other.arm} drew {name} again, and it is the same as that of {record.arm}"

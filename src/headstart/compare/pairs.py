"""Pairs: which two runs may be compared, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare.alike import another_diet, refusals, said
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
    """Pair runs of one condition by pair_id, in order of the seed, and check the contract of each pair."""
    left = {record.pair_id: record for record in baselines}
    right = {record.pair_id: record for record in arms}
    excluded: list[Excluded] = []
    for records, others in ((baselines, arms), (arms, baselines)):
        partner = others[0].arm if others else "another arm"
        reason = f"no run of {partner} with the same settings, data and seed"
        alone = [record for record in records if record.pair_id not in {*left} & {*right}]
        excluded += [Excluded(record.folder.name, record.arm, record.seed, reason) for record in alone]
    matches: list[Match] = []
    refused: list[Excluded] = []
    survivors_only = False
    for pair_id in sorted({*left} & {*right}, key=lambda p: (left[p].seed, p)):
        pair = Match(left[pair_id], right[pair_id])
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


def newest(records: Sequence[Record]) -> tuple[list[Record], list[Excluded]]:
    """One record per arm and pair_id: of repeated ones a finished one, then the latest; the rest excluded."""
    best: dict[tuple[str, str], Record] = {}
    order = sorted(records, key=lambda r: (r.finished, str(r.environment.finished), r.folder.name))
    excluded: list[Excluded] = []
    for record in order:
        key = (record.arm, record.pair_id)
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
        configs = ({k: v for k, v in record.config.items() if k not in _SILENT} for record in pair.sides)
        left, right = (defaults | dict(leaves(config)) for config in configs)
        for path in sorted({*left} | {*right}):
            if left.get(path) != right.get(path):
                named[f"{path}: {left.get(path)} against {right.get(path)}"] = None
        if pair.baseline.data.order != pair.arm.data.order:
            named[f"the order of the rows, since {' and '.join(another_diet(pair.sides))} differ"] = None
        named.update(dict.fromkeys(said(pair.sides)))
    return tuple(named)


def _dishonest(pair: Match) -> Iterator[str]:
    """What was loaded must be there (derived numbers as they were derived), all else as the seed gave it.

    Tensors that were not loaded must differ from the checkpoint; constants (zero biases) prove nothing.
    """
    for record, other in (pair.sides, pair.sides[::-1]):
        yield from (f"{record.label}: at step 0 {fault}" for fault in contradictions(record.init))
        if record.init.streams.weights != stream(record.seed, "weights"):
            yield f"{record.label}: its weights were not drawn from that seed"
        telling = set(record.init.newly_initialised.names) - set(record.init.constant)
        for name, digest in other.init.checkpoint.tensors.items() if other.init.checkpoint else ():
            if name in telling and record.init.seeded.get(name) == digest:
                yield f"{record.arm} holds {name} of the checkpoint, though it did not load it"

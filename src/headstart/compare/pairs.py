# pyright: strict
"""Pairs: which two runs may be compared, and why the others may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headstart.compare.alike import another_diet, refusals, said
from headstart.compare.settings import leaves
from headstart.randomness import stream
from headstart.records.attestation import contradictions
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


def match(baselines: Sequence[Record], arms: Sequence[Record]) -> Matching:
    """Pair runs of one condition by pair_id, in order of the seed, and check the contract of each pair."""
    left = {record.pair_id: record for record in baselines}
    right = {record.pair_id: record for record in arms}
    excluded = [
        _alone(r, baselines, arms) for r in (*baselines, *arms) if r.pair_id not in {*left} & {*right}
    ]
    matches: list[Match] = []
    refused: list[Excluded] = []
    survivors_only = False
    for pair_id in sorted({*left} & {*right}, key=lambda p: (left[p].seed, p)):
        pair = Match(left[pair_id], right[pair_id])
        unfinished = [record for record in pair.sides if not record.finished]
        survivors_only |= bool(unfinished)
        reason = "; ".join(map(_unfinished, unfinished)) or refusal(pair)
        if reason:
            refused.append(_excluded(pair, reason))
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
    return next((reason for rule in _RULES for reason in rule(pair)), None)


def differences(matches: Sequence[Match]) -> tuple[str, ...]:
    """What differs inside pairs besides the arm: settings that the fingerprint leaves out, and machines."""
    found: dict[str, None] = {}
    for pair in matches:
        defaults = pair.baseline.fingerprint.defaults | pair.arm.fingerprint.defaults
        left, right = (defaults | dict(leaves(_loud(record.config))) for record in pair.sides)
        for path in sorted({*left} | {*right}):
            if left.get(path) != right.get(path):
                found[f"{path}: {left.get(path)} against {right.get(path)}"] = None
        if pair.baseline.data.order != pair.arm.data.order:
            found[f"the order of the rows, since {' and '.join(another_diet(pair.sides))} differ"] = None
        found.update(dict.fromkeys(said(pair.sides)))
    return tuple(found)


def _alike(pair: Match) -> Iterator[str]:
    """Nothing that can change the answer differs, but the arm; the first three things that do."""
    if found := list(refusals(pair.sides)):
        yield "; ".join(found[:3])


def _one_start(pair: Match) -> Iterator[str]:
    """The whole seeded model is the same, bit for bit."""
    left, right = (record.init.seeded for record in pair.sides)
    if other := [name for name in left if left[name] != right.get(name)]:
        yield f"the seeded models differ in {len(other)} of {len(left)} tensors, such as {other[0]}"


def _honest_arms(pair: Match) -> Iterator[str]:
    """What was loaded is there (derived numbers as they were derived); all else is as the seed gave it."""
    for record, other in (pair.sides, pair.sides[::-1]):
        yield from (f"{record.label}: at step 0 {fault}" for fault in contradictions(record.init))
        if record.init.streams.weights != stream(record.seed, "weights"):
            yield f"{record.label}: its weights were not drawn from that seed"
        if other.init.checkpoint is not None:
            yield from _holds_none(record, other.init.checkpoint.tensors)


def _holds_none(record: Record, delivered: Mapping[str, str]) -> Iterator[str]:
    """Tensors that were not loaded must differ from the checkpoint. Constants (zero biases) prove nothing."""
    telling = set(record.init.newly_initialised.names) - set(record.init.constant)
    for name, digest in delivered.items():
        if name in telling and record.init.seeded.get(name) == digest:
            yield f"{record.arm} holds {name} of the checkpoint, though it did not load it"


_RULES = (_alike, _one_start, _honest_arms)


def _unfinished(record: Record) -> str:
    reason = record.scores.reason
    return f"{record.label} is {record.status}{f': {reason}' if reason else ' and has no test score'}"


def _alone(record: Record, baselines: Sequence[Record], arms: Sequence[Record]) -> Excluded:
    others = baselines if record in arms else arms
    partner = others[0].arm if others else "another arm"
    reason = f"no run of {partner} with the same settings, data and seed"
    return Excluded(record.folder.name, record.arm, record.seed, reason)


def _excluded(pair: Match, reason: str) -> Excluded:
    folder = f"{pair.baseline.folder.name} | {pair.arm.folder.name}"
    return Excluded(folder, pair.arm.arm, pair.arm.seed, reason)


def _loud(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in _SILENT}

"""Series: the comparisons of one arm that differ in the number of training rows and in nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compare import factors
from headstart.compare.pairs import scores_by_side
from headstart.compare.pairwise import Compared
from headstart.compare.statistics.bootstrap import resampled_scores
from headstart.compare.statistics.crossed import Table
from headstart.compare.statistics.joint import SizeScores
from headstart.metrics import orient
from headstart.records.fingerprint import SCIENCE, digest, free_settings, is_set, without
from headstart.records.record import Record

_SIZE_WORDS = ("size", "draw", "size.draw")  # how a condition names its rows
_WORK = 40_000_000  # example draws per series: more would be felt
_FEWEST = 200  # resamples below which the examples are left out


@dataclass(frozen=True)
class Series:
    """One arm against the baseline over sizes: comparisons by their rows, fewest first."""

    arm: str
    context: str  # the other settings that vary, as words
    sizes: Mapping[int, tuple[Compared, ...]]  # several where something beside the rows differs

    @property
    def first(self) -> Compared:
        """The comparison at the smallest size."""
        return next(iter(self.sizes.values()))[0]

    @property
    def all(self) -> list[Compared]:
        """Every comparison."""
        return [one for every in self.sizes.values() for one in every]

    @property
    def factors(self) -> list[str]:
        """What varies at every size: pretraining seeds, draws of the rows, seeds that lie in neither."""
        found = [Table.of(_levels(every)).names for every in self.sizes.values()]
        return [name for name in found[0] if all(name in names for names in found)]

    @property
    def draws(self) -> int:
        """The smallest number of draws of the subset at any size that has some."""
        found = [_levels(every)["subset"] for every in self.sizes.values()]
        return min((len({*draws}) for draws in found if min(draws) >= 0), default=1)


def series(compared: Sequence[Compared]) -> list[Series]:
    """Every arm and context with comparisons at two sizes or more."""
    groups: dict[tuple[str, str], dict[int, list[Compared]]] = defaultdict(lambda: defaultdict(list))
    for one in compared:
        if one.gain is not None:
            groups[one.arm, context_id(one.matches[0].arm)][one.condition.train_rows].append(one)
    found: list[Series] = []
    for (arm, _), sizes in groups.items():
        if len(sizes) > 1:
            # 'bert_mini, lr 0.001': what the condition names beside the size.
            settings = next(iter(sizes.values()))[0].condition.settings
            kept = {name: value for name, value in settings.items() if name not in _SIZE_WORDS}
            context = ", ".join(v if k in ("task", "model") else f"{k} {v}" for k, v in kept.items())
            found.append(Series(arm, context, {rows: tuple(sizes[rows]) for rows in sorted(sizes)}))
    return found


def _levels(every: Sequence[Compared]) -> Mapping[str, np.ndarray]:
    return factors.levels([pair.sides for one in every for pair in one.matches])


def context_id(record: Record, *others: str) -> str:
    """What a run has in common with runs of other sizes, seeds and `others`; freed settings left out."""
    science = {name: record.config[name] for name in SCIENCE if is_set(record.config, name)}
    left_out = {*free_settings(record.config), *record.fingerprint.defaults, "size", "seed", *others}
    return digest({"science": without(science, left_out), "source": record.data.source})


def size_scores(found: Series, metric: str, seed: int) -> list[SizeScores]:
    """The scores of a series, size by size, oriented, with resampled examples where that is cheap."""
    every = [one.answers for one in found.all]
    answers = [each for each in every if each and each.recomputes(metric) and each.resamples]
    resamples = 0  # of the examples, as many as all comparisons can afford
    if len(answers) == len(every) and all(each.same_rows(answers[0]) for each in answers):
        number = _WORK // max(sum(len(each.ids) for each in answers), 1)
        resamples = min(number, 1000) if number >= _FEWEST else 0
    return [_at_size(rows, own, metric, seed, resamples) for rows, own in found.sizes.items()]


def _at_size(rows: int, every: Sequence[Compared], metric: str, seed: int, resamples: int) -> SizeScores:
    matches = [sorted(one.matches, key=lambda pair: pair.arm.seed) for one in every]
    cells = [scores_by_side(pairs, metric) for pairs in matches]  # (2, pairs) each
    units = tuple(f"{place}:{pair.arm.seed}" for place, pairs in enumerate(matches) for pair in pairs)
    values = np.concatenate(cells, axis=1)
    table = factors.table([pair.sides for pairs in matches for pair in pairs])
    shared = () if table is None else tuple(tuple(map(str, each)) for each in table.levels.tolist())
    if not resamples:
        return SizeScores(rows, units, orient(metric) * values, None, factors=shared)
    answers = [one.answers for one in every if one.answers]
    drawn = [resampled_scores(each, metric, seed, resamples) for each in answers]
    groups = None if answers[0].groups is None else answers[0].units
    examples = orient(metric) * np.concatenate(drawn, axis=2)
    return SizeScores(rows, units, orient(metric) * values, examples, groups, shared)

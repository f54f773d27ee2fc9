"""Two studies side by side: the numbers that both have, what became of them, and what else differs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headstart.compare.catalogue import MAIN_KEYS
from headstart.compare.conditions import size_name
from headstart.compare.differing import Differing, data_of, differing, places_of, settings_of
from headstart.compare.findings import Condition, Findings
from headstart.compare.quantity import Quantity
from headstart.compare.sentences import two as sentences
from headstart.records.fingerprint import as_mapping

Key = tuple[str, str, str, str, str]
ABSOLUTE = ("score", "difference", "share", "p", "number", "place", "variance", "sizes")  # b - a; else b / a


@dataclass(frozen=True)
class Joined:
    """One quantity that both studies have, and what became of it from the first to the second."""

    first: Quantity
    second: Quantity
    relative: bool
    change: float | None = None  # second - first, or second / first where `relative`; None: no value
    low: float | None = None  # ends of the 95 % interval of the change; None: it cannot be given
    high: float | None = None
    verdict: str = ""  # "larger", "smaller", "the same", "not told apart"; "" without an interval
    reason: str = ""  # why there is no interval


@dataclass(frozen=True)
class Two:
    """Two studies, compared."""

    first: Findings
    second: Findings
    joined: tuple[Joined, ...]
    only_first: tuple[Quantity, ...]  # the main quantities that the other study lacks
    only_second: tuple[Quantity, ...]
    settings: tuple[Differing, ...]  # that may change the answer
    data: tuple[Differing, ...]
    places: tuple[Differing, ...]  # where and with what the runs were trained
    assumed: str  # under the intervals of differences
    sentences: tuple[str, ...]  # what changed, in words; the first is the answer

    @property
    def main(self) -> tuple[Joined, ...]:
        """What belongs in a short table, in the catalogue's order; what neither study knows is left out."""
        kept = [
            one for one in self.joined if one.first.key in MAIN_KEYS and (one.first.known or one.second.known)
        ]
        return tuple(sorted(kept, key=lambda one: MAIN_KEYS.index(one.first.key)))


def two(first: Findings, second: Findings) -> Two:
    """Join what two studies say. Nothing is said twice: a quantity is told by its key alone."""
    # The first study's conditions stand under the second one's names where they are the same.
    names = _same_conditions(first, second)
    renamed = [replace(q, condition=names.get(q.condition, q.condition)) if q.arm else q for q in first.rows]
    left, right = ({row.identity: row for row in rows} for rows in (renamed, second.rows))
    pairs = [{pair.pair_id for item in one.comparisons for pair in item.pairs} for one in (first, second)]
    refused = "the same pairs are in both studies" if pairs[0] & pairs[1] else ""
    places = differing(places_of(first), places_of(second))
    moved = any(one.what == "machine" for one in places)
    both = tuple(joined(left[key], right[key], refused, moved) for key in left if key in right)
    made = Two(
        first=first,
        second=second,
        joined=both,
        only_first=_only(left, right),
        only_second=_only(right, left),
        settings=differing(settings_of(first), settings_of(second)),
        data=differing(data_of(first), data_of(second)),
        places=places,
        assumed=_assumed(first, second, refused, both),
        sentences=(),
    )
    return replace(made, sentences=tuple(_sentences(made)))


def _same_conditions(first: Findings, second: Findings) -> dict[str, str]:
    """Conditions that are one and the same, and a study's only condition where the other names its size."""
    mine, theirs = (
        {each.condition.id: each.condition for each in one.comparisons} for one in (first, second)
    )
    found = {mine[each].name: theirs[each].name for each in mine if each in theirs}
    sized = [each.name for each in theirs.values() if _is_the_size(first, each)]
    found = found or {"": name for name in sized[:1]}  # noqa: B035 there is one
    return found or {each.name: "" for each in mine.values() if _is_the_size(second, each)}


def _is_the_size(findings: Findings, condition: Condition) -> bool:
    """Whether a study of one condition has the size that is all that this condition names."""
    size = as_mapping(findings.config.get("size"))
    alone = {item.condition.name for item in findings.comparisons} == {""}
    return alone and bool(size) and dict(condition.settings) == {"size": size_name(size)}


def _only(mine: Mapping[Key, Quantity], theirs: Iterable[Key]) -> tuple[Quantity, ...]:
    return tuple(one for key, one in mine.items() if key not in theirs and one.key in MAIN_KEYS and one.known)


def joined(first: Quantity, second: Quantity, refused: str, moved: bool) -> Joined:
    """Two quantities of one key and what became of them.

    `refused` says why no difference of these studies can have an interval ("" when it can); `moved` that
    they ran on different machines.
    """
    relative = first.unit not in ABSOLUTE
    if reason := _incomparable(first, second, moved):
        return Joined(first, second, relative, reason=reason)
    if first.value is None or second.value is None:
        return Joined(first, second, relative, reason="one side has no value")
    if relative and (first.value <= 0 or second.value <= 0):
        return Joined(first, second, relative, reason="a ratio needs numbers above 0")
    change = second.value / first.value if relative else second.value - first.value
    ends, reason = _ends(first, second, relative, refused)
    low, high = ends or (None, None)
    nothing = 1.0 if relative else 0.0
    word = ""
    if change == nothing and low == high:
        word = "the same"
    elif low is not None and high is not None:
        word = "larger" if low > nothing else "smaller" if high < nothing else "not told apart"
    return Joined(first, second, relative, change, low, high, word, reason)


def _incomparable(first: Quantity, second: Quantity, moved: bool) -> str:
    """Why two numbers of one name must not be divided or subtracted; "" where they may."""
    if first.unit == "J":
        return "joules are compared within a study: across two, method, boundary or machine may differ"
    if "joules" in first.key and first.verdict != second.verdict:
        return "the energy of one is measured, of the other estimated"
    if moved and first.unit in ("s", "B", "samples/s", "tokens/s"):
        return "they ran on different machines"
    return ""


def _ends(
    first: Quantity, second: Quantity, relative: bool, refused: str
) -> tuple[tuple[float, float] | None, str]:
    """Both ends of the interval of the change, or None and the reason."""
    if refused:
        return None, refused
    if first.level is None or first.level != second.level:
        return None, "not both have an interval of the same level"
    sides = [(one.low, one.value, one.high) for one in (first, second)]
    if any(value is None or (relative and value <= 0) for side in sides for value in side):
        return None, "an interval has an end that is not bounded"
    (a_low, a, a_high), (b_low, b, b_high) = (
        tuple(math.log(value) if relative else float(value) for value in side if value is not None)
        for side in sides
    )
    low = b - a - math.hypot(b - b_low, a_high - a)
    high = b - a + math.hypot(b_high - b, a - a_low)
    return ((math.exp(low), math.exp(high)) if relative else (low, high)), ""


def _assumed(first: Findings, second: Findings, refused: str, both: Sequence[Joined]) -> str:
    """What the intervals of differences rest on, and in which direction that may be wrong."""
    if refused:
        return sentences.REPETITIONS
    if all(one.low is None for one in both):
        return ""
    rows = [as_mapping(one.data.get("rows")).get("test") for one in (first, second)]
    same = rows[0] is not None and rows[0] == rows[1]
    seeds = [{pair.seed for item in one.comparisons for pair in item.pairs} for one in (first, second)]
    shared = [name for name, is_so in (("test rows", same), ("seeds", bool(seeds[0] & seeds[1]))) if is_so]
    return " ".join([sentences.INDEPENDENT, *([sentences.shared(shared)] if shared else [])])


def _sentences(two: Two) -> Iterator[str]:
    if two.first.fingerprint == two.second.fingerprint:
        yield sentences.SAME_RECORDS
        return
    gains = [one for one in two.joined if one.first.key == "gain" and one.first.metric == two.first.headline]
    studies = two.first.study, two.second.study
    yield from (sentences.gain(one.first, one.second, studies, change_words(one)) for one in gains)
    if not gains:
        yield sentences.NONE_IN_BOTH
    for noun, about, facts in (
        ("setting", "that may change the answer", two.settings),
        ("fact", "about data and weights", two.data),
        ("fact", "about where they ran", two.places),
    ):
        yield sentences.differing(noun, about, facts)


def change_words(joined: Joined) -> str:
    """How one number changed from the first study to the second, or why that cannot be said."""
    if joined.change is None:
        return joined.reason
    if joined.verdict == "the same":
        return "they are the same"
    ends = joined.low, joined.high
    return sentences.change(joined.change, ends, joined.relative, joined.verdict, joined.reason)

"""Reproduced in the terminal: the verdicts before and now, what differs, and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headstart.compare.findings import Gain
from headstart.compare.reproduced import Claimed, Result
from headstart.reports import numbers
from headstart.reports.console.listing import listing
from headstart.reports.console.runs import Differs, Repeated, difference_lines
from headstart.screen import Screen

MEANS = {
    "bit-identical": "every value is the same, to the last bit",
    "holds again": "values differ, and every verdict is the same",
    "differs": "not every verdict is the same",
}


class Study(Protocol):
    """A study that was trained again; without `runs`, nothing was trained."""

    @property
    def runs(self) -> Sequence[Repeated]: ...
    @property
    def changed(self) -> Sequence[Differs]: ...
    @property
    def surroundings(self) -> Sequence[Differs]: ...
    @property
    def failed(self) -> Sequence[str]: ...


def show_reproduced(name: str, study: Study, claims: Sequence[Claimed], result: Result) -> None:
    """Print what the runs read, the verdicts, differing values and surroundings, then one sentence."""
    console = Screen()
    plain = not console.is_terminal
    if claims:
        lines = [(claim.title, _gain(claim.before), _gain(claim.now)) for claim in claims]
        console.print(listing("gain | before | now", lines, plain=plain))
    values = [difference for run in study.runs for difference in run.differences]
    for title, items in (("read", study.changed), ("value", values), ("around the runs", study.surroundings)):
        if items:
            console.print(listing(f"{title} | before | now", difference_lines(items), plain=plain))
    for sentence in study.failed:
        console.print(f"not trained to the end: {sentence}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{name}: {_sentence(study, result)}.", highlight=False, soft_wrap=True)


def _sentence(study: Study, result: Result) -> str:
    if not study.runs:
        read = " and ".join(dict.fromkeys(item.path for item in study.changed))
        return (
            f"differs: {read}: not what the runs were trained on, so nothing was trained; bring it back, or "
            "add --anyway to train on what is here"
        )
    compared = sum(run.compared for run in study.runs)
    differing = sum(len(run.differences) for run in study.runs)
    count = f"{numbers.plural(len(study.runs), 'run')}, {compared} values, {differing} differ"
    paths = [item.path.removeprefix("environment.") for item in (*study.changed, *study.surroundings)]
    around = f"; around the runs differ {', '.join(paths)}" if paths else ""
    return f"{result}: {MEANS[result]} ({count}{around})"


def _gain(gain: Gain | None) -> str:
    if gain is None:
        return "no scores"
    ends = gain.interval
    interval = f" ({numbers.signed(ends.low)} to {numbers.signed(ends.high)})" if ends else ""
    return f"{numbers.signed(gain.gain)}{interval} {gain.verdict}"

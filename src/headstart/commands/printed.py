"""Printed: planned runs, fetched data, runs that were repeated or checked, and tasks, in the terminal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from headstart.reports import numbers
from headstart.reports.console.listing import add_lines, listing
from headstart.screen import Screen

if TYPE_CHECKING:
    from headstart.compare.findings import Gain
    from headstart.compare.reproduced import Claimed, Result
    from headstart.studies.catalogue import TaskHere
    from headstart.studies.fetch import Fetched
    from headstart.studies.forecast import Forecast
    from headstart.studies.reproduction import Repeated
    from headstart.studies.rerun import Again, Difference
    from headstart.studies.verify import Verified

MOST_RUNS = 200  # of a plan; of more, those to do come first
SHOWN = 40  # differences of a repeated run
MEANS = {
    "bit-identical": "every value is the same, to the last bit",
    "holds again": "values differ, and every verdict is the same",
    "differs": "not every verdict is the same",
}
HERE = {True: "here", False: "to fetch", None: "your files"}


def show_plan(runs: Sequence[Forecast], basis: str) -> None:
    """Print every run with its state, FLOPs and time; `basis` says where the times come from."""
    console = Screen()
    lines = [
        (
            run.title,
            "done" if run.done else "to do",
            numbers.flops(run.flops),
            "" if run.done else f"~{numbers.seconds(run.seconds)}",
        )
        for run in sorted(runs, key=lambda run: run.done and len(runs) > MOST_RUNS)[:MOST_RUNS]
    ]
    console.print(listing("run | state | #FLOPs | #time", lines, plain=not console.is_terminal))
    if len(runs) > len(lines):
        console.print(f"and {len(runs) - len(lines):,} more", highlight=False)
    left = [run for run in runs if not run.done]
    cost = "nothing"
    if left:
        flops, seconds = sum(run.flops for run in left), sum(run.seconds for run in left)
        cost = f"{numbers.flops(flops)}, about {numbers.seconds(seconds)}"
    total = numbers.plural(len(runs), "run")
    console.print(f"\n{total}, {len(runs) - len(left)} done; left to do: {cost}", highlight=False)
    longest = any(run.writes for run in left)
    exact = "FLOPs are exact" + ", except of generated texts, which count at their longest" * longest
    console.print(f"{exact}; times are {basis}.", highlight=False)


def show_fetched(items: Sequence[Fetched]) -> None:
    """Print every item with its size on disk, then one sentence."""
    console, lines = Screen(), []
    for item in items:
        size = "" if item.size is None else numbers.size(item.size)
        lines.append((item.kind, item.name, size, "missing" if item.problem else "here"))
    console.print(listing("what | name | #size | state", lines, plain=not console.is_terminal))
    missing = sum(item.problem is not None for item in items)
    whole = numbers.size(sum(item.size or 0 for item in items))
    after = f"{missing} of {len(items)} are missing" if missing else "the study runs without a network"
    console.print(f"\n{whole} in all; {after}.", highlight=False)


def show_again(again: Again) -> None:
    """Print the differences, those of the surroundings below them, and one sentence."""
    console = Screen()
    _show_differences(console, ("what", again.differences), ("what", again.surroundings))
    compared = numbers.plural(again.compared, "value")
    result = f"all {compared} are the same, to the last bit"
    if again.differences:
        changed = "; the second table shows what changed around it" if again.surroundings else ""
        result = f"{len(again.differences)} of {compared} differ{changed}"
    console.print(f"{again.title}: {result}.", highlight=False)


def _show_differences(console: Console, *tables: tuple[str, Sequence[Difference]]) -> None:
    """A table with path, value before and now under each title, where anything differs; the first SHOWN."""

    def short(value: Any) -> str:
        text = f"{value:.9g}" if isinstance(value, float) else str(value)
        return text if len(text) <= 60 else f"{text[:57]}..."

    for title, items in tables:
        lines = [(item.path, short(item.before), short(item.now)) for item in items[:SHOWN]]
        lines += [(f"and {len(items) - SHOWN} more", "", "")] * (len(items) > SHOWN)
        if lines:
            console.print(listing(f"{title} | before | now", lines, plain=not console.is_terminal))


def show_verified(runs: Sequence[Verified]) -> None:
    """Print how many digests are the same, by part of the start, then what is wrong, run by run."""
    console = Screen()
    parts = next((list(run.same) for run in runs if run.same), [])
    lines = []
    for run in runs:
        counts = [run.same.get(part, (0, 0)) for part in parts]
        state = "not checked" if run.reason else "as recorded" if run.well else "differs"
        same = [f"{equal} of {total}" if total else "–" for equal, total in counts]
        lines.append((run.run, *same, state))
    heads = " | ".join(["run", *(f"#{part}" for part in parts), "start"])
    console.print(listing(heads, lines, plain=not console.is_terminal))
    for run in runs:
        problem = f"not checked: {run.reason}" if run.reason else "; ".join(run.wrong)
        if problem:
            console.print(f"{run.run}: {problem}", highlight=False, markup=False, soft_wrap=True)
    number, total = sum(run.well for run in runs), numbers.plural(len(runs), "run")
    console.print(f"\n{number} of {total} started as recorded.", highlight=False)


def show_reproduced(name: str, study: Repeated, claims: Sequence[Claimed], result: Result) -> None:
    """Print what the runs read, the verdicts, differing values and surroundings, then one sentence."""
    console = Screen()
    if claims:
        lines = [(claim.title, _gain(claim.before), _gain(claim.now)) for claim in claims]
        console.print(listing("gain | before | now", lines, plain=not console.is_terminal))
    values = [difference for run in study.runs for difference in run.differences]
    around = ("around the runs", study.surroundings)
    _show_differences(console, ("read", study.changed), ("value", values), around)
    for sentence in study.failed:
        console.print(f"not trained to the end: {sentence}", highlight=False, markup=False, soft_wrap=True)
    if study.runs:
        compared = sum(run.compared for run in study.runs)
        count = f"{numbers.plural(len(study.runs), 'run')}, {compared} values, {len(values)} differ"
        paths = [item.path.removeprefix("environment.") for item in (*study.changed, *study.surroundings)]
        differ = f"; around the runs differ {', '.join(paths)}" if paths else ""
        told = f"{result}: {MEANS[result]} ({count}{differ})"
    else:
        read = " and ".join(dict.fromkeys(item.path for item in study.changed))
        told = (
            f"differs: {read}: not what the runs were trained on, so nothing was trained; bring it back, or "
            "add --anyway to train on what is here"
        )
    console.print(f"{name}: {told}.", highlight=False, soft_wrap=True)


def _gain(gain: Gain | None) -> str:
    if gain is None:
        return "no scores"
    ends = gain.interval
    interval = f" ({numbers.signed(ends.low)} to {numbers.signed(ends.high)})" if ends else ""
    return f"{numbers.signed(gain.gain)}{interval} {gain.verdict}"


def show_tasks(tasks: Sequence[TaskHere], *, as_json: bool = False, console: Console | None = None) -> None:
    """Print every task, family by family, one row each, however narrow the terminal."""
    console = console or Screen()
    if as_json:
        console.out(json.dumps([asdict(task) for task in tasks], indent=2))
        return
    heads = "!task= | !headline | !rows | !from | ~about"
    made = listing(heads, plain=not console.is_terminal, expand=True)
    for kind, group in itertools.groupby(tasks, key=lambda task: task.kind):
        lines = [
            (task.choice, task.headline or "by the rows", HERE[task.here], task.source, task.about)
            for task in group
        ]
        add_lines(made, lines, kind.replace("_", " "))
    console.print(made)
    console.print("\na task of your own is one yaml in conf/task: headstart new task my.csv", highlight=False)

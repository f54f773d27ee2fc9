"""Runs in the terminal: planned runs, fetched data, a repeated run, and starts that were checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from headstart.reports import numbers
from headstart.reports.console.listing import listing
from headstart.screen import Screen

MOST_RUNS = 200  # of a plan; of more, those to do come first
SHOWN = 40  # differences of a repeated run


class Expected(Protocol):
    """A run that may be done already, and what it is expected to cost."""

    @property
    def title(self) -> str: ...
    @property
    def done(self) -> bool: ...
    @property
    def flops(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def writes(self) -> bool: ...


def show_plan(runs: Sequence[Expected], basis: str) -> None:
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


class Fetched(Protocol):
    """One thing that a study needs, and whether it is here."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def problem(self) -> str | None: ...


def show_fetched(items: Sequence[Fetched]) -> None:
    """Print every item with its size on disk, then one sentence."""
    console = Screen()
    lines = [
        (
            item.kind,
            item.name,
            "" if item.size is None else numbers.size(item.size),
            "missing" if item.problem else "here",
        )
        for item in items
    ]
    console.print(listing("what | name | #size | state", lines, plain=not console.is_terminal))
    missing = sum(item.problem is not None for item in items)
    whole = numbers.size(sum(item.size or 0 for item in items))
    after = f"{missing} of {len(items)} are missing" if missing else "the study runs without a network"
    console.print(f"\n{whole} in all; {after}.", highlight=False)


class Differs(Protocol):
    """One value, before and now."""

    @property
    def path(self) -> str: ...
    @property
    def before(self) -> Any: ...
    @property
    def now(self) -> Any: ...


class Repeated(Protocol):
    """What a run that was trained again gave."""

    @property
    def title(self) -> str: ...
    @property
    def compared(self) -> int: ...
    @property
    def differences(self) -> Sequence[Differs]: ...
    @property
    def surroundings(self) -> Sequence[Differs]: ...


def show_again(again: Repeated) -> None:
    """Print the differences, those of the surroundings below them, and one sentence."""
    console = Screen()
    for items in (again.differences, again.surroundings):
        if items:
            console.print(
                listing("what | before | now", difference_lines(items), plain=not console.is_terminal)
            )
    compared = numbers.plural(again.compared, "value")
    result = f"all {compared} are the same, to the last bit"
    if again.differences:
        changed = "; the second table shows what changed around it" if again.surroundings else ""
        result = f"{len(again.differences)} of {compared} differ{changed}"
    console.print(f"{again.title}: {result}.", highlight=False)


def difference_lines(items: Sequence[Differs]) -> list[tuple[str, str, str]]:
    """Path, value before and now; the first ones, and how many there are more."""
    lines = [(item.path, _short(item.before), _short(item.now)) for item in items[:SHOWN]]
    return [*lines, (f"and {len(items) - SHOWN} more", "", "")] if len(items) > SHOWN else lines


def _short(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Verified(Protocol):
    """One run whose start was made again, or the reason why it was not."""

    @property
    def run(self) -> str: ...
    @property
    def same(self) -> Mapping[str, tuple[int, int]]: ...
    @property
    def wrong(self) -> Sequence[str]: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def well(self) -> bool: ...


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

"""Console: how far a study is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from headstart.reports import numbers
from headstart.reports.console.listing import listing

SHOWN = 40  # runs in the table
ORDER = ("training", "failed", "diverged", "interrupted", "to do")


class Run(Protocol):
    """One run."""

    @property
    def title(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def note(self) -> str | None: ...


class Claim(Protocol):
    """What a process holds."""

    @property
    def title(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def here(self) -> bool: ...


class Study(Protocol):
    """A study."""

    @property
    def folder(self) -> Path: ...
    @property
    def runs(self) -> Sequence[Run]: ...
    @property
    def workers(self) -> Sequence[Claim]: ...
    @property
    def pretraining(self) -> Sequence[Claim]: ...
    @property
    def seconds_left(self) -> float | None: ...
    def count(self, status: str) -> int: ...


def show_status(study: Study, console: Console | None = None) -> None:
    """Print the runs that are not finished, then what is done, who works, and how long it may take."""
    console = console or Console()
    left = sorted((run for run in study.runs if run.status in ORDER), key=lambda run: ORDER.index(run.status))
    lines = [(run.title, run.status, run.note or "") for run in left[:SHOWN]]
    lines += [(f"pretraining: {claim.title}", "training", _process(claim)) for claim in study.pretraining]
    if lines:
        console.print(listing("run | !state | note", lines, plain=not console.is_terminal))
    if len(left) > SHOWN:
        console.print(f"and {len(left) - SHOWN} more", highlight=False)
    counts = [f"{study.count(state)} {state}" for state in ORDER if study.count(state)]
    total = numbers.plural(len(study.runs), "run")
    console.print(", ".join([f"{total}: {study.count('finished')} finished", *counts]), highlight=False)
    workers = numbers.plural(len(study.workers), "worker")
    names = ", ".join(dict.fromkeys(map(_process, study.workers)))
    console.print(f"{workers}{f': {names}' if names else ''}", highlight=False, soft_wrap=True)
    if study.seconds_left is not None:
        console.print(f"left: about {numbers.seconds(study.seconds_left)}", highlight=False)
    if study.count("failed") or study.count("diverged"):
        console.print(f"again: headstart retry {study.folder}", highlight=False, soft_wrap=True)


def _process(claim: Claim) -> str:
    return f"process {claim.pid} on {'this machine' if claim.here else claim.host}"

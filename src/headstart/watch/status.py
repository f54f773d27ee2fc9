"""Status: how far a study is: one frame, a frame that is drawn again and again, or a line per change."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from headstart.reports.console.listing import listing
from headstart.screen import Screen
from headstart.watch import words
from headstart.watch.frame import Frame

SHOWN = 40  # runs in the table
EVERY = 1.0  # seconds between two looks
READING = 0.5  # seconds of a look that may go into reading records
PATIENCE = 30.0  # seconds that the report of a study may take after its last run


def view(frame: Frame, *, plain: bool, shown: int = SHOWN) -> RenderableType:
    """The runs that are not finished, then what is done, gained and left, who works, what to type."""
    study = frame.study
    order = {state: place for place, state in enumerate(words.ORDER)}
    left = sorted((run for run in study.runs if run.status != "finished"), key=lambda run: order[run.status])
    lines = [(run.title, run.status, words.run(run)) for run in left[:shown]]
    lines += [
        (f"pretraining: {claim.title}", "training", words.process(claim)) for claim in study.pretraining
    ]
    parts: list[RenderableType] = [listing("run | !state | note", lines, plain=plain)] if lines else []
    if len(left) > shown:
        parts.append(Text(f"and {len(left) - shown} more"))
    return Group(*parts, *map(Text, _summary(frame)))


def _summary(frame: Frame) -> Iterator[str]:
    study = frame.study
    yield words.runs(study)
    yield words.pairs(study)
    for item in frame.gains:
        yield words.gain(item)
    if frame.doubt:
        yield f"gain: not known: {frame.doubt}"
    elif frame.gains and not study.ended:
        yield words.NOT_FINAL
    yield words.who(study)
    if study.count("failed") or study.count("diverged"):
        yield f"again: headstart retry {study.folder}"
    yield from filter(None, (words.left(study), words.advice(frame)))


def show_status(frame: Frame, console: Console | None = None) -> None:
    """Print one frame."""
    console = console or Screen()
    console.print(
        view(frame, plain=not console.is_terminal), highlight=False, soft_wrap=not console.is_terminal
    )


def follow(look: Callable[[float], Frame], console: Console | None = None) -> Frame:
    """Show a study until it has ended and its report is there; returns the last frame.

    In a terminal one picture that is drawn again, elsewhere a line per change. `look` gets the seconds that
    a look may take.
    """
    console = console or Screen()
    frame = look(READING)
    if not console.is_terminal:
        show_status(frame, console)

        def say(before: Frame, now: Frame) -> None:
            for line in changes(before, now):
                console.print(line, highlight=False, markup=False, soft_wrap=True)

        return _each(look, frame, say)
    with Live(view(frame, plain=False), console=console, auto_refresh=False, screen=False) as live:
        room = max(5, console.height - 14)
        return _each(
            look, frame, lambda _, now: live.update(view(now, plain=False, shown=room), refresh=True)
        )


def _each(look: Callable[[float], Frame], frame: Frame, show: Callable[[Frame, Frame], object]) -> Frame:
    """Show every further frame, with the one before, until the study has ended and its report is there."""
    ended = None
    while True:
        if frame.study.ended:
            ended = ended or time.monotonic()
            if frame.report or time.monotonic() - ended > PATIENCE:
                last = look(math.inf)  # with the gain, however many records there are
                show(frame, last)
                return last
        else:
            ended = None
        time.sleep(EVERY)
        before, frame = frame, look(READING)
        show(before, frame)


def changes(before: Frame, now: Frame) -> Iterator[str]:
    """A line for every run whose state changed, then for what this changed of the study."""
    earlier = {run.title: run.status for run in before.study.runs}
    moved = [run for run in now.study.runs if earlier.get(run.title) != run.status]
    for run in moved:
        note = words.run(run)
        yield f"{run.title}: {run.status}{f': {note}' if note else ''}"
    if now.study.pairs != before.study.pairs:
        yield "; ".join(filter(None, (words.pairs(now.study), words.left(now.study))))
    if now.gains != before.gains:
        final = "" if now.study.ended else " (not final)"
        yield from (f"{words.gain(item)}{final}" for item in now.gains)
    if now.doubt and now.doubt != before.doubt:
        yield f"gain: not known: {now.doubt}"
    if [*now.study.processes] != [*before.study.processes]:
        yield words.who(now.study)
    if now.report and not before.report:
        yield words.advice(now)

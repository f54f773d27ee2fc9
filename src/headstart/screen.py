"""Screen: a console that shows names, questions and messages of others, and never obeys them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from operator import length_hint
from typing import Any, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.status import Status

from headstart.heartbeat import Heartbeat, heartbeat
from headstart.terminal import cleaned

T = TypeVar("T")
_waiting: Status | None = None  # what is shown now


class Screen(Console):
    """rich's console; control characters of a text, with which a file could change the terminal, are left
    out. Colours and movements are rich's own, which are no text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """rich's own, with clean texts."""
        for segment in super().render(renderable, options):
            text = cleaned(segment.text)
            yield segment if segment.control or text == segment.text else Segment(text, segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """rich's own; into a file or a pipe, a line that is too long goes on instead of being cut."""
        given: dict[str, Any] = {"crop": self.is_terminal} | options
        super().print(*objects, **given)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: without stderr the command goes on, without stdout it ends."""
        self.quiet = True
        if not self.stderr:
            raise BrokenPipeError


@contextmanager
def waiting(sentence: str) -> Iterator[Status | Heartbeat]:
    """Show on stderr what the block does; `update` changes the sentence. Elsewhere than on a terminal, what
    takes long is said in lines (`heartbeat.py`).

    Within another block its sentence is shown instead, since two lines that move would overwrite each other.
    """
    global _waiting
    screen = Screen(stderr=True)
    if not screen.is_interactive:
        with heartbeat.during(sentence):
            yield heartbeat
        return
    if _waiting is not None:
        before = _waiting.status
        _waiting.update(sentence)
        try:
            yield _waiting
        finally:
            _waiting.update(before)
        return
    with screen.status(sentence) as _waiting:
        try:
            yield _waiting
        finally:
            _waiting = None


def progress(steps: Iterable[T], message: str, total: int | None = None) -> Iterator[T]:
    """The steps, with a progress bar if stderr is a terminal; `total`: their number, if it is unknown.

    It takes the place of what `waiting` shows.
    """
    from rich.progress import track

    screen, shown = Screen(stderr=True), _waiting
    if not screen.is_interactive:
        number = total or length_hint(steps)
        with heartbeat.during(message):
            for done, step in enumerate(steps):
                heartbeat.update(f"{message}: {done}{f' of {number}' if number else ''}")
                yield step
        return
    if shown is not None:
        shown.stop()
    try:
        yield from track(steps, message, total, console=screen, transient=True)
    finally:
        if shown is not None and shown is _waiting:
            shown.start()

"""Progress: bars with time left on a terminal; elsewhere a line per run, and one per half minute."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from headstart.heartbeat import EVERY, heartbeat
from headstart.screen import Screen
from headstart.studies.outcome import Outcome
from headstart.training.progress import RunProgress

_current: StudyProgress | None = None


class StudyProgress(RunProgress):
    """Two bars: the study in runs, and the run in steps."""

    def __init__(self, runs: int, title: str = "study") -> None:
        self.runs, self.done = runs, 0
        self.console = Screen(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=20, table_column=Column(min_width=20)),
            TextColumn("{task.fields[count]}", table_column=Column(no_wrap=True, min_width=11)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=5)),
            TextColumn("left", table_column=Column(no_wrap=True, min_width=4)),
            TextColumn("[dim]{task.fields[note]}", table_column=Column(no_wrap=True, ratio=1)),
            console=self.console,
            speed_estimate_period=3600,
            disable=not self.console.is_interactive,
            expand=True,
        )
        self._study = self._bars.add_task(title, total=float(runs), count=f"0/{runs} runs", note="")
        self._run: TaskID | None = None
        self._title, self._steps, self._shown = "run", 1, 0.0
        self._first: tuple[float, int] | None = None  # when this process finished its first steps of the run

    def __enter__(self) -> StudyProgress:
        self._bars.start()
        heartbeat.phase(f"0 of {self.runs} runs have ended")
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
        heartbeat.phase("")

    def start(self, title: str) -> None:
        """A run begins, before it knows how long it is."""
        self._title = title
        self._drop()
        self._run = self._bars.add_task("run", total=None, count="", note=title)

    def announce(self, title: str, pretraining: bool) -> None:
        """A run, or a pretraining, is about to be trained: a line where no bars say so."""
        self._title = title
        if not self.console.is_interactive:
            number = "" if pretraining else f" ({self.done + 1} of {self.runs})"
            self.note(f"begins: {'pretraining: ' * pretraining}{title}{number}")

    def say(self, phase: str) -> None:
        heartbeat.phase(f"{phase}: {self._title}")
        self._update(note=f"{phase}: {self._title}")

    def begin(self, title: str, steps: int) -> None:
        self._title, self._steps, self._first = title, steps, None
        self._drop()
        self._run = self._bars.add_task("run", total=steps, count=f"0/{steps} steps", note=title)
        heartbeat.phase(f"training {title}", EVERY)

    def step(self, done: int, note: str = "") -> None:
        """Redraw at most ten times a second, so that showing progress costs no time."""
        now = time.monotonic()
        if now - self._shown < 0.1 and done < self._steps:
            return
        self._shown = now
        self._update(
            completed=done, count=f"{done}/{self._steps} steps", note=f"{note}  {self._title}".strip()
        )
        self._bars.update(self._study, completed=self.done + done / self._steps)
        self._first = self._first or (now, done)
        began, first = self._first
        rest = (now - began) * (self._steps - done) / (done - first) if done > first else None
        left = "" if rest is None else f", {duration(rest)} left"
        heartbeat.update(f"training {self._title}: {done}/{self._steps} steps{left}")

    def end(self, outcome: Outcome) -> None:
        """A run has ended: one line that stays."""
        self.done += 1
        self._drop()
        self._bars.update(self._study, completed=self.done, count=f"{self.done}/{self.runs} runs")
        self.note(line(outcome, self.done, self.runs))
        heartbeat.phase(f"{self.done} of {self.runs} runs have ended", EVERY)

    def note(self, sentence: str) -> None:
        """A line that stays."""
        self.console.print(sentence, highlight=False, markup=False, soft_wrap=True)
        heartbeat.pause()

    def _update(self, **fields: object) -> None:
        if self._run is not None:
            self._bars.update(self._run, **fields)  # pyright: ignore[reportArgumentType]

    def _drop(self) -> None:
        if self._run is not None:
            self._bars.remove_task(self._run)
            self._run = None


def line(outcome: Outcome, number: int, runs: int) -> str:
    """`[2/6] title: accuracy 0.558 on test, 21 s`."""
    start = f"[{number}/{runs}] {outcome.title}: "
    if outcome.status in ("finished", "kept"):
        rows = "validation" if outcome.trial else "test"
        score = "" if outcome.headline is None else f"{outcome.headline:.3f} on {rows}, "
        took = "finished before" if outcome.status == "kept" else f"{outcome.seconds or 0:.0f} s"
        named = "" if outcome.margin is None else f", with a margin of {outcome.margin:g}, which stays"
        return f"{start}{score}{took}{named}"
    return f"{start}{outcome.status}: {outcome.reason}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `1 h 5 min`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


@contextmanager
def showing(runs: int, title: str = "study") -> Generator[StudyProgress]:
    """Bars for a study of `runs` runs; the jobs of this process get them from `current`."""
    global _current
    with StudyProgress(runs, title) as progress:
        _current = progress
        try:
            yield progress
        finally:
            _current = None


def current() -> StudyProgress | None:
    """The bars of the study that this process is running, if it is."""
    return _current

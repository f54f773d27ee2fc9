"""Frame: everything that is shown of a study at one look, from its files alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from headstart.errors import ConfigError, RecordError
from headstart.records.kept import stamp_of
from headstart.records.record import RECORD
from headstart.watch.graphs import Graph, Graphs

if TYPE_CHECKING:
    from headstart.compare import verdicts
    from headstart.compare.pairwise import Compared
    from headstart.compare.running import RunningGains
    from headstart.studies.status import StudyStatus

REPORT = "report.html"
READING = "its records are being read"
MOST_COMPARED = 500  # finished runs up to which a look compares them: each is read whole
TOO_MANY = "{:,} finished runs are compared by headstart report {}"


@dataclass(frozen=True)
class Gain:
    """What an arm gains over the baseline so far, under one condition."""

    condition: str
    arm: str
    baseline: str
    metric: str
    pairs: int
    gain: float
    low: float | None  # of the interval; None: one pair, or it cannot be given
    high: float | None
    level: float | None


@dataclass(frozen=True)
class Frame:
    """One look at a study. `doubt`: why its gains are not known now."""

    study: StudyStatus
    gains: tuple[Gain, ...]
    doubt: str | None
    graphs: tuple[Graph, ...]
    report: Path | None  # of the runs as they are now

    def as_data(self) -> dict[str, Any]:
        """Everything but the graphs, for JSON."""
        return self.study.as_data() | {
            "gains": [vars(gain) for gain in self.gains],
            "gains_final": self.study.ended,
            "gains_unknown": self.doubt,
            "report": self.report and str(self.report),
        }


class Frames:
    """Looks at a study for everybody who watches it in this process, one after the other."""

    def __init__(self, folder: Path, look: Callable[[], StudyStatus]) -> None:
        self.folder, self._look = folder, look
        self._graphs = Graphs()
        self._running: RunningGains | None = None
        self._lock = Lock()

    def look(self, seconds: float = math.inf) -> Frame:
        """The study now; reading records ends after so many seconds, and the next look goes on.

        RecordError when the study was never started, or its folder has gone.
        """
        with self._lock:
            study = self._look()
            gains, doubt = self._gains(study, seconds)
            return Frame(study, gains, doubt, self._graphs.of(study), _report(study))

    def _gains(self, study: StudyStatus, seconds: float) -> tuple[tuple[Gain, ...], str | None]:
        finished = study.count("finished")
        if finished < 2:
            return (), None
        if finished > MOST_COMPARED:
            return (), TOO_MANY.format(finished, study.folder)
        if not seconds:  # what compares is not even imported
            return (), READING
        if self._running is None:
            from headstart.compare.running import RunningGains

            self._running = RunningGains(self.folder)
        try:
            compared = self._running.look(seconds)
        except (RecordError, ConfigError) as error:
            return (), str(error)
        if compared is None:
            return (), READING
        return tuple(_gain(item, item.gain) for item in compared if item.gain), None


def _gain(compared: Compared, gain: verdicts.Gain) -> Gain:
    interval = gain.interval
    return Gain(
        condition=compared.condition.name,
        arm=compared.arm,
        baseline=compared.baseline,
        metric=gain.metric,
        pairs=gain.pairs,
        gain=gain.gain,
        low=interval and interval.low,
        high=interval and interval.high,
        level=interval and interval.level,
    )


def _report(study: StudyStatus) -> Path | None:
    """The report, where it was written after the latest record."""
    stamp = stamp_of(report := study.folder / REPORT)
    records = [stamp_of(run.folder / RECORD) for run in study.runs if run.folder and run.record]
    newest = max((record[0] for record in records if record), default=0)
    return report if stamp and records and stamp[0] >= newest else None

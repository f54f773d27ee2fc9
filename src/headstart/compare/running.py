"""Running: the gains of the pairs of a study that are finished so far, while others still train."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from headstart.compare.conditions import Condition, conditions
from headstart.compare.pairs import Matching, newest
from headstart.compare.pairwise import Compared, Question, asked, compare_arm, compare_groups
from headstart.compare.trusted import read_consistent
from headstart.errors import RecordError
from headstart.records.kept import Kept, stamp_of
from headstart.records.record import RECORD, Record
from headstart.records.store import one_study


class RunningGains:
    """The comparisons of a study at its latest look, as its report will make them of the same pairs.

    Only on the headline metric, which is the one that is shown. A record that did not change is not read
    again, nor are the same pairs compared again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = Kept(lambda file: read_consistent(file.parent))
        self._kept: dict[Hashable, Compared] = {}
        self._seen: Hashable = None
        self._latest: tuple[Compared, ...] = ()

    def look(self, seconds: float = math.inf) -> tuple[Compared, ...] | None:
        """The comparisons now; None while not all records could be read in so many seconds: look again.

        RecordError or ConfigError when the records are not those of one study.
        """
        files = sorted(self.folder.glob(f"*/{RECORD}"))
        seen = tuple((file, stamp_of(file)) for file in files)
        if seen == self._seen:
            return self._latest
        began, records = time.monotonic(), list[Record]()
        for file in files:
            if time.monotonic() - began > seconds:
                return None
            with suppress(RecordError):  # the report names it
                records.append(self._record(file))
        compared: list[Compared] = []
        if records := one_study(self.folder, records, []):
            kept, _ = newest(records)
            compared, _ = compare_groups(conditions(kept), asked(records), self._compare)
        self._latest, self._seen = tuple(compared), seen
        return self._latest

    def _compare(self, condition: Condition, arm: str, matching: Matching, question: Question) -> Compared:
        runs = tuple((pair.baseline.run_id, pair.arm.run_id) for pair in matching.matches)
        key = (condition.id, condition.name, arm, question, runs)
        if key not in self._kept:
            headline = replace(question, metrics=(question.headline,))
            self._kept[key] = compare_arm(condition, arm, matching, headline)
        return self._kept[key]

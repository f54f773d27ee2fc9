"""Status: how far a study is, from its files alone; and the mark that tells its workers to stop."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from headstart.errors import RecordError
from headstart.records.curve import CURVE, read_curve
from headstart.records.fingerprint import digest, free_settings, without
from headstart.records.kept import Kept, stamp_of
from headstart.records.record import RECORD
from headstart.records.store import read_contents
from headstart.records.whole_file import write_whole
from headstart.studies.claims import Holder, holders
from headstart.studies.frozen import FILE, FrozenRun, read_frozen

WORKERS = "workers"  # folder in the study's: logs of detached workers, what was submitted, the mark
MARK = "cancelled"
WORKER = "worker-"  # begins the names of the claims that workers hold
STATES = ("finished", "diverged", "failed", "interrupted", "training", "to do")
ENDED = ("finished", "diverged", "failed")  # nobody trains these again unless told to
PAIR_STATES = ("done", "training", "stopped", "to do")


class Planned(NamedTuple):
    """A run of study.json, as far as a status needs it."""

    key: str
    title: str
    study: str
    arm: str
    seed: int
    pair: str  # the same for all runs of a pair
    condition: str  # what the pairs of other seeds share: task, model, size, swept settings
    headline: str  # metric
    trial: bool  # of a tuning: it has no test score


class Recorded(NamedTuple):
    """What a status needs of a record; of a run that ended before it trained, some is not known."""

    key: str
    status: str
    reason: str | None
    seconds: float  # of all phases
    steps: int | None
    scores: Mapping[str, Mapping[str, float] | None]
    method: str  # of its joules: measured, sampled, estimated, none
    folder: Path


@dataclass(frozen=True)
class RunStatus:
    """One run of a study: one of STATES, and why it has no scores or who trains it."""

    planned: Planned
    status: str
    note: str | None
    folder: Path | None  # None: nothing of it is known to be on disk
    record: Recorded | None
    step: int | None = None  # of its latest evaluation, while it trains
    steps: int | None = None  # of a finished run of its condition
    elapsed: float = 0.0  # seconds that it has trained so far, while it trains

    @property
    def title(self) -> str:
        return self.planned.title

    @property
    def score(self) -> float | None:
        """Of the headline metric on test rows; of a trial on validation rows."""
        rows = "validation" if self.planned.trial else "test"
        return None if self.record is None else (self.record.scores[rows] or {}).get(self.planned.headline)

    def as_data(self) -> dict[str, Any]:
        kept = ("title", "arm", "seed", "condition", "trial")
        return {
            **{name: getattr(self.planned, name) for name in kept},
            "status": self.status,
            "note": self.note,
            "score": self.score,
            "seconds": self.record and self.record.seconds,
            "step": self.step,
            "steps": self.steps,
            "folder": self.folder and str(self.folder),
        }


@dataclass(frozen=True)
class StudyStatus:
    """A study: its runs, and who trains them and their pretrainings now."""

    folder: Path
    question: str
    baseline: str
    runs: list[RunStatus]
    workers: list[Holder]
    pretraining: list[Holder]
    processes: list[Holder]  # a claim of each process that works for the study

    def count(self, status: str) -> int:
        return sum(run.status == status for run in self.runs)

    @property
    def pairs(self) -> dict[str, int]:
        """How many pairs have each of PAIR_STATES; trials are in none."""
        states: dict[str, set[str]] = {}
        for run in self.runs:
            if not run.planned.trial:
                states.setdefault(run.planned.pair, set()).add(run.status)
        kinds = [_pair_state(of_pair) for of_pair in states.values()]
        return {state: kinds.count(state) for state in PAIR_STATES}

    @property
    def ended(self) -> bool:
        """Has every run ended, and does nobody work for the study any more?"""
        return not self.processes and all(run.status in ENDED for run in self.runs)

    @property
    def seconds_left(self) -> float | None:
        """A guess from finished runs of the same arm and condition, else of the condition, else of all; for
        the processes that work now. None where nothing is left or nothing has finished."""
        left = [run for run in self.runs if run.status not in ENDED]
        known = [run for run in self.runs if run.status == "finished"]
        if not left or not known:
            return None
        groups: dict[tuple[str, ...], list[float]] = {}
        for run in known:
            for group in _groups(run):
                groups.setdefault(group, []).append(run.record.seconds if run.record else 0.0)
        means = {group: sum(values) / len(values) for group, values in groups.items()}
        expected = [next(means[group] for group in _groups(run) if group in means) for run in left]
        rest = sum(max(whole - run.elapsed, 0.0) for whole, run in zip(expected, left, strict=True))
        return rest / max(1, len(self.processes))

    def as_data(self) -> dict[str, Any]:
        return {
            "study": self.folder.name,
            "counts": {status: self.count(status) for status in STATES},
            "pairs": self.pairs,
            "seconds_left": self.seconds_left,
            "runs": [run.as_data() for run in self.runs],
            "workers": [{"host": worker.host, "pid": worker.pid} for worker in self.workers],
            "processes": [{"host": holder.host, "pid": holder.pid} for holder in self.processes],
            "pretraining": [
                {"title": claim.title, "host": claim.host, "pid": claim.pid} for claim in self.pretraining
            ],
        }


class Watched:
    """A study that is looked at again and again: files that did not change are not read again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plan = Kept(lambda file: _plan(file.parent))
        self._record = Kept(lambda file: _recorded(file.parent))
        self._curve = Kept(lambda file: read_curve(file)[0])

    def look(self) -> StudyStatus:
        """The status now; RecordError when the study was never started, or its folder has gone."""
        question, baseline, runs = self._plan(self.folder / FILE)
        folders = sorted({self.folder, *(self.folder.parent / run.study for run in runs)})
        records = {record.key: record for at in folders for record in self._records(at)}
        claims = [(claim, at) for at in folders for claim in holders(at)]
        by_title = {claim.title: (claim, at) for claim, at in claims if claim.title}
        alive = [claim for claim, _ in claims if claim.alive]
        steps = {run.condition: records[run.key].steps for run in runs if run.key in records}
        pretraining = [claim for claim in holders(self.folder.parent / "pretraining") if claim.alive]
        return StudyStatus(
            folder=self.folder,
            question=question,
            baseline=baseline,
            runs=[
                replace(
                    self._status(run, records.get(run.key), by_title.get(run.title)),
                    steps=steps.get(run.condition),
                )
                for run in runs
            ],
            workers=[claim for claim in alive if claim.name.startswith(WORKER)],
            pretraining=[claim for claim in pretraining if not claim.name.startswith((WORKER, "pair-"))],
            processes=[*{(claim.host, claim.pid): claim for claim in alive}.values()],
        )

    def _status(
        self, run: Planned, record: Recorded | None, claimed: tuple[Holder, Path] | None
    ) -> RunStatus:
        folder = record and record.folder
        if record is not None and record.status in ("finished", "diverged"):
            return RunStatus(run, record.status, record.reason, folder, record)
        if claimed is not None:
            claim, study = claimed
            process = f"process {claim.pid} on {'this machine' if claim.here else claim.host}"
            folder = folder or next(iter(study.glob(f"*-{claim.name[:8]}")), None)
            if claim.alive:
                step, elapsed = self._progress(folder)
                return RunStatus(run, "training", process, folder, record, step, elapsed=elapsed)
            if record is None:
                note = f"{process} ended without a record; the same command continues the run"
                return RunStatus(run, "interrupted", note, folder, None)
        if record is None:
            return RunStatus(run, "to do", None, None, None)
        return RunStatus(run, record.status, record.reason, folder, record)

    def _progress(self, folder: Path | None) -> tuple[int | None, float]:
        """The step of the latest evaluation, and the seconds of training by then and since."""
        file = folder and folder / CURVE
        stamp = file and stamp_of(file)
        try:
            points = self._curve(file) if file and stamp else []
        except RecordError:  # the run, which reads it as well, says what is wrong with it
            points = []
        if not points or not stamp:
            return None, 0.0
        since = max(time.time() - stamp[0] / 1e9, 0.0)
        return points[-1]["step"], float(points[-1].get("seconds") or 0.0) + since

    def _records(self, folder: Path) -> Iterator[Recorded]:
        """The records of a study; one that cannot be read is a run to do."""
        for path in folder.glob(f"*/{RECORD}"):
            try:
                yield self._record(path)
            except RecordError:
                continue


def status_of(folder: Path) -> StudyStatus:
    """The status of the study in this folder; RecordError when it was never started."""
    return Watched(folder).look()


def check_finished(folder: Path) -> None:
    """RecordError where a run of the study has not come to its end: its numbers would be of a part of it."""
    runs = status_of(folder).runs
    counts = Counter(run.status for run in runs if run.status not in ("finished", "diverged"))
    if counts:
        told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
        raise RecordError(
            f"{folder}: {counts.total()} of its {len(runs)} runs are not finished ({told}): run the study's "
            "command to its end first"
        )


def cancelled(folder: Path) -> str:
    """The mark that the last `cancel` left; another one than at its start tells a worker to stop."""
    try:
        return (folder / WORKERS / MARK).read_text("utf8")
    except FileNotFoundError:
        return ""


def mark_cancelled(folder: Path) -> None:
    """Tell all workers of the study to stop before their next run."""
    write_whole(folder / WORKERS / MARK, lambda path: path.write_text(uuid.uuid4().hex, "utf8"))


def _plan(folder: Path) -> tuple[str, str, Sequence[Planned]]:
    """What study.json asks, its baseline, and its runs: trials, then tuned runs or those to be tuned."""
    study = read_frozen(folder)
    try:
        tuned = [run for run in study.chosen if not run.config["study"]["trial"]]
        trials = [run for run in study.chosen if run.config["study"]["trial"]]
        runs = [_planned(run) for run in (*trials, *(tuned or study.runs.values()))]
        first = next(iter(study.runs.values())).config["study"]
        return str(first["question"]), str(first["baseline"]), runs
    except (StopIteration, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{folder / FILE}: holds no study ({type(error).__name__}: {error})") from None


def _planned(run: FrozenRun) -> Planned:
    config, freed = run.config, free_settings(run.config)
    shared = without({k: v for k, v in config.items() if k not in ("arm", "study")}, freed)
    study, arm = config["study"], str(config["arm"]["name"])
    return Planned(
        key=run.key,
        title=run.title,
        study=Path(str(study["name"])).name,
        arm=arm,
        seed=int(config["seed"]),
        pair=digest(shared),
        condition=run.title.rpartition(f" · {arm} · ")[0],
        headline=str(config["task"]["headline"]),
        trial=bool(study["trial"]),
    )


def _recorded(folder: Path) -> Recorded:
    record = read_contents(folder)
    try:
        cost = record["cost"]
        return Recorded(
            key=FrozenRun("", (), record["config"]).key,
            status=str(record["status"]),
            reason=record["scores"]["reason"],
            seconds=float(cost["seconds"]["total"]),
            steps=cost.get("steps"),
            scores={rows: record["scores"][rows] for rows in ("validation", "test")},
            method=str(cost["energy"]["method"]),
            folder=folder,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"{folder / RECORD}: {type(error).__name__}: {error}") from None


def _pair_state(states: set[str]) -> str:
    """One of PAIR_STATES for the statuses of the runs of a pair."""
    if "training" in states:
        return "training"
    if states == {"finished"}:
        return "done"
    return "stopped" if states & {"failed", "diverged"} else "to do"


def _groups(run: RunStatus) -> list[tuple[str, ...]]:
    """What runs are alike to this one, the closest first."""
    return [(run.planned.condition, run.planned.arm), (run.planned.condition,), ()]

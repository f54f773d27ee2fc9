"""Status: how far a study is, from its files alone; and the mark that tells its workers to stop."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import RecordError
from headstart.records.record import RECORD
from headstart.records.store import read_contents
from headstart.records.whole_file import write_whole
from headstart.studies.claims import Holder, holders
from headstart.studies.frozen import FrozenRun, read_frozen

WORKERS = "workers"  # folder in the study's: logs of detached workers, what was submitted, the mark
MARK = "cancelled"
WORKER = "worker-"  # begins the names of the claims that workers hold
STATES = ("finished", "diverged", "failed", "interrupted", "training", "to do")


@dataclass(frozen=True)
class RunStatus:
    """One run of a study: one of STATES, and why it has no scores or who trains it."""

    key: str
    title: str
    status: str
    note: str | None
    seconds: float | None
    folder: str | None


@dataclass(frozen=True)
class StudyStatus:
    """A study: its runs, its workers, and the pretrainings that somebody trains now."""

    folder: Path
    runs: list[RunStatus]
    workers: list[Holder]
    pretraining: list[Holder]

    def count(self, status: str) -> int:
        """How many runs have this status."""
        return sum(run.status == status for run in self.runs)

    @property
    def seconds_left(self) -> float | None:
        """A guess from the finished runs, for the workers that are alive; None without any."""
        known = [run.seconds for run in self.runs if run.status == "finished" and run.seconds]
        left = self.count("to do") + self.count("training") + self.count("interrupted")
        if not known or not left:
            return None
        return left * sum(known) / len(known) / max(1, len(self.workers))

    def as_data(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "study": self.folder.name,
            "counts": {status: self.count(status) for status in STATES},
            "seconds_left": self.seconds_left,
            "runs": [
                {name: value for name, value in vars(run).items() if name != "key"} for run in self.runs
            ],
            "workers": [{"host": worker.host, "pid": worker.pid} for worker in self.workers],
            "pretraining": [
                {"title": claim.title, "host": claim.host, "pid": claim.pid} for claim in self.pretraining
            ],
        }


def status_of(folder: Path) -> StudyStatus:
    """The status of the study in this folder; RecordError when it was never started."""
    claims = [claim for claim in holders(folder) if claim.alive]
    pretraining = [claim for claim in holders(folder.parent / "pretraining") if claim.alive]
    return StudyStatus(
        folder=folder,
        runs=runs_in(folder),
        workers=[claim for claim in claims if claim.name.startswith(WORKER)],
        pretraining=[claim for claim in pretraining if not claim.name.startswith((WORKER, "pair-"))],
    )


def runs_in(folder: Path) -> list[RunStatus]:
    """The runs of study.json, trials and tuned runs included, with what their folders say."""
    study = read_frozen(folder)
    tuned = [run for run in study.chosen if not run.config["study"]["trial"]]
    trials = [run for run in study.chosen if run.config["study"]["trial"]]
    runs = [*trials, *(tuned or study.runs.values())]
    folders = {folder.parent / run.config["study"]["name"] for run in runs}
    records = {key: record for at in folders for key, record in _records(at)}
    training = {claim.title: claim for at in folders for claim in holders(at) if claim.alive}
    return [_status(run, records.get(run.key), training.get(run.title)) for run in runs]


def cancelled(folder: Path) -> str:
    """The mark that the last `cancel` left; another one than at its start tells a worker to stop."""
    try:
        return (folder / WORKERS / MARK).read_text("utf8")
    except FileNotFoundError:
        return ""


def mark_cancelled(folder: Path) -> None:
    """Tell all workers of the study to stop before their next run."""
    write_whole(folder / WORKERS / MARK, lambda path: path.write_text(uuid.uuid4().hex, "utf8"))


def _status(run: FrozenRun, record: dict[str, Any] | None, claim: Holder | None) -> RunStatus:
    folder = None if record is None else record["folder"]
    if record is not None and record["status"] in ("finished", "diverged"):
        state, note = record["status"], record["scores"]["reason"]
    elif claim is not None:
        state, note = "training", f"process {claim.pid} on {'this machine' if claim.here else claim.host}"
    elif record is not None:
        state, note = record["status"], record["scores"]["reason"]
    else:
        state, note = "to do", None
    seconds = None if record is None else record["cost"]["seconds"]["total"]
    return RunStatus(run.key, run.title, state, note, seconds, folder)


def _records(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """The records of a study by the key of their run; one that cannot be read is a run to do."""
    found: list[tuple[str, dict[str, Any]]] = []
    for path in sorted(folder.glob(f"*/{RECORD}")):
        try:
            record = read_contents(path.parent)
            key = FrozenRun("", (), record["config"]).key
            found.append((key, record | {"folder": str(path.parent)}))
        except (RecordError, KeyError, TypeError, AttributeError):
            continue
    return found

"""Work: trains the runs of a frozen study until nothing is left, beside any number of other workers."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from headstart.errors import ConfigError
from headstart.records.record import RECORD
from headstart.run import Run
from headstart.studies.claims import Claim
from headstart.studies.frozen import FILE, FrozenStudy, read_frozen
from headstart.studies.job import interruptible, train_claimed
from headstart.studies.outcome import Outcome
from headstart.studies.progress import StudyProgress, showing
from headstart.studies.scheduler import check_devices, stand_alone
from headstart.studies.sharing import Pair, Share, train_study
from headstart.studies.status import WORKER, RunStatus, cancelled, status_of
from headstart.studies.sweep_points import SweepPoint, pairs_of

Train = Callable[[Sequence[Pair]], list[Outcome]]
After = Callable[[Run], None]


def work(folder: Path, trusted: bool = False, after: After = lambda run: None) -> list[Outcome]:
    """Train what is left of the study; runs that failed are left alone. `trusted`: the code of its models.

    `after` is called with a run of every pair that has ended.
    """
    folder, study = _enter(folder, trusted)
    return _worker(folder, lambda train: train_study(study.points(), folder, train), False, after)


def failed(folder: Path) -> list[RunStatus]:
    """The runs of a study that failed or diverged."""
    return [run for run in status_of(folder).runs if run.status in ("failed", "diverged")]


def retry(folder: Path, trusted: bool = False, after: After = lambda run: None) -> list[Outcome]:
    """Train the failed and the diverged runs of the study once more; `after` as for `work`."""
    runs = {run.planned.key: run for run in failed(folder.resolve())}
    folder, study = _enter(folder, trusted)
    chosen = [run for run in study.every if run.key in runs]
    for run in chosen:
        if runs[run.key].status == "diverged":  # it counts as settled while its record is there
            ((runs[run.key].folder or Path()) / RECORD).unlink(missing_ok=True)
    return train_points([run.point() for run in chosen], folder, after)


def train_points(
    points: Sequence[SweepPoint], folder: Path, after: After = lambda run: None
) -> list[Outcome]:
    """Train these runs of the study in `folder`, also those that failed before; finished ones are kept."""
    pairs = pairs_of(points)
    return _worker(folder, lambda train: train(pairs) if pairs else [], True, after)


def _enter(folder: Path, trusted: bool) -> tuple[Path, FrozenStudy]:
    """Go to the folder that the study was started in, which its paths begin at, and use what is frozen."""
    stand_alone()
    study = read_frozen(folder)
    if not trusted and (models := study.with_code()):
        raise ConfigError(
            f"{folder / FILE}: {', '.join(models)} brings code of its own; to run it, add --trust-remote-code"
        )
    relative = Path(next(iter(study.runs.values())).config["runs"], study.name)
    if (start := study.started_in(folder)) is None:
        raise ConfigError(
            f"{folder / FILE}: its runs lie in {relative}; start headstart work where the study was started"
        )
    os.chdir(start)
    study.use()
    check_devices([point.run for point in study.points()])
    return relative, study


def _worker(folder: Path, act: Callable[[Train], list[Outcome]], again: bool, after: After) -> list[Outcome]:
    """Train as one worker of the study, until nothing is left or the study is cancelled."""
    argv, before = [Path(sys.argv[0]).name, *sys.argv[1:]], cancelled(folder)

    def train(pairs: Sequence[Pair]) -> list[Outcome]:
        with showing(sum(map(len, pairs))) as progress:

            def launch(pair: Sequence[SweepPoint]) -> list[Outcome]:
                return [_train(point, progress, argv, again) for point in pair]

            share = Share(
                launch, progress, whole=True, stopped=lambda: cancelled(folder) != before, after=after
            )
            return share.train(pairs)

    worker = Claim(folder, f"{WORKER}{uuid.uuid4().hex[:8]}", os.environ.get("SLURM_JOB_ID", ""))
    worker.acquire()
    with worker, interruptible():
        return act(train)


def _train(point: SweepPoint, progress: StudyProgress, argv: list[str], again: bool) -> Outcome:
    return train_claimed(point.run, progress, argv, waits=False, again=again)

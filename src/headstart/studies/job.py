"""Job: Hydra calls it for each point of a sweep; every error of a run becomes its outcome."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from headstart.arms.from_run import LEDGER, damaged_weights, weights_folder
from headstart.errors import ClaimError, HeadstartError, WeightsError
from headstart.records.fingerprint import Fingerprint
from headstart.records.store import read_record, read_status
from headstart.run import Run
from headstart.studies.claims import Claim, wait
from headstart.studies.outcome import Interrupted, Outcome
from headstart.studies.pretraining import PRETRAINING, pretraining, with_weights
from headstart.studies.progress import StudyProgress, current, duration, showing
from headstart.studies.run_folder import check_study_folder, identify, run_folder, settled, wrong

# What schedulers send before the time limit. A launcher that has a handler of its own for one keeps it.
OF_SCHEDULERS = [getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2", "SIGXCPU") if hasattr(signal, name)]

_trained = 0  # runs of this process


def job(config: Any, argv: Sequence[str], waits: bool = True) -> Outcome:
    """Train one run, or keep it when it is finished. Raises nothing, so that the sweep continues.

    `waits`: for another process that trains this run now; else its outcome is `claimed`.
    """
    run = Run.read(OmegaConf.to_container(config, resolve=True))  # pyright: ignore[reportArgumentType]
    if (progress := current()) is not None:
        return train_claimed(run, progress, argv, waits)
    with showing(1) as progress:
        return train_claimed(run, progress, argv, waits)


def train_claimed(
    run: Run, progress: StudyProgress, argv: Sequence[str], waits: bool, again: bool = True
) -> Outcome:
    """The outcome of a run: trained, kept, failed, or claimed by another process.

    `again`: a run that failed before is tried again.
    """
    progress.start(run.title)
    with interruptible():
        try:
            outcome = _train(run, progress, argv, again)
            while waits and outcome.claim:
                wait([Claim(Path(outcome.claim[0]), outcome.claim[1])], progress.note)
                outcome = _train(run, progress, argv, again)
        except HeadstartError as error:
            outcome = failed(run, str(error), error.exit_code)
        except MemoryError as error:
            outcome = failed(run, f"out of memory ({error}); lower optim.batch_size or model.max_length")
        except OSError as error:
            outcome = failed(run, f"{error.filename or run.study_folder}: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - the other runs of the study must go on
            outcome = failed(run, f"{type(error).__name__}: {error} ({_keep_traceback(run)})")
    if outcome.claim is None:
        progress.end(outcome)
    return outcome


def _train(run: Run, progress: StudyProgress, argv: Sequence[str], again: bool) -> Outcome:
    """Claim the run and train it, after its pretraining; a finished run is kept."""
    if (pretraining_run := pretraining(run)) is not None:
        check_study_folder(pretraining_run)
        outcome = _train(pretraining_run, progress, argv, again)
        if outcome.claim:
            return _claimed(run, outcome.claim)
        if outcome.status == "finished":  # it may take long, so it has a line of its own
            took = duration(outcome.seconds or 0)
            progress.note(f"pretrained: {pretraining_run.title}: {took}")
        if not outcome.well:
            return failed(run, f"its pretraining {outcome.status}: {outcome.reason}")
        run = with_weights(run)
    names = identify(run)
    if _complete(run, folder := run_folder(run, names), names):
        return _outcome(run, folder, kept=True)
    status, reason = read_status(folder, names.run_id)
    if status == "failed" and not again:
        return failed(run, reason or "for an unknown reason")
    claim = Claim(run.study_folder, names.run_id, run.title)
    if not claim.acquire():
        return _claimed(run, (str(run.study_folder), claim.name))
    with claim:
        if _complete(run, folder := run_folder(run, names), names):  # by its last owner, just now
            return _outcome(run, folder, kept=True)
        if reason := _damage(run, folder, names):
            progress.note(f"{folder.name} is trained again, since it is damaged: {reason}")

        from headstart.training.train import train

        progress.announce(run.title, run.study.name == PRETRAINING.name)
        index = _warm_up_or_cool_down(run, progress)
        try:
            train(run, folder, names, argv, progress, index, claim.check)
        except ClaimError as error:
            progress.note(f"{run.title}: {error}")
            return _claimed(run, (str(run.study_folder), claim.name))
        return _outcome(run, folder, kept=False)


def _complete(run: Run, folder: Path, names: Fingerprint) -> bool:
    """Is the run finished or diverged, and are the weights that it was to keep there?"""
    return settled(folder, names) and all(
        (weights / LEDGER).exists() and damaged_weights(weights) is None for weights in _saved(run, folder)
    )


def _damage(run: Run, folder: Path, names: Fingerprint) -> str | None:
    """What is damaged of a run that is not complete; None where nothing is."""
    if not settled(folder, names):
        return wrong(folder)
    return next((str(file) for file in map(damaged_weights, _saved(run, folder)) if file), None)


def _saved(run: Run, folder: Path) -> list[Path]:
    """The folders of the weights that the run keeps."""
    return [weights_folder(folder, step) for step in (*run.checkpoint_steps, *[None] * run.keep_weights)]


def _warm_up_or_cool_down(run: Run, progress: StudyProgress) -> int:
    """Warm up before the first run and cool down before the others; returns the run's number, from 0.

    Without it, the first run would be measured on a cold machine and the others on a hot one.
    """
    global _trained
    number, _trained = _trained, _trained + 1
    if number == 0 and run.study.warm_up:
        from headstart.training.warm_up import warm_up

        progress.say("warming up")
        with suppress(Exception):  # the run meets the same fault, and leaves a record of it
            warm_up(run, run.study.warm_up)
    elif number and run.study.cool_down:
        progress.say(f"cooling down for {run.study.cool_down:g} s")
        time.sleep(run.study.cool_down)
    return number


def _outcome(run: Run, folder: Path, kept: bool) -> Outcome:
    record = read_record(folder)
    scores = (record.scores.validation if run.study.trial else record.scores.test) or {}
    well, margin = record.status == "finished", record.config["study"]["margin"]
    return Outcome(
        title=run.title,
        study_folder=str(run.study_folder),
        folder=str(folder),
        status="kept" if kept and well else record.status,  # pyright: ignore[reportArgumentType]
        headline=scores.get(run.task.headline),
        seconds=record.cost.seconds.total,
        reason=record.scores.reason,
        margin=None if margin == run.study.margin else margin,
        code=0 if well else 1,
        trial=run.study.trial,
    )


def outcome_of_lost(run: Run, reason: str) -> Outcome:
    """Of a run whose launcher says nothing: kept, claimed by a process that lives, or failed for `reason`."""
    try:
        run = with_weights(run)
    except WeightsError:  # its pretraining is not finished
        return failed(run, reason)
    names = identify(run)
    if _complete(run, folder := run_folder(run, names), names):
        return _outcome(run, folder, kept=True)
    if (claim := Claim(run.study_folder, names.run_id)).held():
        return _claimed(run, (str(run.study_folder), claim.name))
    status, why = read_status(folder, names.run_id)
    return failed(run, why if status == "failed" and why else reason)


def failed(run: Run, reason: str | None, code: int = 1) -> Outcome:
    """The outcome of a run that has no scores, for this reason."""
    folder, trial = str(run.study_folder), run.study.trial
    return Outcome(run.title, folder, "", "failed", reason=reason, code=code, trial=trial)


def _claimed(run: Run, claim: tuple[str, str]) -> Outcome:
    folder, trial = str(run.study_folder), run.study.trial
    return Outcome(run.title, folder, "", "claimed", trial=trial, claim=claim)


def _keep_traceback(run: Run) -> str:
    """Write the traceback to errors.log; returns where it is, or why it could not be written."""
    import traceback

    log = run.study_folder / "errors.log"
    try:
        run.study_folder.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf8") as file:
            file.write(f"\n{run.title}\n{traceback.format_exc()}")
    except OSError as error:
        return f"{log} cannot be written: {error.strerror or error}"
    return f"traceback: {log}"


@contextmanager
def interruptible() -> Generator[None]:
    """Ctrl-C and the signals of a scheduler raise Interrupted, so that a record is written.

    Schedulers send several, one after the other: only the first of theirs counts, so that none of them
    interrupts the writing.
    """
    interrupted = False

    def stop(number: int, frame: Any) -> None:
        nonlocal interrupted
        if not interrupted or number == signal.SIGINT:
            interrupted = True
            raise Interrupted

    free = [number for number in OF_SCHEDULERS if signal.getsignal(number) == signal.SIG_DFL]
    try:
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, *free)}
    except ValueError:  # not the main thread: a launcher's worker, which its parent stops
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

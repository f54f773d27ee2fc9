"""Train: one run from its configuration to its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from headstart.arms.from_run import MODEL, save_weights, write_ledger
from headstart.hardware import cpu_name
from headstart.meters.hardware_state import gpu_driver
from headstart.records.curve import CURVE
from headstart.records.environment import environment
from headstart.records.fingerprint import Fingerprint
from headstart.records.predictions import PREDICTIONS, write_predictions
from headstart.records.record import SCHEMA
from headstart.records.store import write_record
from headstart.records.whole_file import file_digest
from headstart.run import Run
from headstart.training import resume
from headstart.training.checkpoints import Saver, check_checkpoint_steps, complete_checkpoints
from headstart.training.contamination import write_corpus_fingerprints
from headstart.training.initialise import initialise
from headstart.training.instruments import Instruments
from headstart.training.leader import Leader
from headstart.training.loops import evaluation_batches, passes, trainer_of, training_batches
from headstart.training.mirror import Mirror
from headstart.training.module import Diverged, Learner
from headstart.training.plan import counters_of, plan_of
from headstart.training.progress import RunProgress
from headstart.training.quiet import quiet
from headstart.training.recorder import Recorder, Results, Setup, Timer
from headstart.training.tracker import tracked
from headstart.training.trivial_rules import trivial_rules


def train(
    run: Run,
    folder: Path,
    names: Fingerprint,
    argv: Sequence[str] = (),
    progress: RunProgress | None = None,
    order_index: int | None = None,
    check_claim: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Train `run`, write its record, curve and predictions into `folder`, and return the record.

    `order_index` is the number of the run among those that this process trained, for the record.
    `check_claim` raises ClaimError when the folder is another process's by now: then nothing more is written.
    A loss that is not finite ends the run as `diverged`, which is a result and not an error. After any other
    exception, a record with status `failed` or `interrupted` is written, and the exception is raised again.
    """
    started = datetime.now(UTC)
    training = Training(run, folder, names, progress or RunProgress(), check_claim)
    status, reason = "finished", None
    # Trackers first: what they take is no part of the run.
    with tracked(run, names, folder, argv) as mirrors, training.meter, training.ranks:
        try:
            setup = training.set_up()
            training.fit(setup, mirrors)
            training.test(setup)
            training.keep_weights(setup)
            training.score_trivial_rules(setup)
        except Diverged as outcome:
            status, reason = "diverged", str(outcome)
        except BaseException as exception:  # noqa: BLE001 - raised again, or what caused it
            error = training.ranks.cause(exception)
            status = "failed" if isinstance(error, Exception) else "interrupted"
            reason = f"{type(error).__name__}: {error}".strip(": ")
            raise error  # noqa: B904 - with the exception as its context
        finally:  # after any outcome
            training.meter.close()
            check_claim()
            record = training.write_record(status, reason, argv, started, order_index)
            training.complete_files(status, record)
        for mirror in mirrors:
            mirror.summarise(record)
    return record


class Training:
    """The steps of one run, and what the record needs of them, whichever is the last one."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        names: Fingerprint,
        progress: RunProgress,
        check_claim: Callable[[], None],
    ) -> None:
        self.run, self.folder, self.names = run, folder, names
        self.progress, self.check_claim = progress, check_claim
        self.state = resume.load(folder, names.run_id, run.hardware.devices)
        earlier_costs = resume.prepare_folder(folder, self.state)
        quiet()
        run.hardware.set_threads()
        self.instruments = Instruments(run, progress.say)
        self.meter = self.instruments.meter
        for cost in earlier_costs:
            self.meter.resumed(cost)
        self.results = Results(**self.state["results"]) if self.state else Results()
        self.ranks = Leader(run, folder, names.run_id, resumed=self.state is not None)
        self.setup: Setup | None = None  # None: the run ended before training could start
        self.rules: dict[str, Any] | None = None

    def set_up(self) -> Setup:
        """Rows, the seeded random model with the changes of the arm, and the FLOPs of every step."""
        run, meter = self.run, self.meter
        with meter.phase("prepare"):
            self.progress.say("loading rows and weights")
            self.ranks.start()
            prepared = run.prepare()
            plan = plan_of(run, prepared)
            check_checkpoint_steps(run, plan)
            initial = initialise(run, prepared, plan.steps)
        with meter.phase("count"):
            self.progress.say("counting operations")
            counters = counters_of(run, plan, initial.config)
            plan.count(counters)
        with meter.phase("prepare"):
            self.ranks.meet()
        learner = Learner(run, initial.model, plan.steps, plan.every, initial.stages, self.state, self.ranks)
        self.setup = Setup(prepared, plan, initial, counters[0][1], learner)
        return self.setup

    def fit(self, setup: Setup, mirrors: Sequence[Mirror]) -> None:
        """Train on the remaining planned batches, with evaluations every `plan.every` steps."""
        run, plan, learner, results = self.run, setup.plan, setup.learner, self.results
        if least := run.hardware.least_replays():
            learner.capture_steps(plan.shapes["train"].batches(), least)
        recorder = Recorder(run, setup, self.instruments, self.folder, results, self.check_claim)
        callbacks = [
            Timer(self.meter, self.progress, results, run.task.headline),
            recorder,
            Saver(run, self.names.run_id, plan, self.meter, self.folder, results),
            *([self.ranks.silence] if self.ranks.size > 1 else []),
        ]
        self.trainer = trainer_of(run, plan, learner, callbacks, mirrors, self.folder)
        self.progress.begin(run.title, plan.steps)
        batches = training_batches(run, setup.prepared, plan, self.ranks, results.steps)
        validation = evaluation_batches(setup.prepared.validation, plan.orders["validation"], self.ranks)
        if self.state:
            recorder.log_curve(self.trainer)
        phase = self.meter.phase("train")
        passes(self.trainer, learner, plan, batches, validation, self.state is not None, phase)

    def test(self, setup: Setup) -> None:
        """Score the test rows: once, with the final model; never in a trial."""
        prepared, learner = setup.prepared, setup.learner
        if learner.best_state is not None:
            learner.model.load_state_dict(learner.best_state)
        if self.run.study.trial:
            return
        self.progress.say("testing")
        batches = evaluation_batches(prepared.test, setup.plan.orders["test"], self.ranks)
        self.trainer.test(learner, batches, verbose=False)
        if answers := self.results.test:
            self.check_claim()
            ids = prepared.test.ids if answers.ids is None else answers.ids
            columns = (answers.texts, answers.labels, answers.predictions, answers.statistics)
            write_predictions(self.folder, ids, *columns, prepared.groups_of(ids))

    def keep_weights(self, setup: Setup) -> None:
        """Save the final weights, for arms of later studies."""
        if self.run.keep_weights:
            self.check_claim()
            run, folder = self.run, self.folder / MODEL
            save_weights(folder, run.arm.merged(setup.initial.model), run.task.processor(run.model))
            write_corpus_fingerprints(run, setup.prepared, folder)

    def score_trivial_rules(self, setup: Setup) -> None:
        """Score what costs next to nothing on the same rows, after all phases."""
        self.meter.close()
        if not self.run.study.trial:
            self.progress.say("scoring trivial rules")
            self.rules = trivial_rules(self.run, setup.prepared)

    def write_record(
        self,
        status: str,
        reason: str | None,
        argv: Sequence[str],
        started: datetime,
        order_index: int | None,
    ) -> dict[str, Any]:
        """Write the record, atomically: of a run that ended before it trained, what is known."""
        run, results, setup = self.run, self.results, self.setup
        if setup:
            done = results.steps, results.evaluations, results.test is not None, results.generated
            cost = self.instruments.cost(setup.plan.cost(*done), results.waited, setup.learner)
            init = results.init or setup.initial.attest()
            data = setup.prepared.facts | {"order": setup.plan.digest}
            capture = setup.learner.capture
        else:
            cost, init, data, capture = self.instruments.readings(), None, None, None
        device, threads = run.hardware.device_name(), torch.get_num_threads()
        answers_digest = {"predictions": file_digest(self.folder / PREDICTIONS)}
        record = {
            "schema": SCHEMA,
            "run_id": self.names.run_id,
            "pair_id": self.names.pair_id,
            "fingerprint": self.names.section(),
            "study": run.study.name,
            "arm": run.arm.name,
            "seed": run.seed,
            "status": status,
            "scores": results.scores(run, status, reason) | answers_digest,
            "cost": cost,
            "init": init,
            "data": data,
            "environment": {
                **environment(device, run.precision, threads, cpu_name(), started),
                "devices": run.hardware.devices,
                "gpu_driver": gpu_driver(),
                "state": self.instruments.state,
                "order_index": order_index,
                "capture": capture.facts() if capture else None,
            },
            "config": run.config(),
            "argv": list(argv),
            "curve_digest": file_digest(self.folder / CURVE),
            **({"rules": self.rules} if self.rules else {}),
        }
        return write_record(self.folder, record)

    def complete_files(self, status: str, record: dict[str, Any]) -> None:
        """Write the files beside the record of a finished run; a run that has ended needs no state."""
        if status == "finished" and self.setup:
            complete_checkpoints(self.run, self.setup.prepared, self.folder, record, self.results.checkpoints)
            if self.run.keep_weights:
                write_ledger(self.folder / MODEL, record, self.run.model)
        if status in ("finished", "diverged"):
            resume.clear(self.folder)

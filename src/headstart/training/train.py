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
from headstart.training.initialise import Attester, initialise
from headstart.training.instruments import Instruments
from headstart.training.leader import Leader
from headstart.training.loops import evaluation_batches, trainer_of, training_batches
from headstart.training.module import Diverged, Learner
from headstart.training.plan import counters_of, plan_of
from headstart.training.progress import RunProgress
from headstart.training.quiet import quiet
from headstart.training.recorder import Owner, Recorder, Results, Timer
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
    progress = progress or RunProgress()
    state = resume.load(folder, names.run_id, run.hardware.devices)
    earlier_costs = resume.prepare_folder(folder, state)
    quiet()
    run.hardware.set_threads()
    instruments = Instruments(run, progress.say)
    meter = instruments.meter
    for cost in earlier_costs:
        meter.resumed(cost)
    results = Results(**state["results"]) if state else Results()
    prepared = plan = initial = learner = rules = None
    status, reason = "finished", None
    ranks = Leader(run, folder, names.run_id, resumed=state is not None)
    # Trackers first: what they take is no part of the run.
    with tracked(run, names, folder, argv) as mirrors, meter, ranks:
        try:
            # 1. Rows and tokens: the same for both arms.
            with meter.phase("prepare"):
                progress.say("loading rows and weights")
                ranks.start()
                prepared = run.prepare()
                plan = plan_of(run, prepared)
                check_checkpoint_steps(run, plan)

                # 2. The seeded random model, the same for both arms; then the changes of the arm.
                initial = initialise(run, prepared, plan.steps)

            # 3. The FLOPs of every step, counted before the first one.
            with meter.phase("count"):
                progress.say("counting operations")
                counters = counters_of(run, plan, initial.config)
                plan.count(counters)
            with meter.phase("prepare"):
                ranks.meet()

            # 4. Training on the remaining planned batches, with evaluations before the first step, every
            # `plan.every` steps, and after the last step.
            learner = Learner(run, initial.model, plan.steps, plan.every, initial.stages, state, ranks)
            if least := run.hardware.least_replays():
                learner.capture_steps(plan.shapes["train"].batches(), least)
            recorder = Recorder(
                run, prepared, plan, counters[0][1], meter, instruments.memory, folder, results
            )
            callbacks = [
                Owner(check_claim),
                Timer(meter, progress, results, run.task.headline),
                Attester(run.arm.name, initial.attest, meter, results),
                recorder,
                Saver(run, names.run_id, plan, meter, folder, results),
                *([ranks.silence] if ranks.size > 1 else []),
            ]
            trainer = trainer_of(run, plan, learner, callbacks, mirrors, folder)
            progress.begin(run.title, plan.steps)
            training = training_batches(run, prepared, plan, ranks, results.steps)
            validation = evaluation_batches(prepared.validation, plan.orders["validation"], ranks)
            if state:
                recorder.log_curve(trainer)
            else:
                trainer.validate(learner, validation, verbose=False)
            with meter.phase("train"):
                trainer.fit(learner, training, validation)
            if results.steps % plan.every:
                trainer.validate(learner, validation, verbose=False)

            # 5. The test rows: once, with the final model; never in a trial.
            if learner.best_state is not None:
                learner.model.load_state_dict(learner.best_state)
            if not run.study.trial:
                progress.say("testing")
                test = evaluation_batches(prepared.test, plan.orders["test"], ranks)
                trainer.test(learner, test, verbose=False)
                if answers := results.test:
                    check_claim()
                    ids = prepared.test.ids if answers.ids is None else answers.ids
                    columns = (answers.texts, answers.labels, answers.predictions, answers.statistics)
                    groups = [prepared.groups.get(id) for id in ids] if prepared.groups else None
                    write_predictions(folder, ids, *columns, groups)
            if run.keep_weights:
                check_claim()
                save_weights(folder / MODEL, run.arm.merged(initial.model), run.task.processor(run.model))
                write_corpus_fingerprints(run, prepared, folder / MODEL)

            # 6. What costs next to nothing, on the same rows: after all phases.
            meter.close()
            if not run.study.trial:
                progress.say("scoring trivial rules")
                rules = trivial_rules(run, prepared)
        except Diverged as outcome:
            status, reason = "diverged", str(outcome)
        except BaseException as exception:  # noqa: BLE001 - raised again, or what caused it
            error = ranks.cause(exception)
            status = "failed" if isinstance(error, Exception) else "interrupted"
            reason = f"{type(error).__name__}: {error}".strip(": ")
            raise error  # noqa: B904 - with the exception as its context
        finally:
            # 7. The record: written after any outcome, atomically.
            meter.close()
            check_claim()
            if learner and initial and plan and prepared:
                cost = instruments.cost(plan, results, learner)
                init = results.init or initial.attest()
                data = prepared.facts | {"order": plan.digest}
            else:  # the run ended before training could start
                cost, init, data = instruments.readings(), None, None
            answers_digest = {"predictions": file_digest(folder / PREDICTIONS)}
            record = {
                **_identity(run, names),
                "status": status,
                "scores": results.scores(run, status, reason) | answers_digest,
                "cost": cost,
                "init": init,
                "data": data,
                "environment": _environment(run, started)
                | {
                    "state": instruments.state,
                    "order_index": order_index,
                    "capture": learner.capture.facts() if learner and learner.capture else None,
                },
                "config": run.config(),
                "argv": list(argv),
                "curve_digest": file_digest(folder / CURVE),
            }
            if rules:
                record["rules"] = rules
            record = write_record(folder, record)

            # 8. Files beside the record of a finished run.
            if status == "finished" and prepared:
                complete_checkpoints(run, prepared, folder, record, results.checkpoints)
                if run.keep_weights:
                    write_ledger(folder / MODEL, record, run.model)
            if status in ("finished", "diverged"):
                resume.clear(folder)
        for mirror in mirrors:
            mirror.summarise(record)
    return record


def _identity(run: Run, names: Fingerprint) -> dict[str, Any]:
    """The first keys of a record: its schema, and which run it is."""
    return {
        "schema": SCHEMA,
        "run_id": names.run_id,
        "pair_id": names.pair_id,
        "fingerprint": names.section(),
        "study": run.study.name,
        "arm": run.arm.name,
        "seed": run.seed,
    }


def _environment(run: Run, started: datetime) -> dict[str, Any]:
    """The machine, the versions and the threads of the run."""
    device, threads = run.hardware.device_name(), torch.get_num_threads()
    more = {"devices": run.hardware.devices, "gpu_driver": gpu_driver()}
    return environment(device, run.precision, threads, cpu_name(), started) | more

"""Train: one run from its configuration to its record, in the order of a textbook."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from headstart.arms.from_run import MODEL, keep, write_ledger
from headstart.hardware import cpu_name
from headstart.randomness import stream
from headstart.records.environment import environment
from headstart.records.fingerprint import Fingerprint
from headstart.records.schema import VERSION
from headstart.records.store import predictions_digest, write_predictions, write_record
from headstart.run import Run
from headstart.tasks.family import Examples, Prepared
from headstart.training import resume
from headstart.training.checkpoints import check_ages, settle_ages
from headstart.training.contamination import leave_fingerprints
from headstart.training.initialise import start_of
from headstart.training.instruments import cost_of, gauges_of
from headstart.training.module import Diverged, Learner
from headstart.training.plan import Plan, counters_of, plan_of
from headstart.training.progress import Unwatched, Watch
from headstart.training.quiet import quiet
from headstart.training.recorder import Journal
from headstart.training.tracker import summarise, tracked


def train(
    run: Run,
    folder: Path,
    names: Fingerprint,
    argv: Sequence[str] = (),
    watch: Watch | None = None,
    order_index: int | None = None,
) -> dict[str, Any]:
    """Train `run`, leave its record, curve and predictions in `folder`, and return the record.

    `order_index` is the run's place in the order in which this process trained, for the record.
    A loss that is not finite ends the run as `diverged`, which is a result and not an error. Any other
    exception leaves a record with status `failed` or `interrupted` behind and is raised again.
    """
    started = datetime.now(UTC)
    watch = watch or Unwatched()
    former, costs = _opened(folder, names.run_id)
    quiet()
    if run.hardware.threads:
        torch.set_num_threads(run.hardware.threads)
    gauges = gauges_of(run, watch)
    meter = gauges.meter
    for cost in costs:
        meter.resumed(cost)
    with meter, tracked(run, names) as logger:
        # 1. Rows and tokens: the same for both arms.
        with meter.phase("prepare"):
            watch.say("loading rows and weights")
            prepared = run.task.prepare(run.model, run.size)
            plan = plan_of(run, prepared)
            check_ages(run, plan)

            # 2. The seeded random model, the same for both arms; then the one difference.
            start = start_of(run, prepared, plan.steps)

        # 3. What every step will cost, counted before the first one.
        with meter.phase("count"):
            watch.say("counting operations")
            counters = counters_of(run, plan, start.config)
            plan.count(counters)

        # 4. Training, looked at before the first step, at a stated cadence and after the last one.
        learner = Learner(run, start.model, plan.steps, start.stages, former)
        journal = Journal(run, names.run_id, prepared, plan, start, counters[0][1], meter, watch, folder)
        trainer = _trainer(run, plan, journal, logger, folder)
        status, reason = "finished", None
        try:
            watch.begin(run.title, plan.steps)
            _fit(trainer, learner, journal, former)

            # 5. The test rows: once, by the final model, under the same rule for both arms; never in a trial.
            _test(trainer, learner, journal)
            if run.keep_weights:
                keep(folder / MODEL, run.arm.settle(start.model), run.task.processor(run.model))
                leave_fingerprints(run, prepared, folder / MODEL)
        except Diverged as outcome:
            status, reason = "diverged", str(outcome)
        except BaseException as error:
            status = "failed" if isinstance(error, Exception) else "interrupted"
            reason = f"{type(error).__name__}: {error}".strip(": ")
            raise
        finally:
            # 6. The record: whole or not at all, whatever happened.
            meter.close()
            record = {
                "schema": VERSION,
                "run_id": names.run_id,
                "pair_id": names.pair_id,
                "study": run.study.name,
                "arm": run.arm.name,
                "seed": run.seed,
                "status": status,
                "scores": journal.scores(status, reason) | {"predictions": predictions_digest(folder)},
                "cost": cost_of(run, plan, journal, learner, gauges),
                "init": journal.init or start.attest(),
                "data": prepared.facts | {"order": plan.digest},
                "environment": _environment(run, started)
                | {"state": gauges.state, "order_index": order_index},
                "config": run.config(),
                "argv": list(argv),
            }
            _leave(run, prepared, journal, folder, record)
        summarise(logger, record)
    return record


def _opened(folder: Path, run_id: str) -> tuple[dict[str, Any] | None, list[dict[str, Any] | None]]:
    """An empty folder, or one ready to go on from the state that is given, and what that state had cost."""
    former = resume.load(folder, run_id)
    if former is None:
        shutil.rmtree(folder, ignore_errors=True)  # what an attempt left that cannot go on
        folder.mkdir(parents=True)
        return None, []
    costs = resume.former_costs(folder, former)
    resume.rewind(folder, former["step"])
    return former, costs


def _fit(trainer: pl.Trainer, learner: Learner, journal: Journal, former: dict[str, Any] | None) -> None:
    """Train on the planned batches, those that are left of them, with a look before and after."""
    run, prepared, plan = journal.run, journal.prepared, journal.plan
    first, order = 0, plan.orders["train"]
    if former:
        learner.model.load_state_dict(former["model"])
        learner.best_state = former["best"]
        journal.resumed(former, trainer)
        first, order = former["step"], order[former["step"] :]
    training = _loader(prepared.train, order, run.seed, first)
    validation = _loader(prepared.validation, plan.orders["validation"])
    if not former:
        trainer.validate(learner, validation, verbose=False)
    with journal.meter.phase("train"):
        trainer.fit(learner, training, validation)
    if journal.done % plan.every:
        trainer.validate(learner, validation, verbose=False)


def _test(trainer: pl.Trainer, learner: Learner, journal: Journal) -> None:
    """The test rows under the weights that are kept; a trial never sees them."""
    run, test = journal.run, journal.prepared.test
    if learner.best_state is not None:
        learner.model.load_state_dict(learner.best_state)
    if not run.study.trial:
        journal.watch.say("testing")
        trainer.test(learner, _loader(test, journal.plan.orders["test"]), verbose=False)
        _write_predictions(journal.folder, test, journal)


def _leave(run: Run, prepared: Prepared, journal: Journal, folder: Path, record: dict[str, Any]) -> None:
    """Write the record, and what a finished run leaves beside it."""
    write_record(folder, record)
    if record["status"] == "finished":
        settle_ages(run, prepared, folder, record, journal.ages)
        if run.keep_weights:
            write_ledger(folder / MODEL, record, run.model.name)
    if record["status"] in ("finished", "diverged"):
        (folder / resume.FILE).unlink(missing_ok=True)


def _trainer(run: Run, plan: Plan, journal: Journal, logger: Any, folder: Path) -> pl.Trainer:
    """Lightning's trainer for one pass over the planned batches."""
    return pl.Trainer(
        accelerator="gpu" if run.hardware.device() == "cuda" else "cpu",
        devices=1,
        precision="bf16-mixed" if run.precision == "bf16" else "32-true",
        max_epochs=1,  # the plan holds the batches of all epochs
        val_check_interval=plan.every,
        check_val_every_n_epoch=None,
        callbacks=[journal],
        logger=logger or False,
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        log_every_n_steps=plan.steps + 1,
    )


def _loader(
    examples: Examples, order: Sequence[np.ndarray], seed: int | None = None, first: int = 0
) -> DataLoader:
    """Batches in the planned order; rows are collated whole, so the loader itself draws nothing.

    With a seed, the batch of every step draws its noise from that seed and the step, counted from `first`.
    """
    return DataLoader(
        _Steps(examples, order, seed, first),
        batch_size=None,
        shuffle=False,
        pin_memory=torch.cuda.is_available(),
    )


class _Steps(torch.utils.data.Dataset):
    """The batch of each step."""

    def __init__(self, examples: Examples, order: Sequence[np.ndarray], seed: int | None, first: int) -> None:
        self.examples, self.order, self.seed, self.first = examples, order, seed, first

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        draw = None
        if self.seed is not None:
            draw = np.random.default_rng(stream(self.seed, "corruption", self.first + step))
        return self.examples.batch(self.order[step].tolist(), draw)


def _write_predictions(folder: Path, test: Examples, journal: Journal) -> None:
    """One row per test example, in the order of the test rows."""
    if (told := journal.test) is not None:
        ids = test.ids if told.ids is None else told.ids
        write_predictions(folder, ids, told.texts, told.labels, told.predictions, told.statistics)


def _environment(run: Run, started: datetime) -> dict[str, Any]:
    threads = torch.get_num_threads()
    return environment(run.hardware.device_name(), run.precision, threads, cpu_name(), started)

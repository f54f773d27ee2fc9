"""Train: one run from its configuration to its record, in the order of a textbook."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import transformers
from torch.utils.data import DataLoader

from headstart.arms.attest import added, attest
from headstart.arms.from_run import MODEL, keep, write_ledger
from headstart.arms.pour import head_names
from headstart.hardware import cpu_name
from headstart.meters.memory import PeakMemory
from headstart.meters.meter import Meter
from headstart.meters.peak import peak, utilisation
from headstart.meters.state import hardware_state
from headstart.models.model import architecture_digest
from headstart.records.environment import environment
from headstart.records.fingerprint import Fingerprint
from headstart.records.store import write_predictions, write_record
from headstart.run import Run
from headstart.streams import stream
from headstart.tasks.family import Examples
from headstart.training import resume
from headstart.training.ages import check_ages, settle_ages
from headstart.training.journal import Journal
from headstart.training.met_before import leave_fingerprints, met_before
from headstart.training.module import Diverged, Learner
from headstart.training.plan import Plan, counters_of, plan_of
from headstart.training.tracker import summarise, tracked
from headstart.training.watch import Unwatched, Watch


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
    former = resume.load(folder, names.run_id)
    costs = resume.former_costs(folder, former) if former else []
    if former:
        resume.rewind(folder, former["step"])
    else:
        shutil.rmtree(folder, ignore_errors=True)  # what an attempt left that cannot go on
        folder.mkdir(parents=True)
    _quiet()
    if run.hardware.threads:
        torch.set_num_threads(run.hardware.threads)
    device = run.hardware.device()
    synchronize = torch.cuda.synchronize if device == "cuda" else None
    fastest = peak(device, run.precision, seconds=0.5)  # pyright: ignore[reportArgumentType]
    state = hardware_state()

    meter = run.meter.meter(device, synchronize, say=watch.say)
    memory = PeakMemory()
    meter.on_phase_end = memory.note
    for cost in costs:
        meter.resumed(cost)
    with meter, tracked(run, names.run_id) as logger:
        # 1. Rows and tokens: the same for both arms.
        with meter.phase("prepare"):
            watch.say("loading rows and weights")
            prepared = run.task.prepare(run.model, run.size)
            plan = plan_of(run, prepared)
            check_ages(run, plan)

            # 2. The seeded random model, the same for both arms; then the one difference.
            config = run.model.transformers_config(**prepared.head)
            seeds = {name: run.stream(name) for name in ("weights", "order", "noise", "arm")}
            model = run.model.seeded(run.task.auto_class_for(run.model), config, seeds["weights"])
            poured = run.arm.pour(model, run.model, seeds["arm"])
            checkpoint = poured.checkpoint and {**poured.checkpoint, "met_before": met_before(run, prepared)}
            init = attest(model, head_names(model), poured.names, checkpoint)
            init |= {"streams": seeds | {"subset": getattr(run.size, "seed", 0)}}
            init |= {"architecture": architecture_digest(config)}
            init |= {"added": added(model, run.arm.adapt(model, seeds["arm"]))}
            stages = [(round(s.share * plan.steps), s.trainable) for s in run.arm.stages(model)]

        # 3. What every step will cost, counted before the first one.
        with meter.phase("count"):
            watch.say("counting operations")
            counters = counters_of(run, plan, config)
            plan.count(counters)

        # 4. Training, looked at before the first step, at a stated cadence and after the last one.
        learner = Learner(run, model, plan.steps, stages, former)
        journal = Journal(run, names.run_id, prepared, plan, counters[0][1], meter, watch, folder)
        orders = dict(plan.orders)
        if former:
            model.load_state_dict(former["model"])
            learner.best_state = former["best"]
            journal.resumed(former)
            orders["train"] = plan.orders["train"][former["step"] :]
        trainer = _trainer(run, plan, journal, logger, folder)
        first = former["step"] if former else 0
        loaders = {split: _loader(prepared.part(split), orders[split]) for split in ("validation", "test")}
        loaders["train"] = _loader(prepared.train, orders["train"], run.seed, first)
        status, reason = "finished", None
        try:
            watch.begin(run.title, plan.steps)
            if not former:
                trainer.validate(learner, loaders["validation"], verbose=False)
            with meter.phase("train"):
                trainer.fit(learner, loaders["train"], loaders["validation"])
            if journal.done % plan.every:
                trainer.validate(learner, loaders["validation"], verbose=False)

            # 5. The test rows: once, by the final model, under the same rule for both arms; never in a trial.
            if learner.best_state is not None:
                model.load_state_dict(learner.best_state)
            if not run.study.trial:
                watch.say("testing")
                trainer.test(learner, loaders["test"], verbose=False)
                _write_predictions(folder, prepared.test, journal)
            if run.keep_weights:
                keep(folder / MODEL, run.arm.settle(model), run.task.processor(run.model))
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
                "schema": 1,
                "run_id": names.run_id,
                "pair_id": names.pair_id,
                "study": run.study.name,
                "arm": run.arm.name,
                "seed": run.seed,
                "status": status,
                "scores": _scores(run, journal, status, reason),
                "cost": _cost(run, plan, journal, meter, learner, memory, fastest),
                "init": init,
                "data": prepared.facts | {"order": plan.digest},
                "environment": environment(
                    _device_name(device), run.precision, torch.get_num_threads(), cpu_name(), started
                )
                | {"order_index": order_index, "state": state},
                "config": run.config(),
                "argv": list(argv),
            }
            write_record(folder, record)
            if status == "finished":
                settle_ages(run, prepared, folder, record, journal.ages)
                if run.keep_weights:
                    write_ledger(folder / MODEL, record, run.model.name)
            if status in ("finished", "diverged"):
                (folder / resume.FILE).unlink(missing_ok=True)
        summarise(logger, record)
    return record


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


def _scores(run: Run, journal: Journal, status: str, reason: str | None) -> dict[str, Any]:
    """Validation scores of the weights that are kept, test scores, and why one of them is missing."""
    validation = journal.best if run.budget.keep == "best" else journal.last
    finished = status == "finished"
    known = validation if finished else None
    return {
        "validation": known and {name: known[name] for name in known if name != "loss"},
        "test": journal.test.scores if finished and journal.test else None,
        "reason": "a trial: it never sees the test rows" if run.study.trial and finished else reason,
    }


def _cost(
    run: Run,
    plan: Plan,
    journal: Journal,
    meter: Meter,
    learner: Learner,
    memory: PeakMemory,
    fastest: dict[str, Any],
) -> dict[str, Any]:
    """The record's `cost`: what was counted, what was timed, what was metered, and what follows from it."""
    cost = plan.cost(journal.done, journal.evaluations, journal.test is not None, journal.generated)
    seconds, energy = meter.seconds_by_phase(), meter.account()
    ever = frozenset().union(*(names for _, names in learner.stages))
    sizes = [(p.numel(), name in ever) for name, p in learner.model.named_parameters()]
    train, tokens = seconds["train"], cost["tokens"]["train"]
    share = utilisation(cost["flops"]["train"], train, fastest["flops_per_second"])
    return {
        **cost,
        "seconds": seconds,
        "samples_per_second": cost["samples"]["train"] / train if journal.done else None,
        "tokens_per_second": {kind: n / train for kind, n in tokens.items()} if journal.done else None,
        "data_wait_share": min(1.0, journal.waited / train) if journal.done else None,
        "utilisation": {"share": share if journal.done else None, "peak": fastest},
        "parameters": {"all": sum(n for n, _ in sizes), "trainable": sum(n for n, free in sizes if free)},
        "peak_memory_bytes": memory.peaks(),
        "energy": energy,
        **run.meter.consequences(energy, seconds["total"]),
    }


def _write_predictions(folder: Path, test: Examples, journal: Journal) -> None:
    """One row per test example, in the order of the test rows."""
    if (told := journal.test) is not None:
        ids = test.ids if told.ids is None else told.ids
        write_predictions(folder, ids, told.texts, told.labels, told.predictions, told.statistics)


def _device_name(device: str) -> str:
    return f"cuda:{torch.cuda.get_device_name()}" if device == "cuda" else "cpu"


def _quiet() -> None:
    """Keep the libraries' notices out of a screen that shows progress; their errors still come through."""
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"(pytorch_lightning|torch|transformers)\b.*")

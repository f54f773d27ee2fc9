"""Checkpoints: weights saved during a run with their cost, and the state that it can resume from."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from headstart.arms.from_run import save_weights, weights_folder, write_ledger
from headstart.errors import ConfigError
from headstart.meters.meter import Meter
from headstart.run import Run
from headstart.tasks.family import Prepared
from headstart.training import resume
from headstart.training.contamination import write_corpus_fingerprints
from headstart.training.plan import Plan
from headstart.training.recorder import Results


class Saver(pl.Callback):
    """After an evaluation: saves the weights at `checkpoint_steps`, and the state to resume from."""

    def __init__(
        self, run: Run, run_id: str, plan: Plan, meter: Meter, folder: Path, results: Results
    ) -> None:
        self.run, self.run_id, self.plan, self.meter = run, run_id, plan, meter
        self.folder, self.results = folder, results
        self._saved = time.perf_counter()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Save the weights at a checkpoint step, and the state when `save_every` seconds have passed."""
        if self.results.steps in self.run.checkpoint_steps:
            self._save_checkpoint(pl_module.model)
        due = time.perf_counter() - self._saved > self.run.hardware.save_every
        if due and trainer.state.fn == "fit":
            self._saved = time.perf_counter()
            self._save_state(trainer, pl_module)

    def _save_checkpoint(self, model: Any) -> None:
        """Save a copy of the weights, and their cost so far; the model is not changed."""
        step = self.results.steps
        merged = self.run.arm.merged(copy.deepcopy(model))
        save_weights(weights_folder(self.folder, step), merged, self.run.task.processor(self.run.model))
        cost = self.plan.cost(step, self.results.evaluations, False, self.results.generated)
        seconds, joules = self.meter.snapshot()
        self.results.checkpoints[step] = {
            "flops": cost["flops"]["total"],
            "joules": joules,
            "seconds": seconds,
            "train": {"flops": cost["flops"]["train"], "joules": joules, "seconds": seconds},
        }

    def _save_state(self, trainer: pl.Trainer, learner: Any) -> None:
        (schedule,) = trainer.lr_scheduler_configs
        resume.save(
            self.folder,
            {
                "run_id": self.run_id,
                "devices": self.run.hardware.devices,
                "step": self.results.steps,
                "model": learner.model.state_dict(),
                "best": learner.best_state,
                "optimizer": trainer.optimizers[0].state_dict(),
                "schedule": schedule.scheduler.state_dict(),
                "results": self.results.state(),
                "cost": {"seconds": self.meter.seconds_by_phase(), "energy": self.meter.account()},
            },
        )


def check_checkpoint_steps(run: Run, plan: Plan) -> None:
    """ConfigError for a checkpoint step without an evaluation: the scores there would be unknown."""
    evaluated = sorted({*range(0, plan.steps, plan.every), plan.steps})
    if wrong_steps := sorted(set(run.checkpoint_steps) - set(evaluated)):
        shown = ", ".join(map(str, evaluated[:12])) + (", ..." if len(evaluated) > 12 else "")
        raise ConfigError(
            f"checkpoint_steps: step {wrong_steps[0]} is not an evaluation step; choose among {shown}, "
            f"or change budget.evaluations ({run.budget.evaluations})"
        )


def complete_checkpoints(
    run: Run, prepared: Prepared, folder: Path, record: dict[str, Any], costs: dict[int, dict[str, Any]]
) -> None:
    """Write the hashes of its training text and its cost beside each checkpoint."""
    for step in run.checkpoint_steps:
        weights = weights_folder(folder, step)
        write_corpus_fingerprints(run, prepared, weights)
        write_ledger(weights, record, run.model, costs[step])

"""Loops: Lightning's trainer for the planned batches of a run, the same in each of its processes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch.utils.data import DataLoader

from headstart.randomness import stream
from headstart.run import Run
from headstart.tasks.family import Examples, Prepared
from headstart.training.module import Learner
from headstart.training.plan import Plan
from headstart.training.rank import Rank


def trainer_of(
    run: Run,
    plan: Plan,
    learner: Learner,
    callbacks: list[pl.Callback],
    loggers: Sequence[Logger],
    folder: Path,
) -> pl.Trainer:
    """Lightning's trainer for one pass over the planned batches."""
    rank = learner.rank
    return pl.Trainer(
        accelerator=run.hardware.device(),
        devices=rank.size,
        strategy=rank.strategy(staged=len(learner.stages) > 1),
        precision="bf16-mixed" if run.precision == "bf16" else "32-true",
        max_epochs=1,  # the plan holds the batches of all epochs
        val_check_interval=plan.every,
        check_val_every_n_epoch=None,
        callbacks=callbacks,
        logger=[*loggers] or False,
        default_root_dir=folder,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        log_every_n_steps=plan.steps + 1,
    )


def passes(
    trainer: pl.Trainer,
    learner: Learner,
    plan: Plan,
    training: DataLoader,
    validation: DataLoader,
    resumed: bool,
    phase: AbstractContextManager[Any],
) -> None:
    """The calls of Lightning that train, which all ranks make in the same order.

    An evaluation before the first step, the steps with evaluations among them, in `phase`, and an evaluation
    after the last step.
    """
    if not resumed:
        trainer.validate(learner, validation, verbose=False)
    with phase:
        trainer.fit(learner, training, validation)
    if plan.steps % plan.every:
        trainer.validate(learner, validation, verbose=False)


def training_batches(run: Run, prepared: Prepared, plan: Plan, rank: Rank, first_step: int) -> DataLoader:
    """The planned batches from `first_step` on, or this rank's share of them.

    The noise of every batch, such as which tokens are masked, depends on the seed and its step.
    """
    order = plan.orders["train"][first_step:]

    def batch(step: Any) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng(stream(run.seed, "corruption", first_step + step))
        whole = prepared.train.batch(order[step].tolist(), rng)
        return whole if rank.size == 1 else rank.share(whole, run.task.scored(whole))

    return _loader(batch, len(order))


def evaluation_batches(examples: Examples, order: Sequence[np.ndarray], rank: Rank) -> DataLoader:
    """The planned batches of an evaluation that this rank takes."""
    own = rank.own(order)
    return _loader(lambda number: examples.batch(own[number].tolist(), None), len(own))


def _loader(batch: Any, number: int) -> DataLoader:
    """Batches in order; the loader itself draws nothing."""
    numbers: Any = range(number)
    return DataLoader(numbers, batch_size=None, collate_fn=batch, pin_memory=torch.cuda.is_available())

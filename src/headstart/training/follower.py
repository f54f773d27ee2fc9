"""Follower: the process of any rank but 0. It computes its shares, and neither writes nor keeps anything."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from headstart.errors import RecordError
from headstart.plugins import keep_code
from headstart.run import Run
from headstart.training import resume
from headstart.training.initialise import initialise
from headstart.training.loops import evaluation_batches, passes, trainer_of, training_batches
from headstart.training.module import Learner
from headstart.training.plan import plan_of
from headstart.training.quiet import quiet
from headstart.training.rank import Rank

# Rank 0 may write and score for long while the others wait. That a rank has ended is noticed without it.
PATIENCE = timedelta(days=7)
READY = "ready"


@dataclass(frozen=True)
class Order:
    """What a follower needs to know; only plain values, since it is another process."""

    config: Mapping[str, Any]  # of the run
    code: Sequence[tuple[str, bytes]]  # of the user's own kinds, as the study keeps them
    folder: Path
    run_id: str
    resumed: bool  # whether rank 0 goes on from the state in the folder
    number: int
    store: str  # the file by which the ranks meet


@dataclass(frozen=True)
class Failure:
    """The exception that ended a follower."""

    kind: str
    message: str
    traceback: str


def follow(order: Order, link: Connection) -> None:
    """The whole life of a follower: `link` sends that it is ready, its outputs, and why it failed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _follow(order, link)
    except BaseException as error:  # noqa: BLE001 - rank 0 says it
        link.send(Failure(type(error).__name__, str(error), traceback.format_exc()))
        raise SystemExit(1) from None


def join_group(run: Run, rank: Rank, store: str) -> None:
    """Meet the other ranks of the run: on GPUs through NCCL, else through gloo."""
    gpu = run.hardware.device() == "cuda"
    if gpu:
        torch.cuda.set_device(rank.number)
    elif sys.platform == "linux":  # nobody else on the network can reach the group
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "nccl" if gpu else "gloo",
        store=dist.FileStore(store, rank.size),  # pyright: ignore[reportPrivateImportUsage]
        rank=rank.number,
        world_size=rank.size,
        timeout=PATIENCE,
        device_id=torch.device("cuda", rank.number) if gpu else None,
    )


def _end_with_parent() -> None:
    """Rank 0 may be killed: nothing goes on without it."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _follow(order: Order, link: Connection) -> None:
    """The same calls of Lightning as rank 0 makes, in the same order."""
    quiet()
    keep_code(order.code)
    run = Run.read(order.config)
    run.hardware.set_threads()
    rank = Rank(order.number, run.hardware.devices)
    state = resume.load(order.folder, order.run_id, rank.size) if order.resumed else None
    if order.resumed and state is None:
        raise RecordError(f"{order.folder}: the state that rank 0 goes on from cannot be read any more")
    prepared = run.prepare()
    plan = plan_of(run, prepared)
    initial = initialise(run, prepared, plan.steps)
    learner = Learner(run, initial.model, plan.steps, plan.every, initial.stages, state, rank)
    trainer = trainer_of(run, plan, learner, [Partaker(link)], [], order.folder)
    training = training_batches(run, prepared, plan, rank, learner.step)
    validation = evaluation_batches(prepared.validation, plan.orders["validation"], rank)
    link.send(READY)
    join_group(run, rank, order.store)

    passes(trainer, learner, plan, training, validation, state is not None, nullcontext())
    if not run.study.trial:
        test = evaluation_batches(prepared.test, plan.orders["test"], rank)
        trainer.test(learner, test, verbose=False)


class Partaker(pl.Callback):
    """Takes part in what rank 0 records of an evaluation: outputs, losses and their history."""

    def __init__(self, link: Connection) -> None:
        self.link = link

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.link.send(pl_module.outputs())

    on_test_epoch_end = on_validation_epoch_end

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Bring the losses together, in the order of the recorder of rank 0."""
        pl_module.mean_train_loss()
        pl_module.history.take()

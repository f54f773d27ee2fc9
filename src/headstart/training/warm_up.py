"""Warm-up: trains for a few seconds and discards the result, so that no run is measured on a cold machine."""

from __future__ import annotations

import time

import numpy as np
import torch

from headstart.randomness import stream
from headstart.run import Run
from headstart.training.plan import plan_of


def warm_up(run: Run, seconds: float) -> None:
    """Train a temporary model on the run's first batches for about `seconds`."""
    end = time.perf_counter() + seconds
    run.hardware.set_threads()
    prepared = run.prepare()
    config = run.model.transformers_config(**prepared.head)
    device = run.hardware.device()
    head = run.task.auto_class_for(run.model)
    model = run.model.seeded(head, config, stream(run.seed, "weights")).to(device).train()
    optimizer = run.optim.optimizer(model, {}, frozenset(name for name, _ in model.named_parameters()))
    rng = np.random.default_rng(0)
    for rows in plan_of(run, prepared).orders["train"]:
        if time.perf_counter() > end:
            break
        batch = prepared.train.batch(rows.tolist(), rng)
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.autocast(device, torch.bfloat16, enabled=run.precision == "bf16"):
            loss = run.task.loss(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

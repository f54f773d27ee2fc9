"""Warm-up: trains for a few seconds and discards the result, so that no run is measured on a cold machine."""

from __future__ import annotations

import time

import numpy as np
import torch

from headstart.randomness import stream
from headstart.run import Run
from headstart.training.plan import plan_of


def warm_up(run: Run, seconds: float) -> None:
    """Train a temporary model on the run's first batches for about `seconds`, on each GPU of the run."""
    end = time.perf_counter() + seconds
    run.hardware.set_threads()
    prepared = run.prepare()
    config = run.model.transformers_config(**prepared.head)
    kind = run.hardware.device()
    head = run.task.auto_class_for(run.model)
    seed = stream(run.seed, "weights")
    devices = [f"cuda:{number}" for number in range(run.hardware.devices)] if kind == "cuda" else [kind]
    models = {device: run.model.seeded(head, config, seed).to(device).train() for device in devices}
    optimizers = {device: run.optim.optimizer(model, {}) for device, model in models.items()}
    rng = np.random.default_rng(0)
    for rows in plan_of(run, prepared).orders["train"]:
        if time.perf_counter() > end:
            break
        batch = prepared.train.batch(rows.tolist(), rng)
        for device in devices:
            placed = {name: tensor.to(device) for name, tensor in batch.items()}
            with torch.autocast(kind, torch.bfloat16, enabled=run.precision == "bf16"):
                loss = run.task.loss(models[device], placed)
            loss.backward()
            optimizers[device].step()
            optimizers[device].zero_grad()

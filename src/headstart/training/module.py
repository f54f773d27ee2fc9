"""The LightningModule of a run: a transformers model and its task's loss; no step waits for the GPU."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn

from headstart.errors import ConfigError
from headstart.randomness import stream
from headstart.run import Run
from headstart.training.capture import Batch, Capture, CudaGraph, Graph
from headstart.training.history import History
from headstart.training.noise import dropout_noise
from headstart.training.rank import WEIGHT, Rank


class Diverged(Exception):  # noqa: N818 - an outcome of a run, not an error of the program
    """The loss became NaN, infinite or far too large; the message says where."""


class Learner(pl.LightningModule):
    """One model in training. Losses stay on the device until an evaluation reads them.

    Lightning drives every step. A step of a CUDA graph is whole after `training_step`: Lightning's backward
    and optimizer step are left out for it, while its counters, schedule and callbacks go on as ever.
    """

    def __init__(
        self,
        run: Run,
        model: nn.Module,
        steps: int,
        every: int,
        stages: Sequence[tuple[int, frozenset[str]]],
        state: dict[str, Any] | None = None,
        rank: Rank | None = None,
    ) -> None:
        super().__init__()
        self.run, self.model, self.steps, self.state = run, model, steps, state
        self.rank = rank or Rank()
        self.stages = stages  # from which step on which parameters train
        self.trained = frozenset().union(*(names for _, names in stages))  # at some step
        self._norms = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.modules())
        if self._norms and self.rank.size > 1:
            raise ConfigError(
                f"hardware.devices={self.rank.size}: {type(model).__name__} normalises over a batch, of "
                "which each device has a share only: use hardware.devices=1"
            )
        self.best_state: dict[str, torch.Tensor] | None = None
        if state:
            model.load_state_dict(state["model"])
            self.best_state = state["best"]
        self._sum: torch.Tensor | None = None  # () sum of this rank's losses since the last evaluation
        self._count = 0
        self._bad_step: torch.Tensor | None = None  # () first step with a loss that is not finite
        self._outputs: list[Batch] = []
        self.history = History(run.optim, steps, every, self.rank)
        self._loss: torch.Tensor | None = None  # () of the latest step
        self._norm: torch.Tensor | None = None  # () its gradient's norm; a graph writes it in place
        self.capture: Capture | None = None
        self._whole = False  # whether `training_step` makes the whole step at hand

    def capture_steps(self, shapes: Sequence[Hashable], least: int, graph: type[Graph] = CudaGraph) -> None:
        """Let graphs make the steps whose shape of batch comes `least` times more; `shapes`: one per step."""
        self.capture = Capture(self._whole_step, self._changing, self._seed, shapes, least, graph)

    @property
    def step(self) -> int:
        """Finished steps, including those before a resume."""
        return (self.state["step"] if self.state else 0) + self.global_step

    def setup(self, stage: str) -> None:
        """DDP looks once for the parameters that train: those of every stage."""
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in self.trained)

    def configure_optimizers(self) -> Any:
        """AdamW and its schedule, stepped once per batch."""
        optimizer = self.run.optim.optimizer(self.model, self.run.arm.lr_factors(self.model), self.trained)
        self._set_trainable()
        schedule = self.run.optim.schedule(optimizer, self.steps)
        if self.state:
            self.run.optim.load(optimizer, self.state["optimizer"])
            schedule.load_state_dict(self.state["schedule"])
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Dropout depends only on seed, step and rank: equal in both arms, and after a resume."""
        self._seed()
        if len(self.stages) > 1 or self._norms:
            self._set_trainable()
        stage = sum(start <= self.step for start, _ in self.stages)
        self._whole = self.capture is not None and self.capture.covers(self.step, stage, batch)

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Clip the gradient's norm here, since Lightning refuses to do it for fused optimizers."""
        if self.run.optim.clip is not None:
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.run.optim.clip)
            self._norm = norm.clone() if self._norm is None else self._norm.copy_(norm)

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Mean loss of the batch, () in fp32; of a share, with its weight."""
        weight = batch.pop(WEIGHT, None)
        if self._whole and self.capture:
            loss = self.capture.step(batch)
        else:
            loss = self._training_loss(batch)
            loss = loss if weight is None else loss * weight
        self._loss = loss.detach()
        self._add_loss(self._loss)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self._loss is not None:
            self.history.add(self.step, self._loss, self._norm)

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None
    ) -> None:
        """Lightning's; a whole step is already made by the closure, which calls `training_step`."""
        if self._whole:
            optimizer_closure()
        else:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Any) -> None:
        """Lightning's; not after a whole step."""
        if not self._whole:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)

    def backward(self, loss: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Lightning's; not after a whole step."""
        if not self._whole:
            super().backward(loss, *args, **kwargs)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect the outputs that the task scores; they stay on the device."""
        self._outputs.append(self.run.task.observe(self.model, batch))

    test_step = validation_step

    def outputs(self) -> list[dict[str, np.ndarray]]:
        """The outputs of every batch since the last call, as arrays on the CPU."""
        outputs = [{name: values.cpu().numpy() for name, values in batch.items()} for batch in self._outputs]
        self._outputs.clear()
        return outputs

    def mean_train_loss(self) -> float | None:
        """Mean training loss since the last call; Diverged when one of them was not finite.

        All ranks call it together.
        """
        if self._sum is None or self._bad_step is None:
            return None
        mean, bad = float(self.rank.mean(self._sum)) / self._count, int(self.rank.least(self._bad_step))
        self._sum, self._count = None, 0
        if bad < self.steps:
            raise Diverged(f"the training loss was not finite at step {bad + 1}")
        return mean

    def _seed(self) -> None:
        # torch.manual_seed also queues a call, with its stack, for the GPU that this process may not have.
        on_cpu = self.device.type == "cpu"
        (torch.default_generator.manual_seed if on_cpu else torch.manual_seed)(self._noise_seed)

    @property
    def _noise_seed(self) -> int:
        return stream(self.run.seed, "noise", *self.rank.noise(self.step))

    def _training_loss(self, batch: Batch) -> torch.Tensor:
        with dropout_noise(self.run, self._noise_seed):
            return self.run.task.loss(self.model, batch)

    def _whole_step(self, batch: Batch) -> torch.Tensor:
        """The operations of an eager step, in its order; returns its loss, ()."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        loss = self._training_loss(batch)
        with torch.autocast(self.device.type, enabled=False):  # Lightning's covers the forward pass alone
            optimizer.zero_grad()
            loss.backward()
            self.on_before_optimizer_step(optimizer)
            optimizer.step()
        return loss.detach()

    def _changing(self) -> Iterator[torch.Tensor]:
        """All tensors that a step may change."""
        optimizer: Any = self.optimizers(use_pl_optimizer=False)
        yield from self.model.parameters()
        yield from self.model.buffers()
        yield from () if self._norm is None else (self._norm,)
        for values in optimizer.state.values():
            yield from values.values()

    def _set_trainable(self) -> None:
        """Train only the parameters of the current stage; a frozen batch norm also keeps its statistics."""
        (names,) = [names for start, names in self.stages if start <= self.step][-1:]
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name in names)
        for layer in self.model.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.train(self.training and any(p.requires_grad for p in layer.parameters()))

    def _add_loss(self, loss: torch.Tensor) -> None:
        # Filled on the device: `torch.tensor` would copy a number from the host, and wait for the GPU.
        step, never = (torch.full((), number, device=loss.device) for number in (self.step, self.steps))
        bad = torch.where(torch.isfinite(loss), never, step)
        self._bad_step = bad if self._bad_step is None else torch.minimum(self._bad_step, bad)
        self._sum = loss if self._sum is None else self._sum + loss
        self._count += 1

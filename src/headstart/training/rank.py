"""Rank: one process of a run. With several devices each has one, and takes its share of every batch.

Lightning's DDP adds up the gradients. A run has the same batches on any number of devices: of a training
batch each rank takes some rows, of the batches of an evaluation every rank takes some whole ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from pytorch_lightning.plugins.environments import LightningEnvironment  # pyright: ignore[reportPrivateImportUsage]
from pytorch_lightning.strategies import DDPStrategy

from headstart.errors import DataError
from headstart.training.capture import Batch

WEIGHT = "weight of the loss"  # in a batch of several ranks: () fp32
Outputs = list[dict[str, np.ndarray]]  # of the batches of an evaluation


def in_order(parts: Sequence[Outputs], batches: int) -> Outputs:
    """The outputs of all batches of an evaluation, from those of each rank: see `Rank.own`."""
    return [parts[number % len(parts)][number // len(parts)] for number in range(batches)]


class Rank:
    """Process `number` of the `size` processes of a run; alone, everything stays as it is."""

    def __init__(self, number: int = 0, size: int = 1) -> None:
        self.number, self.size = number, size

    def share(self, batch: Batch, scored: torch.Tensor) -> Batch:
        """The rows of a training batch that this rank takes, padded like the whole batch.

        `scored`: (rows,) of how many items each row's part of the loss is a mean. DDP takes the mean over
        ranks, so the loss of a share gets a weight: its part of all items, times the ranks. The gradient is
        then that of the mean over the whole batch, also where shares differ in rows or items.
        """
        for name, values in batch.items():
            if len(values) != len(scored):
                raise DataError(
                    f"task: {name} of a batch has {len(values)} entries for {len(scored)} rows, so it cannot "
                    "be divided: use hardware.devices=1"
                )
        rows = np.array_split(np.arange(len(scored)), self.size)[self.number]
        items, every = int(scored[rows].sum()), int(scored.sum())
        if not items:  # DDP needs all ranks in every step: this one repeats a row, with weight 0
            rows = np.array([int(scored.argmax())])
        part = {name: values[rows[0] : rows[-1] + 1] for name, values in batch.items()}
        return part | {WEIGHT: torch.tensor(self.size * items / max(1, every))}

    def own(self, batches: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """The batches of an evaluation that this rank takes: at least one, since Lightning skips none."""
        return batches[self.number :: self.size] or batches[:1]

    def noise(self, step: int) -> tuple[int, ...]:
        """The index of the noise of a step: dropout must not repeat in the shares of a batch."""
        return (step, self.number) if self.number else (step,)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean over all ranks, which call this together."""
        return values if self.size == 1 else self._reduced(values, dist.ReduceOp.SUM) / self.size

    def least(self, values: torch.Tensor) -> torch.Tensor:
        """The least over all ranks, which call this together."""
        return values if self.size == 1 else self._reduced(values, dist.ReduceOp.MIN)

    def gather(self, outputs: Outputs, batches: int) -> Outputs:
        """Of rank 0: the outputs of all batches of an evaluation, in order."""
        return outputs

    def strategy(self, staged: bool) -> DDPStrategy | str:
        """How Lightning trains: DDP among several ranks. `staged`: not always the same parameters."""
        return "auto" if self.size == 1 else Ddp(self.number, staged)

    @staticmethod
    def _reduced(values: torch.Tensor, how: Any) -> torch.Tensor:
        values = values.clone()
        dist.all_reduce(values, how)
        return values


class Ddp(DDPStrategy):
    """Lightning's DDP among processes that are there already, in a group that they have joined."""

    def __init__(self, number: int, staged: bool) -> None:
        super().__init__(
            cluster_environment=Place(number),
            static_graph=not staged,  # parameters without a gradient are found once
            find_unused_parameters=staged,  # in every step
            broadcast_buffers=False,  # none changes, and ranks have different numbers of evaluation batches
        )

    def _configure_launcher(self) -> None:
        """No process is started, and no number of threads is set."""

    @property
    def world_size(self) -> int:
        """Only asked by Lightning to learn, before every step, whether a rank got SIGTERM: that would wait
        for the GPU, and in its signal handler for ranks that are elsewhere. Here only rank 0 gets signals."""
        return 1


class Place(LightningEnvironment):
    """The number of this process."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def local_rank(self) -> int:
        return self._number

    def node_rank(self) -> int:
        return 0

"""Exact model FLOPs of a step, counted once per distinct batch shape on tensors that hold no numbers.

A multiply-add is two operations; padded positions count, recomputation does not. The count runs on
the `meta` device: attention is decomposed into its matrix products there, so that fused kernels, which
torch's counter does not know on the CPU (pytorch/pytorch#195460), are counted like any other, and neither
weights nor random numbers are touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


class FlopCounter:
    """FLOPs of one batch by stage and shape, from a skeleton of the model."""

    def __init__(self, skeleton: nn.Module, trainable: set[str]) -> None:
        self._skeleton = skeleton
        for name, parameter in skeleton.named_parameters():
            parameter.requires_grad_(name in trainable)
        self._known: dict[tuple[bool, int], int] = {}
        self.without_formula: set[str] = set()

    def train(self, rows: int, length: int) -> int:
        """Forward and backward of a batch of `rows` texts padded to `length` tokens."""
        return rows * self._per_row(True, length)

    def forward(self, rows: int, length: int) -> int:
        """Forward only."""
        return rows * self._per_row(False, length)

    def _per_row(self, backward: bool, length: int) -> int:
        """Every operation with a formula works row by row, so one row is counted and multiplied."""
        key = (backward, length)
        if key not in self._known:
            self._known[key] = self._count(backward, length)
        return self._known[key]

    def _count(self, backward: bool, length: int) -> int:
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        ids = torch.zeros(1, length, dtype=torch.long, device="meta")  # (1, length)
        self._skeleton.train(backward)
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(backward):
            logits = self._skeleton(input_ids=ids).logits
            if backward:
                logits.sum().backward()
        self._skeleton.zero_grad(set_to_none=True)
        return int(counter.get_total_flops())

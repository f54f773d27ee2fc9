"""Exact model FLOPs of a step, counted once per distinct batch shape on tensors that hold no numbers.

A multiply-add is two operations; padded positions count, recomputation does not. Model FLOPs are matrix
products and convolutions: elementwise operations, normalisation, softmax, indexing and reductions are left
out by convention. The count runs on the `meta` device: attention is decomposed into its matrix products
there, so that fused kernels, which torch's counter does not know on the CPU (pytorch/pytorch#195460), are
counted like any other, and neither weights nor random numbers are touched. Attention is counted in full,
causal or not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headstart.node import ConfigError

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils._python_dispatch import TorchDispatchMode

# Words in the names of aten operations that multiply matrices, or work as hard as those that do.
_HEAVY = re.compile(
    r"mm|addmm|bmm|baddbmm|addbmm|sspaddmm|mv|addmv|dot|vdot|matmul|linear|trilinear|conv.*|attention|transformer"
    r"|lstm|gru|rnn|cdist|pdist|euclidean|fft|linalg|lu|qr|geqrf|ormqr|orgqr|svd|eig.*|cholesky|inverse|solve"
)
_LIGHT = frozenset({"linalg_vector_norm", "_linalg_check_errors", "linalg_cross"})
_SILENT = frozenset({"prim", "prims", "profiler", "c10d", "_c10d_functional"})  # no arithmetic of a model


Counts = tuple[dict[tuple[bool, int], int], set[str]]  # FLOPs per row by stage and length; without a formula
_shared: dict[tuple[str, ...], Counts] = {}


class FlopCounter:
    """FLOPs of one batch by stage and shape, from a skeleton of the model.

    `inputs` gives the tensors of one row from a length; by default one text of that many tokens.
    `without_formula` names the operations that were met and could not be counted: with any in it, every
    count is a lower bound. `architecture` is a digest: counters of one process that share it, and what may
    train, share their counts, so that a study counts each shape once.
    """

    def __init__(
        self,
        skeleton: nn.Module,
        trainable: set[str],
        inputs: Callable[[int], dict[str, Tensor]] | None = None,
        architecture: str | None = None,
    ) -> None:
        # In evaluation mode nothing is recomputed (gradient checkpointing) and no layer is dropped at random.
        self._skeleton = skeleton.eval()
        for name, parameter in skeleton.named_parameters():
            parameter.requires_grad_(name in trainable)
        self._inputs = inputs or _text
        fresh: Counts = ({}, set())
        counts = (
            fresh if architecture is None else _shared.setdefault((architecture, *sorted(trainable)), fresh)
        )
        self._known, self.without_formula = counts

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

        row = {name: tensor.to("meta") for name, tensor in self._inputs(length).items()}
        witness = _witness(self.without_formula)  # outside the counter: it sees what the counter executes
        with (
            witness,
            FlopCounterMode(display=False) as counter,
            torch.set_grad_enabled(backward),
            _no_fusion(),
        ):
            scores = _first_floating(self._skeleton(**row))
            if scores.requires_grad:
                scores.sum().backward()
        self._skeleton.zero_grad(set_to_none=True)
        return int(counter.get_total_flops())


def _text(length: int) -> dict[str, Tensor]:
    import torch

    return {"input_ids": torch.zeros(1, length, dtype=torch.long, device="meta")}


def _first_floating(output: Any) -> Tensor:
    """The logits: the first tensor of real numbers in whatever the model returns."""
    import torch
    from torch.utils._pytree import tree_leaves

    for leaf in tree_leaves(output):
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
            return leaf
    raise ConfigError("model: its output holds no floating point tensor; choose an auto class with a head")


@contextmanager
def _no_fusion() -> Iterator[None]:
    """torch's fused inference path of `nn.MultiheadAttention` has no formula; its parts have."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _witness(names: set[str]) -> TorchDispatchMode:
    """A mode that adds executed operations without a formula to `names`, and answers for absent numbers."""
    from torch.utils._python_dispatch import TorchDispatchMode

    answers = _answers()

    class Witness(TorchDispatchMode):
        """Sees every executed operation."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if _uncounted(func):
                names.add(str(func._overloadpacket))
            answer = answers.get(func)
            found = answer(*args) if answer else None
            return func(*args, **(kwargs or {})) if found is None else found

    return Witness()


def _uncounted(func: Any) -> bool:
    """Whether an operation is part of model FLOPs, or unknown, and torch has no formula for it."""
    from torch.utils.flop_counter import flop_registry

    if func._overloadpacket in flop_registry or func.namespace in _SILENT:
        return False
    if func.namespace != "aten":
        return True
    name = func._schema.name.split("::")[1]
    words = re.findall(r"[a-z]+", name)
    heavy = any(_HEAVY.fullmatch(word) for word in words)
    return heavy and name not in _LIGHT and "upsample" not in words


def _answers() -> dict[Any, Callable[..., Any]]:
    """Stand-ins for operations whose result depends on numbers that a skeleton does not have."""
    import torch

    aten = torch.ops.aten

    return {
        aten._local_scalar_dense.default: _no,
        aten.unique_consecutive.default: _one_value,
        aten.index.Tensor: _one_per_row,
    }


def _no(tensor: Tensor) -> bool | None:
    """Questions such as "is there padding?" are answered no; a number cannot be guessed."""
    import torch

    if tensor.device.type != "meta":
        return None
    if tensor.dtype == torch.bool:
        return False
    raise ConfigError(
        "model: its work depends on a number that it computes, so it cannot be counted before the run; "
        "choose an architecture without such routing"
    )


def _one_value(tensor: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    """All rows are alike."""
    if tensor.device.type != "meta":
        return None
    return tensor.new_empty(1), tensor.new_empty(0).long(), tensor.new_empty(0).long()


def _one_per_row(tensor: Tensor, indices: list[Tensor | None]) -> Tensor | None:
    """A mask over positions picks one of each row, as heads that read the end-of-text token do."""
    import torch

    mask = indices[0]
    if mask is None or mask.device.type != "meta" or mask.dtype != torch.bool or len(indices) > 1:
        return None
    return tensor.new_empty(mask.shape[0], *tensor.shape[mask.dim() :])

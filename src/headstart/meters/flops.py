"""Exact model FLOPs of a step, counted on the meta device for a few shapes.

A multiply-add is two operations; padded positions count, recomputation does not. Model FLOPs are matrix
products and convolutions: elementwise operations, normalisation, softmax, indexing and reductions are left
out by convention. The count runs on the `meta` device: attention is decomposed into its matrix products
there, so that fused kernels, which torch's counter does not know on the CPU (pytorch/pytorch#195460), are
counted like any other, and neither weights nor random numbers are touched. Attention is counted in full,
causal or not. Other shapes are interpolated exactly (polynomial.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from headstart.errors import ConfigError
from headstart.meters.polynomial import Polynomial

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils._python_dispatch import TorchDispatchMode

# Words in the names of aten operations that multiply matrices, or work as hard as those that do.
_HEAVY = re.compile(
    r"mm|addmm|bmm|baddbmm|addbmm|sspaddmm|mv|addmv|dot|vdot|matmul|linear|trilinear|conv.*|attention|transformer"
    r"|lstm|gru|rnn|cdist|pdist|euclidean|fft|linalg|lu|qr|geqrf|ormqr|orgqr|svd|eig.*|cholesky|inverse|solve"
)
_LIGHT = frozenset({"linalg_vector_norm", "_linalg_check_errors", "linalg_cross"})
_NO_ARITHMETIC = frozenset({"prim", "prims", "profiler", "c10d", "_c10d_functional"})  # namespaces


Row = dict[str, "Tensor"]  # what a model reads of one row, on the meta device
Counts = tuple[dict[tuple[str, ...], Polynomial], set[str]]  # FLOPs by stage; operations without a formula
_shared: dict[tuple[str, ...], Counts] = {}


class FlopCounter:
    """FLOPs of one batch by stage and shape, from a skeleton of the model.

    `inputs` makes the tensors of one row from its shape, `prompt` those that generation starts with; by
    default both are a text of so many tokens.
    `without_formula` names the operations that could not be counted: if there is any, every count is a lower
    bound. `architecture` is a digest: counters of one process that share it, and the trainable parameters,
    share their counts, so that a study counts each shape once.
    """

    def __init__(
        self,
        skeleton: nn.Module,
        trainable: set[str],
        inputs: Callable[..., Row] | None = None,
        architecture: str | None = None,
        prompt: Callable[..., Row] | None = None,
    ) -> None:
        # In evaluation mode nothing is recomputed (gradient checkpointing) and no layer is dropped at random.
        self._skeleton, self._trainable = skeleton.eval(), trainable
        self._inputs, self._prompt = inputs or _text, prompt or inputs or _text
        counts: Counts = ({}, set())
        if architecture is not None:
            counts = _shared.setdefault((architecture, *sorted(trainable)), counts)
        self._polynomials, self.without_formula = counts

    def train(self, rows: int, *shape: int) -> int:
        """Forward and backward of a batch of `rows` rows of this shape (padded length, ...)."""
        return self._batch("train", rows, self._inputs(*shape), backward=True)

    def forward(self, rows: int, *shape: int) -> int:
        """Forward only."""
        return self._batch("forward", rows, self._inputs(*shape), backward=False)

    def generate(self, rows: int, steps: int, *shape: int) -> int:
        """Greedy generation of `steps` tokens for each of `rows` rows of this shape, with a cache.

        The encoder runs once, and so does the decoder's projection of its output to keys and values. Every
        token but the last is an input once, and attends to one position more than the token before.
        """
        if not steps:
            return 0
        row = self._prompt(*shape)
        polynomial = self._polynomial("generate", *row)
        return rows * polynomial.value((*_sizes(row), steps), lambda: self._count_generation(row, steps))

    def _batch(self, stage: str, rows: int, row: Row, backward: bool) -> int:
        """FLOPs of one row times `rows`, minus the work that all rows of a batch share.

        Shared work is twice one row minus two rows (DeBERTa projects its relative positions once per batch).
        If there is none at the first sizes, there is none at others.
        """
        sizes = _sizes(row)

        def count() -> int:
            forward, total = self._count(row, backward)
            if backward:  # the forward half of a training step is that of an evaluation
                self._polynomial("forward", *row).add(sizes, forward)
            return total

        single = self._polynomial(stage, *row).value(sizes, count)
        sharing = self._polynomial(stage, "shared", *row)
        if rows < 2 or (sharing.counts and not any(sharing.counts.values())):
            return rows * single
        twice = {name: tensor.repeat(2, *[1] * (tensor.ndim - 1)) for name, tensor in row.items()}
        shared = sharing.value(sizes, lambda: 2 * single - self._count(twice, backward)[-1])
        return rows * single - (rows - 1) * shared

    def _polynomial(self, *stage: str) -> Polynomial:
        return self._polynomials.setdefault(stage, Polynomial())

    def _count(self, row: Row, backward: bool) -> tuple[int, int]:
        """FLOPs of the forward pass, and of both passes."""
        import torch

        for name, parameter in self._skeleton.named_parameters():
            parameter.requires_grad_(backward and name in self._trainable)
        with self._counting() as counter, torch.set_grad_enabled(backward):
            scores = _first_floating(self._skeleton(**_on_meta(row)))
            forward = counter.total
            if scores.requires_grad:
                scores.sum().backward()
        self._skeleton.zero_grad(set_to_none=True)
        return forward, counter.total

    def _count_generation(self, row: Row, steps: int) -> int:
        """FLOPs of `steps` tokens, if each costs a constant amount more than the one before.

        Three tokens give that amount; the last token, counted from a prompt as long as the text before it,
        checks it. Without such a constant (a sliding window), all tokens are counted.
        """
        totals = self._totals(row, min(steps, 3))
        if steps <= 3:
            return totals[-1]
        second, third = totals[1] - totals[0], totals[2] - totals[1]
        total_before, total_after = self._totals(_longer(row, steps - 2), 2)
        last_cost = total_after - total_before
        if last_cost != second + (steps - 2) * (third - second):
            return self._totals(row, steps)[-1]
        return totals[0] + (steps - 1) * (second + last_cost) // 2

    def _totals(self, row: Row, steps: int) -> list[int]:
        """FLOPs up to and including each of the first `steps` tokens, as transformers generates them."""
        import torch

        totals: list[int] = []
        with self._counting() as counter, torch.no_grad():
            _generate(self._skeleton, _on_meta(row), steps, lambda: totals.append(counter.total))
        return totals

    @contextmanager
    def _counting(self) -> Iterator[Any]:
        """Count outside of inference mode and without the fused path of `nn.MultiheadAttention`.

        In inference mode torch would report composite operations, and the fused path has no formula.
        """
        import torch

        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with torch.inference_mode(False), _tally(self.without_formula) as tally:
                yield tally
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)


def _sizes(row: Row) -> tuple[int, ...]:
    return tuple(size for tensor in row.values() for size in tensor.shape)


def _on_meta(row: Row) -> Row:
    return {name: tensor.to("meta") for name, tensor in row.items()}


def _longer(row: Row, tokens: int) -> Row:
    """A prompt with `tokens` generated tokens after it."""
    import torch

    name = "decoder_input_ids" if "decoder_input_ids" in row else "input_ids"
    generated = torch.zeros(1, tokens, dtype=torch.long, device=row[name].device)
    return {**row, name: torch.cat([row[name], generated], dim=1)}


def _generate(skeleton: Any, row: Row, steps: int, after_each: Callable[[], None]) -> None:
    """transformers' greedy loop for `steps` tokens; on the meta device it would not end by itself."""
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    class Done(Exception):  # noqa: N818 - ends the loop
        """The steps are done."""

    class Steps(StoppingCriteria):
        """Called after each token; leaves the loop after the last one."""

        left = steps

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            after_each()
            self.left -= 1
            if not self.left:
                raise Done
            return input_ids.new_zeros(len(input_ids), dtype=bool)

    plain = GenerationConfig(max_new_tokens=steps, do_sample=False, num_beams=1, decoder_start_token_id=0)
    # generate() takes unset options from the model's own configuration, such as tokens to force.
    skeleton.generation_config = plain
    with suppress(Done):
        skeleton.generate(**row, generation_config=plain, stopping_criteria=StoppingCriteriaList([Steps()]))


def _text(length: int) -> dict[str, Tensor]:
    import torch

    return {"input_ids": torch.zeros(1, length, dtype=torch.long, device="meta")}


def _first_floating(output: Any) -> Tensor:
    """The logits: the first floating point tensor in the model's output."""
    import torch
    from torch.utils._pytree import tree_leaves

    for leaf in tree_leaves(output):
        if isinstance(leaf, torch.Tensor) and leaf.is_floating_point():
            return leaf
    raise ConfigError("model: its output holds no floating point tensor; choose an auto class with a head")


def _tally(names: set[str]) -> TorchDispatchMode:
    """A mode whose `total` sums torch's formulas over the executed operations.

    It adds operations without a formula to `names`, and replaces results that depend on tensor values.
    torch's FlopCounterMode also keeps totals per module, which are not needed, and takes half as long again.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    stand_ins = _stand_ins()

    class Tally(TorchDispatchMode):
        """Sees every executed operation."""

        total = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            out = stand_ins[func](*args) if func in stand_ins else None
            if out is None:
                out = func(*args, **kwargs)
            if formula := flop_registry.get(func._overloadpacket):
                self.total += int(formula(*args, **kwargs, out_val=out))
            elif _uncounted(func):
                names.add(str(func._overloadpacket))
            return out

    return Tally()


@cache
def _uncounted(func: Any) -> bool:
    """Does an operation without a formula belong to model FLOPs, or is it unknown?"""
    if func.namespace in _NO_ARITHMETIC:
        return False
    if func.namespace != "aten":
        return True
    name = func._schema.name.split("::")[1]
    words = re.findall(r"[a-z]+", name)
    return name not in _LIGHT and "upsample" not in words and any(map(_HEAVY.fullmatch, words))


def _stand_ins() -> dict[Any, Callable[..., Any]]:
    """Replacements for operations whose result depends on values, which meta tensors do not have.

    Each returns None for other tensors: then the operation itself is executed.
    """
    import torch

    aten = torch.ops.aten

    def scalar(tensor: Tensor) -> bool | None:
        """Booleans, such as "is there padding?", become False; a number cannot be guessed."""
        if tensor.device.type != "meta":
            return None
        if tensor.dtype == torch.bool:
            return False
        raise ConfigError(
            "model: its work depends on a number that it computes, so it cannot be counted before the run; "
            "choose an architecture without such routing"
        )

    def unique(tensor: Tensor, *_: Any) -> tuple[Tensor, Tensor, Tensor] | None:
        """As if all rows were equal."""
        if tensor.device.type != "meta":
            return None
        return tensor.new_empty(1), tensor.new_empty(0).long(), tensor.new_empty(0).long()

    def index(tensor: Tensor, indices: list[Tensor | None]) -> Tensor | None:
        """As if a mask over positions selected one per row, as in heads that read the end-of-text token."""
        mask = indices[0]
        if mask is None or mask.device.type != "meta" or mask.dtype != torch.bool or len(indices) > 1:
            return None
        return tensor.new_empty(mask.shape[0], *tensor.shape[mask.dim() :])

    return {
        aten._local_scalar_dense.default: scalar,
        aten.unique_consecutive.default: unique,
        aten.index.Tensor: index,
    }

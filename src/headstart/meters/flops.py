"""Exact model FLOPs of a step, counted on tensors that hold no numbers, a few shapes for all.

A multiply-add is two operations; padded positions count, recomputation does not. Model FLOPs are matrix
products and convolutions: elementwise operations, normalisation, softmax, indexing and reductions are left
out by convention. The count runs on the `meta` device: attention is decomposed into its matrix products
there, so that fused kernels, which torch's counter does not know on the CPU (pytorch/pytorch#195460), are
counted like any other, and neither weights nor random numbers are touched. Attention is counted in full,
causal or not. Shapes that were not counted follow from those that were, by a law that is checked (law.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from headstart.errors import ConfigError
from headstart.meters.law import Law

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


Row = dict[str, "Tensor"]  # what a model reads of one row, on the meta device
Counts = tuple[dict[tuple[str, ...], Law], set[str]]  # FLOPs by stage; operations without a formula
_shared: dict[tuple[str, ...], Counts] = {}


class FlopCounter:
    """FLOPs of one batch by stage and shape, from a skeleton of the model.

    `inputs` gives the tensors of one row from its shape, `prompt` those that generation starts from; by
    default both are one text of that many tokens.
    `without_formula` names the operations that were met and could not be counted: with any in it, every
    count is a lower bound. `architecture` is a digest: counters of one process that share it, and what may
    train, share their counts, so that a study counts each shape once.
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
        fresh: Counts = ({}, set())
        counts = (
            fresh if architecture is None else _shared.setdefault((architecture, *sorted(trainable)), fresh)
        )
        self._known, self.without_formula = counts

    def train(self, rows: int, *shape: int) -> int:
        """Forward and backward of a batch of `rows` rows of this shape (padded length, ...)."""
        return self._batch("train", rows, self._inputs(*shape), backward=True)

    def forward(self, rows: int, *shape: int) -> int:
        """Forward only."""
        return self._batch("forward", rows, self._inputs(*shape), backward=False)

    def generate(self, rows: int, steps: int, *shape: int) -> int:
        """Greedy generation of `steps` tokens for each of `rows` rows of this shape, with a cache.

        An encoder runs once, and the keys and values that a decoder makes of its output are made once. Every
        token but the last is read in its turn, and looks back at one position more than the one before.
        """
        if not steps:
            return 0
        row = self._prompt(*shape)
        sizes = (*_sizes(row), steps)
        return rows * self._law("generate", *row).value(sizes, lambda: self._count_generation(row, steps))

    def _batch(self, stage: str, rows: int, row: Row, backward: bool) -> int:
        """Operations work row by row, so one row is counted and multiplied, but for what all rows share.

        That is what two rows cost less than twice one (DeBERTa projects its relative positions once for a
        batch). Where nothing is shared at the first sizes, nothing is at others.
        """
        sizes, law = _sizes(row), self._law(stage, "shared", *row)
        one = self._law(stage, *row).value(sizes, lambda: self._alone(row, backward))
        if rows < 2 or law.nothing:
            return rows * one
        shared = law.value(sizes, lambda: 2 * one - self._count(_twice(row), backward)[-1])
        return rows * one - (rows - 1) * shared

    def _alone(self, row: Row, backward: bool) -> int:
        """One row. The forward half of a training step is that of an evaluation: it is not run again."""
        forward, whole = self._count(row, backward)
        if backward:
            self._law("forward", *row).know(_sizes(row), forward)
        return whole

    def _law(self, *stage: str) -> Law:
        return self._known.setdefault(stage, Law())

    def _count(self, row: Row, backward: bool) -> tuple[int, int]:
        """FLOPs after the forward pass, and after all of it."""
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
        """Each token costs as much more than the one before as that one did, so three steps tell the others;
        the last is counted as well, from a prompt that is as long as what stands before it."""
        totals = self._totals(row, min(steps, 3))
        if steps <= 3:
            return totals[-1]
        second, third = totals[1] - totals[0], totals[2] - totals[1]
        before, after = self._totals(_longer(row, steps - 2), 2)
        last = after - before
        if last != second + (steps - 2) * (third - second):
            return self._totals(row, steps)[-1]
        return totals[0] + (steps - 1) * (second + last) // 2

    def _totals(self, row: Row, steps: int) -> list[int]:
        """FLOPs up to and including each of the first `steps` tokens, as transformers generates them."""
        import torch

        totals: list[int] = []
        with self._counting() as counter, torch.no_grad():
            _generate(self._skeleton, _on_meta(row), steps, lambda: totals.append(counter.total))
        return totals

    @contextmanager
    def _counting(self) -> Iterator[Any]:
        import torch

        # In inference mode torch would show the tally whole operations instead of the parts that they are.
        with torch.inference_mode(False), _tally(self.without_formula) as tally, _no_fusion():
            yield tally


def _sizes(row: Row) -> tuple[int, ...]:
    return tuple(size for tensor in row.values() for size in tensor.shape)


def _twice(row: Row) -> Row:
    import torch

    return {name: torch.cat([tensor, tensor]) for name, tensor in row.items()}


def _on_meta(row: Row) -> Row:
    return {name: tensor.to("meta") for name, tensor in row.items()}


def _longer(row: Row, more: int) -> Row:
    """A prompt as if `more` tokens had been written already."""
    import torch

    name = "decoder_input_ids" if "decoder_input_ids" in row else "input_ids"
    written = torch.zeros(1, more, dtype=torch.long, device=row[name].device)
    return {**row, name: torch.cat([row[name], written], dim=1)}


def _generate(skeleton: Any, row: Row, steps: int, after_each: Callable[[], None]) -> None:
    """transformers' own greedy loop, left after `steps` tokens: without numbers it would never end."""
    from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

    class Enough(Exception):  # noqa: N818 - the way out of the loop
        """The steps are done."""

    class Steps(StoppingCriteria):
        """Looks on after each token, and leaves after the last."""

        left = steps

        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            after_each()
            self.left -= 1
            if not self.left:
                raise Enough
            return input_ids.new_zeros(len(input_ids), dtype=bool)

    plain = GenerationConfig(max_new_tokens=steps, do_sample=False, num_beams=1, decoder_start_token_id=0)
    # generate() fills what is open from the model's own settings: n-grams to avoid, tokens to force.
    skeleton.generation_config = plain
    with suppress(Enough):
        skeleton.generate(**row, generation_config=plain, stopping_criteria=StoppingCriteriaList([Steps()]))


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


def _tally(names: set[str]) -> TorchDispatchMode:
    """A mode whose `total` sums torch's own formulas over what is executed.

    It adds operations without a formula to `names`, and answers for absent numbers. torch's FlopCounterMode
    also keeps a total per module, for which nobody asks here, and takes half as long again.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    answers = _answers()

    class Tally(TorchDispatchMode):
        """Sees every executed operation."""

        total = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given, answer, formula = kwargs or {}, answers.get(func), flop_registry.get(func._overloadpacket)
            found = answer(*args) if answer else None
            out = func(*args, **given) if found is None else found
            if formula:
                self.total += int(formula(*args, **given, out_val=out))
            elif _uncounted(func):
                names.add(str(func._overloadpacket))
            return out

    return Tally()


@cache
def _uncounted(func: Any) -> bool:
    """Whether an operation for which torch has no formula is part of model FLOPs, or unknown."""
    if func.namespace in _SILENT:
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

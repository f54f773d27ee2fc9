"""Pouring: a checkpoint's tensors over a seeded random model, with proof that all of them arrived."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headstart.arms.adapter import Choice, merge
from headstart.arms.attest import digests, some
from headstart.arms.checkpoint import read_tensors, refuse_not_finite
from headstart.arms.derive import Derivation, derive
from headstart.arms.layers import Layout, backbone, fixed, layout, owners
from headstart.errors import WeightsError
from headstart.models.weights import Found

if TYPE_CHECKING:
    import torch
    from torch import nn

# Ends of names of buffers that older versions of transformers saved and this one computes.
_RETIRED = ("position_ids", "inv_freq", "attn.bias", "masked_bias")


@dataclass(frozen=True)
class Poured:
    """Which tensors a checkpoint delivered, and what they were when they left it."""

    names: tuple[str, ...] = ()
    checkpoint: dict[str, Any] | None = field(default=None)


def head_names(model: nn.Module) -> list[str]:
    """Tensors of the task's head: they keep their seeded values in every arm.

    A language model has none of these: what stands outside its backbone predicts tokens, as in the
    checkpoint, and may be poured with it.
    """
    return [] if _writes(model) else sorted(layout(model).head)


def pour(
    model: nn.Module,
    found: Found,
    sha256: str,
    fresh: Sequence[str] = (),
    part: Set[str] | None = None,
    adapter: Choice = "refuse",
    derivation: Derivation | None = None,
    seed: int = 0,
) -> Poured:
    """Copy the checkpoint's tensors into `model`; refuse any tensor of the backbone that does not arrive.

    `fresh` names (with * and ?) the backbone tensors that may keep their random values, such as a pooler
    that the checkpoint never had; `part` the tensors that are wanted (None: all). An adapter beside the
    weights is added to them when `adapter` says merge, and else left out. A derivation replaces the numbers
    of learnt tensors on their way, drawn from `seed`. A language model's own head comes along when the
    checkpoint has all of it.
    """
    places = layout(model)
    wanted = places.backbone | places.head if part is None else part
    tensors = read_tensors(model, found)
    reference, report = _load(model, tensors)
    absent = set(report["missing_keys"]) | {_key(item) for item in report["mismatched_keys"]}
    lost = sorted((absent & wanted) - places.head)
    _refuse_missing(model, [name for name in lost if not named(name, fresh)], report, found)
    _refuse_left_over(model, report["unexpected_keys"], fresh, found)
    if adapter == "merge" and found.adapter:
        reference = merge(reference, found, frozenset(head_names(model)))
    source = reference.state_dict()
    _refuse_untied(model, source, found)
    closed = absent | (places.head - _language_head(model, places, absent, tensors))
    names = [name for name in source if name in wanted and name not in closed]
    refuse_not_finite({name: source[name] for name in names}, found)
    delivered = _derived(model, {name: source[name] for name in names}, derivation, seed)
    _copy(model, delivered)
    checkpoint = {"source": found.origin, "sha256": sha256, "derived": derivation, "dtypes": found.dtypes()}
    return Poured(tuple(names), {**checkpoint, "tensors": digests(delivered)})


def named(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of `patterns` (with * and ?, or some whole words between the dots) fits `name`."""
    return any(
        fnmatch.fnmatch(name, pattern) or f".{pattern.strip('.')}." in f".{name}." for pattern in patterns
    )


def _load(model: nn.Module, tensors: dict[str, torch.Tensor]) -> tuple[nn.Module, dict[str, Any]]:
    """The checkpoint as transformers itself maps it onto this architecture, and what it could not map.

    It gets the tensors, not the folder: there it would also use whatever else it finds, such as adapters.
    """
    import torch

    with torch.random.fork_rng(devices=[]):  # it fills gaps with fresh numbers: those draws are not ours
        return type(model).from_pretrained(  # pyright: ignore[reportAttributeAccessIssue]
            None,
            state_dict=dict(tensors),
            config=model.config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            key_mapping=_renamed(model),
        )


def _renamed(model: nn.Module) -> dict[str, str] | None:
    """Both names, where a class calls its backbone otherwise than checkpoints do (Llama's for questions)."""
    prefix = getattr(model, "base_model_prefix", "")
    theirs = getattr(getattr(model, "base_model", model), "base_model_prefix", prefix)
    return {rf"^{re.escape(theirs)}\.": f"{prefix}."} if theirs != prefix else None


def _writes(model: nn.Module) -> bool:
    """Whether the model predicts tokens: causal, masked or sequence to sequence."""
    outputs = getattr(model, "get_output_embeddings", None)
    return outputs is not None and outputs() is not None


def _language_head(
    model: nn.Module, places: Layout, absent: Set[str], stored: Container[str]
) -> frozenset[str]:
    """The tensors of a language model's head that the checkpoint delivers: all of its parameters, or none."""
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    if not _writes(model) or places.head & parameters & absent:
        return frozenset()
    # transformers fills the buffer of a gap in silence (BART's final_logits_bias), so look it up.
    return frozenset(n for n in places.head - absent if n in parameters or n in stored)


def _refuse_missing(model: nn.Module, lost: list[str], report: dict[str, Any], found: Found) -> None:
    if not lost:
        return
    shapes = {_key(item) for item in report["mismatched_keys"]}
    wrong = [name for name in lost if name in shapes]
    why = "have another shape in" if wrong else "are missing from"
    raise WeightsError(
        f"{len(lost)} of {len(model.state_dict())} tensors of the model {why} {found.origin} "
        f"({some(wrong or lost)}), so they would silently stay random; choose the matching architecture, "
        f"or list them in arm.fresh if that is meant"
    )


def _refuse_left_over(
    model: nn.Module, unexpected: Iterable[str], fresh: Sequence[str], found: Found
) -> None:
    """A tensor that belongs to a part of the backbone, and found no place in it, was lost."""
    prefix, inside = f"{getattr(model, 'base_model_prefix', '')}.", backbone(model)
    body = getattr(model, "base_model", model)
    parts = {name for name, _ in body.named_children() if body is not model or inside(name)}
    left = [
        name
        for name in sorted(unexpected)
        if name.removeprefix(prefix).partition(".")[0] in parts
        and not name.endswith(_RETIRED)
        and not named(name, fresh)
    ]
    if left:
        raise WeightsError(
            f"{found.origin} has {len(left)} tensors that this model has no place for ({some(left)}); the "
            f"architecture is smaller than the checkpoint: choose the matching one, or list them in "
            f"arm.fresh if that is meant"
        )


def _refuse_untied(model: nn.Module, source: Mapping[str, torch.Tensor], found: Found) -> None:
    """transformers unties what a checkpoint stores as two tensors; the seeded model has room for one."""
    for name, owner in owners(model).items():
        if name != owner and not source[name].equal(source[owner]):
            raise WeightsError(
                f"{found.origin} has different numbers in {name} and {owner}, which are one tensor in "
                f"{type(model).__name__}; choose a checkpoint that ties them, or a task without that head"
            )


def _derived(
    model: nn.Module, tensors: dict[str, torch.Tensor], derivation: Derivation | None, seed: int
) -> dict[str, torch.Tensor]:
    """`tensors` with the learnt ones derived; buffers, integers and fixed positions stay as they are."""
    if derivation is None:
        return tensors
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)} - fixed(model)
    learnt = {n: t for n, t in tensors.items() if n in parameters and t.is_floating_point()}
    return {**tensors, **derive(learnt, owners(model), derivation, seed)}


def _copy(model: nn.Module, delivered: Mapping[str, torch.Tensor]) -> None:
    import torch

    target = model.state_dict()
    with torch.no_grad():
        for name, tensor in delivered.items():
            target[name].copy_(tensor)


def _key(item: Any) -> str:
    return item if isinstance(item, str) else item[0]

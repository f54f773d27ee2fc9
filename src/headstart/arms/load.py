"""Loading: copies a checkpoint's tensors into a seeded random model, and checks that none is missing."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headstart.arms.adapter import Choice, merge
from headstart.arms.attest import digests, some
from headstart.arms.derive import Derivation, derive
from headstart.arms.layers import backbone, fixed, layout, owners
from headstart.errors import WeightsError
from headstart.models.weights import Checkpoint

if TYPE_CHECKING:
    import torch
    from torch import nn

_COMPILED = "_orig_mod."  # torch.compile's prefix of names
_WRAPPERS = ("module.", "model.")  # DistributedDataParallel, and a model inside another module
# Suffixes of buffers that older versions of transformers saved and newer ones compute.
_RETIRED = ("position_ids", "inv_freq", "attn.bias", "masked_bias")


@dataclass(frozen=True)
class Loaded:
    """Names of the loaded tensors, the record's `checkpoint` section, and digests of tensors drawn again."""

    names: tuple[str, ...] = ()
    checkpoint: dict[str, Any] | None = None
    drawn_again: Mapping[str, str] = field(default_factory=dict[str, str])


def head_names(model: nn.Module) -> list[str]:
    """Tensors of the task's head: they keep their seeded values in every arm.

    A language model has none: its output layer predicts tokens, as in the checkpoint, and may be loaded.
    """
    return [] if _predicts_tokens(model) else sorted(layout(model).head)


def load_checkpoint(
    model: nn.Module,
    checkpoint: Checkpoint,
    sha256: str,
    newly_initialised: Sequence[str] = (),
    part: Set[str] | None = None,
    adapter: Choice = "refuse",
    derivation: Derivation | None = None,
    seed: int = 0,
) -> Loaded:
    """Copy the checkpoint's tensors into `model`; WeightsError if a tensor of the backbone is missing.

    `newly_initialised` names (with * and ?) backbone tensors that may keep their random values, such as a
    pooler that the checkpoint lacks; `part` the tensors to load (None: all). An adapter beside the weights
    is merged if `adapter` is "merge", else ignored. A derivation replaces the values of trainable tensors by
    others, drawn from `seed`. A language model's head is loaded if the checkpoint has all of it.

    The files are mapped, so that a tensor that does not fit is found by its name and shape before any value
    is read. A model without values (on the meta device) is only checked: its section is None.
    """
    parts = layout(model)
    requested = parts.backbone | parts.head if part is None else part
    tensors = read_tensors(model, checkpoint)
    reference, report = _mapped(model, tensors)
    mismatched = {item if isinstance(item, str) else item[0] for item in report["mismatched_keys"]}
    absent = set(report["missing_keys"]) | mismatched
    missing = [n for n in sorted((absent & requested) - parts.head) if not matches(n, newly_initialised)]
    _refuse_missing(model, missing, mismatched, checkpoint)
    _refuse_left_over(model, report["unexpected_keys"], newly_initialised, checkpoint)
    if adapter == "merge" and checkpoint.has_adapter:
        reference = merge(reference, checkpoint, frozenset(head_names(model)))
    source = reference.state_dict()
    _refuse_untied(model, source, checkpoint)

    # A language model's head is loaded if the checkpoint has all of its parameters. Of its buffers, only
    # stored ones are loaded: transformers silently fills in others (BART's final_logits_bias).
    parameters = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    complete = _predicts_tokens(model) and not parts.head & parameters & absent
    from_head = {n for n in parts.head - absent if complete and (n in parameters or n in tensors)}
    closed = absent | (parts.head - from_head)
    delivered = {n: t for n, t in source.items() if n in requested and n not in closed}
    _refuse_not_finite(delivered, checkpoint)
    target = model.state_dict()  # the model's own memory, without gradients
    if any(tensor.is_meta for tensor in target.values()):
        return Loaded(tuple(delivered))
    if derivation is not None:  # buffers, integers and fixed positions are not changed
        trainable = parameters - fixed(model)
        numbers = {n: t for n, t in delivered.items() if n in trainable and t.is_floating_point()}
        delivered |= derive(numbers, owners(model), derivation, seed)
    for name, tensor in delivered.items():
        target[name].copy_(tensor)
    section = {"source": checkpoint.origin, "sha256": sha256, "derived": derivation}
    section |= {"dtypes": checkpoint.dtypes(), "tensors": digests(delivered)}
    return Loaded(tuple(delivered), section)


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Does one of `patterns` (with * and ?, or whole words between dots) match `name`?"""
    return any(fnmatch.fnmatch(name, p) or f".{p.strip('.')}." in f".{name}." for p in patterns)


def read_tensors(model: nn.Module, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """Every stored tensor, by its name without prefixes of wrappers; WeightsError for quantised tensors."""
    import torch
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in checkpoint.weights:
        stored |= load_file(path)
    if quantised := [n for n, t in stored.items() if t.element_size() == 1 and t.dtype != torch.bool]:
        raise WeightsError(
            f"{checkpoint.origin} holds quantised weights ({some(quantised)}); "
            f"choose the checkpoint that they were made from"
        )
    stored = {name.replace(_COMPILED, ""): tensor for name, tensor in stored.items()}
    names, prefix = set(model.state_dict()), f"{getattr(model, 'base_model_prefix', '')}."
    expected = names | {name.removeprefix(prefix) for name in names}
    while stored and expected.isdisjoint(stored):
        wrapper = next((w for w in _WRAPPERS if all(name.startswith(w) for name in stored)), None)
        if wrapper is None:
            break
        stored = {name.removeprefix(wrapper): tensor for name, tensor in stored.items()}
    return stored


def _mapped(model: nn.Module, tensors: dict[str, torch.Tensor]) -> tuple[nn.Module, dict[str, Any]]:
    """The checkpoint as transformers maps it onto this architecture, and its report of unmapped tensors.

    transformers gets the tensors, not the folder, since it would also load adapters from there.
    """
    import torch

    # Llama's class for question answering names its backbone differently from checkpoints: map the name.
    prefix = getattr(model, "base_model_prefix", "")
    stored = getattr(getattr(model, "base_model", model), "base_model_prefix", prefix)
    with torch.random.fork_rng(devices=[]):  # it draws missing tensors: our random state must not change
        return type(model).from_pretrained(  # pyright: ignore[reportAttributeAccessIssue]
            None,
            state_dict=dict(tensors),
            config=model.config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            key_mapping={rf"^{re.escape(stored)}\.": f"{prefix}."} if stored != prefix else None,
        )


def _predicts_tokens(model: nn.Module) -> bool:
    """Is this a causal, masked or sequence-to-sequence language model?"""
    outputs = getattr(model, "get_output_embeddings", None)
    return outputs is not None and outputs() is not None


def _refuse_missing(
    model: nn.Module, missing: list[str], mismatched: Set[str], checkpoint: Checkpoint
) -> None:
    if not missing:
        return
    wrong = [name for name in missing if name in mismatched]
    why = "have another shape in" if wrong else "are missing from"
    raise WeightsError(
        f"{len(missing)} of {len(model.state_dict())} tensors of the model {why} {checkpoint.origin} "
        f"({some(wrong or missing)}), so they would silently stay random; choose the matching architecture, "
        f"or list them in arm.newly_initialised if that is meant"
    )


def _refuse_left_over(
    model: nn.Module, unexpected: Iterable[str], newly_initialised: Sequence[str], checkpoint: Checkpoint
) -> None:
    """WeightsError when the checkpoint has tensors of the backbone that the model lacks."""
    prefix, in_backbone = f"{getattr(model, 'base_model_prefix', '')}.", backbone(model)
    body = getattr(model, "base_model", model)
    parts = {name for name, _ in body.named_children() if body is not model or in_backbone(name)}
    left_over = [
        name
        for name in sorted(unexpected)
        if name.removeprefix(prefix).partition(".")[0] in parts
        and not name.endswith(_RETIRED)
        and not matches(name, newly_initialised)
    ]
    if left_over:
        raise WeightsError(
            f"{checkpoint.origin} has {len(left_over)} tensors that this model has no place for "
            f"({some(left_over)}); the architecture is smaller than the checkpoint: choose the matching one, "
            f"or list them in arm.newly_initialised if that is meant"
        )


def _refuse_untied(model: nn.Module, source: Mapping[str, torch.Tensor], checkpoint: Checkpoint) -> None:
    """WeightsError when the checkpoint has different values for tensors that are tied in the model."""
    for name, owner in owners(model).items():
        if name != owner and not source[name].equal(source[owner]):
            raise WeightsError(
                f"{checkpoint.origin} has different numbers in {name} and {owner}, which are one tensor in "
                f"{type(model).__name__}; choose a checkpoint that ties them, or a task without that head"
            )


def _refuse_not_finite(tensors: Mapping[str, torch.Tensor], checkpoint: Checkpoint) -> None:
    """WeightsError when a tensor holds NaN or infinity."""
    floats = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    # The sum is fast to compute, and not finite if any value is not.
    bad = [name for name, t in floats.items() if not (t.sum().isfinite() or t.isfinite().all())]
    if bad:
        raise WeightsError(
            f"{checkpoint.origin} has NaN or infinite numbers in {len(bad)} tensors ({some(bad)}); "
            f"choose another checkpoint, or fetch it again"
        )

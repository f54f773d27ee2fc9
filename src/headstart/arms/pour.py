"""Pouring: a checkpoint's tensors over a seeded random model, with proof that all of them arrived."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headstart.arms.attest import digests
from headstart.models.place import Found
from headstart.node import WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Poured:
    """Which tensors a checkpoint delivered, and what they were when they left it."""

    names: tuple[str, ...] = ()
    checkpoint: dict[str, Any] | None = field(default=None)


def head_names(model: nn.Module) -> list[str]:
    """Tensors outside the backbone: they belong to the task and keep their seeded values in every arm."""
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    return [name for name in model.state_dict() if not name.startswith(prefix)]


def pour(model: nn.Module, found: Found, sha256: str, fresh: Sequence[str] = ()) -> Poured:
    """Copy the checkpoint's backbone into `model`; refuse any backbone tensor that does not arrive.

    `fresh` names (with * and ?) the backbone tensors that may keep their random values, such as
    a pooler that the checkpoint never had.
    """
    reference, report = _load(model, found)
    absent = set(report["missing_keys"]) | {_key(item) for item in report["mismatched_keys"]}
    source = reference.state_dict()
    head = set(head_names(model))
    _refuse_missing(model, sorted(absent - head), report, fresh, found)
    _refuse_left_over(model, report["unexpected_keys"], fresh, found)
    names = [name for name in source if name not in head and name not in absent]
    _copy(model, source, names)
    delivered = digests({name: source[name] for name in names})
    return Poured(tuple(names), {"source": found.origin, "sha256": sha256, "tensors": delivered})


def _load(model: nn.Module, found: Found) -> tuple[nn.Module, dict[str, Any]]:
    """The checkpoint as transformers itself maps it onto this architecture, and what it could not map."""
    import torch

    with torch.random.fork_rng(devices=[]):  # it fills gaps with fresh numbers: those draws are not ours
        return type(model).from_pretrained(  # pyright: ignore[reportAttributeAccessIssue]
            found.folder,
            config=model.config,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )


def _refuse_missing(
    model: nn.Module, absent: list[str], report: dict[str, Any], fresh: Sequence[str], found: Found
) -> None:
    lost = [name for name in absent if not _named(name, fresh)]
    if not lost:
        return
    shapes = {_key(item) for item in report["mismatched_keys"]}
    wrong = [name for name in lost if name in shapes]
    why = "have another shape in" if wrong else "are missing from"
    raise WeightsError(
        f"{len(lost)} of {len(model.state_dict())} tensors of the model {why} {found.origin} "
        f"({_some(wrong or lost)}), so they would silently stay random; choose the matching architecture, "
        f"or list them in arm.fresh if that is meant"
    )


def _refuse_left_over(
    model: nn.Module, unexpected: Iterable[str], fresh: Sequence[str], found: Found
) -> None:
    backbone = getattr(model, getattr(model, "base_model_prefix", ""), model)
    parts = {name for name, _ in backbone.named_children()}
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    left = [
        n
        for n in unexpected
        if n.removeprefix(prefix).partition(".")[0] in parts and not n.endswith("position_ids")
    ]
    left = [name for name in left if not _named(name, fresh)]
    if left:
        raise WeightsError(
            f"{found.origin} has {len(left)} tensors that this model has no place for ({_some(left)}); the "
            f"architecture is smaller than the checkpoint: choose the matching one, or list them in "
            f"arm.fresh if that is meant"
        )


def _copy(model: nn.Module, source: dict[str, torch.Tensor], names: Iterable[str]) -> None:
    import torch

    target = model.state_dict()
    with torch.no_grad():
        for name in names:
            target[name].copy_(source[name])


def _named(name: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatch.fnmatch(name, pattern) or f".{pattern.strip('.')}." in f".{name}." for pattern in patterns
    )


def _key(item: Any) -> str:
    return item if isinstance(item, str) else item[0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")

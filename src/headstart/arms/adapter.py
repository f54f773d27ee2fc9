"""Adapter: a LoRA adapter that lies beside full weights, refused, left out, or merged into them by name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, Any, Literal

from headstart.arms.attest import some
from headstart.errors import WeightsError
from headstart.models.contents import read_json
from headstart.models.weights import ADAPTER, Found

if TYPE_CHECKING:
    from torch import nn

Choice = Literal["refuse", "merge", "ignore"]
_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # peft puts it before the names of the model that it wraps


def checked_digest(found: Found, weights: str, choice: Choice) -> str:
    """sha256 of the weights and of an adapter to be merged; WeightsError for an adapter with no choice."""
    if not found.adapter or choice == "ignore":
        return weights
    if choice == "refuse":
        raise WeightsError(
            f"{found.origin} has an adapter ({ADAPTER}) beside its weights; choose arm.adapter=merge to add "
            f"it to them, or arm.adapter=ignore to load the weights alone"
        )
    try:
        content = [(found.folder / name).read_bytes() for name in (ADAPTER, _WEIGHTS)]
    except OSError:
        raise WeightsError(f"{found.origin} has {ADAPTER} but no {_WEIGHTS}; nothing can be merged") from None
    return hashlib.sha256(weights.encode() + b"".join(content)).hexdigest()


def merge(model: nn.Module, found: Found, closed: Set[str]) -> nn.Module:
    """`model` with the adapter of the folder added; WeightsError unless every tensor of it has its place.

    `closed` names tensors that are not loaded in any case, such as the head of another task.
    """
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    kind = read_json(found.folder / ADAPTER).get("peft_type")
    parts = {name for name, _ in model.named_children()} - {name.partition(".")[0] for name in closed}

    def wanted(names: Iterable[str]) -> set[str]:
        return {name for name in names if name.removeprefix(_PREFIX).partition(".")[0] in parts}

    stored = load_file(found.folder / _WEIGHTS)
    try:
        config: Any = PeftConfig.from_pretrained(str(found.folder))
        if config.is_prompt_learning:
            raise ValueError("prompts are no weights")
        if config.modules_to_save:  # whole modules beside the matrices
            config.modules_to_save = [name for name in config.modules_to_save if _has(model, name, parts)]
        adapted: Any = PeftModel(model, config)  # pyright: ignore[reportArgumentType]
        places = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        strange = sorted(wanted(places) ^ wanted(stored))
        if not strange:
            set_peft_model_state_dict(adapted, {name: stored[name] for name in wanted(stored)})
            return adapted.merge_and_unload()
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError) as error:
        raise WeightsError(
            f"{found.origin}: its adapter ({kind}) cannot be merged into {type(model).__name__}: "
            f"{' '.join(str(error).split())[:200]}; choose arm.adapter=ignore, or merge it beforehand"
        ) from None
    raise WeightsError(
        f"{found.origin}: {len(strange)} tensors of its adapter and of {type(model).__name__} do not meet "
        f"({some(strange)}); choose arm.adapter=ignore, or merge it beforehand"
    )


def _has(model: nn.Module, name: str, parts: Set[str]) -> bool:
    """Whether a module of that name stands in one of these parts of the model."""
    ends = (path for path, _ in model.named_modules() if f".{path}".endswith(f".{name}"))
    return any(path.partition(".")[0] in parts for path in ends)

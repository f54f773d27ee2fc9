"""Adapter: a LoRA adapter beside full weights in a checkpoint is refused, ignored or merged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, Any, Literal

from headstart.arms.attest import some
from headstart.errors import WeightsError
from headstart.extras import missing
from headstart.models.contents import read_json
from headstart.models.weights import ADAPTER, Checkpoint

if TYPE_CHECKING:
    from torch import nn

Choice = Literal["refuse", "merge", "ignore"]
_WEIGHTS = "adapter_model.safetensors"
_PREFIX = "base_model.model."  # peft's prefix of the names in the wrapped model


def checked_digest(checkpoint: Checkpoint, weights: str, choice: Choice) -> str:
    """sha256 of the weights and of an adapter to be merged; WeightsError for an adapter with no choice."""
    if not checkpoint.has_adapter or choice == "ignore":
        return weights
    if choice == "refuse":
        raise WeightsError(
            f"{checkpoint.origin} has an adapter ({ADAPTER}) beside its weights; choose arm.adapter=merge to "
            f"add it to them, or arm.adapter=ignore to load the weights alone"
        )
    try:
        content = [(checkpoint.folder / name).read_bytes() for name in (ADAPTER, _WEIGHTS)]
    except OSError:
        raise WeightsError(
            f"{checkpoint.origin} has {ADAPTER} but no {_WEIGHTS}; nothing can be merged"
        ) from None
    return hashlib.sha256(weights.encode() + b"".join(content)).hexdigest()


def merge(model: nn.Module, checkpoint: Checkpoint, closed: Set[str]) -> nn.Module:
    """`model` with the adapter of the checkpoint added; WeightsError unless its tensors fit exactly.

    `closed` names tensors that are never loaded, such as the head of another task.
    """
    if sentence := missing("peft", "lora"):
        raise WeightsError(f"{checkpoint.origin} is an adapter and {sentence}")
    from peft import PeftConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    kind = read_json(checkpoint.folder / ADAPTER).get("peft_type")
    parts = {name for name, _ in model.named_children()} - {name.partition(".")[0] for name in closed}

    def in_parts(names: Iterable[str]) -> set[str]:
        return {name for name in names if name.removeprefix(_PREFIX).partition(".")[0] in parts}

    def has_module(name: str) -> bool:
        return any(f".{path}".endswith(f".{name}") for path in in_parts(dict(model.named_modules())))

    stored = load_file(checkpoint.folder / _WEIGHTS)
    try:
        config: Any = PeftConfig.from_pretrained(str(checkpoint.folder))
        if config.is_prompt_learning:
            raise ValueError("prompts are no weights")
        if config.modules_to_save:  # whole modules beside the matrices
            config.modules_to_save = [name for name in config.modules_to_save if has_module(name)]
        adapted: Any = PeftModel(model, config)  # pyright: ignore[reportArgumentType]
        expected = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        unmatched = sorted(in_parts(expected) ^ in_parts(stored))
        if not unmatched:
            set_peft_model_state_dict(adapted, {name: stored[name] for name in in_parts(stored)})
            return adapted.merge_and_unload()
    except (ValueError, TypeError, RuntimeError, AttributeError, KeyError) as error:
        raise WeightsError(
            f"{checkpoint.origin}: its adapter ({kind}) cannot be merged into {type(model).__name__}: "
            f"{' '.join(str(error).split())[:200]}; choose arm.adapter=ignore, or merge it beforehand"
        ) from None
    raise WeightsError(
        f"{checkpoint.origin}: {len(unmatched)} tensors of its adapter and of {type(model).__name__} do not "
        f"match ({some(unmatched)}); choose arm.adapter=ignore, or merge it beforehand"
    )

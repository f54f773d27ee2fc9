"""From a run: weights that a run of headstart trained and kept, with what their training cost."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.arms.layers import backbone
from headstart.errors import WeightsError
from headstart.models.architecture import STANDARDISED
from headstart.models.weights import Found

if TYPE_CHECKING:
    import torch
    from torch import nn

MODEL = "model"  # folder of the weights inside a run's folder
LEDGER = "ledger.json"  # beside the weights: what they cost, through any chain of runs


def weights_folder(folder: Path, age: int | None = None) -> Path:
    """Where a run's weights are: the final ones, or those after `age` steps."""
    return folder / (MODEL if age is None else f"{MODEL}-{age}")


def kept(run: str, age: int | None = None) -> Found:
    """The weights in a run's folder, the final ones or those after `age` steps; WeightsError without them."""
    folder = weights_folder(Path(run).expanduser(), age)
    if (folder / "config.json").is_file():
        return Found(folder, f"the run {Path(run).name}" + (f" after {age} steps" if age is not None else ""))
    if age is None:
        raise WeightsError(f"arm.run: {run} keeps no weights; train it with keep_weights=true")
    raise WeightsError(
        f"arm.age: {run} keeps no weights of step {age}; train it with keep_weights=true keep_at=[{age}]"
    )


def ledger_of(found: Found) -> dict[str, Any] | None:
    """What the kept weights cost; None when that was never written down."""
    try:
        return json.loads((found.folder / LEDGER).read_text("utf8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{found.folder / LEDGER}: cannot be read ({error})") from None


def keep(place: Path, model: nn.Module, tokenizer: Any) -> None:
    """Save weights and tokenizer of a run as a folder that transformers can load."""
    plain: Any = model
    state, config = plain.state_dict(), copy.copy(plain.config)
    if (numbers := getattr(config, STANDARDISED, None)) and (folded := _in_own_unit(plain, **numbers)):
        state |= folded
        delattr(config, STANDARDISED)
    plain.save_pretrained(place, state_dict=state)
    # Written whole: left to itself, transformers leaves out two classes, and reads BART's usual three.
    config.to_json_file(place / "config.json", use_diff=False)
    tokenizer.save_pretrained(place)


def _in_own_unit(model: nn.Module, mean: float, deviation: float) -> dict[str, torch.Tensor]:
    """The weights of the output layer with which a regression answers in the unit of its numbers.

    Empty for an output without a bias, as decoders have: config.json then says the mean and the deviation.
    """
    from torch import nn

    inside = backbone(model)
    layers = {name: part for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    name, output = next((n, part) for n, part in reversed(layers.items()) if not inside(n))
    if output.bias is None:
        return {}
    weight, bias = output.weight.detach() * deviation, output.bias.detach() * deviation + mean
    return {f"{name}.weight": weight, f"{name}.bias": bias}


def write_ledger(
    place: Path, record: dict[str, Any], model: str, spent: dict[str, Any] | None = None
) -> None:
    """Write what a run's weights cost: its own stage, and the stages that it stands on.

    `spent` is what the run had cost (flops, joules, seconds) when it left these weights, if not at its end.
    """
    energy, checkpoint = record["cost"]["energy"], record["init"]["checkpoint"]
    parent = checkpoint["ledger"] if checkpoint and "ledger" in checkpoint else None
    stage = {
        "flops": record["cost"]["flops"]["total"],
        "joules": energy["joules"]["total"] if energy["joules"] else None,
        "method": energy["method"],
        "seconds": record["cost"]["seconds"]["total"],
        "runs": [record["run_id"]],
        "parent": parent,
        "boundary": energy["boundary"],
        "machine": record["environment"]["machine"],
        "exclusive": energy["exclusive"],
        "model": model if checkpoint and parent is None else None,
        **(spent or {}),
    }
    (place / LEDGER).write_text(json.dumps(stage, indent=1) + "\n", "utf8")

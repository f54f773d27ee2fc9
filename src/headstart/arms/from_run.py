"""From a run: weights that a run of headstart saved, and the cost of their training."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.arms.layers import backbone
from headstart.cache import file_sha256
from headstart.errors import WeightsError
from headstart.models.architecture import STANDARDISED
from headstart.models.contents import joint_digest, read_json
from headstart.models.weights import Checkpoint

if TYPE_CHECKING:
    from torch import nn

    from headstart.models.model import Model

MODEL = "model"  # folder of the weights inside a run's folder
LEDGER = "ledger.json"  # beside the weights: their cost, and that of the earlier runs that they come from


def weights_folder(folder: Path, step: int | None = None) -> Path:
    """The folder of a run's weights: the final ones, or those after `step` steps."""
    return folder / (MODEL if step is None else f"{MODEL}-{step}")


def saved_weights(run: str, step: int | None = None) -> Checkpoint:
    """The weights in a run's folder, final or after `step` steps; WeightsError when they are not whole."""
    folder = weights_folder(Path(run).expanduser(), step)
    if (folder / "config.json").is_file():
        after = "" if step is None else f" after {step} steps"
        if damaged := damaged_weights(folder):
            raise WeightsError(f"{damaged} is not what the run{after} saved; train that run again")
        return Checkpoint(folder, f"the run {Path(run).name}{after}")
    if step is None:
        raise WeightsError(f"arm.run: {run} keeps no weights; train it with keep_weights=true")
    raise WeightsError(
        f"arm.checkpoint_step: {run} keeps no weights of step {step}; "
        f"train it with keep_weights=true checkpoint_steps=[{step}]"
    )


def save_weights(folder: Path, model: nn.Module, tokenizer: Any) -> None:
    """Save weights and tokenizer of a run as a folder that transformers can load.

    A saved regression model predicts in the original unit if its output layer has a bias for the mean; for
    decoders, which have none, config.json holds the mean and the deviation.
    """
    from torch import nn

    plain: Any = model
    state, config = plain.state_dict(), copy.copy(plain.config)
    if numbers := getattr(config, STANDARDISED, None):
        in_backbone = backbone(plain)
        linear = [(name, part) for name, part in plain.named_modules() if isinstance(part, nn.Linear)]
        name, output = next((name, part) for name, part in reversed(linear) if not in_backbone(name))
        if output.bias is not None:
            mean, deviation = numbers["mean"], numbers["deviation"]
            state[f"{name}.weight"] = output.weight.detach() * deviation
            state[f"{name}.bias"] = output.bias.detach() * deviation + mean
            delattr(config, STANDARDISED)
    plain.save_pretrained(folder, state_dict=state)
    # All settings: by default transformers omits two classes, and then reads three for BART.
    config.to_json_file(folder / "config.json", use_diff=False)
    tokenizer.save_pretrained(folder)


def read_ledger(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """The cost of saved weights; None when no file has it."""
    path = checkpoint.folder / LEDGER
    if not path.exists():
        return None
    return {name: value for name, value in read_json(path).items() if name not in ("files", "digest")}


def damaged_weights(folder: Path) -> Path | None:
    """The first file in a folder of saved weights that is not as its run left it; None when all are.

    The ledger is written last. It names the digest of every file, and of itself; without a ledger, or with
    one of an earlier version, nothing is known of the others.
    """
    path = folder / LEDGER
    if not path.exists():
        return None
    try:
        ledger = read_json(path)
    except WeightsError:
        return path
    digest = ledger.pop("digest", None)  # absent from ledgers of earlier versions
    if digest is None:
        return None
    if digest != joint_digest(ledger):
        return path
    wrong = (folder / name for name, sha in ledger["files"].items() if _sha256(folder / name) != sha)
    return next(wrong, None)


def _sha256(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def write_ledger(
    folder: Path, record: dict[str, Any], model: Model, spent: dict[str, Any] | None = None
) -> None:
    """Write the cost of a run's weights: its own stage, and the earlier stages (`parent`).

    Beside the whole run, `train` is its training phase alone: what the uses of the weights are counted by.
    `spent` is the cost (flops, joules, seconds, train) until the weights were saved, if they are not the
    final ones. The first stage has the seconds that its tokenizer took; null: published, or not known.
    """
    energy, checkpoint = record["cost"]["energy"], record["init"]["checkpoint"]
    parent = checkpoint["ledger"] if checkpoint and "ledger" in checkpoint else None
    stage = {
        "flops": record["cost"]["flops"]["total"],
        "joules": energy["joules"]["total"] if energy["joules"] else None,
        "method": energy["method"],
        "seconds": record["cost"]["seconds"]["total"],
        "train": {
            "flops": record["cost"]["flops"]["train"],
            "joules": energy["joules"]["train"] if energy["joules"] else None,
            "seconds": record["cost"]["seconds"]["train"],
        },
        "tokenizer_seconds": model.tokenizer_seconds() if parent is None else None,
        "runs": [record["run_id"]],
        "parent": parent,
        "boundary": energy["boundary"],
        "machine": record["environment"]["machine"],
        "exclusive": energy["exclusive"],
        "model": model.name if checkpoint and parent is None else None,
        **(spent or {}),
    }
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != LEDGER)
    stage["files"] = {file.name: file_sha256(file) for file in files}
    unfinished = folder / f".{LEDGER}"
    text = json.dumps(stage | {"digest": joint_digest(stage)}, indent=1)
    unfinished.write_text(text + "\n", "utf8")
    os.replace(unfinished, folder / LEDGER)

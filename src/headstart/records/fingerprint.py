"""Fingerprints: which runs are the same run, one pair, or repetitions of one comparison."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from headstart.config import RENAMED, renamed
from headstart.errors import RecordError

SCIENCE = ("task", "model", "size", "optim", "budget", "precision", "seed", "order_seed")  # the answer
ARM = ("arm",)  # the declared difference
PLUMBING = (
    "hardware",
    "meter",
    "tracker",
    "study",
    "runs",
    "keep_weights",
    "checkpoint_steps",
)  # who watches

# Where a thing is found, not what it is: the content of data, model and weights enters by digest instead.
LOCATIONS = (
    "task.name",
    "task.files.train",
    "task.files.validation",
    "task.files.test",
    "model.folder",
    "model.distribution",
    "model.tokenizer.folder",
    "model.tokenizer.distribution",
    "model.tokenizer.train.files.train",
    "model.tokenizer.train.files.validation",
    "model.tokenizer.train.files.test",
)

FORMER = {new: old for old, new in RENAMED.items()}  # a renamed setting keeps the ids of its runs


@dataclass(frozen=True)
class Fingerprint:
    """The three names of a run, each 16 hexadecimal digits."""

    pair_id: str  # the science, the data, and what model and tokenizer are built from
    run_id: str  # that, the arm and its weights
    condition_id: str  # like pair_id, whatever the seed: repetitions of one comparison


def fingerprint(
    config: Mapping[str, Any], source: str, built_from: Mapping[str, str], weights: str | None
) -> Fingerprint:
    """Name a run from its resolved config, the digests of its data source, its model's files and its weights.

    `weights` is None for an arm that pours none. Settings that the study frees may differ between the arms of
    a pair, so they name the run and not the pair. Raises RecordError on a top-level setting that is neither
    science, arm nor plumbing: somebody has to decide which it is.
    """
    config = renamed(config)
    unknown = sorted(set(config) - {*SCIENCE, *ARM, *PLUMBING})
    if unknown:
        raise RecordError(f"config: {', '.join(unknown)} is in none of SCIENCE, ARM and PLUMBING")
    whole = {name: _without(config[name], name, LOCATIONS) for name in SCIENCE if is_set(config, name)}
    freed = free_settings(config)
    science = {name: _without(value, name, freed) for name, value in whole.items() if name not in freed}
    lasting = {name: value for name, value in science.items() if name != "seed"}
    shared = {"source": source, "built_from": dict(built_from)}
    pair_id = digest({"science": science, **shared})
    arm = {name: value for name, value in renamed(config, FORMER).items() if name in ARM}
    own = {"pair": pair_id, "arm": arm, "weights": weights} | ({"own": whole} if freed else {})
    return Fingerprint(
        pair_id=pair_id,
        run_id=digest(own),
        condition_id=digest({"science": lasting, **shared}),
    )


def free_settings(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted settings that the study frees or tunes; a group (`budget`) stands for all of its settings."""
    study = config["study"] if isinstance(config.get("study"), Mapping) else {}
    free, tune = study.get("free"), study.get("tune")  # absent from records of earlier versions
    named = [*(free if isinstance(free, list | tuple) else ())]
    if isinstance(tune, Mapping) and isinstance(tune.get("space"), Mapping):
        named += tune["space"]
    return tuple(dict.fromkeys(str(name) for name in named))


def digest(value: object) -> str:
    """16 hexadecimal digits of the sha256 of canonical JSON: sorted keys, no spaces, no NaN."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"config cannot be fingerprinted: {error}; use plain JSON values") from None
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_set(config: Mapping[str, Any], name: str) -> bool:
    """Whether a setting says anything: an order without a seed of its own is that of the run."""
    return name in config and (name != "order_seed" or config[name] is not None)


def _without(value: Any, path: str, left_out: Collection[str]) -> Any:
    if not isinstance(value, Mapping):
        return value
    below = {name: f"{path}.{name}" for name in value}
    return {name: _without(value[name], p, left_out) for name, p in below.items() if p not in left_out}

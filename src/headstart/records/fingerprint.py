"""Fingerprints: which runs are the same run, one pair, or repetitions of one comparison."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headstart.node import RecordError

SCIENCE = ("task", "model", "size", "optim", "budget", "precision", "seed")  # may change the answer
ARM = ("arm",)  # the declared difference
PLUMBING = ("hardware", "meter", "tracker", "study", "runs", "keep_weights")  # where it runs and who watches

# Where a thing is found, not what it is: content enters by digest (data source, weights) instead.
LOCATIONS = (
    "task.name",
    "task.files.train",
    "task.files.validation",
    "task.files.test",
    "model.folder",
    "model.distribution",
)


@dataclass(frozen=True)
class Fingerprint:
    """The three names of a run, each 16 hexadecimal digits."""

    pair_id: str  # the science and the data
    run_id: str  # that, the arm and its weights
    condition_id: str  # like pair_id, whatever the seed: repetitions of one comparison


def fingerprint(config: Mapping[str, Any], source: str, weights: str | None) -> Fingerprint:
    """Name a run from its resolved config, the digest of its data source and the digest of its weights.

    `weights` is None for an arm that pours none. Raises RecordError on a top-level setting that is neither
    science, arm nor plumbing: somebody has to decide which it is.
    """
    unknown = sorted(set(config) - {*SCIENCE, *ARM, *PLUMBING})
    if unknown:
        raise RecordError(f"config: {', '.join(unknown)} is in none of SCIENCE, ARM and PLUMBING")
    science = {name: _without_locations(config[name], name) for name in SCIENCE if name in config}
    lasting = {name: value for name, value in science.items() if name != "seed"}
    pair_id = digest({"science": science, "source": source})
    arm = {name: config[name] for name in ARM if name in config}
    return Fingerprint(
        pair_id=pair_id,
        run_id=digest({"pair": pair_id, "arm": arm, "weights": weights}),
        condition_id=digest({"science": lasting, "source": source}),
    )


def digest(value: object) -> str:
    """16 hexadecimal digits of the sha256 of canonical JSON: sorted keys, no spaces, no NaN."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"config cannot be fingerprinted: {error}; use plain JSON values") from None
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _without_locations(value: Any, path: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    below = {name: f"{path}.{name}" for name in value}
    return {name: _without_locations(value[name], p) for name, p in below.items() if p not in LOCATIONS}

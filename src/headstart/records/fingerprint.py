"""Fingerprints: which runs are the same run, one pair, or repetitions of one comparison.

A fingerprint is made of the settings that differ from their default. So a new optional setting renames no
run, and a new setting's default must mean what was done before the setting existed. A default that changes
later would give another experiment an old name: raise VERSION with it (a test compares all defaults with
tests/records/defaults.json). Records keep the version and the defaults that their names were made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

from headstart.config import RENAMED, renamed
from headstart.errors import RecordError

VERSION = 2
SCIENCE = ("task", "model", "size", "optim", "budget", "precision", "seed", "order_seed")  # the answer
ARM = ("arm",)  # the declared difference
PLUMBING = ("hardware", "meter", "tracker", "study", "runs", "keep_weights", "checkpoint_steps")

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

_SINGLE = frozenset({str, int, float, bool, type(None), list})  # the values of JSON that are no mapping
FORMER = {new: old for old, new in RENAMED.items()}  # a renamed setting keeps the ids of its runs


@dataclass(frozen=True)
class Fingerprint:
    """The names of a run, each 16 hexadecimal digits, and what they were made from."""

    pair_id: str  # the science, the data, and what model and tokenizer are built from
    run_id: str  # that, the arm and its weights
    condition_id: str  # like pair_id, whatever the seed: repetitions of one comparison
    version: int = VERSION
    # By dotted path: settings at their default, which the names leave out.
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    config: str = ""  # digest of all settings that may change the answer, and of `defaults`

    def section(self) -> dict[str, Any]:
        """The `fingerprint` section of the record."""
        return {"version": self.version, "defaults": dict(self.defaults), "config": self.config}


class Unseeded(NamedTuple):
    """What the names of a run are made of, its seed aside: canonical JSON of its settings, by their name."""

    placeless: dict[str, str]  # without LOCATIONS
    science: dict[str, str]  # also without defaults
    shared: dict[str, str]  # also without what the study frees
    arm: str
    weights: str
    surroundings: Mapping[str, str]
    frees: bool
    condition_id: str
    version: int
    defaults: Mapping[str, Any]
    told_defaults: str

    def named(self, seed: object) -> Fingerprint:
        """The names of the run with this seed; None: of one without."""
        text = {} if seed is None else {"seed": _canonical(seed)}
        pair_id = _digest_of(science=_object(self.shared | text), **self.surroundings)
        own = {"own": _object(self.science | text)} if self.frees else {}
        return Fingerprint(
            pair_id=pair_id,
            run_id=_digest_of(pair=_canonical(pair_id), arm=self.arm, weights=self.weights, **own),
            condition_id=self.condition_id,
            version=self.version,
            defaults=self.defaults,
            config=_digest_of(config=_object(self.placeless | text), defaults=self.told_defaults),
        )


def fingerprint(
    config: Mapping[str, Any],
    source: str,
    built_from: Mapping[str, str],
    weights: str | None,
    defaults: Mapping[str, Any] | None = None,
    version: int = VERSION,
) -> Fingerprint:
    """Name a run from its resolved config, the digests of its data source, its model's files and its weights.

    `weights` is None for an arm that loads none. Settings that the study frees may differ between the arms of
    a pair, so they name the run and not the pair. `defaults` are the default values by dotted path: a setting
    at its default is left out, as one that did not exist yet (version 1 leaves none out). Raises RecordError
    on a top-level setting that is neither science, arm nor plumbing: somebody has to decide which it is.
    """
    settings = {name: value for name, value in config.items() if name != "seed"}
    given = (settings, source, built_from, weights, defaults, version)
    return kept_one(_unseeded, repr(given), lambda: unseeded(*given)).named(config.get("seed"))


T = TypeVar("T")
MOST_KEPT = 1000
_unseeded: dict[str, Unseeded] = {}  # by what it is made of: runs of other seeds share it


def kept_one(kept: dict[str, T], key: str, make: Callable[[], T]) -> T:
    """What was made before under this key, of the last MOST_KEPT; else what `make` makes."""
    if key not in kept:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[key] = make()
    return kept[key]


def unseeded(
    config: Mapping[str, Any],
    source: str,
    built_from: Mapping[str, str],
    weights: str | None,
    defaults: Mapping[str, Any] | None = None,
    version: int = VERSION,
) -> Unseeded:
    """What all runs with this configuration share whose seeds alone differ; as `fingerprint`."""
    config = renamed(config)
    if unknown := sorted(set(config) - {*SCIENCE, *ARM, *PLUMBING}):
        raise RecordError(f"config: {', '.join(unknown)} is in none of SCIENCE, ARM and PLUMBING")
    everything = {name: config[name] for name in (*SCIENCE, *ARM) if is_set(config, name) and name != "seed"}
    at_default = {} if version == 1 else _at_default(everything, defaults or {})
    science = {name: value for name, value in everything.items() if name in SCIENCE}
    whole = without(science, {*LOCATIONS, *at_default})
    freed = free_settings(config)
    shared = _texts(without(whole, freed))
    surroundings = {"source": _canonical(source), "built_from": _canonical(dict(built_from))}
    if version == 1:
        arm = {name: value for name, value in renamed(config, FORMER).items() if name in ARM}
    else:
        surroundings["version"] = _canonical(version)
        arm = without({name: config[name] for name in ARM if name in config}, at_default)
    return Unseeded(
        placeless=_texts(without(everything, LOCATIONS)),
        science=_texts(whole),
        shared=shared,
        arm=_canonical(arm),
        weights=_canonical(weights),
        surroundings=surroundings,
        frees=bool(freed),
        condition_id=_digest_of(science=_object(shared), **surroundings),
        version=version,
        defaults=at_default,
        told_defaults=_canonical(at_default),
    )


def free_settings(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted settings that the study frees or tunes; a group (`budget`) stands for all of its settings."""
    study = as_mapping(config.get("study"))
    free = study.get("free")  # absent from records of earlier versions
    named = cast(Sequence[Any], free) if isinstance(free, list | tuple) else ()
    space = as_mapping(as_mapping(study.get("tune")).get("space"))
    return tuple(dict.fromkeys(str(name) for name in (*named, *space)))


def as_mapping(value: object) -> Mapping[str, Any]:
    """A part of a JSON value where a mapping is expected; empty where there is none."""
    # A dict is known at once: asking an abstract class takes long, and every setting is asked.
    is_mapping = isinstance(value, dict) or isinstance(value, Mapping)  # noqa: SIM101
    return cast(Mapping[str, Any], value) if is_mapping else {}


def leaves(value: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in a nested mapping that is no mapping."""
    waiting = [(path, value)]
    while waiting:
        at, item = waiting.pop()
        if type(item) not in _SINGLE and (group := as_mapping(item)):
            below = [(f"{at}.{name}" if at else str(name), each) for name, each in group.items()]
            waiting += reversed(below)
        else:
            yield at, item


def digest(value: object) -> str:
    """16 hexadecimal digits of the sha256 of canonical JSON: sorted keys, no spaces, no NaN."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()[:16]


def _canonical(value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RecordError(f"config cannot be fingerprinted: {error}; use plain JSON values") from None


def _texts(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: _canonical(value) for name, value in settings.items()}


def _object(texts: Mapping[str, str]) -> str:
    """Canonical JSON of a mapping whose values are canonical JSON."""
    return "{" + ",".join(f'"{name}":{texts[name]}' for name in sorted(texts)) + "}"


def _digest_of(**texts: str) -> str:
    return hashlib.sha256(_object(texts).encode()).hexdigest()[:16]


def is_set(config: Mapping[str, Any], name: str) -> bool:
    """Whether a setting says anything: an order without a seed of its own is that of the run."""
    return name in config and (name != "order_seed" or config[name] is not None)


def without(settings: Mapping[str, Any], left_out: Collection[str]) -> dict[str, Any]:
    """The settings without those at the dotted paths `left_out`; a group that this empties stays, as {}.

    A group of which nothing is left out is the same object: it is not looked into.
    """
    groups: set[str] = set()
    for path in left_out:
        while path := path.rpartition(".")[0]:
            groups.add(path)
    return _without(settings, left_out, groups, "")


def _without(
    settings: Mapping[str, Any], left_out: Collection[str], groups: Collection[str], path: str
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in settings.items():
        at = f"{path}{name}"
        if at in left_out:
            continue
        if at in groups and isinstance(value, Mapping):
            kept[name] = _without(cast(Mapping[str, Any], value), left_out, groups, f"{at}.")
        else:
            kept[name] = value
    return kept


def _at_default(settings: Mapping[str, Any], defaults: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """The settings, by dotted path, that have their default value; `{}` for a group of nothing else."""
    same: dict[str, Any] = {}
    for name, value in settings.items():
        at = f"{path}{name}"
        default = defaults.get(at, ...)
        if type(value) not in _SINGLE and isinstance(value, Mapping):
            group = cast(Mapping[str, Any], value)
            below = _at_default(group, defaults, f"{at}.")
            same |= below
            if default == {} and all(f"{at}.{key}" in below for key in group):
                same[at] = {}
        elif value == default and isinstance(value, bool) == isinstance(default, bool):  # 1 is not true
            same[at] = value
    return same

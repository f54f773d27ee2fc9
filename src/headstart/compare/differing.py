"""Differing: what is not the same in two studies besides their numbers, as pairs of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from headstart.compare import phrases
from headstart.compare.conditions import size_name
from headstart.compare.findings import Findings
from headstart.compare.settings import word
from headstart.records.fingerprint import ARM, LOCATIONS, SCIENCE, as_mapping, leaves

ABSENT = "not there"
ASKED = ("baseline", "margin", "free", "tune")  # of a study: what it asks, not where it runs
COUNTS = {"train": "training rows", "validation": "validation rows", "test": "test rows"}


class Differing(NamedTuple):
    """One thing that is not the same in both studies."""

    what: str
    first: str
    second: str


def differing(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Differing, ...]:
    """Everything that has another value in one of the two, or is not there, in the order of the first."""
    names = dict.fromkeys([*first, *second])
    pairs = [Differing(name, first.get(name, ABSENT), second.get(name, ABSENT)) for name in names]
    return tuple(one for one in pairs if one.first != one.second)


def settings_of(findings: Findings) -> dict[str, str]:
    """The settings of a study's first run that may change the answer, by their dotted path; not the seed."""
    config = findings.config
    found = {
        path: word(value)
        for name in (*SCIENCE, *ARM)
        if name not in ("seed", "size") and name in config
        for path, value in leaves(config[name], name)
        if path not in LOCATIONS or path == "task.name"
    }
    asked = as_mapping(config.get("study"))
    if size := as_mapping(config.get("size")):
        found |= {"size": size_name(size), "size.draw": word(size.get("seed"))}
    found |= {f"study.{name}": _plain(asked[name]) for name in ASKED if name in asked}
    # Settings that vary within the study stand with all their values instead of the first run's.
    varying = [item.condition.settings for item in findings.comparisons]
    for name in dict.fromkeys(name for settings in varying for name in settings):
        values = ", ".join(dict.fromkeys(settings.get(name, ABSENT) for settings in varying))
        if name in ("task", "model"):  # its name says it all: the rest of it varies with it
            found = {path: value for path, value in found.items() if not path.startswith(f"{name}.")}
            found[f"{name}.name"] = values
        else:
            path = next((path for path in found if path == name or path.endswith(f".{name}")), name)
            found[path] = values
    return found


def data_of(findings: Findings) -> dict[str, str]:
    """Rows, tokenizer and seeds, and what each arm held at step 0; contents as the digits of a digest."""
    data = findings.data
    rows, counts = as_mapping(data.get("rows")), as_mapping(data.get("counts"))
    found = {"data": _digest(data.get("source")), "tokenizer": _digest(data.get("tokenizer"))}
    found |= {name: f"{counts[split]:,}" for split, name in COUNTS.items() if split in counts}
    sizes = sorted({item.condition.train_rows for item in findings.comparisons})
    found["training rows"] = ", ".join(f"{size:,}" for size in sizes) or found.get("training rows", "")
    found |= {
        f"which {COUNTS[split]}": _digest(rows.get(split))
        for split in ("validation", "test")
        if split in rows
    }
    found |= {"classes": str(len(data.get("classes") or ())), "longest text": str(data.get("max_length"))}
    seeds = {pair.seed for item in findings.comparisons for pair in item.pairs}
    found["seeds"] = ", ".join(map(str, sorted(seeds))) or "none"
    for start in findings.attestations:
        sha = f"{start.checkpoint}, sha256 {_digest(start.checkpoint_sha256)}"
        found |= {
            f"weights of {start.arm}": sha if start.checkpoint else "none loaded",
            f"parameters of {start.arm}": f"{start.all_parameters:,}",
            f"parameters of {start.arm} that may train": f"{start.trainable_parameters:,}",
        }
    return {name: value for name, value in found.items() if value}


def places_of(findings: Findings) -> dict[str, str]:
    """Machine, processor, precision, and versions of the code and of every library."""
    found: dict[str, dict[str, None]] = {}
    for each in findings.environments:
        plain = ("device", "devices", "cpu", "threads", "precision", "machine", "platform", "python")
        code, versions = as_mapping(each.get("code")), as_mapping(each.get("versions"))
        told: dict[str, object] = {name: each.get(name) for name in plain}
        told |= {f"code {name}": code.get(name) for name in ("version", "commit")}
        told |= {f"{name} version": value for name, value in versions.items()}
        for name, value in told.items():
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    return {name: phrases.joined(sorted(values)) for name, values in found.items()}


def _plain(value: object) -> str:
    """A setting of the study in words: its leaves, where it is a mapping or a list."""
    if group := as_mapping(value):
        return ", ".join(f"{path} {word(each)}" for path, each in leaves(group))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, cast(Sequence[object], value))) or "none"
    return word(value)


def _digest(value: object) -> str:
    return str(value)[:8] if value else ""

"""Differing: what is not the same in two studies besides their numbers, as pairs of words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headstart.compare import phrases
from headstart.compare.conditions import size_name
from headstart.compare.findings import Attestation, Findings
from headstart.compare.settings import leaves, word
from headstart.records.fingerprint import ARM, LOCATIONS, SCIENCE

ABSENT = "not there"
ASKED = ("baseline", "margin", "free", "tune")  # of a study: what it asks, not where it runs
COUNTS = {"train": "training rows", "validation": "validation rows", "test": "test rows"}


@dataclass(frozen=True)
class Differing:
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
    config: Mapping[str, Any] = findings.config
    found = {
        path: word(value)
        for name in (*SCIENCE, *ARM)
        if name not in ("seed", "size") and name in config
        for path, value in leaves(config[name], name)
        if path not in LOCATIONS or path == "task.name"
    }
    size, asked = config.get("size"), config.get("study")
    if isinstance(size, Mapping):
        found |= {"size": size_name(size), "size.draw": word(size.get("seed"))}
    if isinstance(asked, Mapping):
        found |= {f"study.{name}": _plain(asked[name]) for name in ASKED if name in asked}
    return _with_varying(found, findings)


def _with_varying(found: Mapping[str, str], findings: Findings) -> dict[str, str]:
    """Settings that vary within the study, with all their values instead of the first run's."""
    told = dict(found)
    for name in dict.fromkeys(name for item in findings.comparisons for name in item.condition.settings):
        whole = name in ("task", "model")  # its name says it all: the rest of it varies with it
        told = {path: value for path, value in told.items() if not (whole and path.startswith(f"{name}."))}
        path = next((path for path in told if path == name or path.endswith(f".{name}")), name)
        told[f"{name}.name" if whole else path] = _values(findings, name)
    return told


def data_of(findings: Findings) -> dict[str, str]:
    """Rows, tokenizer and seeds, and what each arm held at step 0; contents as the digits of a digest."""
    data = findings.data
    rows, counts = data.get("rows") or {}, data.get("counts") or {}
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
    for one in findings.attestations:
        found |= _held(one)
    return {name: value for name, value in found.items() if value}


def places_of(findings: Findings) -> dict[str, str]:
    """Machine, processor, precision, and versions of the code and of every library."""
    found: dict[str, dict[str, None]] = {}
    for each in findings.environments:
        plain = ("device", "cpu", "threads", "precision", "machine", "platform", "python")
        told = {name: each.get(name) for name in plain}
        code = each.get("code") or {}
        told |= {f"code {name}": code.get(name) for name in ("version", "commit")}
        told |= {f"{name} version": value for name, value in (each.get("versions") or {}).items()}
        for name, value in told.items():
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    return {name: phrases.joined(sorted(values)) for name, values in found.items()}


def _held(one: Attestation) -> dict[str, str]:
    weights = (
        f"{one.checkpoint}, sha256 {_digest(one.checkpoint_sha256)}" if one.checkpoint else "none loaded"
    )
    return {
        f"weights of {one.arm}": weights,
        f"parameters of {one.arm}": f"{one.all_parameters:,}",
        f"parameters of {one.arm} that may train": f"{one.trainable_parameters:,}",
    }


def _values(findings: Findings, name: str) -> str:
    told = [item.condition.settings.get(name, ABSENT) for item in findings.comparisons]
    return ", ".join(dict.fromkeys(told))


def _plain(value: Any) -> str:
    """A setting of the study in words: its leaves, where it is a mapping or a list."""
    if isinstance(value, Mapping):
        return ", ".join(f"{path} {word(each)}" for path, each in leaves(value))
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else word(value)


def _digest(value: Any) -> str:
    return str(value)[:8] if value else ""

"""Conditions: groups of runs that repeat one comparison, named by the settings that vary within the study."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headstart.compare.settings import is_free, word
from headstart.records.fingerprint import SCIENCE, as_mapping, free_settings, leaves
from headstart.records.record import Record


@dataclass(frozen=True)
class Condition:
    """The settings that vary within the study, with this comparison's values; empty when nothing varies."""

    id: str  # condition_id of the records
    name: str  # "512 rows", or "256 rows, lr 0.001"; "" when the study has one condition
    settings: Mapping[str, str]  # {"size": "512 rows"}; only what varies
    train_rows: int  # rows that every arm of this condition trained on


def conditions(records: Sequence[Record]) -> list[tuple[Condition, list[Record]]]:
    """Every condition with its runs; fewest train rows first, then by name."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.condition_id].append(record)
    shown = {key: _settings(group[0]) for key, group in groups.items()}
    for first, *others in _draws_apart(shown):
        groups[first] += [record for key in others for record in groups.pop(key)]
        shown = {key: settings for key, settings in shown.items() if key not in others}
        shown[first]["size.draw"] = None
    varying = _varying(list(shown.values()))
    named: list[tuple[Condition, list[Record]]] = []
    for key, group in groups.items():
        settings = _short({path: shown[key].get(path) for path in varying})
        name = ", ".join(v if k in ("size", "task", "model") else f"{k} {v}" for k, v in settings.items())
        named.append((Condition(key, name, settings, group[0].data.counts.train), group))

    def order(item: tuple[Condition, list[Record]]) -> tuple[Any, ...]:
        """`epochs 4` comes before `epochs 12`: numbers by value, the rest by letter."""
        parts = re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?|\D+", item[0].name)
        name = [(float(part), "") if part[0].isdigit() else (math.inf, part) for part in parts]
        return item[0].train_rows, name, item[0].id

    return sorted(named, key=order)


def _draws_apart(shown: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Conditions that differ in the draw of the rows and in nothing else: one comparison, repeated."""
    alike: dict[str, list[str]] = defaultdict(list)
    for key, settings in shown.items():
        alike[repr({path: value for path, value in settings.items() if path != "size.draw"})].append(key)
    draws = {name: {shown[key].get("size.draw") for key in keys} for name, keys in alike.items()}
    return [keys for name, keys in alike.items() if 1 < len(keys) == len(draws[name])]


def size_name(size: Mapping[str, Any]) -> str:
    """ "512 rows", "10 % of the rows", "16 per class", "all rows"."""
    kind = size.get("kind")
    if kind == "rows":
        return f"{size['rows']} rows"
    if kind == "fraction":
        return f"{size['fraction'] * 100:g} % of the rows"
    if kind == "per_class":
        return f"{size['per_class']} per class"
    return "all rows" if kind == "all" else f"{kind} rows"


def _settings(record: Record) -> dict[str, Any]:
    """Dotted settings of the science, seed left out; the size is one setting, and its draw another."""
    found: dict[str, Any] = {}
    if size := as_mapping(record.config.get("size")):
        found = {"size": size_name(size), "size.draw": size.get("seed")}
    for name in SCIENCE:
        if name not in ("seed", "size") and name in record.config:
            found.update(leaves(record.config[name], name))
    found["data.source"] = record.data.source[:8]
    freed = free_settings(record.config)  # an arm has those for itself: they are no condition
    return {path: value for path, value in found.items() if not is_free(path, freed)}


def _varying(shown: Sequence[Mapping[str, Any]]) -> list[str]:
    """Paths with more than one value. A name says it all: the rest of a named task or model is left out."""
    paths = list(dict.fromkeys(path for settings in shown for path in settings))
    varying = [path for path in paths if len({repr(settings.get(path)) for settings in shown}) > 1]
    if len({settings.get("size.draw") for settings in shown} - {None}) < 2:
        varying = [path for path in varying if path != "size.draw"]  # all rows are drawn by nobody
    for group in ("task", "model"):
        if f"{group}.name" in varying:
            varying = [p for p in varying if p == f"{group}.name" or not p.startswith(f"{group}.")]
    named = [path for path in varying if path != "data.source"]
    distinct = {repr([settings.get(path) for path in named]) for settings in shown}
    return named if named and len(distinct) == len(shown) else varying


def _short(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings under their last word, or their whole path where two would share it."""
    last = [path.split(".")[0 if path in ("task.name", "model.name") else -1] for path in settings]
    short: dict[str, str] = {}
    for name, (path, value) in zip(last, settings.items(), strict=True):
        text = word(value).rstrip("/").split("/")[-1] if path == "model.name" else word(value)
        short[name if last.count(name) == 1 else path] = text
    return short

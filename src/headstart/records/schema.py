"""The record's schema, and the faults that a record has against it, without a validation library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

VERSION = 2

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list, tuple),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def schema() -> Mapping[str, Any]:
    """record.schema.json, as it ships in the package."""
    return json.loads(files("headstart.records").joinpath("record.schema.json").read_text("utf-8"))


def faults(record: object) -> list[str]:
    """Every fault of `record` against the schema, as `path: what is wrong`; empty when it is valid."""
    return list(_faults(record, schema(), ""))


def _faults(value: Any, rule: Mapping[str, Any], path: str) -> Iterator[str]:
    """Faults at and below `path`; covers the keywords that record.schema.json uses (a test holds that)."""
    where = path or "record"
    if "const" in rule and value != rule["const"]:
        yield f"{where}: must be {rule['const']!r}, got {value!r}"
    if "enum" in rule and value not in rule["enum"]:
        yield f"{where}: must be one of {', '.join(rule['enum'])}, got {value!r}"
    if "type" in rule and not _is(value, rule["type"]):
        yield f"{where}: must be {_words(rule['type'])}, got {value!r:.60}"
    elif isinstance(value, Mapping):
        yield from _faults_of_object(value, rule, path)
    elif isinstance(value, list | tuple) and "items" in rule:
        for position, item in enumerate(value):
            yield from _faults(item, rule["items"], f"{where}[{position}]")
    else:
        yield from _faults_of_leaf(value, rule, where)


def _faults_of_object(value: Mapping[str, Any], rule: Mapping[str, Any], path: str) -> Iterator[str]:
    known, extra = rule.get("properties", {}), rule.get("additionalProperties", True)
    prefix = f"{path}." if path else ""
    yield from (f"{prefix}{name}: is missing" for name in rule.get("required", ()) if name not in value)
    for name, item in value.items():
        if name in known:
            yield from _faults(item, known[name], f"{prefix}{name}")
        elif extra is False:
            yield f"{prefix}{name}: is not a key of the record"
        elif isinstance(extra, Mapping):
            yield from _faults(item, extra, f"{prefix}{name}")


def _faults_of_leaf(value: Any, rule: Mapping[str, Any], where: str) -> Iterator[str]:
    if isinstance(value, str):
        if "pattern" in rule and not re.search(rule["pattern"], value):
            yield f"{where}: must match {rule['pattern']}, got {value!r:.60}"
        if len(value) < rule.get("minLength", 0):
            yield f"{where}: must not be empty"
    elif isinstance(value, int | float) and "minimum" in rule and not value >= rule["minimum"]:
        yield f"{where}: must be at least {rule['minimum']}, got {value!r}"


def _is(value: Any, kinds: str | list[str]) -> bool:
    names = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _TYPES[name]) for name in names)


def _words(kinds: str | list[str]) -> str:
    return kinds if isinstance(kinds, str) else " or ".join(kinds)

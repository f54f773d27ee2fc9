"""Config: a strict, frozen mapping that every part of the configuration is."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from headstart.errors import ConfigError

NAME = r"^[^\W_][\w.+-]*$"  # a name that is safe as a folder on every system: letters, digits and . + - _


class Config(BaseModel):
    """One mapping of the configuration: unknown keys refused, types not coerced, never written to."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    @classmethod
    def read(cls, mapping: Mapping[str, Any]) -> Self:
        """Check `mapping` and build the node; raise one ConfigError that names every mistake."""
        open_ends = [f"{path}: must be given" for path in _open_ends(mapping)]
        try:
            node = cls.model_validate(dict(mapping))
        except ValidationError as error:
            raise ConfigError([*open_ends, *_sentences(cls, error, mapping)]) from None
        if open_ends:
            raise ConfigError(open_ends)
        return node


class Open:
    """Marks a field (in its annotation) that takes more nodes than the annotation names."""

    def settings(self) -> set[str]:
        """Names of the settings of those other nodes."""
        raise NotImplementedError


def nearest(word: str, known: Iterable[str]) -> str:
    """' did you mean X?' when one of `known` is close to `word`, else the list of what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"


def _sentences(node: type[Config], error: ValidationError, mapping: Mapping[str, Any]) -> list[str]:
    return [_sentence(node, item, mapping) for item in error.errors() if item.get("input") != "???"]


def _sentence(node: type[Config], item: Any, mapping: Mapping[str, Any]) -> str:
    """One pydantic error as `path: what is wrong`, in the words of the yaml."""
    location = _without_tags(item["loc"], mapping)
    path = ".".join(location) or "config"
    kind, got = item["type"], item.get("input")
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(location[-1], settings_at(node, location[:-1]), n=1)
        hint = f"; did you mean {'.'.join([*location[:-1], *close])}?" if close else ""
        return f"{path}: no such setting{hint}"
    if kind == "missing":
        return f"{path}: is missing"
    if kind == "union_tag_not_found":
        return f"{path}.kind: is missing"
    if kind == "union_tag_invalid":
        kinds = item["ctx"]["expected_tags"].replace("'", "").split(", ")
        return f"{path}.kind: no kind {item['ctx']['tag']}; {nearest(item['ctx']['tag'], kinds)}"
    message = item["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return f"{path}: {message}"
    return f"{path}: {message[:1].lower() + message[1:]}, got {got!r}"


def _without_tags(location: tuple[str | int, ...], mapping: Any) -> list[str]:
    """The path as the yaml has it: pydantic also names the kind that a union was read as."""
    path: list[str] = []
    at_union = False
    for part in location:
        if at_union and part == mapping["kind"]:
            at_union = False
            continue
        path.append(str(part))
        mapping = mapping[part] if _holds(mapping, part) else None
        at_union = isinstance(mapping, Mapping) and "kind" in mapping
    return path


def _open_ends(mapping: Mapping[str, Any], path: str = "") -> list[str]:
    """Paths of the settings that a yaml leaves to the user (`???`)."""
    found: list[str] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            found += _open_ends(value, f"{path}{key}.")
        elif value == "???":
            found.append(f"{path}{key}")
    return found


def _holds(mapping: Any, part: str | int) -> bool:
    if isinstance(mapping, Mapping):
        return part in mapping
    return isinstance(mapping, list | tuple) and isinstance(part, int) and part < len(mapping)


def settings_at(node: type[Config], path: Sequence[str]) -> set[str]:
    """Names of the settings that may stand at `path` below `node`."""
    nodes, others = [node], []
    for part in path:
        fields = [n.model_fields[part] for n in nodes if part in n.model_fields]
        nodes = [found for field in fields for found in _nodes_in(field.annotation)]
        others = [mark for field in fields for mark in field.metadata if isinstance(mark, Open)]
    names = {name for n in nodes for name in n.model_fields}
    return names.union(*(mark.settings() for mark in others))


def _nodes_in(annotation: Any) -> list[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [found for part in get_args(annotation) for found in _nodes_in(part)]

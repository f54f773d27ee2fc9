"""Config: the strict, immutable base class of every part of the configuration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_jsonable_python

from headstart.errors import ConfigError

NAME = r"^[^\W_][\w.+-]*$"  # a name that is safe as a folder on every system: letters, digits and . + - _
# Settings that had another name in an earlier release: old path -> new path.
RENAMED = {
    "keep_at": "checkpoint_steps",
    "arm.age": "arm.checkpoint_step",
    "arm.fresh": "arm.newly_initialised",
    "arm.poured": "arm.part",
    "arm.recipe": "arm.pretraining",
    "arm.recipe_seed": "arm.pretraining_seed",
}
# Settings that lie elsewhere now. A stored configuration keeps them: they are part of the names of its run.
MOVED = {"task.digits.classes": "task.classes"}
NEW_NAMES = RENAMED | MOVED


class Config(BaseModel):
    """One mapping of the configuration: unknown keys are refused, types are not converted, immutable."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    @classmethod
    def read(cls, mapping: Mapping[str, Any]) -> Self:
        """Check `mapping` and build the object; raise one ConfigError that names every mistake."""
        mistakes = [f"{path}: must be given" for path in _left_open(mapping)]
        try:
            config = cls.model_validate(dict(mapping))
        except ValidationError as error:
            items = [item for item in error.errors() if item.get("input") != "???"]
            mistakes += [_sentence(cls, item, mapping) for item in items]
            raise ConfigError(mistakes) from None
        if mistakes:
            raise ConfigError(mistakes)
        return config


class MoreSettings:
    """Marks a field, in its annotation, that accepts more configs than the annotation names."""

    def configs(self) -> Sequence[type[Config]]:
        """The known configs."""
        raise NotImplementedError

    def settings(self) -> set[str]:
        """Names of the settings of other configs."""
        raise NotImplementedError


def defaults_of(config: Config) -> Mapping[str, Any]:
    """Default values of the settings of `config` by dotted path; `{}` for a group with a default.

    Without `kind`, which determines the settings, and without `code`, the digest of a user's own code.
    """
    return _defaults_of(_shape(config))


Shape = tuple[type[Config], tuple[tuple[str, Any], ...]]  # a type, and names and shapes of its groups


def _shape(config: Config) -> Shape:
    """What the defaults of a config depend on: most runs of a study have the same."""
    groups = [(name, value) for name, value in config.__dict__.items() if isinstance(value, Config)]
    return type(config), tuple((name, _shape(value)) for name, value in groups)


@cache
def _defaults_of(shape: Shape) -> Mapping[str, Any]:
    kind, groups = shape[0], dict(shape[1])
    defaults: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if name in groups:
            defaults |= {f"{name}.{below}": value for below, value in _defaults_of(groups[name]).items()}
            if isinstance(default, Config):
                defaults[name] = {}
        elif name not in ("kind", "code") and not field.is_required():
            defaults[name] = to_jsonable_python(default)
    return MappingProxyType(defaults)


def nearest(word: str, known: Iterable[str]) -> str:
    """`did you mean X?` when one of `known` is close to `word`, else the list of `known`."""
    return _nearest(word, tuple(sorted(known)))


@cache
def _nearest(word: str, names: tuple[str, ...]) -> str:
    """One mistake can be in every run of a large sweep."""
    if close := difflib.get_close_matches(word, names, n=1, cutoff=0.6):
        return f"did you mean {close[0]}?"
    return f"known: {', '.join(names)}" if names else "nothing is known here"


def settings_at(config: type[Config], path: Sequence[str]) -> set[str]:
    """Names of the settings that may be at `path` below `config`."""
    configs, names = [config], set[str]()
    for key in path:
        fields = [parent.model_fields[key] for parent in configs if key in parent.model_fields]
        marks = [mark for field in fields for mark in field.metadata if isinstance(mark, MoreSettings)]
        configs = [below for field in fields for below in _configs_in(field.annotation)]
        configs += [below for mark in marks for below in mark.configs()]
        names = {name for mark in marks for name in mark.settings()}
    return names.union(*(parent.model_fields for parent in configs))


def _configs_in(annotation: Any) -> list[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [config for argument in get_args(annotation) for config in _configs_in(argument)]


def _sentence(config: type[Config], item: Any, mapping: Mapping[str, Any]) -> str:
    """One pydantic error as `path: problem`, with the path as in the yaml."""
    location = _without_tags(item["loc"], mapping)
    path = ".".join(location) or "config"
    kind, got = item["type"], item.get("input")
    if kind == "extra_forbidden":
        below = {path, *(f"{path}.{name}" for name in (got if isinstance(got, Mapping) else ()))}
        if old := below & NEW_NAMES.keys():
            return f"{min(old)}: is now {NEW_NAMES[min(old)]}"
        known = settings_at(config, location[:-1]) - {location[-1]}  # another kind may have it
        close = difflib.get_close_matches(location[-1], known, n=1)
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
    """The path as in the yaml: pydantic adds the kind of a union."""
    path: list[str] = []
    at_union = False
    for key in location:
        if at_union and key == mapping["kind"]:
            at_union = False
            continue
        path.append(str(key))
        try:
            mapping = mapping[key]
        except (LookupError, TypeError):
            mapping = None
        at_union = isinstance(mapping, Mapping) and "kind" in mapping
    return path


def _left_open(mapping: Mapping[str, Any], path: str = "") -> list[str]:
    """Paths of the settings that a yaml leaves to the user (`???`)."""
    paths: list[str] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            paths += _left_open(value, f"{path}{key}.")
        elif value == "???":
            paths.append(f"{path}{key}")
    return paths


def renamed(config: Mapping[str, Any], names: Mapping[str, str] = RENAMED) -> dict[str, Any]:
    """A stored configuration with renamed settings, also in the pretraining of its arm.

    `names` maps the old path of a setting to the new one.
    """
    new_config = dict(config)
    for old, new in names.items():
        new_config = _with_key_renamed(new_config, old.split("."), new.rpartition(".")[2])
    arm = new_config.get("arm")
    for field in ("recipe", "pretraining"):
        if isinstance(arm, Mapping) and isinstance(arm.get(field), list):
            words = [text.partition("=") for text in arm[field]]
            settings = [f"{names.get(key, key)}{equals}{value}" for key, equals, value in words]
            new_config["arm"] = arm = {**arm, field: settings}
    return new_config


def _with_key_renamed(mapping: Any, path: Sequence[str], name: str) -> Any:
    """A copy in which the key at `path` is called `name`; as it is where there is no such key."""
    first, *rest = path
    if not isinstance(mapping, Mapping) or first not in mapping:
        return mapping
    if rest:
        below = _with_key_renamed(mapping[first], rest, name)
        return mapping if below is mapping[first] else {**mapping, first: below}
    return {name if key == first else key: value for key, value in mapping.items()}

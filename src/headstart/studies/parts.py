"""Parts: the points of a sweep share most of what they consist of, and each part is read and checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headstart.run import Run
from headstart.studies.overrides import parsed

Sources = dict[str, tuple[str, ...]]  # by part of a run: what the yaml says of it, and its overrides
NAMES = tuple(Run.model_fields)


class Parts:
    """The parts of the runs that were read so far, by where they come from."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._heads: dict[tuple[tuple[str, ...], ...], Run] = {}  # one run of each task on each model

    def run(self, sources: Sources) -> Run | None:
        """The run of these sources; None until each of its parts, and this task on this model, was read."""
        first = self._heads.get((sources["task"], sources["model"]))
        if first is None or not all(item in self._parts for item in sources.items()):
            return None
        return first.model_copy(update={name: self._parts[name, source] for name, source in sources.items()})

    def shared(self, sources: Sources, run: Run) -> Run:
        """A run in which no mistake was found, with the parts that it shares with the runs before."""
        first = self._heads.setdefault((sources["task"], sources["model"]), run)
        parts = {name: self._parts.setdefault((name, sources[name]), getattr(run, name)) for name in sources}
        return first.model_copy(update=parts)


def sources_of(yaml: Mapping[str, str] | None, overrides: Sequence[str]) -> Sources | None:
    """Where each part comes from; None where one may depend on another, or is no part of a run."""
    own: dict[str, list[str]] = {}
    for text in overrides:
        own.setdefault(_part(text), []).append(text)
    if yaml is None or not {*yaml, *own} <= {*NAMES}:
        return None
    sources: Sources = {name: (yaml.get(name, ""), *own.get(name, ())) for name in NAMES}
    sources["precision"] += sources["hardware"]  # which resolves it
    return sources


@cache
def _part(text: str) -> str:
    """The part of a run that an override is about; none where its value refers to other settings."""
    override = parsed(text)
    return "" if "${" in str(override.value()) else override.key_or_group.partition(".")[0]

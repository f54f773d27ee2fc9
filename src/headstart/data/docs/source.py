"""Docs: the embedded corpus as a task, made of the docstrings of libraries that are installed anyway."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from headstart.config import Config
from headstart.data.docs import library, views
from headstart.data.docs.docstrings import CORPUS_VERSION, LIBRARIES, version
from headstart.data.rows import SPLITS, Columns, RawRows, Splits, as_dataset, checked
from headstart.errors import DataError

PER_CLASS = tuple(f"{split}_per_class" for split in SPLITS)  # settings of the view `library`
PER_SPLIT = tuple(f"{split}_rows" for split in SPLITS)  # settings of all others
# names of columns, the table, row numbers per split, notes
Parts = tuple[tuple[str, ...], Mapping[str, list[Any]], Mapping[str, list[int]], tuple[str, ...]]


class Docs(Config):
    """Docstrings seen in one of several ways, one row each; no text twice, not even nearly, and none in
    two splits, not even in different views."""

    view: Literal["library", "match", "params", "qa", "text", "summary"] = "library"
    libraries: tuple[str, ...] = Field(default=LIBRARIES, min_length=1, strict=False)
    shortest: int = Field(default=80, ge=20)  # characters of the text; the defaults are the view's own
    longest: int = Field(default=1000, ge=100)
    train_per_class: int = Field(default=650, ge=1)
    validation_per_class: int = Field(default=80, ge=1)
    test_per_class: int = Field(default=170, ge=1)
    train_rows: int | None = Field(default=None, ge=1)  # null: as many as there are
    validation_rows: int | None = Field(default=None, ge=1)
    test_rows: int | None = Field(default=None, ge=1)
    split_seed: int = 0

    @model_validator(mode="before")
    @classmethod
    def _bounds_of_the_view(cls, given: Any) -> Any:
        view = given.get("view") if isinstance(given, Mapping) else None
        if view not in views.VIEWS:
            return given
        shortest, longest = views.VIEWS[view].bounds
        return {"shortest": shortest, "longest": longest, **given}

    @field_validator("libraries")
    @classmethod
    def _known(cls, libraries: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [library for library in libraries if library not in LIBRARIES]:
            raise ValueError(f"{strange[0]!r} is not in the corpus; known: {', '.join(LIBRARIES)}")
        return tuple(dict.fromkeys(libraries))

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.view == "library" and len(self.libraries) < 2:
            raise ValueError("libraries: the view library tells libraries apart, so name two or more")
        if strange := sorted(self._foreign() & self.model_fields_set):
            use = PER_SPLIT if self.view != "library" else PER_CLASS
            raise ValueError(f"{strange[0]}: is not for the view {self.view}; use {', '.join(use)}")
        return self

    @model_serializer(mode="wrap")
    def _own_settings(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The settings that this view reads: another's cannot change the answer, or a fingerprint."""
        return {name: value for name, value in write(self).items() if name not in self._foreign()}

    def _foreign(self) -> set[str]:
        return set(PER_SPLIT if self.view == "library" else PER_CLASS)

    def digest(self) -> str:
        """Corpus version, library versions and fields, hashed. A build label (+cpu, +cu130) does not count:
        it changes the compiled part, and a machine with a GPU reads the same docstrings as one without."""
        if self.view != "library":
            return f"docs:{views.key(self.split_seed, self.model_dump())}"
        versions = {library: version(library).split("+")[0] for library in self.libraries}
        return f"docs:{self._hash(versions, self)}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """The splits; `columns` maps role to a column of the view."""
        names, table, parts, notes = self._library() if self.view == "library" else self._other()
        cells = {}
        for split in SPLITS:
            part = {name: [table[name][row] for row in parts[split]] for name in names}
            raw = RawRows(f"docs split {split}", names, part.__getitem__)
            cells[split] = as_dataset(checked(raw, columns), ids=part["name"])
        return Splits(**cells, source=self.digest(), notes=notes)

    def _library(self) -> Parts:
        bounds = (self.shortest, self.longest)
        key = self._hash({library: version(library) for library in self.libraries}, bounds)
        table = library.table(key, self.libraries, bounds)
        caps = {split: getattr(self, f"{split}_per_class") for split in SPLITS}
        chosen = library.parts(table, self.libraries, caps, bounds, self.split_seed)
        return library.COLUMNS, table, *chosen

    def _other(self) -> Parts:
        table = views.table(self.view, (self.shortest, self.longest), self.split_seed)
        caps = {split: getattr(self, f"{split}_rows") for split in SPLITS}
        parts, notes = views.parts(table, self.libraries, caps)
        if empty := [split for split in SPLITS if not parts[split]]:
            raise DataError(
                f"the view {self.view} of the embedded corpus has no {empty[0]} rows of "
                f"{', '.join(self.libraries)} between task.docs.shortest={self.shortest} and "
                f"longest={self.longest} characters: widen these bounds or name more libraries"
            )
        return (*views.VIEWS[self.view].columns, "name", "library"), table, parts, notes

    def _hash(self, versions: Mapping[str, str], settings: object) -> str:
        shown = settings.model_dump() if isinstance(settings, Config) else settings
        facts = json.dumps([CORPUS_VERSION, list(versions.items()), shown])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

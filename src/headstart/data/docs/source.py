"""Docs: the demo corpus as a task's rows, made of the docstrings of libraries that are installed anyway."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from headstart.cache import key_of
from headstart.config import Config
from headstart.data.cells import GROUP
from headstart.data.docs import manifest, views
from headstart.data.docs.docstrings import CORPUS_VERSION, LIBRARIES, module_of, version
from headstart.data.rows import SPLITS, Columns, RawRows, Splits, as_dataset, checked
from headstart.errors import DataError

PER_CLASS = tuple(f"{split}_per_class" for split in SPLITS)  # settings of the view `library`
PER_SPLIT = tuple(f"{split}_rows" for split in SPLITS)  # settings of all others
MODULE = "module"  # the column of the module that a docstring belongs to
CAPS = {*PER_CLASS, *PER_SPLIT}


log = logging.getLogger(__name__)


@functools.cache
def _warn_once(missing: str) -> None:
    """Say once what the corpus lacks, before the first run trains."""
    log.warning("headstart: %s", missing)


class Docs(Config):
    """Docstrings seen in one of several ways, one row each; no text twice, not even nearly, and none in
    two splits, not even in different views."""

    view: Literal["library", "match", "params", "qa", "text", "summary"] = "library"
    manifest: int | str | None = None  # a shipped number or a file; null: whatever the libraries have
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
    def _bounds_of_the_view(cls, mapping: Any) -> Any:
        view = views.VIEWS.get(str(mapping.get("view"))) if isinstance(mapping, Mapping) else None
        return {"shortest": view.bounds[0], "longest": view.bounds[1], **mapping} if view else mapping

    @field_validator("libraries")
    @classmethod
    def _known(cls, libraries: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [library for library in libraries if library not in LIBRARIES]:
            raise ValueError(f"{unknown[0]!r} is not in the corpus; known: {', '.join(LIBRARIES)}")
        return tuple(dict.fromkeys(libraries))

    @model_validator(mode="after")
    def _fits_the_view(self) -> Self:
        if self.view == "library" and len(self.libraries) < 2:
            raise ValueError("libraries: the view library tells libraries apart, so name two or more")
        if foreign := sorted(CAPS.difference(self._caps) & self.model_fields_set):
            raise ValueError(f"{foreign[0]}: is not for the view {self.view}; use {', '.join(self._caps)}")
        if self.manifest is not None and self.split_seed:
            raise ValueError(
                f"split_seed: is {self.split_seed}, but manifest {self.manifest} has one split: write "
                "manifest: null for the rows of the installed libraries"
            )
        return self

    @model_serializer(mode="wrap")
    def _own_settings(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The settings of this view: another view's cannot change the answer, or a fingerprint."""
        unused = CAPS.difference(self._caps) | ({"manifest"} if self.manifest is None else set[str]())
        return {name: value for name, value in write(self).items() if name not in unused}

    @property
    def _caps(self) -> tuple[str, ...]:
        """The settings of this view that say how many rows a split has, in the order of SPLITS."""
        return PER_CLASS if self.view == "library" else PER_SPLIT

    def digest(self) -> str:
        """What the corpus is made of and fields, hashed: the manifest and what the installed libraries lack
        of it, else their versions. A build label (+cpu, +cu130) does not count: it changes the compiled part,
        and a machine with a GPU reads the same docstrings as one without."""
        if self.manifest is not None:  # by its content: a file may lie anywhere
            return f"docs:{views.key(0, self.model_dump(exclude={'manifest'}), self.manifest)}"
        if self.view != "library":
            return f"docs:{views.key(self.split_seed, self.model_dump())}"
        versions = [(library, manifest.plain(version(library))) for library in self.libraries]
        return f"docs:{key_of([CORPUS_VERSION, versions, self.model_dump()])}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """The splits; `columns` maps role to a column of the view. Unless another column is named, docstrings
        of one module are a group."""
        columns = {GROUP: MODULE, **columns}
        bounds = (self.shortest, self.longest)
        caps = {split: getattr(self, name) for split, name in zip(SPLITS, self._caps, strict=True)}
        of_libraries = self.view == "library"
        names = (*views.VIEWS[self.view].columns, "name", "library")
        groups = [(library,) for library in self.libraries] if of_libraries else [self.libraries]
        if of_libraries and self.manifest is None:
            rows = views.library_rows(self.libraries, bounds)
            parts, notes = views.library_parts(rows, self.libraries, caps, self.split_seed)
        else:
            rows = views.view_rows(self.view, bounds, self.split_seed, self.manifest)
            parts, notes = (views.class_parts if of_libraries else views.view_parts)(
                rows, self.libraries, caps
            )
        if self.manifest is not None and (missing := manifest.read(self.manifest).note(self.libraries)):
            notes.insert(0, missing)
            _warn_once(missing)
        datasets = {}
        for split in SPLITS:
            part = {name: [row[name] for row in parts[split]] for name in names}
            part[MODULE] = [module_of(name) for name in part["name"]]
            if empty := [group for group in groups if not set(group) & set(part["library"])]:
                raise DataError(
                    f"the view {self.view} of the embedded corpus has no {split} rows of "
                    f"{', '.join(empty[0])} between task.docs.shortest={self.shortest} and "
                    f"longest={self.longest} characters: widen these bounds or name more libraries"
                )
            raw = RawRows(f"docs split {split}", (*names, MODULE), part.__getitem__)
            datasets[split] = as_dataset(checked(raw, columns), ids=part["name"])
        return Splits(**datasets, source=self.digest(), notes=tuple(notes))

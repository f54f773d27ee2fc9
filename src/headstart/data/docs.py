"""Docs: the embedded corpus as a task, made of the docstrings of libraries that are installed anyway."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from headstart.data.cache import cached, shown
from headstart.data.docstrings import CORPUS_VERSION, LIBRARIES, docstrings, version
from headstart.data.duplicates import clusters
from headstart.data.prose import prose
from headstart.data.rows import SPLITS, RawRows, Splits, as_dataset, checked, hashed_rank
from headstart.node import DataError, Node

TEST_SHARE, VALIDATION_SHARE = 0.20, 0.10  # of the texts of a library, before the caps
COLUMNS = ("text", "library", "name", "kind")


class Docs(Node):
    """Prose of docstrings, each with the library that it comes from; no text twice, not even nearly."""

    view: Literal["library"] = "library"  # column `text` -> column `library`
    libraries: tuple[str, ...] = Field(default=LIBRARIES, min_length=2, strict=False)
    shortest: int = Field(default=80, ge=20)  # characters
    longest: int = Field(default=1000, ge=100)
    train_per_class: int = Field(default=650, ge=1)
    validation_per_class: int = Field(default=80, ge=1)
    test_per_class: int = Field(default=170, ge=1)
    split_seed: int = 0

    @field_validator("libraries")
    @classmethod
    def _known(cls, libraries: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [library for library in libraries if library not in LIBRARIES]:
            raise ValueError(f"{strange[0]!r} is not in the corpus; known: {', '.join(LIBRARIES)}")
        return tuple(dict.fromkeys(libraries))

    def digest(self) -> str:
        """Corpus version, library versions and fields, hashed. A build label (+cpu, +cu130) does not count:
        it changes the compiled part, and a machine with a GPU reads the same docstrings as one without."""
        return f"docs:{self._hash([version(library).split('+')[0] for library in self.libraries], self)}"

    def load(self, columns: dict[str, str], stratify: str | None = None) -> Splits:
        """The splits, at most so many rows of each library; `columns` maps role to one of COLUMNS."""
        table = _read(self._texts())
        parts, notes = self._parts(table["library"], table["text"])
        cells = {}
        for split in SPLITS:
            rows = parts[split]
            part = {name: [table[name][row] for row in rows] for name in COLUMNS}
            raw = RawRows(f"docs split {split}", COLUMNS, part.__getitem__)
            cells[split] = as_dataset(checked(raw, columns), ids=part["name"])
        return Splits(**cells, source=self.digest(), notes=notes)

    def _parts(self, libraries: list[str], texts: list[str]) -> tuple[dict[str, list[int]], tuple[str, ...]]:
        """Row numbers per split. A text's own hash decides its split, so that a new docstring elsewhere
        moves no other; the caps then take the first in the order of that hash."""
        caps = {split: getattr(self, f"{split}_per_class") for split in SPLITS}
        ranks = [hashed_rank(self.split_seed, text) for text in texts]
        parts: dict[str, list[int]] = defaultdict(list)
        taken: Counter[tuple[str, str]] = Counter()
        for row in sorted(range(len(texts)), key=ranks.__getitem__):
            split = _split(texts[row], self.split_seed)
            if taken[split, libraries[row]] < caps[split]:
                taken[split, libraries[row]] += 1
                parts[split].append(row)
        short = [
            (library, split) for library in self.libraries for split in SPLITS if not taken[split, library]
        ]
        if short:
            raise DataError(
                f"the embedded corpus has no {short[0][1]} texts of {short[0][0]} between task.docs.shortest="
                f"{self.shortest} and longest={self.longest} characters: widen these bounds"
            )
        notes = [
            f"{split}: {taken[split, library]} rows of {library}, fewer than {split}_per_class={caps[split]}"
            for split in SPLITS
            for library in self.libraries
            if taken[split, library] < caps[split]
        ]
        return parts, tuple(notes)

    def _texts(self) -> Path:
        """The cached table of cleaned, masked, distinct texts."""
        key = self._hash([version(library) for library in self.libraries], [self.shortest, self.longest])
        return cached(f"prose-{CORPUS_VERSION}-{key}.parquet", self._write_texts)

    def _write_texts(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        raw = shown(list(docstrings(self.libraries)), "cleaning docstrings")
        found = [(prose(doc.text, self.shortest, self.longest), doc) for doc in raw]
        rows = _distinct([(text, doc.library, doc.name, doc.kind) for text, doc in found if text])
        pq.write_table(pa.table({name: [row[n] for row in rows] for n, name in enumerate(COLUMNS)}), path)

    def _hash(self, versions: list[str], settings: object) -> str:
        shown = settings.model_dump() if isinstance(settings, Node) else settings
        facts = json.dumps([CORPUS_VERSION, list(zip(self.libraries, versions, strict=True)), shown])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _split(text: str, seed: int) -> str:
    place = int.from_bytes(hashed_rank(seed, f"split\0{text}"), "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    return "validation" if place < TEST_SHARE + VALIDATION_SHARE else "train"


def _distinct(rows: list[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """One row per cluster of near-duplicates, and none where libraries share a text; names made unique."""
    members: dict[int, list[tuple[str, str, str, str]]] = defaultdict(list)
    for cluster, row in zip(clusters([row[0] for row in rows]), rows, strict=True):
        members[cluster].append(row)
    alone = [group for group in members.values() if len({library for _, library, _, _ in group}) == 1]
    kept = [min(group, key=lambda row: (hashed_rank(0, row[0]), row)) for group in alone]
    seen: Counter[str] = Counter()
    named = []
    for text, library, name, kind in sorted(kept, key=lambda row: row[2:]):
        seen[name] += 1
        named.append((text, library, name if seen[name] == 1 else f"{name}#{seen[name]}", kind))
    return named


def _read(path: Path) -> dict[str, list[str]]:
    import pyarrow.parquet as pq

    return pq.read_table(path).to_pydict()

"""Manifest: which docstrings the embedded corpus has, whatever versions of the libraries are installed.

One row per docstring, in the order of the corpus: the digest of its name and text, the library, the module
(its group, which no split parts), the split, whether other libraries say the same, and which of its details
repeat held-out text. It holds no text: the docstrings are read from the installed libraries.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.cache import cached_rows, key_of
from headstart.data.docs.docstrings import CORPUS_VERSION, LIBRARIES, Docstring, docstrings, version
from headstart.errors import DataError

SHIPPED = Path(__file__).parent  # manifest_1.parquet and later ones
NAMED = 3  # modules of missing docstrings that a note names


@dataclass(frozen=True)
class Listed:
    """What the manifest says of a docstring."""

    digest: int  # 64 bits, of its name and text
    library: str
    module: str
    split: str
    shared: bool  # a docstring of another library says nearly the same
    left_out: tuple[int, ...]  # details that a held-out text repeats: not in the text to train on


@dataclass(frozen=True)
class Manifest:
    """The docstrings of a corpus; `versions` are those of the libraries that it was made with."""

    name: str
    digest: str
    versions: Mapping[str, str]
    listed: Sequence[Listed]

    def missing(self) -> list[Listed]:
        """What the installed libraries lack; those that it was made with have all, and are not read."""
        changed = [name for name in self.versions if plain(version(name)) != self.versions[name]]
        if not changed:
            return []
        versions = [[name, version(name)] for name in changed]

        def made() -> Iterator[dict[str, int]]:
            here = set(map(digest_of, docstrings(changed)))
            lost = (item for item in self.listed if item.library in changed and item.digest not in here)
            return ({"digest": item.digest} for item in lost)

        rows = cached_rows(f"missing-{key_of([CORPUS_VERSION, self.digest, versions])}.parquet", made)
        lost = {row["digest"] for row in rows}
        return [item for item in self.listed if item.digest in lost]

    def note(self, libraries: Sequence[str]) -> str:
        """How many docstrings of these libraries are missing, and where; "" when none is."""
        missing = [item for item in self.missing() if item.library in libraries]
        counts = Counter(item.library for item in missing)
        of = sum(item.library in libraries for item in self.listed)
        counted = ", ".join(
            f"{number} of {library} ({version(library)}, not {self.versions[library]})"
            for library, number in sorted(counts.items())
        )
        modules = list(dict.fromkeys(item.module for item in missing))
        named = ", ".join(modules[:NAMED]) + (", ..." if len(modules) > NAMED else "")
        return (
            f"{len(missing)} of {of} docstrings of manifest {self.name} are not in the installed libraries: "
            f"{counted}; they were in {named}"
            if missing
            else ""
        )


def plain(version: str) -> str:
    """A version without its build label: +cpu and +cu130 have the same docstrings."""
    return version.split("+")[0]


def digest_of(doc: Docstring) -> int:
    """64 bits of the name and the text of a docstring."""
    text = f"{doc.name}\0{doc.text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little", signed=True)


@functools.lru_cache(maxsize=4)
def read(name: int | str) -> Manifest:
    """The manifest that is shipped under this number, or stands in this file. Raises DataError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = SHIPPED / f"manifest_{name}.parquet" if str(name).isdigit() else Path(str(name))
    try:
        content = path.read_bytes()
        table = pq.read_table(pa.BufferReader(content))
        versions = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        if versions.keys() != set(LIBRARIES):
            raise KeyError("it does not say which versions it was made with")
        columns = [table[column].to_pylist() for column in Listed.__dataclass_fields__]
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        known = ", ".join(sorted(path.stem.partition("_")[2] for path in SHIPPED.glob("manifest_*.parquet")))
        raise DataError(
            f"{path} is no manifest of the embedded corpus ({str(error).splitlines()[0]}): "
            f"task.docs.manifest is {known}, null, or a file that `headstart manifest FILE` wrote"
        ) from None
    listed = [
        replace(Listed(*row), left_out=tuple(row[-1])) for row in map(tuple, zip(*columns, strict=True))
    ]
    return Manifest(str(name), hashlib.sha256(content).hexdigest()[:32], versions, listed)


def write(path: Path, listed: Iterable[Listed]) -> None:
    """Write a manifest with the versions of the installed libraries."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "digest": pa.int64(),
        **dict.fromkeys(("library", "module", "split"), pa.dictionary(pa.int32(), pa.string())),
        "shared": pa.bool_(),
        "left_out": pa.list_(pa.uint16()),
    }
    table = pa.Table.from_pylist([vars(item) for item in listed], pa.schema(list(types.items())))
    pq.write_table(table.replace_schema_metadata(versions()), path, compression="zstd")


def versions() -> dict[str, str]:
    return {library: plain(version(library)) for library in LIBRARIES}

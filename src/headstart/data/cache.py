"""The cache folder, for files that are slow to make; and a progress bar."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from headstart.errors import DataError

T = TypeVar("T")


def cache_dir() -> Path:
    """$HEADSTART_CACHE, else $XDG_CACHE_HOME/headstart, else ~/.cache/headstart; not created here."""
    if folder := os.environ.get("HEADSTART_CACHE"):
        return Path(folder).expanduser()
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared).expanduser() / "headstart"
    try:
        return Path.home() / ".cache" / "headstart"
    except RuntimeError:
        raise DataError("this user has no home folder for a cache: set HEADSTART_CACHE to a folder") from None


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The cached file `name`; if it does not exist, `make(path)` writes it, atomically."""
    path = cache_dir() / name
    if path.is_file():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    os.close(descriptor)
    try:
        make(Path(temporary))
        os.replace(temporary, path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _unwritable(path.parent, error) from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def cached_rows(name: str, make: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the cached parquet file `name`; if it does not exist, those of `make()` are written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = cached(name, lambda path: pq.write_table(pa.Table.from_pylist([*make()]), path))
    return pq.read_table(path).to_pylist()


def key_of(facts: Any) -> str:
    """32 hex digits of facts that JSON can hold."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def progress(steps: Iterable[T], message: str, total: int | None = None) -> Iterable[T]:
    """The steps, with a progress bar if stderr is a terminal; `total`: their number, if it is unknown."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(steps, message, total, console=console, transient=True, disable=not console.is_terminal)


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"cache folder {folder} cannot be written ({os.strerror(error.errno) if error.errno else error}): "
        "set HEADSTART_CACHE to a folder that can"
    )

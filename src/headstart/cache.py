"""The cache folder, for files that are slow to make; where libraries keep theirs; and a progress bar."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from headstart.errors import DataError, HeadstartError

T = TypeVar("T")
# The variable that moves each cache, and its default folder. The hub's cache and W&B's settings are not
# moved, since they are read.
HUGGING_FACE = {
    "HF_DATASETS_CACHE": "datasets",
    "HF_EVALUATE_CACHE": "evaluate",
    "HF_METRICS_CACHE": "metrics",
    "HF_MODULES_CACHE": "modules",
}
OTHERS = {
    "WANDB_CACHE_DIR": "~/.cache/wandb",
    "WANDB_DATA_DIR": "~/.local/share/wandb",
    "MPLCONFIGDIR": "~/.config/matplotlib",
}


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


def use_writable_caches() -> None:
    """Move the caches of libraries that cannot be written; to be called before the libraries are imported.

    Libraries create their folders at first use, and would fail in the middle of a run.
    """
    try:
        ours = cache_dir() / "libraries"
    except HeadstartError:
        return  # no home folder: later users of the cache report it
    if not _writable(ours):
        return
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{shared}/huggingface"
    usual_folders = {variable: f"{home}/{folder}" for variable, folder in HUGGING_FACE.items()} | OTHERS
    for variable, usual in usual_folders.items():
        if not _writable(Path(os.path.expanduser(os.environ.get(variable) or usual))):
            os.environ[variable] = str(ours / variable.lower())


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


def _writable(folder: Path) -> bool:
    """Can files be written in the folder, or in its nearest existing parent?"""
    if folder.parts[:1] == ("~",):
        return False  # this user has no home
    try:
        existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
        with tempfile.TemporaryFile(dir=existing):
            return True
    except OSError:
        return False

"""The cache folder, for files that are slow to make; where libraries keep theirs; and a progress bar."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from headstart.errors import DataError, HeadstartError

log = logging.getLogger(__name__)
DAY = 86400  # seconds; a temporary file that is older is nobody's
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


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """The cached file of this name; if it does not exist or is damaged, `make(path)` writes it, atomically.

    The digest of its content is part of the file's real name, so that both are written in one step.
    """
    kept = _kept(name)
    whole = next((path for path in kept if _is_whole(path)), None)
    if whole is not None:
        return whole
    for path in kept:
        log.warning("headstart: %s is damaged: it is made again", path)
    path = cache_dir() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f".{glob.escape(path.name)}.*"):  # by killed processes
            if time.time() - left.stat().st_mtime > DAY:
                left.unlink(missing_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    os.close(descriptor)
    try:
        make(Path(temporary))
        made = path.with_name(f"{path.stem}.{file_sha256(Path(temporary))[:16]}{path.suffix}")
        os.replace(temporary, made)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _unwritable(path.parent, error) from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    for old in {path, *kept} - {made}:  # damaged, or of a headstart that kept no digests
        old.unlink(missing_ok=True)
    return made


def is_cached(name: str) -> bool:
    """Is there a cached file of this name, damaged or not?"""
    return bool(_kept(name))


def cached_rows(name: str, make: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows of the cached parquet file of this name; if there is none, those of `make()` are written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = cached(name, lambda path: pq.write_table(pa.Table.from_pylist([*make()]), path))
    return pq.read_table(path).to_pylist()


def file_sha256(path: Path) -> str:
    """sha256 of a file, read once per process while it does not change."""
    status = path.stat()
    return _sha256(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1024)
def _sha256(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _kept(name: str) -> list[Path]:
    path = cache_dir() / name
    return sorted(path.parent.glob(f"{glob.escape(path.stem)}.{'[0-9a-f]' * 16}{path.suffix}"))


def _is_whole(path: Path) -> bool:
    """Does the file have the digest in its name? One that cannot be read has not."""
    try:
        return f".{file_sha256(path)[:16]}" in path.name
    except OSError:
        return False


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

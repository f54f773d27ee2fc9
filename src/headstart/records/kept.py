"""Kept: what was read of files; a file that did not change is not read again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from headstart.errors import RecordError

T = TypeVar("T")
Stamp = tuple[int, int, int]  # time of the last change, size, inode


class Kept(Generic[T]):
    """`read`, which gives the content of a file or raises RecordError, asked only after a change."""

    def __init__(self, read: Callable[[Path], T]) -> None:
        self._read = read
        self._contents: dict[Path, tuple[Stamp | None, T | RecordError]] = {}

    def __call__(self, path: Path) -> T:
        """The content of the file as it is now; RecordError as `read` raises it."""
        stamp = stamp_of(path)
        stored = self._contents.get(path)
        if stored is None or stored[0] != stamp:
            try:
                content: T | RecordError = self._read(path)
            except RecordError as error:
                content = error
            stored = self._contents[path] = (stamp, content)
        if isinstance(stored[1], RecordError):
            raise stored[1].with_traceback(None)
        return stored[1]


@contextmanager
def kept_for_long() -> Generator[None]:
    """What is made meanwhile stays: Python does not search it for rubbish again and again while it grows."""
    searches = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searches:
            gc.enable()


def stamp_of(path: Path) -> Stamp | None:
    """What changes whenever a file is written; None while there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class Recent(Generic[T]):
    """What was read of files lately, up to a size in all: what was checked is compared next."""

    def __init__(self, read: Callable[[Path], T], size: Callable[[T], int], most: int) -> None:
        self._read, self._size, self._most, self._left = read, size, most, most
        self._found: dict[tuple[Path, Stamp | None], T] = {}

    def read(self, file: Path) -> T:
        """The content of the file as it is now; RecordError as `read` raises it."""
        key = (file, stamp_of(file))
        if key not in self._found:
            found = self._read(file)
            if self._size(found) > self._left:
                self._found.clear()
                self._left = self._most
            self._left -= self._size(found)
            self._found[key] = found
        return self._found[key]

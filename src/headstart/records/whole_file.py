"""Files that are written whole or not at all, their digests, and what killed writers left."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from headstart.errors import RecordError

PART = 2**16  # bytes that are read at once


def write_whole(file: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a temporary file beside `file`, sync it to disk, then rename it in one step."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            with temporary.open("rb+") as stream:
                os.fsync(stream.fileno())
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o666 & ~mask)  # mkstemp gives 0600; everybody may read a record
            os.replace(temporary, file)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"{file}: cannot be written: {error.strerror or error}") from None
    return file


def sweep(folder: Path, *names: str) -> None:
    """Remove the temporary files that killed writers of these files left in the folder."""
    for name in names:
        for left in folder.glob(f".{name}.*"):
            left.unlink(missing_ok=True)


def file_digest(file: Path) -> str | None:
    """16 hex of a file, byte for byte; None when there is none, RecordError when it cannot be read."""
    try:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(PART):  # hashlib's own way makes a large buffer for each small file
                digest.update(chunk)
        return digest.hexdigest()[:16]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error.strerror}") from None

"""Hub files: whether what lies in the hub's cache is what the hub sent; a blob is named after its content."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Literal

from headstart.cache import file_sha256

BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # the digest of a blob of git, or the sha256 of a large file
ADVICE = "is not what the hub sent; `headstart fetch` with the same settings replaces it"


def damaged(snapshot: Path, without: str = "") -> list[Path]:
    """The files below a snapshot whose content is not what the hub named it after.

    `without`: a suffix of files that are not read. Copies, where a system has no links, have no digest.
    """
    links = [path for path in sorted(snapshot.rglob("*")) if path.is_symlink()]
    return [path for path in links if not (without and path.suffix == without) and not _is_whole(path)]


def replace(name: str, kind: Literal["model", "dataset"], revision: str | None) -> list[Path]:
    """Fetch the damaged files of a cached snapshot again; returns them, with their paths in the cache."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        cached = snapshot_download(name, repo_type=kind, revision=revision, local_files_only=True)
    except (LocalEntryNotFoundError, ValueError):
        return []
    snapshot = Path(str(cached))
    wrong = damaged(snapshot)
    if wrong:
        files = [path.relative_to(snapshot).as_posix() for path in wrong]
        snapshot_download(
            name, repo_type=kind, revision=snapshot.name, allow_patterns=files, force_download=True
        )
    return [path for path in wrong if _is_whole(path)]


def _is_whole(link: Path) -> bool:
    """Is the content of a link that of the blob's name? A link that leads nowhere has none."""
    name = Path(os.readlink(link)).name
    if not BLOB.fullmatch(name):
        return True
    try:
        if len(name) == 64:
            return file_sha256(link) == name
        content = link.read_bytes()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == name
    except OSError:
        return False

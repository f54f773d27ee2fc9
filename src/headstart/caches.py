"""Caches: a library whose cache folder is not writable gets a folder in ours.

Libraries create their folders at first use, and would fail in the middle of a run.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from headstart.data.cache import cache_dir
from headstart.errors import HeadstartError

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


def use_writable_caches() -> None:
    """Move the caches of libraries that cannot be written; to be called before the libraries are imported."""
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

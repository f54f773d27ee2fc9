"""headstart: what do pretrained weights buy? Paired experiments on transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from headstart.api import OpenedStudy

__version__ = "0.1.0"
__all__ = ["__version__", "open_study"]


def open_study(folder: str | Path) -> OpenedStudy:
    """A study that was run, for a notebook: records, pairs, gains, curves and costs as frames, and charts."""
    from headstart.api import open_study as opened

    return opened(folder)

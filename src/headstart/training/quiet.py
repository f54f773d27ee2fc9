"""Quiet: the notices of libraries that are no news here stay off a screen that shows progress."""

from __future__ import annotations

import logging
import warnings

import transformers
from lightning_fabric.utilities.warnings import PossibleUserWarning

# Warnings by category and the beginning of their text; all others come through.
NOTICES = (
    (PossibleUserWarning, "The `srun` command is available on your system but is not used"),
    (PossibleUserWarning, "The '.*' does not have many workers"),
    (PossibleUserWarning, "The number of training batches .* is smaller than the logging interval"),
    (PossibleUserWarning, "GPU available but not used"),
    (FutureWarning, r"`isinstance\(treespec, LeafSpec\)` is deprecated"),
)


def quiet() -> None:
    """Leave out the notices; warnings that are news, and errors, still come through."""
    logging.raiseExceptions = False  # a library's log that cannot be written is no news either
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for category, beginning in NOTICES:
        warnings.filterwarnings("ignore", beginning, category)

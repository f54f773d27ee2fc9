"""Quiet: hides irrelevant notices of libraries, so that the progress display stays readable."""

from __future__ import annotations

import logging
import warnings

import transformers

# Warnings by category and the beginning of their text; all others are shown. Lightning's own category is not
# named: importing it would import Lightning, which `headstart plan` does not need.
NOTICES = (
    (UserWarning, "The `srun` command is available on your system but is not used"),
    (UserWarning, "The '.*' does not have many workers"),
    (UserWarning, "The number of training batches .* is smaller than the logging interval"),
    (UserWarning, "GPU available but not used"),
    (FutureWarning, "`broadcast_buffers` is deprecated"),
    (FutureWarning, r"`isinstance\(treespec, LeafSpec\)` is deprecated"),
)


def quiet() -> None:
    """Hide the notices; all other warnings and errors are still shown."""
    logging.raiseExceptions = False  # also hide errors when a library's log cannot be written
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name in ("pytorch_lightning", "lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for category, beginning in NOTICES:
        warnings.filterwarnings("ignore", beginning, category)

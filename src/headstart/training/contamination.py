"""Contamination: checks whether the pretraining text contains the rows of the evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.arms.from_run import saved_weights
from headstart.arms.transfer import Transfer
from headstart.data.overlap import check, write_fingerprints
from headstart.run import Run
from headstart.tasks.family import Prepared

FINGERPRINTS = "corpus.parquet"  # beside saved weights: hashes of the text that they were trained on


def write_corpus_fingerprints(run: Run, prepared: Prepared, folder: Path) -> None:
    """Write the hashes of a run's training text beside its saved weights, for `contamination` of others."""
    if texts := run.task.texts_of(prepared, "train"):
        write_fingerprints(folder / FINGERPRINTS, texts)


def contamination(run: Run, prepared: Prepared) -> dict[str, Any] | None:
    """How many evaluation rows occur in the pretraining text of a run's weights, by split.

    None when the arm loads no weights of a run, or no hashes of their training text were written.
    """
    if not isinstance(run.arm, Transfer) or run.arm.run is None:
        return None
    corpus = saved_weights(run.arm.run, run.arm.checkpoint_step).folder / FINGERPRINTS
    rows = {split: run.task.texts_of(prepared, split) for split in ("validation", "test")}
    if not corpus.is_file() or not any(rows.values()):
        return None
    return {split: check(corpus, texts) for split, texts in rows.items()}

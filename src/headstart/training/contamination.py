"""Met before: did the text that weights were pretrained on hold rows that they are now evaluated on?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.arms.from_run import kept
from headstart.arms.transfer import Transfer
from headstart.data.overlap import check, write_fingerprints
from headstart.run import Run
from headstart.tasks.family import Prepared

FINGERPRINTS = "corpus.parquet"  # beside kept weights: hashes of the text that they were trained on


def leave_fingerprints(run: Run, prepared: Prepared, place: Path) -> None:
    """Write the hashes of a run's training text beside weights that it keeps, for `met_before` of others."""
    if texts := run.task.texts_of(prepared, "train"):
        write_fingerprints(place / FINGERPRINTS, texts)


def met_before(run: Run, prepared: Prepared) -> dict[str, Any] | None:
    """How many evaluation rows occur in the pretraining text of a run's weights.

    None when the arm pours no weights of a run, or nobody wrote down what these were trained on.
    """
    if not isinstance(run.arm, Transfer) or run.arm.run is None:
        return None
    path = kept(run.arm.run, run.arm.age).folder / FINGERPRINTS
    rows = {split: run.task.texts_of(prepared, split) for split in ("validation", "test")}
    if not path.is_file() or not any(rows.values()):
        return None
    found = {split: check(path, texts) for split, texts in rows.items()}
    return {
        split: {"exact": one.exact, "passage": one.ngram, "of": one.of, "words": one.words}
        for split, one in found.items()
    }

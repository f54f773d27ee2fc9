"""Of results that others made: where they come from, and what nobody here knows of them."""

from __future__ import annotations

from collections.abc import Mapping

ROWS = ("rows", "train_rows", "training_rows", "n_train", "samples")  # columns that hold rows themselves
SEEDS = "seeds, or iterations"
TUNING = "How the arms came to their settings is not known."
COST = "as imported: how and where it was measured is not known"


def source(file: str, sha256: str) -> str:
    return f"Imported from {file} (sha256 {sha256[:8]}): headstart trained none of these runs."


def unknown(reasons: Mapping[str, str]) -> list[str]:
    """'No attestation: these runs were not made by headstart: ...', one by one."""
    return [f"No {name}: {reason}." for name, reason in reasons.items()]


def rows_are(column: str) -> str:
    """What stands for training rows in tables and curves; nothing where it is rows."""
    if column.lower() in ROWS:
        return ""
    return f"What is called rows below are the values of the column {column!r} of that file."


def lead(file: str, condition: str) -> str:
    """'In results of results.csv (angry-tweets)'."""
    return f"In results imported from {file}" + (f" ({condition})" if condition else "")


def no_run(of: str, condition: str) -> str:
    return f"the file has no run of {of}" + (f" under {condition}" if condition else "")

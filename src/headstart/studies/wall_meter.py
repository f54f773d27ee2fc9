"""Wall meter: replaces the energy in the records of finished runs by the log of an external meter."""

from __future__ import annotations

from pathlib import Path

from headstart.errors import RecordError
from headstart.meters.wall_meter import wall_energy
from headstart.records.store import read_contents, read_study, write_record


def import_energy(folder: Path, readings: Path) -> int:
    """Replace the energy of every run below `folder` by that of `readings`; returns how many runs.

    A run that the readings do not cover raises RecordError before any record is written.
    """
    runs = [record.folder for record in read_study(folder).records]
    if not runs:
        raise RecordError(f"{folder}: no runs here; name a study's folder or a run's")
    raw = {run: read_contents(run) for run in runs}
    energy = {run: wall_energy(record, readings) for run, record in raw.items()}
    for run, record in raw.items():
        record["cost"]["energy"] = energy[run]
        record["cost"]["carbon"] = record["cost"]["money"] = None  # they were computed from the former joules
        write_record(run, record)
    return len(runs)

"""`headstart energy`: the readings of a wall meter, assigned to the phases of finished runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import STUDY_FOLDER, argument, command
from headstart.errors import RecordError


@command(
    "energy",
    "FOLDER METER.csv",
    "replace the energy of finished runs by the readings of a wall meter",
    "headstart energy runs/first_look wall.csv",
    STUDY_FOLDER,
    argument("meter", metavar="METER.csv", type=Path, help="columns time and watts"),
)
def energy(options: Namespace) -> int:
    from headstart.meters.wall_meter import wall_energy
    from headstart.records.store import read_contents, read_study, write_record
    from headstart.screen import waiting

    with waiting(f"assigning the readings of {options.meter}"):
        runs = [record.folder for record in read_study(options.folder).records]
        records = {run: read_contents(run) for run in runs}
        if not records:
            raise RecordError(f"{options.folder}: no runs here; name a study's folder or a run's")
        # All of them first: a run that the readings do not cover raises before any record is written.
        energy = {run: wall_energy(record, options.meter) for run, record in records.items()}
        for run, record in records.items():
            record["cost"]["energy"] = energy[run]
            record["cost"]["carbon"] = record["cost"]["money"] = None  # of the former joules
            write_record(run, record)
    print(f"{len(records)} runs now hold the joules of {options.meter}")
    return 0

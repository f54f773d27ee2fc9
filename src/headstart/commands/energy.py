"""`headstart energy`: the readings of a wall meter, assigned to the phases of finished runs."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import argument, command


@command(
    "energy",
    "FOLDER METER.csv",
    "replace the energy of finished runs by the readings of a wall meter",
    "headstart energy runs/first_look wall.csv",
    argument("folder", metavar="FOLDER", type=Path, help="a study's folder"),
    argument("meter", metavar="METER.csv", type=Path, help="columns time and watts"),
)
def energy(options: Namespace) -> int:
    from headstart.screen import waiting
    from headstart.studies.wall_meter import import_energy

    with waiting(f"assigning the readings of {options.meter}"):
        number = import_energy(options.folder, options.meter)
    print(f"{number} runs now hold the joules of {options.meter}")
    return 0

"""Launch: hands the command line to Hydra."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra

from headstart.node import ConfigError
from headstart.studies.job import job
from headstart.studies.outcome import Outcome
from headstart.studies.search import shipped
from headstart.studies.sweeper import refuse


def launch(arguments: Sequence[str]) -> None:
    """Run the study, or the single run, that the arguments describe."""
    entry = hydra.main(version_base="1.3", config_path=str(shipped()), config_name="config")(_entry)
    before = sys.argv
    sys.argv = ["headstart", *arguments]  # Hydra reads it, and the records keep it
    try:
        entry()
    finally:
        sys.argv = before


def _entry(config) -> Outcome:
    try:
        return job(config)
    except ConfigError as error:  # Hydra would print a traceback
        refuse(error)

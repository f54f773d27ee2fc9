"""Launch: hands the command line to Hydra."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import hydra

from headstart.errors import ConfigError
from headstart.studies.config_search import shipped
from headstart.studies.job import job
from headstart.studies.outcome import Outcome
from headstart.studies.sweeper import refuse


def launch(overrides: Sequence[str], typed: Sequence[str]) -> None:
    """Let Hydra run what `overrides` describe; records keep what was `typed`."""
    command = ["headstart", *typed]

    def entry(config: Any) -> Outcome:
        sys.argv = command
        try:
            return job(config)
        except ConfigError as error:  # Hydra would print a traceback
            refuse(error)

    before = sys.argv
    sys.argv = ["headstart", *overrides]  # Hydra reads its arguments here
    try:
        hydra.main(version_base="1.3", config_path=str(shipped()), config_name="config")(entry)()
    finally:
        sys.argv = before

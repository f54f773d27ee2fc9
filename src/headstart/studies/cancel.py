"""Cancel: stops the workers of a study, wherever they are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from headstart.studies.engines import submitted
from headstart.studies.frozen import read_frozen
from headstart.studies.status import mark_cancelled, status_of


def cancel(folder: Path) -> Iterator[str]:
    """Stop all workers; yields what was done, one line each."""
    read_frozen(folder)  # so that a wrong folder is named
    mark_cancelled(folder)
    jobs = submitted(folder)
    if jobs and shutil.which("scancel"):
        subprocess.run(["scancel", *jobs], capture_output=True, check=False)  # noqa: S603, S607
        yield f"Slurm jobs {', '.join(jobs)} are cancelled"
    elif jobs:
        yield f"this machine has no scancel: on a login node, type scancel {' '.join(jobs)}"
    workers = status_of(folder).workers
    for worker in workers:
        if worker.here:
            os.kill(worker.pid, signal.SIGTERM)
            yield f"process {worker.pid} on this machine: writes its record and ends"
        else:
            yield f"process {worker.pid} on {worker.host}: ends after the pair that it trains now"
    if not workers and not jobs:
        yield f"{folder}: no worker is alive"

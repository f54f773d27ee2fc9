"""Sync: sends the W&B files of a study that its server does not have yet, through `wandb sync`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import RecordError
from headstart.wandb_server import no_server, off, without_malformed

PATIENCE = 60, 20  # seconds that the server may take: in all, and for each run


@dataclass(frozen=True)
class Sent:
    """How many runs were sent, how many are still missing, and why."""

    sent: int
    missing: int
    reason: str = ""


def sync(study: Path) -> Sent:
    """Send what is missing; RecordError when there is nothing of W&B, or no server.

    `wandb sync` marks a file that it sent. Files of online runs have no mark at first, since W&B does not say
    whether all of them arrived; to send one twice writes the same rows again.
    """
    files = sorted(path.resolve() for path in (study / "wandb").glob("*run-*/run-*.wandb"))
    if not files:
        raise RecordError(f"{study}: holds no W&B files; tracker=offline writes them")
    missing = unsent(files)
    if not missing:
        return Sent(0, 0)
    with without_malformed() as problems:
        if reason := off() or "; ".join(problems) or no_server():
            raise RecordError(f"{study}: {len(missing)} runs cannot be sent to W&B ({reason})")
    first, each = PATIENCE
    command = [sys.executable, "-P", "-m", "wandb", "sync", "--include-online", *map(str, missing)]
    reason = ""
    with tempfile.TemporaryDirectory() as empty:  # where no ./wandb/settings names another server
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=empty, capture_output=True, text=True, check=False,
                stdin=subprocess.DEVNULL, timeout=first + each * len(missing),
            )  # fmt: skip
            lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            reason = lines[-1].removeprefix("wandb: ") if lines else ""
        except subprocess.TimeoutExpired as error:
            reason = f"the server did not take them in {error.timeout:.0f} s"
    left = len(unsent(missing))
    return Sent(len(missing) - left, left, reason if left else "")


def unsent(files: list[Path]) -> list[Path]:
    """The files that have no mark of W&B's that its server has them."""
    return [file for file in files if not file.with_suffix(".wandb.synced").exists()]

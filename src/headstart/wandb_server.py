"""W&B server: checks whether one can be used, before waiting for it."""

from __future__ import annotations

import netrc
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

INIT_SECONDS = 20  # how long a server may take to answer
FOUND_OUT = Path("wandb", "unreachable.txt")  # in a study's folder: why its server is not tried again


def off() -> str:
    """The variable that disables W&B in this process, with its value; "" without one."""
    if os.environ.get("WANDB_MODE") == "disabled":
        return "WANDB_MODE=disabled"
    disabled = os.environ.get("WANDB_DISABLED", "")
    return f"WANDB_DISABLED={disabled}" if disabled.lower() in ("1", "true", "yes", "on") else ""


@contextmanager
def without_malformed() -> Iterator[list[str]]:
    """Removes WANDB_... variables that W&B cannot read; yields one sentence for each of them.

    They are restored afterwards; W&B reads the environment many times.
    """
    import wandb
    from pydantic import ValidationError

    left_out: dict[str, str] = {}
    sentences = []
    try:
        for name, value in list(os.environ.items()):
            try:
                wandb.Settings().update_from_env_vars({name: value})
            except ValidationError as error:
                left_out[name] = os.environ.pop(name)
                sentences.append(f"{name}={value}: {error.errors()[0]['msg']}")
        if left_out:
            wandb.teardown()  # it may have been set up with these variables
        yield sentences
    finally:
        os.environ.update(left_out)


def set_up() -> Any:
    """W&B's settings from the environment and the user's home.

    W&B would also read `./wandb/settings`, where an untrusted folder could name another server, which would
    then get the key: so it is set up in an empty folder.
    """
    import wandb

    here = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            settings = wandb.setup().settings
        finally:
            os.chdir(here)
    settings.root_dir = str(here)
    return settings


def begin(study: Path, run_id: str, mode: str, finish_timeout: int, **about: Any) -> Any:
    """A W&B run with its files in the study's folder; they replace those of an earlier attempt.

    `about` is what `wandb.init` takes. A server that does not answer raises here, or at the run's `finish`.
    """
    import wandb

    for attempt in (study / "wandb").glob(f"*run-*-{run_id}"):
        shutil.rmtree(attempt)
    set_up()
    settings = wandb.Settings(
        silent=True, console="off", init_timeout=INIT_SECONDS, finish_timeout=finish_timeout,
        finish_timeout_raises=True, disable_git=True, save_code=False, x_disable_stats=True,
        x_save_requirements=False,
    )  # fmt: skip
    folder = str(study.resolve())  # absolute: the W&B service has its own working folder
    wandb_mode: Any = mode
    return wandb.init(dir=folder, id=run_id, mode=wandb_mode, settings=settings, **about)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Ends W&B's service if the block takes longer, so that what waits for it raises: W&B's own limit of
    `finish` does not count while an artifact is on its way."""
    import psutil

    def end_service() -> None:
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                if "wandb-core" in child.name():
                    child.kill()

    timer = threading.Timer(seconds, end_service)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def unusable(study: Path) -> bool:
    """Was it found out in this study, by any process, that its server cannot be used?"""
    return (study / FOUND_OUT).exists()


def mark_unusable(study: Path, reason: str) -> None:
    """Let no other run of this study try the server, since each would wait for it."""
    with suppress(OSError):  # the runs would wait: slow, and no harm
        (study / FOUND_OUT).parent.mkdir(parents=True, exist_ok=True)
        (study / FOUND_OUT).write_text(reason + "\n", "utf8")


def try_again(study: Path) -> None:
    """A command begins: the server may be back."""
    with suppress(OSError):
        (study / FOUND_OUT).unlink(missing_ok=True)


def no_server() -> str:
    """Why no server can be used; "" when one can."""
    if os.environ.get("WANDB_MODE", "online") not in ("online", "run", "shared"):
        return f"WANDB_MODE is {os.environ['WANDB_MODE']}"
    host = urlsplit(set_up().base_url).hostname or ""
    if os.environ.get("WANDB_API_KEY"):
        return ""
    try:
        login = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        login = None
    return "" if login else f"no API key for {host}: set WANDB_API_KEY, or run `wandb login`"

"""W&B server: checks whether one can be used, before waiting for it."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


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


def no_server() -> str:
    """Why no server can be used; "" when one can."""
    import wandb

    if os.environ.get("WANDB_MODE", "online") not in ("online", "run", "shared"):
        return f"WANDB_MODE is {os.environ['WANDB_MODE']}"
    host = urlsplit(wandb.setup().settings.base_url).hostname or ""
    if os.environ.get("WANDB_API_KEY"):
        return ""
    try:
        login = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        login = None
    return "" if login else f"no API key for {host}: set WANDB_API_KEY, or run `wandb login`"

"""W&B server: whether one can be used, checked before anything waits for it."""

from __future__ import annotations

import netrc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit


def off() -> str:
    """The variable that switches W&B off in this process, as it is set; "" when none does."""
    if os.environ.get("WANDB_MODE") == "disabled":
        return "WANDB_MODE=disabled"
    disabled = os.environ.get("WANDB_DISABLED", "")
    return f"WANDB_DISABLED={disabled}" if disabled.lower() in ("1", "true", "yes", "on") else ""


@contextmanager
def without_malformed() -> Iterator[list[str]]:
    """An environment without the WANDB_... variables that it cannot read; one sentence for each of them.

    Inside, they are missing in the environment: W&B reads it again and again.
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
            wandb.teardown()  # it may have been set up with them
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
        known = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        known = None
    return "" if known else f"no API key for {host}: set WANDB_API_KEY, or run `wandb login`"

"""Composed: what Hydra made of a command line, read as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headstart.errors import ConfigError


def plain(config: Any) -> dict[str, Any]:
    """Hydra's config as plain data, without Hydra's own part; ConfigError on a ${...} that leads nowhere."""
    from omegaconf import OmegaConf, open_dict
    from omegaconf.errors import OmegaConfBaseException

    bare = config.copy()
    with open_dict(bare):
        bare.pop("hydra", None)
    try:
        return OmegaConf.to_container(bare, resolve=True)  # pyright: ignore[reportReturnType]
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from None


def settings_of(sweeper: Any) -> tuple[Mapping[str, Any], Sequence[str]]:
    """Axes and settings of single arms in a composed `hydra.sweeper`; other sweepers have only the first."""
    return dict(sweeper.params or {}), list(sweeper.per_arm or ()) if "per_arm" in sweeper else []

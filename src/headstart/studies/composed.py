"""Composed: the configuration of some choices, as Hydra composed it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from omegaconf import DictConfig, OmegaConf

from headstart.studies.config_search import clashes
from headstart.studies.trust import commands_in

Mistakes = dict[str, str | None]  # sentence -> the setting that it is about


@dataclass(frozen=True)
class Composed:
    """The configuration of some choices. Copies are read from pickles: a sixth of the time of copy()."""

    config: DictConfig
    bare: bytes  # without Hydra's own part
    plain: bytes | None  # the same as plain data; None when a value refers to another one
    faults: Mistakes  # of its yaml files

    @classmethod
    def of(cls, config: DictConfig) -> Composed:
        """A configuration as Hydra composed it."""
        bare = OmegaConf.masked_copy(config, [str(name) for name in config if name != "hydra"])
        OmegaConf.set_struct(bare, True)  # as Hydra composes: unknown settings are refused
        values = OmegaConf.to_container(bare)
        faults: Mistakes = dict.fromkeys(clashes(config.hydra.runtime.choices))
        faults |= dict.fromkeys(commands_in(config.hydra), "hydra")
        return cls(config, pickle.dumps(bare), None if "${" in repr(values) else pickle.dumps(values), faults)

    def copy(self) -> DictConfig:
        """A configuration without Hydra's own part, to be changed."""
        return pickle.loads(self.bare)  # noqa: S301 - our own

    @cached_property
    def parts(self) -> Mapping[str, str] | None:
        """What it says of each part of a run, as text; None when a value refers to another one."""
        if self.plain is None:
            return None
        return {name: repr(value) for name, value in pickle.loads(self.plain).items()}  # noqa: S301 - our own

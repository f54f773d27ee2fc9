"""Where Hydra looks for our sweeper and our search path; the logic is in headstart.studies."""

from dataclasses import dataclass, field

from hydra.core.config_store import ConfigStore

from headstart.studies.search import ConfigSearch
from headstart.studies.sweeper import PairedSweeper as _PairedSweeper

__all__ = ["ConfigSearch", "PairedSweeper"]


class PairedSweeper(_PairedSweeper):
    """The study sweeper under a name that Hydra accepts: a plugin's module must begin with hydra_plugins."""


@dataclass
class PairedSweeperConfig:
    """`hydra/sweeper=paired`: `params` are the axes of the study, `per_arm` the settings of single arms."""

    _target_: str = "hydra_plugins.headstart.PairedSweeper"
    params: dict[str, str] | None = field(default_factory=dict)
    per_arm: list[str] | None = field(default_factory=list)
    stop_after: float | None = None


ConfigStore.instance().store(
    group="hydra/sweeper", name="paired", node=PairedSweeperConfig, provider="headstart"
)

"""Where Hydra looks for our sweeper and our search path; the logic is in headstart.studies."""

from dataclasses import dataclass, field

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin

from headstart.studies.config_search import own_folders
from headstart.studies.sweeper import PairedSweeper as _PairedSweeper

__all__ = ["ConfigSearch", "PairedSweeper"]


class PairedSweeper(_PairedSweeper):
    """The study sweeper under a name that Hydra accepts: a plugin's module must begin with hydra_plugins."""


class ConfigSearch(SearchPathPlugin):
    """Adds the folders of the user's own yaml: they add names, they do not change shipped ones."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Own folders come after the shipped one."""
        for folder in own_folders():
            search_path.append(provider="headstart-user", path=f"file://{folder}")


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

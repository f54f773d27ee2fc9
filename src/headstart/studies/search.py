"""Where configuration is found: the package's own, then the user's folders in the current directory."""

from __future__ import annotations

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


def shipped() -> Path:
    """The `conf` folder: inside an installed wheel, or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


class ConfigSearch(SearchPathPlugin):
    """Adds ./conf and ./experiments of the current directory, so that a user's own yaml is found."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Own folders come after the shipped one: they add names, they do not change them."""
        for name in ("conf", "experiments"):
            folder = Path.cwd() / name
            if folder.is_dir() and folder.resolve() != shipped():
                search_path.append(provider="headstart-user", path=f"file://{folder}")

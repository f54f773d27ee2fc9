"""Where configuration is found: the package's own, then the user's folders in the current directory."""

from __future__ import annotations

import os
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin

CONFIG_DIR = "HEADSTART_CONFIG_DIR"  # a folder beside ./conf and ./experiments; set by --config-dir


def shipped() -> Path:
    """The `conf` folder: inside an installed wheel, or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def places() -> list[Path]:
    """Every folder with groups of yaml: the shipped one, then the user's own, where they exist."""
    named = [os.environ[CONFIG_DIR]] if os.environ.get(CONFIG_DIR) else []
    own = [Path.cwd() / name for name in ("conf", "experiments", *named)]
    return [shipped(), *(folder for folder in own if folder.is_dir() and folder.resolve() != shipped())]


def clashes() -> list[str]:
    """A sentence per yaml of the user's own that has a shipped one's name, which Hydra would pass over."""
    taken = {path.relative_to(shipped()) for path in shipped().glob("*/*.yaml")}
    return [
        f"{place.name}/{own}: has the name of a shipped choice, which would be used instead; rename it"
        for place in places()[1:]
        for own in sorted(path.relative_to(place) for path in place.glob("*/*.yaml"))
        if own in taken
    ]


class ConfigSearch(SearchPathPlugin):
    """Adds ./conf and ./experiments of the current directory, and --config-dir, to where Hydra looks."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Own folders come after the shipped one: they add names, they do not change them."""
        for folder in places()[1:]:
            search_path.append(provider="headstart-user", path=f"file://{folder}")

"""Arm: the base of every arm: the weights it loads, parameters it adds, what trains and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from headstart.arms.layers import Layout, fixed, layout
from headstart.arms.load import Loaded
from headstart.config import NAME, Config
from headstart.errors import ConfigError
from headstart.models.model import Model

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Stage:
    """From this share of all steps (0 to 1), exactly these parameters train."""

    share: float
    trainable: frozenset[str]


class BaseArm(Config):
    """An arm: the one declared difference. By default no weights are loaded and all parameters train.

    `trainable`: the parameters that train: all, the head (a linear probe), or the norms and the head.
    """

    name: str = Field(pattern=NAME)
    trainable: Literal["all", "head", "norms_and_head"] = "all"

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the weights that the arm loads; None when it loads none."""
        return None

    def load_weights(self, seeded: nn.Module, model: Model, seed: int = 0) -> Loaded:
        """Load weights into the seeded model; `seed` is for arms that draw random numbers."""
        return Loaded()

    def adapt(self, seeded: nn.Module, seed: int = 0) -> tuple[str, ...]:
        """Add parameters to the model in place, after its weights are loaded; returns their names."""
        return ()

    def merged(self, model: nn.Module) -> nn.Module:
        """A model of the plain architecture with the same outputs, to be saved; `model` is not changed."""
        return model

    def stages(self, model: nn.Module) -> tuple[Stage, ...]:
        """The stages of training, from share 0, for an adapted model; ConfigError if nothing trains."""
        names = self._trainable_names(model)
        if not names:
            raise ConfigError(
                f"arm.trainable: {self.trainable} leaves nothing to train, since {type(model).__name__} has "
                f"no head apart from its embeddings; choose all, or norms_and_head"
            )
        return (Stage(0.0, names),)

    def lr_factors(self, model: nn.Module) -> dict[str, float]:
        """Factor on the learning rate by parameter name; the default is 1."""
        return {}

    def _trainable_names(self, model: nn.Module) -> frozenset[str]:
        if self.trainable == "all":
            return trainable_names(model)
        parts = layout(model)
        norms = parts.norms if self.trainable == "norms_and_head" else frozenset[str]()
        return trainable_names(model, self._with_head(parts) | norms)

    def _with_head(self, parts: Layout) -> frozenset[str]:
        """The head, and parameters that train together with it."""
        return parts.head


def trainable_names(model: nn.Module, among: Iterable[str] | None = None) -> frozenset[str]:
    """Names of the parameters that can train (a tied one has one name), all or those in `among`."""
    names = frozenset(name for name, _ in model.named_parameters()) - fixed(model)
    return names if among is None else names & frozenset(among)

"""Start: what every arm answers: what it pours, what it adds, what may train and how fast."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from headstart.arms.layers import Layout, fixed, layout
from headstart.arms.load import Poured
from headstart.config import NAME, Config
from headstart.errors import ConfigError
from headstart.models.model import Model

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Stage:
    """From this share of all steps on (0 to 1), exactly these parameters train."""

    share: float
    trainable: frozenset[str]


class Start(Config):
    """An arm: the one declared difference. By default nothing is poured and everything trains.

    `trainable` is what may train: all, the head (a linear probe), or the norms and the head.
    """

    name: str = Field(pattern=NAME)
    trainable: Literal["all", "head", "norms_and_head"] = "all"

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the weights that the arm pours from; None when it pours none."""
        return None

    def pour(self, seeded: nn.Module, model: Model, seed: int = 0) -> Poured:
        """Pour weights over the seeded model; `seed` is for arms that draw numbers of their own."""
        return Poured()

    def adapt(self, seeded: nn.Module, seed: int = 0) -> tuple[str, ...]:
        """Add to the architecture, in place, once the start is attested; names of the added parameters."""
        return ()

    def settle(self, model: nn.Module) -> nn.Module:
        """A model of the plain architecture with the same answers, to be saved; `model` stays as it is."""
        return model

    def stages(self, model: nn.Module) -> tuple[Stage, ...]:
        """What trains when, from share 0 on, for a model as `adapt` left it; ConfigError if nothing does."""
        trained = self._trained(model)
        if not trained:
            raise ConfigError(
                f"arm.trainable: {self.trainable} leaves nothing to train, since {type(model).__name__} has "
                f"no head apart from its embeddings; choose all, or norms_and_head"
            )
        return (Stage(0.0, trained),)

    def factors(self, model: nn.Module) -> dict[str, float]:
        """Factor on the learning rate by parameter name; 1 for a name that is not there."""
        return {}

    def _trained(self, model: nn.Module) -> frozenset[str]:
        """Names of the parameters that `trainable` stands for."""
        if self.trainable == "all":
            return learnt(model)
        places = layout(model)
        norms = places.norms if self.trainable == "norms_and_head" else frozenset[str]()
        return learnt(model, self._with_head(places) | norms)

    def _with_head(self, places: Layout) -> frozenset[str]:
        """What trains wherever the head does."""
        return places.head


def learnt(model: nn.Module, among: Iterable[str] | None = None) -> frozenset[str]:
    """Names of the parameters that can train (a tied one has one name), all or those in `among`."""
    names = frozenset(name for name, _ in model.named_parameters()) - fixed(model)
    return names if among is None else names & frozenset(among)

"""Transfer: an arm that pours weights, published ones or those that another run kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from headstart.arms.adapter import Choice, checked_digest
from headstart.arms.arm import Start
from headstart.arms.derive import Derivation
from headstart.arms.from_run import kept, ledger_of
from headstart.arms.layers import Layout, layout
from headstart.arms.load import Poured, named, pour
from headstart.errors import ConfigError, WeightsError
from headstart.models.model import Model
from headstart.models.weights import Found, verified_digest

if TYPE_CHECKING:
    from torch import nn


class Transfer(Start):
    """Weights poured over the seeded model: the model's published ones, or those of the folder `run`.

    `fresh` names backbone tensors that may stay random because the checkpoint lacks them; they train
    wherever the head does. `adapter` says what becomes of a LoRA adapter that lies beside the weights.
    `age` asks for the weights that the run had after so many steps. A `recipe` is the settings of a
    pretraining that a study runs first, once, to get the weights (`task=docs_mlm`, `budget.steps=500`);
    with `own_text` it reads the training rows of the very task that follows.
    """

    run: str | None = Field(default=None, min_length=1)
    fresh: tuple[str, ...] = Field(default=(), strict=False)
    adapter: Choice = "refuse"
    age: int | None = Field(default=None, ge=0)
    recipe: tuple[str, ...] = Field(default=(), strict=False)
    recipe_seed: int = Field(default=0, ge=0)
    own_text: bool = False

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the checkpoint, verified against a promised one."""
        if self.recipe and self.run is None:
            raise WeightsError(f"arm={self.name}: its pretraining has not been trained yet; run the study")
        found = model.find(fetch) if self.run is None else self._kept()
        weights = model.weights_digest(fetch) if self.run is None else verified_digest(found)
        return checked_digest(found, weights, self.adapter)

    def pour(self, seeded: nn.Module, model: Model, seed: int = 0) -> Poured:
        """The wanted tensors over `seeded`; WeightsError when any of them does not arrive."""
        part = self.wanted(layout(seeded))
        if part is not None and not part:
            raise ConfigError(f"arm: {type(seeded).__name__} has nothing that {self.name} would pour")
        found = model.find() if self.run is None else self._kept()
        digest = str(self.weights_digest(model))
        poured = pour(seeded, found, digest, self.fresh, part, self.adapter, self.derivation(), seed)
        if self.run is None:
            return poured
        return replace(poured, checkpoint={**(poured.checkpoint or {}), "ledger": ledger_of(found)})

    def _kept(self) -> Found:
        return kept(str(self.run), self.age)

    def wanted(self, places: Layout) -> frozenset[str] | None:
        """The tensors that are wanted; None for all."""
        return None

    def derivation(self) -> Derivation | None:
        """What happens to the numbers on their way."""
        return None

    def _with_head(self, places: Layout) -> frozenset[str]:
        return places.head | {name for name in places.backbone if named(name, self.fresh)}

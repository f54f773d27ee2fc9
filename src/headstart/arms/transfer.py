"""Transfer: an arm that loads published weights, or those of another run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from headstart.arms.adapter import Choice, checked_digest
from headstart.arms.arm import BaseArm
from headstart.arms.derive import Derivation
from headstart.arms.from_run import read_ledger, saved_weights
from headstart.arms.layers import Layout, layout
from headstart.arms.load import Loaded, load_checkpoint, matches
from headstart.errors import ConfigError, WeightsError
from headstart.models.model import Model
from headstart.models.weights import Checkpoint, verified_digest

if TYPE_CHECKING:
    from torch import nn


class Transfer(BaseArm):
    """Weights are loaded into the seeded model: published ones, or those of the run folder `run`.

    `newly_initialised` names backbone tensors that may stay random because the checkpoint lacks them; they
    train together with the head. `adapter`: refuse, merge or ignore a LoRA adapter beside the weights.
    `checkpoint_step`: use the weights of the run after that step. `pretraining`: settings of a run that the
    study trains once, first, to get the weights (`task=docs_mlm`, `budget.steps=500`); with `own_text` it
    trains on the text of the training rows of the run's task.
    """

    run: str | None = Field(default=None, min_length=1)
    newly_initialised: tuple[str, ...] = Field(default=(), strict=False)
    adapter: Choice = "refuse"
    checkpoint_step: int | None = Field(default=None, ge=0)
    pretraining: tuple[str, ...] = Field(default=(), strict=False)
    pretraining_seed: int = Field(default=0, ge=0)
    own_text: bool = False

    def weights_digest(self, model: Model, fetch: bool = True) -> str | None:
        """sha256 of the checkpoint, compared with `model.sha256` if that is set."""
        if self.pretraining and self.run is None:
            raise WeightsError(f"arm={self.name}: its pretraining has not been trained yet; run the study")
        checkpoint = self._checkpoint(model, fetch)
        weights = model.weights_digest(fetch) if self.run is None else verified_digest(checkpoint)
        return checked_digest(checkpoint, weights, self.adapter)

    def load_weights(self, seeded: nn.Module, model: Model, seed: int = 0) -> Loaded:
        """Load the wanted tensors into `seeded`; WeightsError if any of them is missing."""
        part = self.wanted(layout(seeded))
        if part is not None and not part:
            raise ConfigError(f"arm: {type(seeded).__name__} has no tensors that {self.name} would load")
        checkpoint = self._checkpoint(model)
        loaded = load_checkpoint(
            seeded,
            checkpoint,
            sha256=str(self.weights_digest(model)),
            newly_initialised=self.newly_initialised,
            part=part,
            adapter=self.adapter,
            derivation=self.derivation(),
            seed=seed,
        )
        if self.run is None:
            return loaded
        return replace(loaded, checkpoint={**(loaded.checkpoint or {}), "ledger": read_ledger(checkpoint)})

    def _checkpoint(self, model: Model, fetch: bool = True) -> Checkpoint:
        return model.find(fetch) if self.run is None else saved_weights(self.run, self.checkpoint_step)

    def wanted(self, parts: Layout) -> frozenset[str] | None:
        """Names of the tensors to load; None for all."""
        return None

    def derivation(self) -> Derivation | None:
        """How values are replaced before they are loaded; None: not at all."""
        return None

    def _with_head(self, parts: Layout) -> frozenset[str]:
        return parts.head | {name for name in parts.backbone if matches(name, self.newly_initialised)}

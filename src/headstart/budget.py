"""Budget: the length of training, the number of evaluations, and the weights that are scored."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from headstart.config import Config


class Budget(Config):
    """Exactly one of `epochs` and `steps`; the same rule for every arm.

    `keep` chooses the weights that are scored: the last ones, or the best on validation.
    A run has diverged when a loss is not finite, or when the mean training loss since the last
    evaluation passes `divergence` times the validation loss of step 0.
    """

    epochs: float | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, ge=1)
    evaluations: int = Field(default=8, ge=1)
    keep: Literal["last", "best"] = "last"
    divergence: float = Field(default=10.0, gt=1)

    @model_validator(mode="after")
    def _one_duration(self) -> Budget:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give exactly one of epochs and steps (set the other to null)")
        return self

    def total_steps(self, rows: int, batch_size: int) -> int:
        if self.steps is not None:
            return self.steps
        return max(1, math.ceil((self.epochs or 0) * math.ceil(rows / batch_size)))

    def evaluate_every(self, steps: int) -> int:
        """Steps between two evaluations; the last step is always evaluated as well."""
        return max(1, math.ceil(steps / self.evaluations))

"""Plan: every batch of a run before it starts, and so every token and FLOP it will cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headstart.data.batches import evaluation_order, order_digest, padded_length, training_order
from headstart.meters.flops import FlopCounter
from headstart.run import Run
from headstart.streams import stream
from headstart.tasks.text_classification import Examples, Prepared


@dataclass(frozen=True)
class Shapes:
    """Rows, real tokens and padded length of each batch of an order; all (batches,) int64."""

    rows: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray

    @property
    def padded(self) -> np.ndarray:
        """Tokens with padding, per batch."""
        return self.rows * self.lengths


@dataclass(frozen=True)
class Plan:
    """The order of a run's batches and their shapes, by stage; `flops` is filled by `count`."""

    orders: dict[str, list[np.ndarray]]
    shapes: dict[str, Shapes]
    steps: int
    every: int
    evaluations: int  # of the validation rows, the one before the first step included
    digest: str
    flops: dict[str, np.ndarray] = field(default_factory=dict)  # per batch
    without_formula: set[str] = field(default_factory=set)  # operations that make the count a lower bound

    def count(self, counter: FlopCounter) -> None:
        """FLOPs of every batch, counted once per distinct shape."""
        self.flops["train"] = _flops(self.shapes["train"], counter.train)
        self.flops["validation"] = _flops(self.shapes["validation"], counter.forward)
        self.flops["test"] = _flops(self.shapes["test"], counter.forward)
        self.without_formula.update(counter.without_formula)

    def spent(self, steps: int) -> dict[str, int]:
        """Training samples, tokens and FLOPs after `steps` steps."""
        shapes = self.shapes["train"]
        return {
            "samples": int(shapes.rows[:steps].sum()),
            "tokens": int(shapes.tokens[:steps].sum()),
            "tokens_padded": int(shapes.padded[:steps].sum()),
            "flops": int(self.flops["train"][:steps].sum()),
        }

    def cost(self, steps: int, evaluations: int, tested: bool) -> dict[str, Any]:
        """The countable part of the record's `cost` after that much work."""
        flops = {
            "train": int(self.flops["train"][:steps].sum()),
            "eval": int(self.flops["validation"].sum()) * evaluations,
            "test": int(self.flops["test"].sum()) * tested,
        }
        times = {"train": None, "eval": evaluations, "test": int(tested)}
        tokens = {stage: self._tokens(stage, steps, n) for stage, n in times.items()}
        samples = {stage: self._samples(stage, steps, n) for stage, n in times.items()}
        return {
            "flops": {**flops, "total": sum(flops.values()), "lower_bound": sorted(self.without_formula)},
            "tokens": tokens,
            "samples": samples,
            "steps": steps,
        }

    def _tokens(self, stage: str, steps: int, times: int | None) -> dict[str, int]:
        shapes, last = self._part(stage, steps, times)
        factor = 1 if times is None else times
        return {
            "real": int(shapes.tokens[:last].sum()) * factor,
            "padded": int(shapes.padded[:last].sum()) * factor,
        }

    def _samples(self, stage: str, steps: int, times: int | None) -> int:
        shapes, last = self._part(stage, steps, times)
        return int(shapes.rows[:last].sum()) * (1 if times is None else times)

    def _part(self, stage: str, steps: int, times: int | None) -> tuple[Shapes, int | None]:
        name = {"eval": "validation"}.get(stage) or stage
        return self.shapes[name], steps if times is None else None


def plan_of(run: Run, prepared: Prepared) -> Plan:
    """The plan of `run`: the same for both arms of a pair, whatever they compute."""
    batch = run.optim.batch_size
    steps = run.budget.total_steps(len(prepared.train), batch)
    every = run.budget.evaluate_every(steps)
    orders = {
        "train": training_order(prepared.train.tokens.lengths, batch, steps, stream(run.seed, "order")),
        "validation": evaluation_order(prepared.validation.tokens.lengths, 2 * batch),
        "test": evaluation_order(prepared.test.tokens.lengths, 2 * batch),
    }
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    shapes = {name: _shapes(orders[name], parts[name]) for name in orders}
    digest = order_digest(orders["train"], prepared.train.ids)
    evaluations = 1 + -(-steps // every)
    return Plan(orders, shapes, steps, every, evaluations, digest)


def _shapes(order: Sequence[np.ndarray], examples: Examples) -> Shapes:
    lengths = examples.tokens.lengths
    return Shapes(
        rows=np.array([len(batch) for batch in order]),
        tokens=np.array([lengths[batch].sum() for batch in order]),
        lengths=np.array([padded_length(int(lengths[batch].max()), examples.limit) for batch in order]),
    )


def _flops(shapes: Shapes, count: Any) -> np.ndarray:
    return np.array(
        [count(int(rows), int(length)) for rows, length in zip(shapes.rows, shapes.lengths, strict=True)]
    )

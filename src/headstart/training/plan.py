"""Plan: every batch of a run before it starts, and so every token and FLOP it will cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.batches import evaluation_order, order_digest, training_order
from headstart.meters.flops import FlopCounter
from headstart.meters.law import outside_in
from headstart.models.model import architecture_digest
from headstart.run import Run
from headstart.tasks.family import Examples, Prepared, Shape

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Shapes:
    """Rows and tokens of each batch of an order, (batches,) int64, and the shape of its rows."""

    rows: np.ndarray
    tokens: np.ndarray
    padded: np.ndarray  # tokens with padding
    each: list[Shape]


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

    def count(self, counters: Sequence[tuple[int, FlopCounter]]) -> None:
        """FLOPs of every batch, once per distinct shape. `counters`: from which step on which one counts."""
        ends = [*(start for start, _ in counters[1:]), self.steps]
        train = self.shapes["train"]
        parts = [
            _flops(train, counter.train, start, end)
            for (start, counter), end in zip(counters, ends, strict=True)
        ]
        self.flops["train"] = np.concatenate(parts)
        self.flops["validation"] = _flops(self.shapes["validation"], counters[0][1].forward)
        self.flops["test"] = _flops(self.shapes["test"], counters[0][1].forward)
        for _, counter in counters:
            self.without_formula.update(counter.without_formula)

    def generation(self, split: str, tokens: Sequence[int], counter: FlopCounter) -> int:
        """FLOPs of generating that many tokens per row in each batch of a split."""
        shapes = self.shapes[split]
        works = [(length, *shape) for length, shape in zip(tokens, shapes.each, strict=True)]
        per_row = {work: counter.generate(1, *work) for work in outside_in(works)}
        self.without_formula.update(counter.without_formula)
        return sum(int(rows) * per_row[work] for rows, work in zip(shapes.rows, works, strict=True))

    def spent(self, steps: int) -> dict[str, int]:
        """Training samples, tokens and FLOPs after `steps` steps."""
        shapes = self.shapes["train"]
        return {
            "samples": int(shapes.rows[:steps].sum()),
            "tokens": int(shapes.tokens[:steps].sum()),
            "tokens_padded": int(shapes.padded[:steps].sum()),
            "flops": int(self.flops["train"][:steps].sum()),
        }

    def cost(
        self, steps: int, evaluations: int, tested: bool, generated: Mapping[str, int]
    ) -> dict[str, Any]:
        """The countable part of the record's `cost` after that much work.

        `generated`: FLOPs of generation by split, known only once it is over.
        """
        flops = {
            "train": int(self.flops["train"][:steps].sum()),
            "eval": int(self.flops["validation"].sum()) * evaluations + generated["validation"],
            "test": int(self.flops["test"].sum()) * tested + generated["test"],
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
        "train": training_order(prepared.train.lengths, batch, steps, run.stream("order")),
        "validation": evaluation_order(prepared.validation.lengths, 2 * batch),
        "test": evaluation_order(prepared.test.lengths, 2 * batch),
    }
    shapes = {split: _shapes(order, prepared.part(split)) for split, order in orders.items()}
    digest = order_digest(orders["train"], prepared.train.ids)
    evaluations = 1 + -(-steps // every)
    return Plan(orders, shapes, steps, every, evaluations, digest)


def counters_of(run: Run, plan: Plan, config: PretrainedConfig) -> list[tuple[int, FlopCounter]]:
    """Who counts the FLOPs of the run from which step on: a new stage of the arm is a new counter."""
    task, head = run.task, run.task.auto_class_for(run.model)
    skeleton = run.model.skeleton(head, config)
    names, parameters = run.arm.adapt(skeleton, 0), dict(skeleton.named_parameters())
    added = "+".join(f"{name}{tuple(parameters[name].shape)}" for name in names)
    shape = f"{head}:{architecture_digest(config)}:{added}"
    return [
        (
            round(stage.share * plan.steps),
            FlopCounter(skeleton, set(stage.trainable), task.inputs, shape, task.prompt),
        )
        for stage in run.arm.stages(skeleton)
    ]


def _shapes(order: Sequence[np.ndarray], examples: Examples) -> Shapes:
    batches = [batch.tolist() for batch in order]
    return Shapes(
        rows=np.array([len(batch) for batch in batches]),
        tokens=np.array([examples.real(batch) for batch in batches]),
        padded=np.array([examples.padded(batch) for batch in batches]),
        each=[examples.shape(batch) for batch in batches],
    )


def _flops(shapes: Shapes, count: Callable[..., int], start: int = 0, end: int | None = None) -> np.ndarray:
    """FLOPs of the batches from `start` to `end`: (batches,) int64."""
    parts = zip(shapes.rows[start:end].tolist(), shapes.each[start:end], strict=True)
    batches = [(rows, *shape) for rows, shape in parts]
    known = {batch: count(*batch) for batch in outside_in(batches)}
    return np.array([known[batch] for batch in batches], dtype=np.int64)

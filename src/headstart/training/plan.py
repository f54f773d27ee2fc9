"""Plan: every batch of a run before it starts, and thus its exact tokens and FLOPs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.data.batches import evaluation_order, order_digest, training_order
from headstart.meters.flops import FlopCounter
from headstart.meters.polynomial import outside_in
from headstart.models.architecture import architecture_digest
from headstart.run import Run
from headstart.tasks.family import Examples, Prepared, Shape

if TYPE_CHECKING:
    from transformers import PretrainedConfig


@dataclass(frozen=True)
class Shapes:
    """For each batch of an order: rows and tokens, (batches,) int64, and the shape of one row."""

    rows: np.ndarray
    tokens: np.ndarray
    padded: np.ndarray  # tokens with padding
    row: list[Shape]

    def batches(self, start: int = 0, end: int | None = None) -> list[tuple[int, ...]]:
        rows = self.rows[start:end].tolist()
        return [(n, *shape) for n, shape in zip(rows, self.row[start:end], strict=True)]


@dataclass(frozen=True)
class Plan:
    """The order of a run's batches and their shapes, by stage; `flops` is filled by `count`."""

    orders: dict[str, list[np.ndarray]]
    shapes: dict[str, Shapes]
    steps: int
    every: int
    evaluations: int  # of the validation rows, including the one before the first step
    digest: str
    flops: dict[str, np.ndarray] = field(default_factory=dict)  # per batch
    without_formula: set[str] = field(default_factory=set)  # operations that make the count a lower bound

    def count(self, counters: Sequence[tuple[int, FlopCounter]]) -> None:
        """Count the FLOPs of every batch. `counters`: one for each stage of the arm, with its first step."""
        ends = [*(start for start, _ in counters[1:]), self.steps]
        train = self.shapes["train"]
        flops = [
            _flops(train, counter.train, start, end)
            for (start, counter), end in zip(counters, ends, strict=True)
        ]
        self.flops["train"] = np.concatenate(flops)
        self.flops["validation"] = _flops(self.shapes["validation"], counters[0][1].forward)
        self.flops["test"] = _flops(self.shapes["test"], counters[0][1].forward)
        for _, counter in counters:
            self.without_formula.update(counter.without_formula)

    def generation(self, split: str, tokens: Sequence[int], counter: FlopCounter) -> int:
        """FLOPs of generating that many tokens per row in each batch of a split."""
        shapes = self.shapes[split]
        sizes = [(steps, *shape) for steps, shape in zip(tokens, shapes.row, strict=True)]
        per_row = {size: counter.generate(1, *size) for size in outside_in(sizes)}
        self.without_formula.update(counter.without_formula)
        return sum(int(rows) * per_row[size] for rows, size in zip(shapes.rows, sizes, strict=True))

    def spent(self, steps: int) -> dict[str, int]:
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
        """The counted part of the record's `cost` after so many steps and evaluations.

        `generated`: FLOPs of generation by split, known only afterwards.
        """
        flops, tokens, samples = {}, {}, {}
        # stage of the record, split, batches of it (None: all), how often
        for stage, split, end, times in (
            ("train", "train", steps, 1),
            ("eval", "validation", None, evaluations),
            ("test", "test", None, int(tested)),
        ):
            shapes = self.shapes[split]
            flops[stage] = int(self.flops[split][:end].sum()) * times + generated.get(split, 0)
            samples[stage] = int(shapes.rows[:end].sum()) * times
            tokens[stage] = {
                "real": int(shapes.tokens[:end].sum()) * times,
                "padded": int(shapes.padded[:end].sum()) * times,
            }
        return {
            "flops": {**flops, "total": sum(flops.values()), "lower_bound": sorted(self.without_formula)},
            "tokens": tokens,
            "samples": samples,
            "steps": steps,
        }


def plan_of(run: Run, prepared: Prepared) -> Plan:
    """The plan of `run`: the same for both arms of a pair."""
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
    """The FLOP counter of each stage of the arm, with the first step of the stage."""
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
        row=[examples.shape(batch) for batch in batches],
    )


def _flops(shapes: Shapes, count: Callable[..., int], start: int = 0, end: int | None = None) -> np.ndarray:
    """FLOPs of the batches from `start` to `end`, (batches,) int64: one count for each distinct shape."""
    batches = shapes.batches(start, end)
    flops = {batch: count(*batch) for batch in outside_in(batches)}
    return np.array([flops[batch] for batch in batches], dtype=np.int64)

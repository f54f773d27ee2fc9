"""Family: what every kind of task shares, and what training asks of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from pydantic import Field, model_validator

from headstart.config import NAME, Config, nearest
from headstart.data.docs.source import Docs
from headstart.data.files import Files
from headstart.data.hub import Hub
from headstart.data.rows import Splits, rows_digest
from headstart.data.size import Size
from headstart.errors import ConfigError
from headstart.models.model import Model
from headstart.tasks.text_batches import length_limit

if TYPE_CHECKING:
    import torch
    from torch import nn

Batch = dict[str, "torch.Tensor"]
Shape = tuple[int, ...]  # what decides the FLOPs of one row of a batch: (length,), (source, target), ...
Observed = list[tuple[np.ndarray, dict[str, np.ndarray]]]  # per batch: its rows, and what was kept of it


class Examples(Protocol):
    """The rows of one split, ready for batches."""

    @property
    def ids(self) -> list[str]:
        """Who the rows are: (rows,)."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """What rows are bucketed by: (rows,) int64."""
        ...

    def __len__(self) -> int: ...

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None) -> Batch:
        """The model's inputs and what the loss needs. `draw` is the step's noise; None: evaluation."""
        ...

    def shape(self, rows: Sequence[int]) -> Shape:
        """The shape that `batch` gives each of these rows."""
        ...

    def real(self, rows: Sequence[int]) -> int:
        """Tokens (pixels, patches) of these rows without padding."""
        ...

    def padded(self, rows: Sequence[int]) -> int:
        """The same with the padding of their batch."""
        ...


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs of its data, and what the record says about it."""

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    facts: dict[str, Any]
    head: dict[str, Any] = field(default_factory=dict)  # settings of the transformers configuration

    def part(self, split: str) -> Examples:
        """The examples of `train`, `validation` or `test`."""
        return getattr(self, split)


@dataclass(frozen=True)
class Judged:
    """What an evaluation says: mean loss, scores, and one answer per example in the order of the rows."""

    loss: float
    scores: dict[str, float]
    texts: Sequence[str]  # what a reader is shown of each example
    labels: Sequence[str]
    predictions: Sequence[str]
    statistics: Mapping[str, np.ndarray]  # per example: what metrics are sums of
    ids: Sequence[str] | None = None  # who the examples are, where they are not the rows of the batches


class Family(Config):
    """A kind of task: where rows come from, which columns are used, what is scored.

    Exactly one of the sources is given. The methods without a body are what a family has to say.
    """

    metrics_here: ClassVar[tuple[str, ...]] = ()  # the metrics that need no hub
    sources: ClassVar[tuple[str, ...]] = ("docs", "files", "hub")

    name: str = Field(pattern=NAME)
    docs: Docs | None = None
    files: Files | None = None
    hub: Hub | None = None
    metrics: tuple[str, ...] = Field(strict=False, min_length=1)
    headline: str

    @model_validator(mode="after")
    def _makes_sense(self) -> Family:
        given = [name for name in self.sources if getattr(self, name) is not None]
        if len(given) != 1:
            known = f"{', '.join(self.sources[:-1])} and {self.sources[-1]}"
            raise ValueError(f"exactly one of {known} says where rows come from, got {given or 'none'}")
        for name in self.metrics:
            hint = nearest(name, self.metrics_here)
            if name not in self.metrics_here and hint.startswith("did you mean"):
                raise ValueError(f"metrics: no metric {name}; {hint}")
        if self.headline not in self.metrics:
            raise ValueError(f"headline: {self.headline} is not among metrics ({', '.join(self.metrics)})")
        return self

    @property
    def source(self) -> Docs | Files | Hub:
        """Where the rows come from."""
        found = [getattr(self, name) for name in self.sources if getattr(self, name) is not None]
        if not found:
            raise ConfigError(f"task: one of {', '.join(self.sources)} must be given")
        return found[0]

    @property
    def auto_class(self) -> str:
        """The transformers class that puts this family's head on a backbone."""
        raise NotImplementedError

    def auto_class_for(self, model: Model) -> str:
        """The same where it depends on the architecture."""
        return self.auto_class

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and encoded; DataError when they cannot be used."""
        raise NotImplementedError

    def processor(self, model: Model) -> Any:
        """What turns raw rows into the model's inputs, kept beside trained weights."""
        tokenizer = model.load_tokenizer()
        tokenizer.model_max_length = length_limit(
            model, tokenizer
        )  # so that others cut texts as training did
        return tokenizer

    def inputs(self, *shape: int) -> Batch:
        """The model's inputs for one row of this shape, on the meta device, for counting operations."""
        import torch

        return {"input_ids": torch.zeros(1, *shape, dtype=torch.long, device="meta")}

    def prompt(self, *shape: int) -> Batch:
        """What generation starts from for one row of this shape, for families that generate."""
        return self.inputs(*shape)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean loss of a batch, () in fp32."""
        raise NotImplementedError

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """What an evaluation keeps of a batch; stays on the device, nothing waits for it."""
        raise NotImplementedError

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Loss, scores and answers of a whole split from what `observe` kept."""
        raise NotImplementedError

    def decoded(self, observed: Observed) -> list[int]:
        """Tokens generated per batch, for families that generate; empty for the others."""
        return []

    def longest(self) -> int:
        """The most tokens that can be generated for a row; 0 for families that do not generate."""
        return 0

    def texts_of(self, prepared: Prepared, split: str) -> Sequence[str]:
        """The texts of a split's rows as far as they are used: what a model sees; () for images."""
        return getattr(prepared.part(split), "texts", ())

    def facts(
        self, splits: Splits, train: Any, examples: Mapping[str, Examples], **more: Any
    ) -> dict[str, Any]:
        """The record's `data`: digests of the rows that are used, and how many there are."""
        whole = {"train": train, "validation": splits.validation, "test": splits.test}
        facts = {
            "source": splits.source,
            "rows": {name: rows_digest(rows) for name, rows in whole.items()},
            "counts": {name: len(part) for name, part in examples.items()} | {"available": len(splits.train)},
            "classes": [],
            "tokenizer": "",
            "truncated": dict.fromkeys(whole, 0),
            "special_tokens": None,
            "max_length": 0,
            "notes": list(splits.notes),
            **more,
        }
        special = [
            f"{name}: {count} rows hold special tokens, such as [SEP] or </s>, in a text: read as letters"
            for name, count in (facts["special_tokens"] or {}).items()
            if count
        ]
        return facts | {"notes": [*facts["notes"], *special]}


def in_row_order(observed: Observed, name: str) -> np.ndarray:
    """One kept array of all batches, (rows, ...), in the order of the split's rows."""
    rows = np.concatenate([rows for rows, _ in observed])
    values = np.concatenate([kept[name] for _, kept in observed])
    return values[np.argsort(rows)]

"""Family: what every kind of task shares, and what training asks of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

import numpy as np
from pydantic import Field, model_validator

from headstart.config import NAME, Config, nearest
from headstart.data.cells import GROUP
from headstart.data.docs.source import Docs
from headstart.data.files import Files
from headstart.data.hub import Hub
from headstart.data.rows import SPLITS, Splits, rows_digest
from headstart.data.size import Size
from headstart.metrics import METRICS
from headstart.models.model import Model
from headstart.plugins import Kinds
from headstart.tasks.rules.rule import Rule
from headstart.tasks.scores import Metrics
from headstart.tasks.text_batches import Batch, Shape, TextEncoder

if TYPE_CHECKING:
    import torch
    from torch import nn

Observed = list[tuple[np.ndarray, dict[str, np.ndarray]]]  # per batch: its rows, and what was kept of it


class Examples(Protocol):
    """The examples of one split, ready for batches.

    Two more attributes are read where they are: `row_count`, the rows that the examples were made of, if one
    row is not one example; and `truncated`, how many rows were cut to the length limit.
    """

    @property
    def ids(self) -> list[str]:
        """Names of the examples: (examples,)."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """What examples are bucketed by: (examples,) int64."""
        ...

    def __len__(self) -> int: ...

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None) -> Batch:
        """The model's inputs and what the loss needs. `draw` is the step's noise; None: evaluation."""
        ...

    def shape(self, rows: Sequence[int]) -> Shape:
        """The shape that `batch` gives each of these examples."""
        ...

    def real(self, rows: Sequence[int]) -> int:
        """Tokens (or pixels) of these examples without padding."""
        ...

    def padded(self, rows: Sequence[int]) -> int:
        """The same with the padding of their batch."""
        ...


loaded: dict[str, Splits] = {}  # the rows of one task


@dataclass(frozen=True)
class Encoded:
    """What a family makes of the rows."""

    examples: Mapping[str, Any]  # by split: Examples
    classes: tuple[str, ...] = ()
    head: Mapping[str, Any] = field(default_factory=dict)  # settings of the transformers configuration
    notes: Sequence[str] = ()  # what the record should say
    groups: Mapping[str, str] | None = None  # of the test examples by their ids, where these are not the rows


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs of its data, and what the record says about it."""

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    facts: dict[str, Any]
    head: Mapping[str, Any] = field(default_factory=dict)  # settings of the transformers configuration
    groups: Mapping[str, str] = field(default_factory=dict)  # of test examples by id; others are on their own

    def part(self, split: str) -> Examples:
        """The examples of `train`, `validation` or `test`."""
        return getattr(self, split)

    def groups_of(self, ids: Sequence[str]) -> list[str | None] | None:
        """The group of each of these test examples; None where there are no groups."""
        return [self.groups.get(id) for id in ids] if self.groups else None


@dataclass(frozen=True)
class EvalResult:
    """Mean loss, scores, and one prediction per example in the order of the rows."""

    loss: float
    scores: dict[str, float]
    texts: Sequence[str]  # what a reader is shown of each example
    labels: Sequence[str]
    predictions: Sequence[str]
    statistics: Mapping[str, np.ndarray]  # per example: what metrics are sums of
    ids: Sequence[str] | None = None  # names of the examples, where they are not the rows of the batches


class Family(Config):
    """A kind of task: where rows come from, which columns are used, what is scored.

    Exactly one of the sources is given. A family sets `auto_class`, `roles` and `statistics`, and has bodies
    for `encode`, `loss`, `observe` and `evaluate`.
    """

    auto_class: ClassVar[str] = ""  # the transformers class that puts the family's head on a backbone
    roles: ClassVar[tuple[str, ...]] = ()  # the settings that name a column of the rows
    text_roles: ClassVar[tuple[str, ...]] = ()  # those of them that the tokenizer reads
    statistics: ClassVar[tuple[str, ...]] = ()  # left per example: says which metrics fit
    sources: ClassVar[tuple[str, ...]] = ("docs", "files", "hub")

    name: str = Field(pattern=NAME)
    docs: Docs | None = None
    files: Files | None = None
    hub: Hub | None = None
    group: str | None = None  # the column of what rows share that belong together; null: each is on its own
    metrics: Metrics
    headline: str

    @model_validator(mode="after")
    def _makes_sense(self) -> Family:
        given = [name for name in self.sources if getattr(self, name) is not None]
        if len(given) != 1:
            known = f"{', '.join(self.sources[:-1])} and {self.sources[-1]}"
            raise ValueError(f"exactly one of {known} says where rows come from, got {given or 'none'}")
        # metrics of ours must fit; another name may be one of the hub, unless it is nearly one of ours
        left = set(self.left_per_example())
        fitting = [name for name, entry in METRICS.items() if entry.needs and left >= set(entry.needs)]
        for name in self.metrics if left else ():
            hint = nearest(name, fitting)
            if name in METRICS and name not in fitting:
                raise ValueError(f"metrics: {name} does not fit this task; known: {', '.join(fitting)}")
            if name not in METRICS and hint.startswith("did you mean"):
                raise ValueError(f"metrics: no metric {name}; {hint}")
        if self.headline not in self.metrics:
            raise ValueError(f"headline: {self.headline} is not among metrics ({', '.join(self.metrics)})")
        return self

    @property
    def source(self) -> Docs | Files | Hub:
        return next(source for name in self.sources if (source := getattr(self, name)) is not None)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns that are used, by role."""
        roles = (*self.roles, GROUP)
        return {role: getattr(self, role) for role in roles if getattr(self, role) is not None}

    @property
    def stratify(self) -> str | None:
        """The role whose classes keep their proportions in a subset of the rows."""
        return None

    def left_per_example(self) -> tuple[str, ...]:
        """`statistics`, where they depend on the settings."""
        return self.statistics

    def auto_class_for(self, model: Model) -> str:
        """`auto_class`, where it depends on the architecture."""
        return self.auto_class

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and encoded.

        DataError when the rows cannot be used, ConfigError when the model cannot be used for them.
        """
        key = f"{self.source.digest()} {self.model_dump_json()}"
        if key not in loaded:  # the last rows are kept: the sizes of a study share them
            loaded.clear()
            loaded[key] = self.cleaned(self.source.load(self.columns, stratify=self.stratify))
        splits = loaded[key]
        strata = splits.train[self.stratify] if self.stratify else None  # read block by block
        chosen = size.choose(strata, splits.train["id"])
        encoder = TextEncoder.of(model) if self.text_roles else None
        model.check_head(self.auto_class_for(model))
        encoded = self.encode(model, encoder, splits, chosen)
        facts = self._facts(splits, used_rows(splits, chosen), encoder, encoded)
        groups = encoded.groups or {}
        if encoded.groups is None and GROUP in splits.test.column_names:
            groups = dict(zip(splits.test["id"][:], splits.test[GROUP][:], strict=True))
        return Prepared(
            **encoded.examples, classes=encoded.classes, facts=facts, head=encoded.head, groups=groups
        )

    def cleaned(self, splits: Splits) -> Splits:
        """The rows as the family wants them, before any are chosen."""
        return splits

    def encode(self, model: Model, encoder: Any, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Examples of the chosen training rows and of all other rows.

        `encoder` is a TextEncoder, None for a family that reads no text.
        """
        raise NotImplementedError

    def processor(self, model: Model) -> Any:
        """What turns raw rows into the model's inputs, kept beside trained weights."""
        encoder = TextEncoder.of(model)
        encoder.tokenizer.model_max_length = encoder.limit  # so that others cut texts as training did
        return encoder.tokenizer

    def inputs(self, *shape: int) -> Batch:
        """The model's inputs for one row of this shape, on the meta device, for counting operations."""
        return meta_tokens(input_ids=shape[0])

    def prompt(self, *shape: int) -> Batch:
        """What generation starts from for one row of this shape, for families that generate."""
        return self.inputs(*shape)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean loss of a batch, () in fp32."""
        raise NotImplementedError

    def scored(self, batch: Batch) -> torch.Tensor:
        """Of how many items of each row, tokens for one, the mean loss is a mean: (batch,). One per row.

        A family whose loss is the mean over something else says so: several devices divide a batch by rows.
        """
        import torch

        return torch.ones(len(next(iter(batch.values()))), dtype=torch.long)

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """What an evaluation keeps of a batch; stays on the device, nothing waits for it."""
        raise NotImplementedError

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Loss, scores and predictions of a whole split from what `observe` kept."""
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

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """Rules that cost next to nothing, fitted on the training rows and scored on the test rows."""
        return iter(())

    def chance(self, prepared: Prepared) -> dict[str, float]:
        """By metric, what guessing at random scores on average, where that can be said."""
        return {}

    def _facts(
        self, splits: Splits, rows: Mapping[str, Any], encoder: TextEncoder | None, encoded: Encoded
    ) -> dict[str, Any]:
        """The record's `data`: digests of the rows that are used, and how many there are."""
        parts = {split: encoded.examples[split] for split in SPLITS}
        counts = {split: getattr(part, "row_count", len(part)) for split, part in parts.items()}
        special = encoder and {
            split: encoder.special_rows(part, self.text_roles) for split, part in rows.items()
        }
        notes = [
            f"{split}: {count} rows hold special tokens, such as [SEP] or </s>, in a text: read as letters"
            for split, count in (special or {}).items()
            if count
        ]
        return {
            "source": splits.source,
            "rows": {split: rows_digest(part) for split, part in rows.items()},
            "counts": counts | {"available": len(splits.train)},
            "classes": list(encoded.classes),
            "tokenizer": encoder.digest if encoder else "",
            "truncated": {split: getattr(part, "truncated", 0) for split, part in parts.items()},
            "special_tokens": special,
            "max_length": encoder.limit if encoder else 0,
            "notes": [*splits.notes, *encoded.notes, *notes],
        }


# The families: every class in this folder that has a kind, or a user's own in own/tasks.
Task = Annotated[Family, Kinds(Family, needs=("auto_class", "encode", "loss", "observe", "evaluate"))]


def used_rows(splits: Splits, chosen: Sequence[int]) -> dict[str, Any]:
    """The chosen training rows, and all rows of the other splits."""
    return {"train": splits.train.select(chosen), "validation": splits.validation, "test": splits.test}


def meta_tokens(**lengths: int) -> Batch:
    """Inputs of one row with so many tokens each, on the meta device."""
    import torch

    return {name: torch.zeros(1, n, dtype=torch.long, device="meta") for name, n in lengths.items()}


def in_row_order(observed: Observed, name: str) -> np.ndarray:
    """One kept array of all batches, (rows, ...), in the order of the split's rows."""
    rows = np.concatenate([rows for rows, _ in observed])
    values = np.concatenate([kept[name] for _, kept in observed])
    return values[np.argsort(rows)]

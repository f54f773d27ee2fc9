"""Text classification: one text, or a pair of texts, to one of a few classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from headstart.data.batches import padded_length
from headstart.data.docs import Docs
from headstart.data.files import Files
from headstart.data.hub import Hub
from headstart.data.rows import Splits, rows_digest
from headstart.data.size import Size
from headstart.models.model import Model
from headstart.models.tokens import Tokens, tokens_of
from headstart.node import NAME, ConfigError, DataError, Node, nearest

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

LOCAL_METRICS = ("accuracy", "macro_f1", "matthews", "log_loss")


@dataclass(frozen=True)
class Examples:
    """The rows of one split, ready for batches: token ids, class numbers, and who they are."""

    ids: list[str]
    texts: list[str]
    tokens: Tokens
    labels: np.ndarray  # (rows,) int64
    pad_id: int
    limit: int

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: Sequence[int]) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask, [token_type_ids]: (batch, length); labels: (batch,)."""
        import torch

        tokens = self.tokens.take(rows)
        length = padded_length(int(tokens.lengths.max()), self.limit)
        columns = {"input_ids": _padded(tokens.ids, length, self.pad_id)}
        columns["attention_mask"] = _padded([np.ones_like(row) for row in tokens.ids], length, 0)
        if tokens.kinds is not None:
            columns["token_type_ids"] = _padded(tokens.kinds, length, 0)
        columns["labels"] = self.labels[list(rows)]
        return {name: torch.from_numpy(values) for name, values in columns.items()}


@dataclass(frozen=True)
class Prepared:
    """Everything a run needs of its data, and what the record says about it."""

    train: Examples
    validation: Examples
    test: Examples
    classes: tuple[str, ...]
    facts: dict[str, Any]


class TextClassification(Node):
    """Which columns are the text (and its pair) and the label, where rows come from, what is scored."""

    kind: Literal["text_classification"]
    name: str = Field(pattern=NAME)
    text: str = "text"
    pair: str | None = None
    label: str = "label"
    docs: Docs | None = None
    files: Files | None = None
    hub: Hub | None = None
    metrics: tuple[str, ...] = Field(default=LOCAL_METRICS, strict=False, min_length=1)
    headline: str = "accuracy"

    @model_validator(mode="after")
    def _makes_sense(self) -> TextClassification:
        given = [name for name in ("docs", "files", "hub") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of docs, files and hub says where rows come from, got {given or 'none'}"
            )
        for name in self.metrics:
            hint = nearest(name, LOCAL_METRICS)
            if name not in LOCAL_METRICS and hint.startswith("did you mean"):
                raise ValueError(f"metrics: no metric {name}; {hint}")
        if self.headline not in self.metrics:
            raise ValueError(f"headline: {self.headline} is not among metrics ({', '.join(self.metrics)})")
        return self

    @property
    def auto_class(self) -> str:
        """The transformers class that puts this task's head on a backbone."""
        return "AutoModelForSequenceClassification"

    @property
    def source(self) -> Docs | Files | Hub:
        """Where the rows come from."""
        found = self.docs or self.files or self.hub
        if found is None:
            raise ConfigError("task: one of docs, files and hub must be given")
        return found

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and tokenised; DataError when they cannot be used."""
        splits = self._load()
        classes = _classes(splits, self.label)
        chosen = size.choose(splits.train["label"][:], splits.train["id"][:])
        tokenizer, digest = model.load_tokenizer(), model.tokenizer_digest()
        limit = min(model.max_length, tokenizer.model_max_length)
        whole = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        ready: dict[str, Examples] = {}
        for split, rows in whole.items():
            pairs = rows["pair"][:] if self.pair else None
            tokens = tokens_of(tokenizer, digest, rows["text"][:], pairs, limit)
            ready[split] = _examples(rows, tokens, classes, _pad_id(tokenizer), limit)
        ready["train"] = _only(ready["train"], chosen)
        facts = _facts(splits, whole | {"train": splits.train.select(chosen)}, ready, classes, digest, limit)
        return Prepared(**ready, classes=classes, facts=facts)

    def head(self, prepared: Prepared) -> dict[str, Any]:
        """The settings of the transformers configuration that this task's head needs."""
        return {"num_labels": len(prepared.classes)}

    def loss(self, logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Mean cross-entropy in nats. logits: (batch, classes)."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits.float(), batch["labels"])

    def _load(self) -> Splits:
        columns = {"text": self.text, "label": self.label}
        if self.pair:
            columns["pair"] = self.pair
        return self.source.load(columns, stratify="label")


def _classes(splits: Splits, column: str) -> tuple[str, ...]:
    """The classes of the training rows, sorted; the other splits may not hold others."""
    known = sorted(set(splits.train["label"][:]))
    if len(known) == 1:
        raise DataError(
            f"task.label={column}: every training row has the label {known[0]!r}; two classes are needed"
        )
    for name, rows in (("validation", splits.validation), ("test", splits.test)):
        strange = sorted(set(rows["label"][:]) - set(known))
        if strange:
            raise DataError(
                f"task.label={column}: the {name} rows have the label {strange[0]!r}, which no training row "
                f"has (training has {', '.join(map(repr, known[:8]))}); correct the label or move the row"
            )
    return tuple(known)


def _examples(rows: Dataset, tokens: Tokens, classes: Sequence[str], pad_id: int, limit: int) -> Examples:
    number = {name: i for i, name in enumerate(classes)}
    labels = np.array([number[label] for label in rows["label"][:]], dtype=np.int64)
    return Examples(rows["id"][:], rows["text"][:], tokens, labels, pad_id, limit)


def _only(examples: Examples, rows: Sequence[int]) -> Examples:
    return Examples(
        [examples.ids[i] for i in rows],
        [examples.texts[i] for i in rows],
        examples.tokens.take(rows),
        examples.labels[list(rows)],
        examples.pad_id,
        examples.limit,
    )


def _facts(
    splits: Splits, whole: dict[str, Any], ready: dict[str, Examples], classes, tokenizer: str, limit: int
):
    counts = {name: len(examples) for name, examples in ready.items()}
    present = Counter(ready["train"].labels.tolist())
    notes = [*splits.notes]
    notes += [
        f"no training row of class {name!r} in this subset"
        for i, name in enumerate(classes)
        if not present[i]
    ]
    return {
        "source": splits.source,
        "rows": {name: rows_digest(rows) for name, rows in whole.items()},
        "counts": {**counts, "available": len(splits.train)},
        "classes": list(classes),
        "tokenizer": tokenizer,
        "truncated": {name: int(examples.tokens.truncated.sum()) for name, examples in ready.items()},
        "max_length": limit,
        "notes": notes,
    }


def _pad_id(tokenizer: Any) -> int:
    if tokenizer.pad_token_id is not None:
        return tokenizer.pad_token_id
    return tokenizer.eos_token_id  # decoders: padding is masked, so any id will do


def _padded(rows: Sequence[np.ndarray], length: int, fill: int) -> np.ndarray:
    table = np.full((len(rows), length), fill, dtype=np.int64)  # (batch, length)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table

"""Language modelling: what the objectives on running text share, from texts to bits per byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from headstart.data.rows import SPLITS, Splits
from headstart.data.size import Size
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.family import Batch, Family, Judged, Observed, Prepared, in_row_order
from headstart.tasks.packing import NO_LABEL, Blocks, Documents, Marks, Stream
from headstart.tasks.scores import scores_of
from headstart.tasks.text_batches import length_limit, special_counts

if TYPE_CHECKING:
    import torch
    from torch import nn

METRICS = ("bits_per_byte", "token_loss", "perplexity", "token_accuracy")
STATISTICS = ("loss", "correct", "tokens", "bytes")
INPUTS = ("input_ids", "attention_mask", "decoder_input_ids")


class LanguageModelling(Family):
    """Which column is the text. Rows are texts, examples are blocks of the model's `max_length` tokens.

    The loss of a block is summed over its scored tokens, and so are the bytes of text that these stand for:
    bits per byte compare models whatever their tokenizers. Texts of training that do not fill a last block
    are left out; in evaluation that block is padded, and no text is lost.
    """

    metrics_here: ClassVar = METRICS
    told: ClassVar[Mapping[str, Any]] = {}  # what the model's forward pass is told beside its inputs
    listed: ClassVar[slice] = slice(0, 12)  # the scored tokens of a block that a reader is shown

    text: str = "text"
    metrics: tuple[str, ...] = Field(default=METRICS, strict=False, min_length=1)
    headline: str = "bits_per_byte"

    def pack(self, model: Model, marks: Marks, texts: list[str], stream: Stream, whole: bool) -> Blocks:
        """The blocks of joined texts; ConfigError when the tokenizer lacks what the objective needs."""
        raise NotImplementedError

    def logits(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Scores of the vocabulary at every label: (batch, labels, vocabulary)."""
        return model(**{name: batch[name] for name in INPUTS if name in batch}, **self.told).logits

    def processor(self, model: Model) -> Any:
        """The tokenizer as it is: blocks say nothing about how long a text may be."""
        return model.load_tokenizer()

    def head(self, model: Model, marks: Marks) -> dict[str, Any]:
        """Settings of the transformers configuration."""
        return {"pad_token_id": marks.pad}

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Texts loaded, cut to size, tokenised and packed; DataError when they do not fill one block,
        ConfigError when the model is not made for this objective."""
        splits = _with_text(self.source.load({"text": self.text}))
        chosen = size.choose(None, splits.train["id"][:])
        tokenizer, digest = model.load_tokenizer(), model.tokenizer_digest()
        model.check_head(self.auto_class)
        marks = Marks.of(tokenizer, model.name)
        ready: dict[str, Blocks] = {}
        for split in SPLITS:
            texts = getattr(splits, split)["text"][:]
            rows = chosen if split == "train" else range(len(texts))
            stream = Documents(marks, digest, texts).stream(rows)
            ready[split] = self.pack(model, marks, [texts[row] for row in rows], stream, split == "train")
        _refuse_empty(ready, length_limit(model, tokenizer))
        facts = self.facts(
            splits,
            splits.train.select(chosen),
            ready,
            counts={name: len(part.texts) for name, part in ready.items()} | {"available": len(splits.train)},
            tokenizer=digest,
            special_tokens=special_counts(tokenizer, splits, splits.train.select(chosen), "text"),
            max_length=length_limit(model, tokenizer),
            notes=[*splits.notes, *(_note(name, part) for name, part in ready.items())],
        )
        return Prepared(**ready, classes=(), facts=facts, head=self.head(model, marks))

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the scored tokens in nats, ()."""
        found = nats(self.logits(model, batch), batch["labels"])
        return found.sum() / batch["labels"].ne(NO_LABEL).sum().clamp(min=1)

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """Loss in nats, hits, tokens and bytes: (batch,); some labels and answers: (batch, 12)."""
        logits, labels = self.logits(model, batch), batch["labels"]
        scored, answers = labels.ne(NO_LABEL), logits.argmax(-1)
        return {
            "loss": nats(logits, labels).sum(1),
            "correct": (answers.eq(labels) & scored).sum(1),
            "tokens": scored.sum(1),
            "bytes": batch["bytes"].sum(1),
            "label": labels[:, self.listed],
            "answer": answers.where(scored, NO_LABEL)[:, self.listed],
        }

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Mean loss per scored token, the metrics, and the first scored tokens beside the answers."""
        blocks: Any = prepared.part(split)
        statistics = {name: in_row_order(observed, name).astype(np.float64) for name in STATISTICS}
        return Judged(
            loss=float(statistics["loss"].sum() / max(1, statistics["tokens"].sum())),
            scores=scores_of(self.metrics, statistics),
            texts=blocks.shown,
            labels=blocks.marks.words(in_row_order(observed, "label")),
            predictions=blocks.marks.words(in_row_order(observed, "answer")),
            statistics=statistics,
        )


def nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every label in fp32, 0 where there is none: (batch, labels).

    Row by row, and once more for the gradient: of the logits, (batch, labels, vocabulary), neither a copy in
    fp32 nor the probabilities are ever kept.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    rows = zip(logits.unbind(), labels.unbind(), strict=True)
    if not torch.is_grad_enabled():
        return torch.stack([_nats(*row) for row in rows])
    again: Any = [checkpoint(_nats, *row, use_reentrant=False, preserve_rng_state=False) for row in rows]
    return torch.stack(again)


def _nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), labels, reduction="none", ignore_index=NO_LABEL)


def _with_text(splits: Splits) -> Splits:
    """The splits without empty texts, which `notes` counts; DataError when nothing is left."""
    kept, notes = {}, []
    for split in SPLITS:
        rows = getattr(splits, split)
        full = [row for row, text in enumerate(rows["text"][:]) if text.strip()]
        if not full:
            raise DataError(f"{split} holds no text: all {len(rows)} rows are empty, so give other rows")
        if empty := len(rows) - len(full):
            notes.append(f"{split}: {empty} of {len(rows)} texts are empty and left out")
        kept[split] = rows.select(full) if empty else rows
    return replace(splits, **kept, notes=(*splits.notes, *notes))


def _refuse_empty(ready: dict[str, Blocks], limit: int) -> None:
    for split, blocks in ready.items():
        if not len(blocks):
            raise DataError(
                f"{split}: {len(blocks.stream)} tokens of {len(blocks.texts)} texts do not fill one block of "
                f"model.max_length={limit} tokens: give more text (size), or choose shorter blocks"
            )


def _note(split: str, blocks: Blocks) -> str:
    """How many blocks the texts made, and whether the tokenizer could read all of them."""
    made = f"{split}: {len(blocks)} blocks of {blocks.block} tokens from {len(blocks.texts)} texts"
    unknown = blocks.marks.tokenizer.unk_token_id
    if unknown in (None, blocks.marks.end) or not (number := int((blocks.stream.ids == unknown).sum())):
        return made
    return (
        f"{made}; {number} of {len(blocks.stream)} tokens are unknown to the tokenizer, and their bytes "
        "count as if they were predicted"
    )

"""Language modelling: what the objectives on running text share, from texts to bits per byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from headstart.data.cells import GROUP
from headstart.data.rows import SPLITS, Splits
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.family import Batch, Encoded, EvalResult, Family, Observed, Prepared, in_row_order
from headstart.tasks.packing import NO_LABEL, Blocks, Documents, SpecialTokens, Stream
from headstart.tasks.rules.ngrams import NGrams, Scored, before
from headstart.tasks.rules.rule import Rule, bound_of, thinned
from headstart.tasks.scores import Metrics, fitting, scores_of
from headstart.tasks.text_batches import TextEncoder, model_inputs

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_TOKENS = 1_000_000  # of training, that n-grams are counted in
STATISTICS = ("loss", "correct", "tokens", "bytes")


class TokenLoss(Family):
    """A family whose loss is a mean over tokens: those of `labels` that are there."""

    forward: ClassVar[Mapping[str, Any]] = {}  # arguments of the model's forward pass beside its inputs

    def logits(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Scores of the vocabulary at every label: (batch, labels, vocabulary)."""
        return model(**model_inputs(batch), **self.forward).logits

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the scored tokens in nats, ()."""
        losses = nats(self.logits(model, batch), batch["labels"])
        return losses.sum() / batch["labels"].ne(NO_LABEL).sum().clamp(min=1)

    def scored(self, batch: Batch) -> torch.Tensor:
        return batch["labels"].ne(NO_LABEL).sum(1)

    def scores(self, statistics: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The metrics that these statistics of a rule, which may lack some, give."""
        return scores_of(fitting(self.metrics, statistics), statistics)


class LanguageModelling(TokenLoss):
    """Which column is the text. Rows are texts, examples are blocks of the model's `max_length` tokens.

    The loss of a block is summed over its scored tokens, and so are the bytes of text that these stand for:
    bits per byte compare models whatever their tokenizers. Texts of training that do not fill a last block
    are left out; in evaluation that block is padded, and no text is lost. Where texts have groups, a block
    has that of the text that it begins in.
    """

    roles: ClassVar = ("text",)
    text_roles: ClassVar = ("text",)
    statistics: ClassVar = STATISTICS
    listed: ClassVar[slice] = slice(0, 12)  # the scored tokens of a block that a reader is shown

    text: str = "text"
    metrics: Metrics = ("bits_per_byte", "token_loss", "perplexity", "token_accuracy")
    headline: str = "bits_per_byte"

    def pack(self, model: Model, special: SpecialTokens, stream: Stream, **shared: Any) -> Blocks:
        """The blocks of joined texts, `shared` being their `texts` and `whole`.

        ConfigError when the tokenizer lacks what the objective needs.
        """
        raise NotImplementedError

    def head(self, model: Model, special: SpecialTokens) -> dict[str, Any]:
        """Settings of the transformers configuration."""
        return {"pad_token_id": special.encoder.pad_id}

    def processor(self, model: Model) -> Any:
        """The tokenizer as it is: blocks say nothing about how long a text may be."""
        return model.load_tokenizer()

    def cleaned(self, splits: Splits) -> Splits:
        """Without empty texts, which `notes` counts; DataError when nothing is left."""
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

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Texts tokenised and packed; DataError when they do not fill one block."""
        special, blocks, notes = SpecialTokens.of(encoder, model.name), dict[str, Blocks](), []
        groups: dict[str, str] | None = None
        for split in SPLITS:
            texts = getattr(splits, split)["text"][:]
            rows = chosen if split == "train" else range(len(texts))
            documents = Documents(special, texts)
            stream = documents.stream(rows)
            joined = [texts[row] for row in rows]
            blocks[split] = packed = self.pack(model, special, stream, texts=joined, whole=split == "train")
            if not len(packed):
                raise DataError(
                    f"{split}: {len(packed.stream)} tokens of {len(joined)} texts do not fill one block of "
                    f"model.max_length={encoder.limit} tokens: give more text (size), or choose shorter "
                    "blocks"
                )
            notes.append(_note(split, packed))
            if split == "test" and GROUP in splits.test.column_names:
                names, begins = splits.test[GROUP][:], np.arange(len(packed)) * packed.content
                of_block = [names[text] for text in documents.at(rows, begins)]
                groups = dict(zip(packed.ids, of_block, strict=True))
        return Encoded(blocks, head=self.head(model, special), notes=notes, groups=groups)

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

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Mean loss per scored token, the metrics, and the first scored tokens beside the answers."""
        blocks: Any = prepared.part(split)
        statistics = {name: in_row_order(observed, name).astype(np.float64) for name in STATISTICS}
        return EvalResult(
            loss=float(statistics["loss"].sum() / max(1, statistics["tokens"].sum())),
            scores=scores_of(self.metrics, statistics),
            texts=blocks.shown,
            labels=blocks.special.words(in_row_order(observed, "label")),
            predictions=blocks.special.words(in_row_order(observed, "answer")),
            statistics=statistics,
        )

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The frequencies of tokens, and those after up to four other tokens."""
        train: Any = prepared.train
        test: Any = prepared.test
        blocks = thinned(len(train), max(1, MOST_TOKENS // train.content))
        seen, scored = self.counted(train, blocks.tolist()), _scored(test, range(len(test)))
        for name, order, how in (
            ("unigram", 1, "the frequencies of the training tokens"),
            ("five_gram", 5, "the training tokens after up to four others (Witten and Bell 1991)"),
        ):
            model = NGrams(seen, order, len(train.special.tokenizer))
            right = model.guesses(scored) == scored.tokens
            columns = (-np.log(model.probabilities(scored)), right, np.ones(len(right)), scored.bytes)
            sums = [np.bincount(scored.block, column, len(test)) for column in columns]
            statistics: dict[str, np.ndarray] = dict(zip(STATISTICS, sums, strict=True))
            bound = bound_of(len(blocks), len(train), "training blocks")
            yield Rule(name, how, self.scores(statistics), statistics, train.row_count, bound=bound)

    def counted(self, train: Any, blocks: Sequence[int]) -> Scored:
        """The training tokens that n-grams are counted in, each with those before it."""
        return _scored(train, blocks)

    def chance(self, prepared: Prepared) -> dict[str, float]:
        """Of all tokens alike."""
        blocks: Any = prepared.test
        scored = _scored(blocks, range(len(blocks)))
        vocabulary, tokens = len(blocks.special.tokenizer), np.full(1, len(scored.tokens))
        columns = (tokens * np.log(vocabulary), tokens / vocabulary, tokens, scored.bytes.sum(keepdims=True))
        statistics: dict[str, np.ndarray] = dict(zip(STATISTICS, columns, strict=True))
        return self.scores(statistics)


def _scored(blocks: Any, rows: Sequence[int]) -> Scored:
    """The tokens of these blocks that are scored in evaluation, and what the model reads before them."""
    parts: list[tuple[np.ndarray, ...]] = []
    for row in rows:
        batch = {name: values[0].numpy() for name, values in blocks.batch([int(row)], None).items()}
        labels, read = batch["labels"], batch.get("decoder_input_ids", batch["input_ids"])
        kept = np.flatnonzero(labels != NO_LABEL)
        last = batch["positions"][kept] - 1 if "positions" in batch else kept
        parts.append((before(read, last), labels[kept], batch["bytes"][kept], np.full(len(kept), row)))
    return Scored(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


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
    losses: Any = [checkpoint(_nats, *row, use_reentrant=False, preserve_rng_state=False) for row in rows]
    return torch.stack(losses)


def _nats(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), labels, reduction="none", ignore_index=NO_LABEL)


def _note(split: str, blocks: Blocks) -> str:
    """How many blocks the texts made, and whether the tokenizer could read all of them."""
    note = f"{split}: {len(blocks)} blocks of {blocks.block} tokens from {len(blocks.texts)} texts"
    unknown = blocks.special.tokenizer.unk_token_id
    if unknown in (None, blocks.special.end) or not (number := int((blocks.stream.ids == unknown).sum())):
        return note
    return (
        f"{note}; {number} of {len(blocks.stream)} tokens are unknown to the tokenizer, and their bytes "
        "count as if they were predicted"
    )

"""Denoising: spans of a text are left out and written again (Raffel et al. 2020, section 3.1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from headstart.errors import ConfigError
from headstart.models.model import Model
from headstart.tasks.family import Batch, Shape, meta_tokens
from headstart.tasks.language_modelling import LanguageModelling
from headstart.tasks.packing import NO_LABEL, Blocks, SpecialTokens, Stream
from headstart.tasks.text_batches import padded


@dataclass(frozen=True)
class Spans:
    """How much of a text is left out: a share of its tokens, in spans of some mean length."""

    rate: float
    mean: float

    def counts(self, tokens: int) -> tuple[int, int]:
        """Tokens and spans that are left out of so many (two or more): the same for all texts of a length."""
        hidden = min(max(round(tokens * self.rate), 1), tokens - 1)
        return hidden, min(max(round(hidden / self.mean), 1), hidden, tokens - hidden)

    def draw(self, tokens: int, noise: np.random.Generator) -> np.ndarray:
        """Which tokens are left out: (tokens,) bool. Kept and hidden spans alternate, a kept one first."""
        hidden, spans = self.counts(tokens)
        kept = _lengths(tokens - hidden, spans, noise)
        return np.repeat([False, True] * spans, np.stack([kept, _lengths(hidden, spans, noise)], 1).ravel())

    def source(self, tokens: int) -> int:
        """Tokens that are left of so many: the kept ones, and a sentinel for each span."""
        hidden, spans = self.counts(tokens)
        return tokens - hidden + spans

    def target(self, tokens: int) -> int:
        """Tokens to be written: each span behind its sentinel."""
        return sum(self.counts(tokens))

    def fitting(self, room: int) -> int:
        """How many tokens of text make a source of `room` tokens; 0 when not even two do."""
        return max(takewhile(lambda tokens: self.source(tokens) <= room, count(2)), default=0)


@dataclass(frozen=True)
class DenoisingBlocks(Blocks):
    """Blocks with spans left out; all full ones have a source and a target of the same length."""

    spans: Spans
    sentinels: np.ndarray  # (number,) ids
    first: int  # what the decoder reads before the target

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, [attention_mask]: (batch, source); decoder_input_ids, labels, bytes: (batch, target)."""
        pairs = [self._corrupted(self.piece(row), self.noise(row, draw)) for row in rows]
        source, target = self.shape(rows)
        targets = [answer.ids for _, answer in pairs]
        read = [np.concatenate([[self.first], ids[:-1]]) for ids in targets]
        return {
            **self.inputs([ids for ids, _ in pairs], source),
            "decoder_input_ids": padded(read, target, self.special.encoder.pad_id),
            "labels": padded(targets, target, NO_LABEL),
            "bytes": padded([answer.bytes for _, answer in pairs], target, 0),
        }

    def shape(self, rows: Sequence[int]) -> Shape:
        """(tokens of a source, tokens of a target)."""
        return self.block, self.spans.target(self.content) + 1

    def real(self, rows: Sequence[int]) -> int:
        """Tokens of sources and targets without padding."""
        added = len(self.special.start) + 2  # and an end token on either side
        lengths = self.lengths[list(rows)].tolist()
        return sum(self.spans.source(n) + self.spans.target(n) + added for n in lengths)

    def _corrupted(self, piece: Stream, noise: np.random.Generator) -> tuple[np.ndarray, Stream]:
        """The source, and the target with its bytes; both closed by the end token."""
        hidden = self.spans.draw(len(piece), noise)
        first = hidden & ~np.concatenate([[False], hidden[:-1]])  # of each span
        sentinels = self.sentinels[: first.sum()]
        source = piece.ids.copy()
        source[first] = sentinels
        places = np.flatnonzero(first[hidden])
        target = np.insert(piece.ids[hidden], places, sentinels)
        sizes = np.insert(piece.bytes[hidden], places, 0)
        closed = [*self.special.start, *source[~hidden | first], self.special.end]
        return np.array(closed), Stream(np.append(target, self.special.end), np.append(sizes, 0))


class Denoising(LanguageModelling):
    """Spans that were left out, for encoder-decoders: `rate` of the tokens, `mean_span` long on average."""

    auto_class: ClassVar = "AutoModelForSeq2SeqLM"
    forward: ClassVar = {"use_cache": False}  # nothing is generated

    kind: Literal["denoising"]
    rate: float = Field(default=0.15, gt=0, lt=1)
    mean_span: float = Field(default=3.0, ge=1)

    def pack(self, model: Model, special: SpecialTokens, stream: Stream, **shared: Any) -> Blocks:
        """Pieces of text whose sources are as long as the model's input."""
        spans, block = Spans(self.rate, self.mean_span), special.encoder.limit
        content = spans.fitting(block - len(special.start) - 1)
        if not shared["whole"] and len(stream) % content == 1:
            stream = stream[:-1]  # one token alone cannot lack a part
        return DenoisingBlocks(
            stream=stream,
            special=special,
            block=spans.source(content) + len(special.start) + 1,
            content=content,
            ahead=0,
            spans=spans,
            sentinels=_sentinels(special.tokenizer, spans.counts(content)[1], model),
            first=self.head(model, special)["decoder_start_token_id"],
            **shared,
        )

    def head(self, model: Model, special: SpecialTokens) -> dict[str, Any]:
        """Settings of the transformers configuration; a decoder without a start token begins with padding."""
        own = getattr(model.transformers_config(), "decoder_start_token_id", None)
        pad = special.encoder.pad_id
        return {"pad_token_id": pad, "decoder_start_token_id": pad if own is None else own}

    def inputs(self, *shape: int) -> Batch:
        return meta_tokens(input_ids=shape[0], decoder_input_ids=shape[1])


def _lengths(tokens: int, parts: int, noise: np.random.Generator) -> np.ndarray:
    """So many tokens in so many parts, none empty, all ways to cut them equally likely: (parts,)."""
    cuts = np.sort(noise.choice(tokens - 1, parts - 1, replace=False)) + 1
    return np.diff(cuts, prepend=0, append=tokens)


def _sentinels(tokenizer: Any, needed: int, model: Model) -> np.ndarray:
    """The tokens that stand for spans, in order: (needed,); ConfigError when there are not enough."""
    known = tokenizer.get_vocab()
    names = takewhile(lambda name: name in known, (f"<extra_id_{number}>" for number in count()))
    sentinels = np.array([known[name] for name in names], dtype=np.int32)
    if not len(sentinels):
        raise ConfigError(
            f"model: the tokenizer of {model.name} has no <extra_id_0> to stand for a span: choose T5 or "
            "another encoder-decoder with sentinels, or a task of kind text_to_text"
        )
    if len(sentinels) < needed:
        raise ConfigError(
            f"task: {needed} spans in a block of model.max_length={model.max_length} tokens, but the "
            f"tokenizer of {model.name} has {len(sentinels)} sentinels: choose shorter blocks, "
            "a lower task.rate or a larger task.mean_span"
        )
    return sentinels[:needed]

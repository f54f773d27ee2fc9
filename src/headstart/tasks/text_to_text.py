"""Text to text: a text is written for each text, by an encoder-decoder or by a decoder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from headstart.data.rows import Splits
from headstart.errors import ConfigError
from headstart.extras import missing
from headstart.metrics import TEXT_STATISTICS, text_statistics
from headstart.models.model import Model
from headstart.models.tokens import Tokens, tokens_of
from headstart.tasks.family import (
    Batch,
    Encoded,
    EvalResult,
    Observed,
    Prepared,
    in_row_order,
    meta_tokens,
    used_rows,
)
from headstart.tasks.language_modelling import TokenLoss, nats
from headstart.tasks.packing import NO_LABEL
from headstart.tasks.rules.rule import Rule
from headstart.tasks.scores import Metrics, scores_of
from headstart.tasks.text_batches import TextEncoder
from headstart.tasks.text_pairs import PromptTarget, SourceTarget, ended

if TYPE_CHECKING:
    import torch
    from torch import nn

METRICS = ("chrf", "rouge_l", "bleu", "exact_match", "token_loss", "token_accuracy")
SUMS = ("loss", "tokens", "correct")
START = "decoder_start_token_id"
SHORTEST_PROMPT = 8  # tokens
MOST_COPIED = 2000  # characters that the copy rule writes


class TextToText(TokenLoss):
    """Which column is the text, and which is what to write for it.

    An encoder-decoder reads `prefix` and the text, and writes the output. A decoder goes on from `prefix`,
    the text and `separator`, and its loss is that of the output alone. Both stop at the end token or after
    `max_output` tokens; longer outputs are cut for the loss, but not where generated texts are scored.
    Decoding is greedy, and no generation setting of a checkpoint changes it: both arms decode alike.
    """

    auto_class: ClassVar = "AutoModelForSeq2SeqLM"
    roles: ClassVar = ("text", "output")
    text_roles: ClassVar = ("text", "output")
    forward: ClassVar = {"use_cache": False}
    statistics: ClassVar = (*TEXT_STATISTICS, *SUMS)

    kind: Literal["text_to_text"]
    text: str = "text"
    output: str = "output"
    prefix: str = ""
    separator: str = Field(default="\n", min_length=1)  # for decoders
    max_output: int = Field(default=64, ge=2)  # tokens, the end token among them
    metrics: Metrics = METRICS
    headline: str = "chrf"

    @model_validator(mode="after")
    def _needs_sacrebleu(self) -> Self:
        if sentence := missing("sacrebleu", "text-to-text"):
            raise ValueError(sentence)
        return self

    def auto_class_for(self, model: Model) -> str:
        """The head of decoders for these, and that of encoder-decoders for all others."""
        return "AutoModelForCausalLM" if model.family(fetch=False) == "decoder" else self.auto_class

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Texts with their outputs; ConfigError when no room is left for them."""
        end = encoder.end_id
        if end is None:
            raise ConfigError(
                f"model: the tokenizer of {model.name} has no end token, so nothing written would ever end: "
                "choose a model whose tokenizer has one"
            )
        rows = used_rows(splits, chosen)
        config, head = model.transformers_config(), {"pad_token_id": encoder.pad_id, "eos_token_id": end}
        if config.is_encoder_decoder:
            start = config.decoder_start_token_id
            head[START] = encoder.pad_id if start is None else start
            examples = {k: self._encoded(part, model, encoder, head[START]) for k, part in rows.items()}
        else:
            examples = {k: self._continued(part, encoder) for k, part in rows.items()}
        notes = []
        for split, part in examples.items():
            if cut := int(part.targets.truncated.sum()):
                notes.append(
                    f"{split}: {cut} of {len(part)} outputs do not fit task.max_output={self.max_output}; "
                    "their ends have no part in the loss"
                )
        return Encoded(examples, head=head, notes=notes)

    def inputs(self, *shape: int) -> Batch:
        encoder, decoder, _ = shape
        return _halves(encoder, decoder)

    def prompt(self, *shape: int) -> Batch:
        encoder, _, start = shape
        return _halves(encoder, start)

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """Sums per row of loss (nats), tokens and hits, given the target: (batch,); and what the model
        writes when left alone: (batch, steps), as many steps as the batch took to end."""
        logits, labels = self.logits(model, batch), batch["labels"]
        return {
            "loss": nats(logits, labels).sum(1),
            "tokens": labels.ne(NO_LABEL).sum(1),
            "correct": logits.argmax(-1).eq(labels).sum(1),
            "generated": self._generated(model, batch),
        }

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Mean loss per token, the metrics, and every reference beside what was written."""
        examples: Any = prepared.part(split)
        order = np.argsort(np.concatenate([rows for rows, _ in observed]))
        texts = [text for _, kept in observed for text in examples.decode(kept["generated"])]
        written = [texts[i] for i in order]
        sums = {name: in_row_order(observed, name).astype(np.float64) for name in SUMS}
        statistics = text_statistics(written, examples.outputs) | sums
        return EvalResult(
            loss=float(sums["loss"].sum() / sums["tokens"].sum()),
            scores=scores_of(self.metrics, statistics),
            texts=examples.texts,
            labels=examples.outputs,
            predictions=written,
            statistics=statistics,
        )

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The text as it is, and its first words, as many as the outputs of training have."""
        train: Any = prepared.train
        test: Any = prepared.test
        length = int(np.median([len(output.split()) for output in train.outputs]))
        copied = [text[:MOST_COPIED] for text in test.texts]
        first = [" ".join(text.split()[:length]) for text in test.texts]
        cut = sum(map(len, test.texts)) > sum(map(len, copied))
        bound = f"the first {MOST_COPIED:,} characters of a text" if cut else None
        for name, how, written in (
            ("copy", "the text as it is", copied),
            ("lead", f"the first {length} words of the text", first),
        ):
            statistics = text_statistics(written, test.outputs)
            bounded = bound if name == "copy" else None
            yield Rule(name, how, self.scores(statistics), statistics, len(train), bound=bounded)

    def decoded(self, observed: Observed) -> list[int]:
        """Tokens generated per batch: its rows stop together, when the last of them has ended."""
        return [kept["generated"].shape[1] for _, kept in observed]

    def longest(self) -> int:
        return self.max_output

    def _generated(self, model: Any, batch: Batch) -> torch.Tensor:
        """Greedy decoding, with a cache, until every row has ended: (batch, steps)."""
        from transformers import GenerationConfig

        names = ("prompt_ids", "prompt_mask") if "prompt_ids" in batch else ("input_ids", "attention_mask")
        ids, mask = (batch[name] for name in names)
        config = model.config
        # Of the configuration only the special tokens, which `encode` has set: generate() fills what is open
        # from the model's own settings, n-grams to avoid, tokens to force.
        model.generation_config = plan = GenerationConfig(
            max_new_tokens=self.max_output,
            do_sample=False,
            num_beams=1,
            pad_token_id=config.pad_token_id,
            eos_token_id=config.eos_token_id,
            decoder_start_token_id=config.decoder_start_token_id if config.is_encoder_decoder else None,
        )
        written = model.generate(input_ids=ids, attention_mask=mask, generation_config=plan)
        return written[:, 1 if config.is_encoder_decoder else ids.shape[1] :]

    def _encoded(self, rows: Any, model: Model, encoder: TextEncoder, start: int) -> SourceTarget:
        """Rows for an encoder-decoder; it also writes what the tokenizer puts before a text."""
        most = min(encoder.tokenizer.model_max_length, model.longest or encoder.tokenizer.model_max_length)
        if self.max_output > most:
            raise ConfigError(
                f"task.max_output: {self.max_output} tokens are more than the {most} that {model.name} can "
                "write: choose fewer"
            )
        texts = encoder.tokens([self.prefix + text for text in rows["text"][:]])
        texts = ended(texts, encoder.end_id, encoder.limit)
        targets = tokens_of(encoder.tokenizer, encoder.digest, rows["output"][:], None, self.max_output)
        return SourceTarget(**self._shared(rows, encoder, texts, targets), start=start)

    def _continued(self, rows: Any, encoder: TextEncoder) -> PromptTarget:
        """Rows for a decoder; the prompt leaves room for the longest output."""
        tokenizer, digest = encoder.tokenizer, encoder.digest
        between = tokenizer(self.separator, add_special_tokens=False, split_special_tokens=False)["input_ids"]
        if not between or tokenizer.unk_token_id in between:
            raise ConfigError(
                f"task.separator: {self.separator!r} is nothing that the model's tokenizer knows, so a "
                "decoder would not see where the text ends: choose another, ':' for one"
            )
        room = encoder.limit - self.max_output - len(between)
        if room < SHORTEST_PROMPT:
            raise ConfigError(
                f"task.max_output: {self.max_output} tokens and the separator leave {max(0, room)} of "
                f"model.max_length={encoder.limit} for the text: choose a smaller output or a larger "
                "model.max_length"
            )
        prompts = tokens_of(tokenizer, digest, [self.prefix + text for text in rows["text"][:]], None, room)
        prompts = replace(prompts, ids=[np.append(ids, np.array(between, ids.dtype)) for ids in prompts.ids])
        plain: Any = partial(tokenizer, add_special_tokens=False)
        targets = tokens_of(plain, f"{digest}:plain", rows["output"][:], None, self.max_output)
        return PromptTarget(**self._shared(rows, encoder, prompts, targets))

    def _shared(self, rows: Any, encoder: TextEncoder, texts: Tokens, targets: Tokens) -> dict[str, Any]:
        return {
            "ids": rows["id"][:],
            "texts": rows["text"][:],
            "tokens": texts,
            "encoder": encoder,
            "outputs": rows["output"][:],
            "targets": ended(targets, encoder.end_id, self.max_output),
            "longest": self.max_output,
        }


def _halves(encoder: int, decoder: int) -> Batch:
    """Tokens for both halves, or for a decoder alone where the encoder reads none."""
    if not encoder:
        return meta_tokens(input_ids=decoder)
    return meta_tokens(input_ids=encoder, decoder_input_ids=decoder)

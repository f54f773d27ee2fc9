"""Text classification: one text, or a pair of texts, to one class, to several classes, or to a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from headstart.data.rows import Splits
from headstart.data.size import Size
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.columns import numbers_in
from headstart.tasks.family import Batch, Family, Judged, Observed, Prepared, in_row_order
from headstart.tasks.labels import Answer, ManyClasses, Number, OneClass, named
from headstart.tasks.text_batches import (
    Texts,
    encoded,
    end_id,
    length_limit,
    model_inputs,
    pad_id,
    special_counts,
)

if TYPE_CHECKING:
    import torch
    from torch import nn

ANSWERS: dict[str, type[Answer]] = {"label": OneClass, "labels": ManyClasses, "number": Number}


@dataclass(frozen=True)
class LabelledTexts(Texts):
    """Texts with what they are answered with."""

    labels: np.ndarray  # (rows,), or (rows, classes) where a row has several
    answer: Answer

    def take(self, rows: Sequence[int]) -> Self:
        """The same, for some rows in that order."""
        return replace(super().take(rows), labels=self.labels[list(rows)])

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, attention_mask, [token_type_ids]: (batch, length); labels: (batch, ...)."""
        import torch

        return {**self.inputs(rows), "labels": torch.from_numpy(self.labels[list(rows)])}


class TextClassification(Family):
    """Which columns are the text (and its pair), and which one is the answer.

    Exactly one of `label` (one class per row), `labels` (a list of classes per row, or several columns of 0
    and 1 that are called by their class) and `number` (regression) is given; without any of them the answer
    is the class in a column called `label`. `names` are those of the classes 0, 1, 2, ...
    Metrics are those of the kind of answer unless they are given, and the first is the headline.
    """

    metrics_here: ClassVar = tuple(name for answer in ANSWERS.values() for name in answer.metrics)

    kind: Literal["text_classification"]
    text: str = "text"
    pair: str | None = None
    label: str | None = "label"
    labels: str | Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None
    number: str | None = None
    names: tuple[str, ...] | None = Field(default=None, strict=False, min_length=2)

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, given: Any) -> Any:
        """What is left open is decided here, so that the record says it."""
        if not isinstance(given, Mapping):
            return given
        known = {name: value for name, value in given.items() if value is not None}
        answers = [role for role in ANSWERS if role in known] or ["label"]
        metrics = known.get("metrics", ANSWERS[answers[0]].metrics)
        usual = {"metrics": metrics, "headline": metrics[0] if metrics else ""}
        filled = {**given, **usual, **known, "label": known.get("label")}
        return filled if set(ANSWERS) & set(known) else {k: v for k, v in filled.items() if k != "label"}

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        given = [role for role in ANSWERS if getattr(self, role) is not None]
        if len(given) > 1:
            raise ValueError(f"exactly one of {', '.join(ANSWERS)} is the answer, got {' and '.join(given)}")
        if self.names is not None and (self.role == "number" or not isinstance(self.labels, str | None)):
            raise ValueError(f"names: these are of classes written as numbers, and `{self.role}` has none")
        fitting = ANSWERS[self.role].metrics
        strange = [name for name in self.metrics if name in self.metrics_here and name not in fitting]
        if strange:
            raise ValueError(
                f"metrics: {strange[0]} does not fit an answer by `{self.role}`; known: {', '.join(fitting)}"
            )
        return self

    @property
    def role(self) -> str:
        """Which of ANSWERS the rows have."""
        return next(role for role in ANSWERS if getattr(self, role) is not None)

    @property
    def auto_class(self) -> str:
        """The transformers class that puts this family's head on a backbone."""
        return "AutoModelForSequenceClassification"

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and tokenised; DataError when they cannot be used."""
        kind, column = ANSWERS[self.role], getattr(self, self.role)
        columns = {"text": self.text, self.role: column} | ({"pair": self.pair} if self.pair else {})
        splits = named(self.source.load(columns, stratify=kind.stratify), self.role, self.names)
        strata = splits.train[kind.stratify][:] if kind.stratify else None
        chosen = size.choose(strata, splits.train["id"][:])
        train = splits.train.select(chosen)
        answer = kind.learn(splits, train, column if isinstance(column, str) else ", ".join(column))
        doubts = self._doubts(splits)
        tokenizer = model.load_tokenizer()
        whole = {"train": splits.train, "validation": splits.validation, "test": splits.test}
        ready = {name: _labelled(rows, model, tokenizer, answer) for name, rows in whole.items()}
        ready["train"] = ready["train"].take(chosen)
        facts = self.facts(
            splits,
            train,
            ready,
            classes=list(answer.classes),
            tokenizer=model.tokenizer_digest(),
            special_tokens=special_counts(tokenizer, splits, train, *columns.keys() & {"text", "pair"}),
            truncated={name: int(part.tokens.truncated.sum()) for name, part in ready.items()},
            max_length=length_limit(model, tokenizer),
            notes=[*splits.notes, *doubts, *answer.notes(ready["train"].labels)],
        )
        head = answer.head | _ends(model, tokenizer, ready)
        return Prepared(**ready, classes=answer.classes, facts=facts, head=head)

    def _doubts(self, splits: Splits) -> list[str]:
        """A note where classes look like numbers; DataError unless somebody said that they are classes."""
        seen = numbers_in(splits.train["label"][:], str(self.label)) if self.role == "label" else ""
        if seen and "label" not in self.model_fields_set:
            raise DataError(
                f"column {self.label} holds {seen}: say task.number={self.label} to predict numbers, or "
                f"task.label={self.label} for as many classes"
            )
        return [f"task.label={self.label}: classes by choice, though it holds {seen}"] if seen else []

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """The mean loss that belongs to the kind of answer, ()."""
        return ANSWERS[self.role].loss(model(**model_inputs(batch)).logits.float(), batch["labels"])

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """logits: (batch, outputs) fp32."""
        return {"logits": model(**model_inputs(batch)).logits.float()}

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Mean loss, the metrics, and what they are made of per row."""
        examples: Any = prepared.part(split)
        logits = in_row_order(observed, "logits").astype(np.float64)
        return examples.answer.judged(logits, examples.labels, examples.texts, self.metrics)


def _labelled(rows: Any, model: Model, tokenizer: Any, answer: Answer) -> LabelledTexts:
    text, pair = rows["text"][:], rows["pair"][:] if "pair" in rows.column_names else None
    shown = text if pair is None else [" | ".join(both) for both in zip(text, pair, strict=True)]
    if pair is not None and _glues(tokenizer):
        pair = ["\n" + second for second in pair]
    texts = replace(encoded(rows, model, tokenizer, text, pair), texts=shown)
    return LabelledTexts(**vars(texts), labels=answer.targets(rows), answer=answer)


def _glues(tokenizer: Any) -> bool:
    """Whether the tokenizer puts nothing between two texts, as those of decoders do."""
    return tokenizer.num_special_tokens_to_add(pair=True) == tokenizer.num_special_tokens_to_add(pair=False)


def _ends(model: Model, tokenizer: Any, ready: Mapping[str, LabelledTexts]) -> dict[str, Any]:
    """The tokens by which a model finds where a text ends, for its configuration.

    Decoders read the last token that is no padding. Encoder-decoders read the last end token: DataError
    where the tokenizer puts none behind a text.
    """
    settings: dict[str, Any] = {"pad_token_id": pad_id(tokenizer)}
    config = model.transformers_config()
    if not config.is_encoder_decoder:
        return settings
    end = end_id(tokenizer)
    if getattr(config, "decoder_start_token_id", None) is None:
        settings["decoder_start_token_id"] = settings["pad_token_id"]
    for part in ready.values():
        if end is None or not all(end in ids for ids in part.tokens.ids):
            raise DataError(
                f"{model.name} classifies by the token that ends a text, and its tokenizer adds none: "
                "choose another model.tokenizer"
            )
    return settings | {"eos_token_id": end}

"""Text classification: one text, or a pair of texts, to one class, to several classes, or to a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from headstart.data.rows import Splits
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.tasks.columns import numbers_in
from headstart.tasks.family import Batch, Encoded, Prepared, used_rows
from headstart.tasks.labels import Answer, Labelled, ManyClasses, Names, Number, OneClass, named
from headstart.tasks.rules import labels as rules
from headstart.tasks.rules.rule import Rule, bound_of, thinned
from headstart.tasks.text_batches import TextEncoder, Texts, model_inputs

if TYPE_CHECKING:
    import torch
    from torch import nn

MAJORITY = "the most frequent class of the training rows"
ANSWERS: dict[str, type[Answer]] = {"label": OneClass, "labels": ManyClasses, "number": Number}


@dataclass(frozen=True)
class LabelledTexts(Texts):
    """Texts with what they are answered with."""

    labels: np.ndarray  # (rows,), or (rows, classes) where a row has several
    answer: Answer
    pairs: list[tuple[str, str]] | None  # both texts, where a row has two

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, attention_mask, [token_type_ids]: (batch, length); labels: (batch, ...)."""
        import torch

        return {**self.inputs(rows), "labels": torch.from_numpy(self.labels[list(rows)])}


class TextClassification(Labelled):
    """Which columns are the text (and its pair), and which one is the answer.

    Exactly one of `label` (one class per row), `labels` (a list of classes per row, or several columns of 0
    and 1 that are called by their class) and `number` (regression) is given; without any of them the answer
    is the class in a column called `label`. `names` are those of the classes 0, 1, 2, ...
    Metrics are those of the kind of answer unless they are given, and the first is the headline.
    """

    auto_class: ClassVar = "AutoModelForSequenceClassification"
    roles: ClassVar = ("text", "pair", "label", "labels", "number")
    text_roles: ClassVar = ("text", "pair")

    kind: Literal["text_classification"]
    text: str = "text"
    pair: str | None = None
    label: str | None = "label"
    labels: str | Annotated[tuple[str, ...], Field(strict=False, min_length=2)] | None = None
    number: str | None = None
    names: Names = None

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
        return self

    @property
    def role(self) -> str:
        """Which of ANSWERS the rows have."""
        return next(role for role in ANSWERS if getattr(self, role) is not None)

    @property
    def stratify(self) -> str | None:
        return "label" if self.role == "label" else None

    def left_per_example(self) -> tuple[str, ...]:
        return ANSWERS[self.role].statistics

    def cleaned(self, splits: Splits) -> Splits:
        return named(splits, self.role, self.names)

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Texts with their classes or numbers; DataError when nothing can be learnt from them."""
        column = getattr(self, self.role)
        shown = column if isinstance(column, str) else ", ".join(column)
        used = used_rows(splits, chosen)
        answer = ANSWERS[self.role].learn(splits, used["train"], shown)
        doubts = self._doubts(splits)
        examples = {split: _labelled(rows, encoder, answer) for split, rows in used.items()}
        head = answer.head | _end_tokens(model, encoder, examples)
        notes = [*doubts, *answer.notes(examples["train"].labels)]
        return Encoded(examples, answer.classes, head, notes)

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

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The most frequent class or the mean, TF-IDF with a linear model, the overlap of pairs."""
        train: Any = prepared.train
        test: Any = prepared.test
        targets, classes, rows = train.labels, len(train.answer.classes), len(train)

        if classes:
            yield self.rule(prepared, "majority", MAJORITY, rules.majority(targets, classes, len(test)))
        else:
            yield self.rule(prepared, "mean", "the mean of the training rows", np.zeros((len(test), 1)))
        used = thinned(rows, rules.most_rows(classes))
        texts = [train.texts[row] for row in used]
        if fitted := rules.tfidf(texts, targets[used], test.texts, classes):
            how = f"TF-IDF of words, {'logistic' if classes else 'ridge'} regression"
            bounds = [bound for bound in (bound_of(len(used), rows), fitted[1]) if bound]
            yield self.rule(prepared, "tfidf", how, fitted[0], " and ".join(bounds) or None)
        if train.pairs and targets.ndim == 1:
            both = [rules.overlaps(part.pairs) for part in (train, test)]
            how = "one threshold of the share of words in both texts"
            logits = rules.overlap_threshold(both[0], targets, both[1], classes)
            yield self.rule(prepared, "overlap", how, logits)


def _labelled(rows: Any, encoder: TextEncoder, answer: Answer) -> LabelledTexts:
    texts, pairs, both = rows["text"][:], None, None
    shown = texts
    if "pair" in rows.column_names:
        pairs = rows["pair"][:]
        both = list(zip(texts, pairs, strict=True))
        shown = [" | ".join(pair) for pair in both]
        count = encoder.tokenizer.num_special_tokens_to_add
        if count(pair=True) == count(pair=False):  # as those of decoders, which put nothing between two texts
            pairs = ["\n" + second for second in pairs]
    return LabelledTexts(
        ids=rows["id"][:],
        texts=shown,
        tokens=encoder.tokens(texts, pairs),
        encoder=encoder,
        labels=answer.targets(rows),
        answer=answer,
        pairs=both,
    )


def _end_tokens(model: Model, encoder: TextEncoder, parts: Mapping[str, LabelledTexts]) -> dict[str, Any]:
    """The tokens by which a model finds where a text ends, for its configuration.

    Decoders read the last token that is no padding. Encoder-decoders read the last end token: DataError
    where the tokenizer puts none behind a text.
    """
    settings: dict[str, Any] = {"pad_token_id": encoder.pad_id}
    config = model.transformers_config()
    if not config.is_encoder_decoder:
        return settings
    if getattr(config, "decoder_start_token_id", None) is None:
        settings["decoder_start_token_id"] = encoder.pad_id
    end = encoder.end_id
    if end is None or not all(end in ids for part in parts.values() for ids in part.tokens.ids):
        raise DataError(
            f"{model.name} classifies by the token that ends a text, and its tokenizer adds none: "
            "choose another model.tokenizer"
        )
    return settings | {"eos_token_id": end}

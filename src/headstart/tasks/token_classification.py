"""Token classification: a tag for every word of a sentence, scored by the entities that the tags say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from headstart.data.rows import Splits
from headstart.errors import DataError
from headstart.models.model import Model
from headstart.models.tokens import NOWHERE, LocatedTokens, located_tokens_of
from headstart.tasks.family import (
    Batch,
    Encoded,
    EvalResult,
    Family,
    Observed,
    Prepared,
    in_row_order,
    used_rows,
)
from headstart.tasks.labels import Names, are_numbers, named, refuse_numbers
from headstart.tasks.packing import NO_LABEL
from headstart.tasks.rules.answers import tags_of_words
from headstart.tasks.rules.rule import Rule
from headstart.tasks.scores import Metrics, scores_of
from headstart.tasks.text_batches import TextEncoder, Texts, model_inputs, padded

if TYPE_CHECKING:
    import torch
    from torch import nn

STATISTICS: tuple[str, ...] = ("true_positive", "predicted", "true", "correct", "tokens")
Entity = tuple[str, int, int]  # kind, first word, the word after the last one
OUTSIDE = "O"
TAG = re.compile(r"([BIMELSU])-(.+)|([BI])")
OPENS, CLOSES = frozenset("BSU"), frozenset("ELSU")


@dataclass(frozen=True)
class TaggedTexts(Texts):
    """Sentences of words with a tag each; a word is tagged at its first token.

    `first` is the place of that token for every word, NOWHERE for a word beyond the limit; `labels` is the
    number of its tag, NO_LABEL for a tag that no training row has.
    """

    tokens: LocatedTokens
    words: list[list[str]]
    tags: list[list[str]]
    first: list[np.ndarray]  # per row: (words,) int64
    labels: list[np.ndarray]  # per row: (words,) int64

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """input_ids, attention_mask, [token_type_ids], labels: (batch, length)."""
        labels = [np.full(self.lengths[row], NO_LABEL) for row in rows]
        for row, tokens in zip(rows, labels, strict=True):
            readable = self.first[row] != NOWHERE
            tokens[self.first[row][readable]] = self.labels[row][readable]
        return {**self.inputs(rows), "labels": padded(labels, self.shape(rows)[0], NO_LABEL)}

    def scored(self) -> int:
        """Words that are part of the loss."""
        parts = zip(self.first, self.labels, strict=True)
        return sum(int(((first != NOWHERE) & (labels != NO_LABEL)).sum()) for first, labels in parts)


class TokenClassification(Family):
    """Which columns are the words and their tags, both of them lists; the names of tags that are numbers."""

    auto_class: ClassVar = "AutoModelForTokenClassification"
    roles: ClassVar = ("words", "tags")
    text_roles: ClassVar = ("words",)
    statistics: ClassVar = STATISTICS

    kind: Literal["token_classification"]
    words: str = "words"
    tags: str = "tags"
    names: Names = None
    metrics: Metrics = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")
    headline: str = "entity_f1"

    def cleaned(self, splits: Splits) -> Splits:
        return named(splits, "tags", self.names)

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """Sentences with a tag for each word."""
        classes = self._classes(splits)
        used = used_rows(splits, chosen)
        examples = {split: _tagged(rows, encoder, classes) for split, rows in used.items()}
        head = {"id2label": dict(enumerate(classes)), "pad_token_id": encoder.pad_id}
        return Encoded(examples, classes, head, _notes(examples, classes))

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy of the scored tokens in nats, ()."""
        losses = _losses(model(**model_inputs(batch)).logits, batch["labels"])
        return losses.sum() / (batch["labels"] != NO_LABEL).sum().clamp(min=1)

    def scored(self, batch: Batch) -> torch.Tensor:
        return (batch["labels"] != NO_LABEL).sum(1)

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """numbers: (batch, length) int16, the likeliest tag of every token; loss: (batch,) nats, summed."""
        import torch

        logits = model(**model_inputs(batch)).logits  # (batch, length, classes)
        losses = _losses(logits, batch["labels"])
        return {"numbers": logits.argmax(dim=-1).to(torch.int16), "loss": losses.sum(dim=1)}

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Mean cross-entropy per scored token, and the entities and tags that are right."""
        examples: Any = prepared.part(split)
        numbers = dict(
            pair for rows, kept in observed for pair in zip(rows.tolist(), kept["numbers"], strict=True)
        )
        # a word beyond the limit has no prediction: its entity is missed, and it is not a correct token
        predicted = [
            [None if token == NOWHERE else prepared.classes[numbers[row][token]] for token in first]
            for row, first in enumerate(examples.first)
        ]
        losses = in_row_order(observed, "loss").astype(np.float64)
        return self._scored(examples, predicted, float(losses.sum() / max(1, examples.scored())))

    def _scored(self, examples: Any, predicted: Sequence[Sequence[str | None]], loss: float) -> EvalResult:
        """The entities and tags that are right, of a tag for each word."""
        labels, predictions, counts = [], [], []
        for words, tags, own in zip(examples.words, examples.tags, predicted, strict=True):
            true, estimated = entities(tags), entities([tag or OUTSIDE for tag in own])
            labels.append(shown(true, words))
            predictions.append(shown(estimated, words))
            correct = sum(tag == other for tag, other in zip(tags, own, strict=True))
            counts.append((len(set(true) & set(estimated)), len(estimated), len(true), correct, len(tags)))
        statistics: dict[str, np.ndarray] = dict(zip(STATISTICS, np.array(counts).T, strict=True))
        return EvalResult(
            loss=loss,
            scores=scores_of(self.metrics, statistics),
            texts=examples.texts,
            labels=labels,
            predictions=predictions,
            statistics=statistics,
        )

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The most frequent tag, and the most frequent tag of each word."""
        train: Any = prepared.train
        test: Any = prepared.test
        tag_of, every = tags_of_words(train.words, train.tags)
        common = [[every] * len(row) for row in test.words]
        known = [[tag_of.get(word, every) for word in row] for row in test.words]
        for name, how, tags in (
            ("majority", "the most frequent tag of the training rows", common),
            ("word_tag", "the most frequent tag of each training word, of all words for others", known),
        ):
            yield Rule.of(name, how, self._scored(test, tags, 0.0), len(train))

    def _classes(self, splits: Splits) -> tuple[str, ...]:
        """The tags of the training words, sorted."""
        classes = sorted({tag for tags in splits.train["tags"][:] for tag in tags})
        if len(classes) < 2:
            raise DataError(
                f"task.tags={self.tags}: every training word has the tag {classes[0]!r}; two tags are needed"
            )
        if len(splits.train) > 1 and all(len(words) == 1 for words in splits.train["words"][:]):
            column = (
                ", or name the column that numbers the sentences in task.files.sentence" if self.files else ""
            )
            raise DataError(
                f"task.words={self.words}: every training row is one word; write a sentence per row{column}"
            )
        if are_numbers(classes):
            raise DataError(
                f"task.tags={self.tags}: the tags are numbers ({', '.join(classes[:8])}), which may mean "
                "anything: give the names of 0, 1, 2, ... in their order, as in task.names=[O,B-PER,I-PER]"
            )
        refuse_numbers(splits, "tags", f"task.tags={self.tags}")
        return tuple(classes)


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence, in order.

    Read like the scorer of CoNLL (Tjong Kim Sang 2003), which is lenient: an entity begins at B-, S- or U-,
    and at any tag of another kind than the one before; so IOB1, IOB2, BIOES and BILOU all mean what they
    should. Tags without a prefix (other than O) are one entity as long as they repeat; bare B and I have
    no kind.
    """
    spans: list[Entity] = []
    before: tuple[str, str] | None = None
    for word, tag in enumerate(tags):  # parts: prefix and kind, None outside of entities
        match = TAG.fullmatch(tag)
        parts = None if tag == OUTSIDE else ("", tag)
        if match:
            parts = (match[1] or match[3], match[2] or "")
        if parts and before and parts[1] == before[1] and parts[0] not in OPENS and before[0] not in CLOSES:
            spans[-1] = (parts[1], spans[-1][1], word + 1)
        elif parts:
            spans.append((parts[1], word, word + 1))
        before = parts
    return spans


def shown(spans: Sequence[Entity], words: Sequence[str]) -> str:
    """The entities as a reader is shown them: `PER: Ada Lovelace; LOC: London`, or `none`."""
    texts = [(kind, " ".join(words[start:end])) for kind, start, end in spans]
    return "; ".join(f"{kind}: {text}" if kind else text for kind, text in texts) or "none"


def _losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of every token in nats, 0 where it is not scored: (batch, length)."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float().transpose(1, 2), labels, reduction="none", ignore_index=NO_LABEL)


def _tagged(rows: Any, encoder: TextEncoder, classes: Sequence[str]) -> TaggedTexts:
    """The words tokenised as one text, so that byte-level tokenizers see the spaces that they know."""
    number = {name: i for i, name in enumerate(classes)}
    words, tags = rows["words"][:], rows["tags"][:]
    texts = [" ".join(row) for row in words]
    tokens = located_tokens_of(encoder.tokenizer, encoder.digest, texts, encoder.limit)
    return TaggedTexts(
        ids=rows["id"][:],
        texts=texts,
        tokens=tokens,
        encoder=encoder,
        words=words,
        tags=tags,
        first=[first_tokens(*row) for row in zip(words, tokens.ends, strict=True)],
        labels=[np.array([number.get(tag, NO_LABEL) for tag in row], dtype=np.int64) for row in tags],
    )


def first_tokens(words: Sequence[str], ends: np.ndarray) -> np.ndarray:
    """The place of each word's first token, NOWHERE for words without one: (words,) int64.

    `ends` is where each token ends in the joined words. A token belongs to the word that its last character
    stands in: some tokens begin with the space before.
    """
    starts, word_ends = _spans(words)
    tokens = np.flatnonzero(ends != NOWHERE)
    last = ends[tokens] - 1
    word = np.searchsorted(starts, last, side="right") - 1
    inside = last < word_ends[word] if len(words) else np.zeros(0, dtype=bool)
    numbers, at = np.unique(word[inside], return_index=True)
    first = np.full(len(words), NOWHERE, dtype=np.int64)
    first[numbers] = tokens[inside][at]
    return first


def _spans(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Where every word begins and ends in the joined text: (words,) int64 each."""
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    ends = np.cumsum(lengths + 1) - 1
    return ends - lengths, ends


def _notes(parts: Mapping[str, TaggedTexts], classes: Sequence[str]) -> list[str]:
    """What the record says about words that cannot be found, and tags that cannot be learnt."""
    notes = []
    for name, part in parts.items():
        beyond, unread = _without_tokens(part)
        if beyond:
            notes.append(
                f"{name}: {beyond} words lie beyond the length limit; their entities count as missed"
            )
        if unread:
            notes.append(
                f"{name}: the tokenizer makes nothing of {len(unread)} words, such as {unread[0]!a}; their "
                "entities count as missed"
            )
        strange = sorted({tag for tags in part.tags for tag in tags} - set(classes))
        if strange:
            notes.append(
                f"{name}: no training row has the tag {', '.join(strange)}; such words count as missed"
            )
    used = {tag for tags in parts["train"].tags for tag in tags}
    notes += [f"no training word has the tag {name!r} in this subset" for name in classes if name not in used]
    return notes


def _without_tokens(part: TaggedTexts) -> tuple[int, list[str]]:
    """How many words lie behind the last token of a row that was cut, and the other words without a token."""
    beyond, unread = 0, []
    rows = zip(part.words, part.first, part.tokens.ends, part.tokens.truncated, strict=True)
    for words, first, ends, cut in rows:
        reach = ends.max() if cut else np.inf
        starts, _ = _spans(words)
        missing = np.flatnonzero(first == NOWHERE)
        beyond += int((starts[missing] >= reach).sum())
        unread += [words[word] for word in missing[starts[missing] < reach]]
    return beyond, unread

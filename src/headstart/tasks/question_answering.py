"""Question answering: the passage of a text that answers a question about it, if any does."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from headstart.data.cells import GROUP
from headstart.data.rows import Splits, row_keys
from headstart.models.model import Model
from headstart.models.tokens import NOWHERE, WindowTokens, windows_of
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
from headstart.tasks.rules.answers import beside, best_length, most_frequent
from headstart.tasks.rules.rule import Rule, bound_of, thinned
from headstart.tasks.scores import Metrics, scores_of
from headstart.tasks.text_batches import TextEncoder, Texts, model_inputs, padded

if TYPE_CHECKING:
    import torch
    from torch import nn

FITTED_ON = 500  # training questions by which the window rule chooses its length
NO_ANSWER = "no answer"  # as a reader is shown it
ARTICLE = re.compile(r"\b(?:a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Questions:
    """What is asked of which text, every correct answer, and the character that it starts at."""

    ids: list[str]
    questions: list[str]
    contexts: list[str]
    answers: list[list[str]]
    starts: list[list[int]]

    @classmethod
    def of(cls, rows: Any) -> Questions:
        return cls(*(rows[column][:] for column in ("id", "question", "context", "answers", "starts")))

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Windows(Texts):
    """The rows of a batch: a question and a piece of its context; a long context is several of them.

    `target` are the first and last token of the answer, both `null` in a window without it: the place of
    the tokenizer's CLS, of the first token where it has none (GPT-2).
    """

    tokens: WindowTokens
    asked: Questions
    target: np.ndarray  # (windows, 2) int64
    null: np.ndarray  # (windows,) int64

    @classmethod
    def of(cls, asked: Questions, encoder: TextEncoder, stride: int) -> Windows:
        """All windows of the questions; what was tokenised before comes from the cache."""
        tokens = windows_of(
            encoder.tokenizer, encoder.digest, asked.questions, asked.contexts, encoder.limit, stride
        )
        source = tokens.source
        numbers = np.arange(len(source)) - np.searchsorted(source, source)  # of the windows of each question
        cls_id = encoder.tokenizer.cls_token_id
        null = np.array([(ids == cls_id).argmax() for ids in tokens.ids], dtype=np.int64)  # 0 without a CLS
        target = [answer_tokens(asked, tokens, window, null[window]) for window in range(len(null))]
        return cls(
            ids=[f"{asked.ids[row]}#{number}" for row, number in zip(source, numbers, strict=True)],
            texts=[asked.questions[row] for row in source],
            tokens=tokens,
            encoder=encoder,
            asked=asked,
            target=np.array(target, dtype=np.int64).reshape(-1, 2),
            null=null,
        )

    @property
    def row_count(self) -> int:
        return len(self.asked)

    @property
    def truncated(self) -> int:
        """Questions that were cut."""
        return len(np.unique(self.tokens.source[self.tokens.truncated]))

    def batch(self, rows: Sequence[int], draw: np.random.Generator | None = None) -> Batch:
        """Besides the model's inputs: context (batch, length) bool, null (batch,), labels (batch, 2)."""
        import torch

        chosen, (length,) = list(rows), self.shape(rows)
        context = [self.tokens.begins[row] != NOWHERE for row in chosen]
        return {
            **self.inputs(rows),
            "context": padded(context, length, 0).bool(),
            "null": torch.from_numpy(self.null[chosen]),
            "labels": torch.from_numpy(self.target[chosen]),
        }

    def passage(self, window: int, first: int, last: int) -> str:
        """The characters of the context from one token of a window to another, both included."""
        begin, end = self.tokens.begins[window][first], self.tokens.ends[window][last]
        return self.asked.contexts[self.tokens.source[window]][begin:end].strip()


class QuestionAnswering(Family):
    """Which columns are the question, the text, the answers and the characters that they start at.

    A text longer than the model's limit is read in windows that overlap by `stride` tokens. An answer has
    at most `max_answer` tokens. Sizes, scores and the record's counts are of questions; batches, epochs and
    the cost are of windows. "No answer" is an answer when a training question has none (Rajpurkar et al.
    2018): it is given where it scores higher than the best passage.
    """

    auto_class: ClassVar = "AutoModelForQuestionAnswering"
    roles: ClassVar = ("question", "context", "answers", "starts")
    text_roles: ClassVar = ("question", "context")
    statistics: ClassVar = ("exact", "f1")

    kind: Literal["question_answering"]
    question: str = "question"
    context: str = "context"
    answers: str = "answers"
    starts: str = "starts"
    stride: int = Field(default=32, ge=0)  # tokens
    max_answer: int = Field(default=30, ge=1)  # tokens
    metrics: Metrics = ("exact_match", "f1")
    headline: str = "f1"

    def encode(self, model: Model, encoder: TextEncoder, splits: Splits, chosen: Sequence[int]) -> Encoded:
        """The chosen questions, and those of the other splits, in windows."""
        asked = {split: Questions.of(rows) for split, rows in used_rows(splits, chosen).items()}
        windows = {split: Windows.of(part, encoder, self.stride) for split, part in asked.items()}
        notes = []
        for split, part in windows.items():
            none = sum(not answers for answers in part.asked.answers)
            notes.append(
                f"{split}: {part.row_count} questions ({none} without an answer) in {len(part)} windows"
            )
        head = {"num_labels": 2, "pad_token_id": encoder.pad_id}  # two scores: start and end
        groups = None
        if GROUP not in splits.test.column_names:  # then questions about one text belong together
            contexts = row_keys({"context": asked["test"].contexts}).astype(str).tolist()
            groups = dict(zip(asked["test"].ids, contexts, strict=True))
        return Encoded(windows, head=head, notes=notes, groups=groups)

    def loss(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        """Mean over windows of the mean cross-entropy of start and end in nats, ()."""
        return _losses(*_logits(model, batch), batch["labels"]).mean()

    def observe(self, model: nn.Module, batch: Batch) -> Batch:
        """Of every window, (batch,): the first and last token of its best passage, the score of that, the
        score of no answer, and the loss in nats."""
        import torch
        from torch.nn.functional import pad

        start, end = _logits(model, batch)
        rows = torch.arange(len(start), device=start.device)
        null = start[rows, batch["null"]] + end[rows, batch["null"]]
        begin, stop = (scores.masked_fill(~batch["context"], -torch.inf) for scores in (start, end))
        # (batch, length, max_answer): every passage that may be an answer, by its first token and its length
        stops = pad(stop, (0, self.max_answer - 1), value=-torch.inf).unfold(1, self.max_answer, 1)
        score, place = (begin.unsqueeze(2) + stops).flatten(1).max(dim=1)
        first = place // self.max_answer
        last = first + place % self.max_answer
        losses = _losses(start, end, batch["labels"])
        return {"first": first, "last": last, "score": score, "null": null, "loss": losses}

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        """Mean loss per window; exact match and F1 of the best answer over all windows of each question."""
        windows: Any = prepared.part(split)
        train: Any = prepared.train
        kept = {name: in_row_order(observed, name) for name in ("first", "last", "score", "null", "loss")}
        best = _best_answers(windows, kept, may_be_none=not all(train.asked.answers))
        return self._scored(windows.asked, best, float(kept["loss"].astype(np.float64).mean()))

    def _scored(self, asked: Questions, best: Sequence[str], loss: float) -> EvalResult:
        """Exact match and F1 of an answer for each question."""
        pairs = list(zip(best, asked.answers, strict=True))
        statistics = {
            "exact": np.array([exact(*pair) for pair in pairs]),
            "f1": np.array([f1(*pair) for pair in pairs]),
        }
        return EvalResult(
            loss=loss,
            scores=scores_of(self.metrics, statistics),
            texts=[f"{q} | {text}" for q, text in zip(asked.questions, asked.contexts, strict=True)],
            labels=[" | ".join(dict.fromkeys(answers)) or NO_ANSWER for answers in asked.answers],
            predictions=[answer or NO_ANSWER for answer in best],
            statistics=statistics,
            ids=asked.ids,
        )

    def trivial_rules(self, prepared: Prepared) -> Iterator[Rule]:
        """The most frequent answer, and the words beside those of the question."""
        train: Questions = prepared.train.asked  # pyright: ignore[reportAttributeAccessIssue]
        test: Questions = prepared.test.asked  # pyright: ignore[reportAttributeAccessIssue]
        common = most_frequent([answers[0] if answers else "" for answers in train.answers])
        how = f"the most frequent answer of the training rows: {common or NO_ANSWER}"
        yield Rule.of("majority", how, self._scored(test, [common] * len(test), 0.0), len(train))
        used = thinned(len(train), FITTED_ON)
        length = best_length(
            [train.questions[row] for row in used],
            [train.contexts[row] for row in used],
            lambda row, answer: f1(answer, train.answers[used[row]]),
        )
        pairs = zip(test.questions, test.contexts, strict=True)
        answers = [beside(question, context, length) for question, context in pairs]
        how = f"the {length} words with the most words of the question beside them"
        yield Rule.of(
            "window", how, self._scored(test, answers, 0.0), len(train), bound_of(len(used), len(train))
        )


def answer_tokens(asked: Questions, tokens: WindowTokens, window: int, null: int) -> tuple[int, int]:
    """First and last token of the first answer, where the whole of it is in this window; else null twice."""
    row = tokens.source[window]
    context = np.flatnonzero(tokens.begins[window] != NOWHERE)
    if not asked.answers[row] or not len(context):
        return null, null
    answer, start = asked.answers[row][0], asked.starts[row][0]
    start, end = start + len(answer) - len(answer.lstrip()), start + len(answer.rstrip())
    begins, ends = tokens.begins[window][context], tokens.ends[window][context]
    if start < begins[0] or end > ends[-1]:
        return null, null
    first = np.searchsorted(ends, start, side="right")  # the first token that ends behind the start
    last = np.searchsorted(begins, end, side="left") - 1  # the last one that begins before the end
    return int(context[first]), int(context[max(first, last)])


def _logits(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of every token as start and as end, -inf where no answer can be: (batch, length) fp32 each.

    An answer can be in the context, or at the token that says that there is none.
    """
    import torch
    from torch.nn.functional import one_hot

    output = model(**model_inputs(batch))
    allowed = batch["context"] | one_hot(batch["null"], batch["context"].shape[1]).bool()
    both = (output.start_logits, output.end_logits)
    start, end = (scores.float().masked_fill(~allowed, -torch.inf) for scores in both)
    return start, end


def _losses(start: torch.Tensor, end: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats, the mean of start and end: (batch,)."""
    from torch.nn.functional import cross_entropy

    starts = cross_entropy(start, labels[:, 0], reduction="none")
    return (starts + cross_entropy(end, labels[:, 1], reduction="none")) / 2


def _best_answers(windows: Windows, kept: dict[str, np.ndarray], may_be_none: bool) -> list[str]:
    """The answer to each question, "" for none.

    It is the best passage of all its windows, unless every window finds that it has no answer: then the
    window that is least sure of that decides.
    """
    edges = np.flatnonzero(np.diff(windows.tokens.source)) + 1
    answers = []
    for group in np.split(np.arange(len(windows)), edges):
        best = group[kept["score"][group].argmax()]
        none = may_be_none and kept["null"][group].min() > kept["score"][best]
        none |= not np.isfinite(kept["score"][best])  # a context without a token
        span = int(kept["first"][best]), int(kept["last"][best])
        answers.append("" if none else windows.passage(best, *span))
    return answers


# How right an answer is, as SQuAD counts it (Rajpurkar et al. 2016).


def normalised(answer: str) -> str:
    """Lower case, without punctuation (ASCII), articles and superfluous spaces."""
    return " ".join(ARTICLE.sub(" ", answer.lower().translate(PUNCTUATION)).split())


def exact(answer: str, correct: Sequence[str]) -> float:
    """1 when the answer is one of the correct ones, else 0; without any, "" is correct."""
    return max(float(normalised(answer) == normalised(other)) for other in correct or [""])


def f1(answer: str, correct: Sequence[str]) -> float:
    """F1 over words, 0..1, with the correct answer that it is closest to."""
    words, scores = normalised(answer).split(), []
    for other in correct or [""]:
        others = normalised(other).split()
        common = (Counter(words) & Counter(others)).total()
        # no answer is correct when there is none
        scores.append(2 * common / (len(words) + len(others)) if words and others else float(words == others))
    return max(scores)

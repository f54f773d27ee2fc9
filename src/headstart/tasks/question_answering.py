"""Question answering: the passage of a text that answers a question about it, if any does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from headstart.data.size import Size
from headstart.models.model import Model
from headstart.tasks.family import Batch, Family, Judged, Observed, Prepared, in_row_order
from headstart.tasks.scores import scores_of
from headstart.tasks.squad_scores import exact, f1
from headstart.tasks.text_batches import length_limit, pad_id, special_counts
from headstart.tasks.windows import Questions, Windows, questions, windows

if TYPE_CHECKING:
    import torch
    from torch import nn

METRICS = ("exact_match", "f1")
NO_ANSWER = "no answer"  # as a reader is shown it
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class QuestionAnswering(Family):
    """Which columns are the question, the text, the answers and the characters that they start at.

    A text longer than the model's limit is read in windows that overlap by `stride` tokens. An answer has
    at most `max_answer` tokens. Sizes, scores and the record's counts are of questions; batches, epochs and
    the cost are of windows. "No answer" is an answer when a training question has none (Rajpurkar et al.
    2018): it is given where it scores higher than the best passage.
    """

    metrics_here: ClassVar = METRICS

    kind: Literal["question_answering"]
    question: str = "question"
    context: str = "context"
    answers: str = "answers"
    starts: str = "starts"
    stride: int = Field(default=32, ge=0)  # tokens
    max_answer: int = Field(default=30, ge=1)  # tokens
    metrics: tuple[str, ...] = Field(default=METRICS, strict=False, min_length=1)
    headline: str = "f1"

    @property
    def auto_class(self) -> str:
        """The transformers class that puts this family's head on a backbone."""
        return "AutoModelForQuestionAnswering"

    def prepare(self, model: Model, size: Size) -> Prepared:
        """Rows loaded, checked, cut to size and into windows; DataError when they cannot be used."""
        roles = ("question", "context", "answers", "starts")
        splits = self.source.load({role: getattr(self, role) for role in roles})
        train = splits.train.select(size.choose(None, splits.train["id"][:]))
        tokenizer = model.load_tokenizer()
        whole = {"train": train, "validation": splits.validation, "test": splits.test}
        asked = {name: questions(rows) for name, rows in whole.items()}
        ready = {name: windows(part, model, tokenizer, self.stride) for name, part in asked.items()}
        facts = self.facts(
            splits,
            train,
            ready,
            counts={name: len(part) for name, part in asked.items()} | {"available": len(splits.train)},
            tokenizer=model.tokenizer_digest(),
            special_tokens=special_counts(tokenizer, splits, train, "question", "context"),
            truncated={name: part.truncated() for name, part in ready.items()},
            max_length=length_limit(model, tokenizer),
            notes=[*splits.notes, *(_note(name, part) for name, part in ready.items())],
        )
        head = {"num_labels": 2, "pad_token_id": pad_id(tokenizer)}  # two scores: start and end
        return Prepared(**ready, classes=(), facts=facts, head=head)

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

    def judge(self, prepared: Prepared, split: str, observed: Observed) -> Judged:
        """Mean loss per window; exact match and F1 of the best answer over all windows of each question."""
        examples: Any = prepared.part(split)
        train: Any = prepared.train
        kept = {name: in_row_order(observed, name) for name in ("first", "last", "score", "null", "loss")}
        given = _given(examples, kept, may_be_none=not all(train.asked.answers))
        asked: Questions = examples.asked
        pairs = list(zip(given, asked.answers, strict=True))
        statistics = {
            "exact": np.array([exact(*pair) for pair in pairs]),
            "f1": np.array([f1(*pair) for pair in pairs]),
        }
        return Judged(
            loss=float(kept["loss"].astype(np.float64).mean()),
            scores=scores_of(self.metrics, statistics),
            texts=[f"{q} | {text}" for q, text in zip(asked.questions, asked.contexts, strict=True)],
            labels=[" | ".join(dict.fromkeys(answers)) or NO_ANSWER for answers in asked.answers],
            predictions=[answer or NO_ANSWER for answer in given],
            statistics=statistics,
            ids=asked.ids,
        )


def _logits(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of every token as start and as end, -inf where no answer can be: (batch, length) fp32 each.

    An answer can be in the context, or at the token that says that there is none.
    """
    import torch
    from torch.nn.functional import one_hot

    told = model(**{name: batch[name] for name in INPUTS if name in batch})
    allowed = batch["context"] | one_hot(batch["null"], batch["context"].shape[1]).bool()
    start, end = (
        scores.float().masked_fill(~allowed, -torch.inf) for scores in (told.start_logits, told.end_logits)
    )
    return start, end


def _losses(start: torch.Tensor, end: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy in nats, the mean of start and end: (batch,)."""
    from torch.nn.functional import cross_entropy

    starts = cross_entropy(start, labels[:, 0], reduction="none")
    return (starts + cross_entropy(end, labels[:, 1], reduction="none")) / 2


def _given(examples: Windows, kept: dict[str, np.ndarray], may_be_none: bool) -> list[str]:
    """The answer to each question, "" for none.

    It is the best passage of all its windows, unless every window finds that it has no answer: then the
    window that is least sure of that decides.
    """
    edges = np.flatnonzero(np.diff(examples.tokens.source)) + 1
    answers = []
    for group in np.split(np.arange(len(examples)), edges):
        best = group[kept["score"][group].argmax()]
        none = may_be_none and kept["null"][group].min() > kept["score"][best]
        none |= not np.isfinite(kept["score"][best])  # a context without a token
        span = int(kept["first"][best]), int(kept["last"][best])
        answers.append("" if none else examples.passage(best, *span))
    return answers


def _note(name: str, part: Windows) -> str:
    unanswered = sum(not answers for answers in part.asked.answers)
    return f"{name}: {len(part.asked)} questions ({unanswered} without an answer) in {len(part)} windows"

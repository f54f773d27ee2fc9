"""Labels: one class per row, several, or a number; each way with its head, its loss and its scores.

An answer is learnt from the training rows: `learn` reads all of them, and those that are used. `head` has
settings of the transformers configuration, `targets` is what the loss compares with, `notes` what the record
should say about those of the training rows. `evaluate` gets logits of all rows, (rows, outputs) float64.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import BeforeValidator, Field

from headstart.config import nearest
from headstart.data.rows import SPLITS, Splits, as_dataset
from headstart.errors import DataError
from headstart.models.architecture import STANDARDISED
from headstart.tasks.family import EvalResult, Family, Observed, Prepared, in_row_order
from headstart.tasks.rules.rule import Rule
from headstart.tasks.scores import scores_of

if TYPE_CHECKING:
    import torch

Names = Annotated[tuple[str, ...] | None, Field(strict=False, min_length=2)]  # of the classes 0, 1, 2, ...
Classes = Annotated[  # those to keep; a yaml may write them as numbers
    tuple[Annotated[str, BeforeValidator(str)], ...] | None, Field(strict=False, min_length=2)
]
SHOWN = 8  # classes that an error message lists


@dataclass(frozen=True)
class OneClass:
    """One class per row: mean cross-entropy over all classes, in nats."""

    metrics: ClassVar = ("accuracy", "macro_f1", "matthews", "log_loss")  # the first is the headline
    statistics: ClassVar = ("score",)  # the probability that the true class was given

    classes: tuple[str, ...]  # sorted

    @classmethod
    def learn(cls, splits: Splits, train: Any, column: str) -> Self:
        """The classes of all training rows, chosen or not; the other splits may not hold others."""
        known = sorted(set(splits.train["label"][:]))
        if "nan" in map(str.lower, known) and are_numbers(name for name in known if name.lower() != "nan"):
            raise DataError(
                f"task.label={column}: some rows have the label nan and all others have numbers: fill these "
                "or remove them"
            )
        if len(known) == 1:
            raise DataError(
                f"task.label={column}: every training row has the label {known[0]!r}; two classes are needed"
            )
        for split in ("validation", "test"):
            if unknown := sorted(set(getattr(splits, split)["label"][:]) - set(known)):
                raise DataError(
                    f"task.label={column}: the {split} rows have the label {unknown[0]!r}, which no training "
                    f"row has (training has {', '.join(map(repr, known[:SHOWN]))}); correct the label or "
                    "move the row"
                )
        return cls(tuple(known))

    @property
    def head(self) -> dict[str, Any]:
        return {"id2label": dict(enumerate(self.classes)), "problem_type": "single_label_classification"}

    def targets(self, rows: Any) -> np.ndarray:
        """The number of each row's class: (rows,) int64."""
        number = {name: i for i, name in enumerate(self.classes)}
        return np.array([number[label] for label in rows["label"][:]], dtype=np.int64)

    def notes(self, targets: np.ndarray) -> list[str]:
        return _absent(self.classes, np.bincount(targets, minlength=len(self.classes)))

    @staticmethod
    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import cross_entropy

        return cross_entropy(logits, targets)

    def evaluate(
        self, logits: np.ndarray, targets: np.ndarray, texts: Sequence[str], metrics: Sequence[str]
    ) -> EvalResult:
        from scipy.special import log_softmax

        log_chances = log_softmax(logits, axis=1)
        true = log_chances[np.arange(len(targets)), targets]
        predicted = log_chances.argmax(axis=1)
        statistics, chances = {"score": np.exp(true)}, np.exp(log_chances)
        return EvalResult(
            loss=float(-true.mean()),
            scores=scores_of(
                metrics, statistics, targets, predicted, len(self.classes), probabilities=chances
            ),
            texts=texts,
            labels=[self.classes[i] for i in targets],
            predictions=[self.classes[i] for i in predicted],
            statistics=statistics,
        )

    def chance(self) -> dict[str, float]:
        """Of guesses that do not look at the row, all classes alike."""
        classes = len(self.classes)
        return {"accuracy": 1 / classes, "matthews": 0.0, "log_loss": float(np.log(classes))}


@dataclass(frozen=True)
class ManyClasses:
    """Any number of classes per row: one yes or no for each class, yes from probability 0.5 on.

    The loss is the mean over rows and classes of the binary cross-entropy, in nats.
    """

    metrics: ClassVar = ("micro_f1", "exact_match")
    statistics: ClassVar = ("true_positive", "predicted", "true", "exact")

    classes: tuple[str, ...]

    @classmethod
    def learn(cls, splits: Splits, train: Any, column: str) -> Self:
        """The classes of all rows: a rare one may be held out whole, which the notes then say."""
        refuse_numbers(splits, "labels", f"task.labels={column}")
        labels = splits.train["labels"][:]
        if all(set(row) == set(labels[0]) for row in labels):
            same = f"the labels {', '.join(map(repr, labels[0][:SHOWN]))}" if labels[0] else "no label"
            raise DataError(f"task.labels={column}: every training row has {same}; nothing can be learnt")
        every = {name for split in SPLITS for row in getattr(splits, split)["labels"][:] for name in row}
        return cls(tuple(sorted(every)))

    @property
    def head(self) -> dict[str, Any]:
        return {"id2label": dict(enumerate(self.classes)), "problem_type": "multi_label_classification"}

    def targets(self, rows: Any) -> np.ndarray:
        """1 where a row has a class: (rows, classes) float32."""
        has = [[name in row for name in self.classes] for row in rows["labels"][:]]
        return np.array(has, dtype=np.float32)

    def notes(self, targets: np.ndarray) -> list[str]:
        return _absent(self.classes, targets.sum(axis=0))

    @staticmethod
    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(logits, targets)

    def evaluate(
        self, logits: np.ndarray, targets: np.ndarray, texts: Sequence[str], metrics: Sequence[str]
    ) -> EvalResult:
        true, predicted = targets > 0, logits >= 0  # (rows, classes); a logit of 0 is a probability of 0.5
        counts = {"true_positive": true & predicted, "predicted": predicted, "true": true}
        statistics = {name: cells.sum(axis=1).astype(np.float64) for name, cells in counts.items()}
        statistics["exact"] = (true == predicted).all(axis=1).astype(np.float64)
        return EvalResult(
            loss=float(np.mean(np.logaddexp(0, logits) - logits * targets)),
            scores=scores_of(metrics, statistics, true.astype(int), predicted.astype(int)),
            texts=texts,
            labels=[self._words(row) for row in true],
            predictions=[self._words(row) for row in predicted],
            statistics=statistics,
        )

    def chance(self) -> dict[str, float]:
        return {}

    def _words(self, row: np.ndarray) -> str:
        return ", ".join(self.classes[i] for i in np.flatnonzero(row)) or "(none)"


@dataclass(frozen=True)
class Number:
    """A number per row: mean squared error of the standardised number, scores in the number's own unit.

    Standardised means less `mean`, over `deviation`, both of the training rows that are used, so that
    one learning rate suits every unit; the loss is therefore 1 for a model that always says the mean.
    """

    metrics: ClassVar = ("pearson", "spearman", "mse", "mae")
    statistics: ClassVar = ("target", "estimate")

    mean: float
    deviation: float
    classes: tuple[str, ...] = ()

    @classmethod
    def learn(cls, splits: Splits, train: Any, column: str) -> Self:
        """Mean and standard deviation of the training rows that are used."""
        numbers = np.array(train["number"][:], dtype=np.float64)
        if np.ptp(numbers) == 0:
            raise DataError(
                f"task.number={column}: all {len(numbers)} training rows that are used have {numbers[0]:g}, "
                "so there is nothing to learn; choose another column or a larger size"
            )
        return cls(float(numbers.mean()), float(numbers.std()))

    @property
    def head(self) -> dict[str, Any]:
        """One output, and how it becomes a number again."""
        standardised = {"mean": self.mean, "deviation": self.deviation}
        return {"num_labels": 1, "problem_type": "regression", STANDARDISED: standardised}

    def targets(self, rows: Any) -> np.ndarray:
        """The standardised number of each row: (rows,) float32."""
        numbers = np.array(rows["number"][:], dtype=np.float64)
        return ((numbers - self.mean) / self.deviation).astype(np.float32)

    def notes(self, targets: np.ndarray) -> list[str]:
        return [f"numbers are standardised: (number - {self.mean:.6g}) / {self.deviation:.6g}"]

    @staticmethod
    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import mse_loss

        return mse_loss(logits.squeeze(1), targets)

    def evaluate(
        self, logits: np.ndarray, targets: np.ndarray, texts: Sequence[str], metrics: Sequence[str]
    ) -> EvalResult:
        standardised = targets.astype(np.float64)
        target, estimate = (self.mean + self.deviation * part for part in (standardised, logits[:, 0]))
        statistics = {"target": target, "estimate": estimate}
        return EvalResult(
            loss=float(np.mean((logits[:, 0] - standardised) ** 2)),
            scores=scores_of(metrics, statistics, target, estimate),
            texts=texts,
            labels=[f"{value:.6g}" for value in target],
            predictions=[f"{value:.6g}" for value in estimate],
            statistics=statistics,
        )

    def chance(self) -> dict[str, float]:
        return {"pearson": 0.0, "spearman": 0.0}


Answer = OneClass | ManyClasses | Number


class Labelled(Family):
    """A family whose examples have an `answer`, and `labels` and `texts` for it; its outputs are logits."""

    def evaluate(self, prepared: Prepared, split: str, observed: Observed) -> EvalResult:
        examples: Any = prepared.part(split)
        logits = in_row_order(observed, "logits").astype(np.float64)
        return examples.answer.evaluate(logits, examples.labels, examples.texts, self.metrics)

    def rule(
        self, prepared: Prepared, name: str, how: str, logits: np.ndarray, bound: str | None = None
    ) -> Rule:
        """The trivial rule that gives these logits for the test rows."""
        train: Any = prepared.train
        test: Any = prepared.test
        result = train.answer.evaluate(logits, test.labels, test.texts, self.metrics)
        return Rule.of(name, how, result, len(train), bound)

    def chance(self, prepared: Prepared) -> dict[str, float]:
        train: Any = prepared.train
        return train.answer.chance()


def named(splits: Splits, role: str, names: Sequence[str] | None) -> Splits:
    """The splits with the names of classes in place of their numbers 0, 1, 2, ... in a role, whose cells
    are classes or lists of them; as they are where there are no names."""
    if names is None:
        return splits
    name_of = {form: name for number, name in enumerate(names) for form in (f"{number}", f"{number}.0")}

    def cell(value: Any) -> Any:
        if isinstance(value, list):
            return [cell(part) for part in value]
        if value not in name_of:
            raise DataError(
                f"task.names: {len(names)} names are for the numbers 0 to {len(names) - 1}, and some row has "
                f"the {role} {value!r}: correct the names, or leave them out"
            )
        return name_of[value]

    def renamed(rows: Any) -> Any:
        cells = {column: rows[column][:] for column in rows.column_names if column != "id"}
        return as_dataset(cells | {role: [cell(value) for value in cells[role]]})

    return replace(splits, **{split: renamed(getattr(splits, split)) for split in SPLITS})


def only(splits: Splits, role: str, classes: Sequence[str] | None) -> Splits:
    """The rows of these classes alone; all rows where none are named."""
    if classes is None:
        return splits
    known = {*splits.train[role][:]}
    if unknown := [name for name in classes if name not in known]:
        hint = nearest(unknown[0], known)
        raise DataError(f"task.classes: no training row has the {role} {unknown[0]!r}; {hint}")

    def chosen(rows: Any) -> Any:
        return rows.select([row for row, name in enumerate(rows[role][:]) if name in classes])

    return replace(splits, **{split: chosen(getattr(splits, split)) for split in SPLITS})


def refuse_numbers(splits: Splits, role: str, where: str) -> None:
    """DataError where train has names of classes, in a role whose cells are lists, and validation or test
    numbers, or the other way round: nothing in one of them would ever be right."""
    classes = {split: {name for row in getattr(splits, split)[role][:] for name in row} for split in SPLITS}
    shown = {split: ", ".join(sorted(names)[:SHOWN]) for split, names in classes.items()}
    for split in ("validation", "test"):
        both = classes["train"] and classes[split]
        if both and are_numbers(classes[split]) != are_numbers(classes["train"]):
            raise DataError(
                f"{where}: classes are {shown['train']} in train and {shown[split]} in {split}: write them "
                "in the same way"
            )


def are_numbers(classes: Iterable[str]) -> bool:
    """Whether all classes are whole numbers: names are missing, where it matters what a class means."""
    return all(re.fullmatch(r"-?\d+(\.0)?", name) for name in classes)


def _absent(names: Sequence[str], counts: np.ndarray) -> list[str]:
    rows = zip(names, counts, strict=True)
    return [f"no training row of class {name!r} in this subset" for name, count in rows if not count]

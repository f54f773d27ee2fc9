"""Import: a table of results that others made, checked line by line, as a study without training."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headstart.config import nearest
from headstart.errors import DataError
from headstart.metrics import limits, metric_name
from headstart.records.imported import IMPORTED, ImportedRun, ImportedStudy, write_imported

COSTS = ("flops", "seconds", "joules")
TOLERANCE = 1e-3  # between a score and the mean of its examples, as far as it was rounded
UNKNOWN = {
    "attestation": "nobody here checked what the arms started from",
    "pairing": "that a pair shares its rows, their order and its settings is the file's word",
    "margin before the runs": "the equivalence margin was named when they were imported",
    "tuning": "the file does not say how the arms came to their settings",
}
SILENT = "the file does not say"
Line = Mapping[str, str]
Place = tuple[str, int | None, str, int]  # condition, size, arm, seed


@dataclass(frozen=True)
class Wanted:
    """What the user says of the file: which column says what (None: none does), the base, what counts."""

    arm: str
    seed: str
    score: str
    metric: str | None
    conditions: tuple[str, ...]
    size: str | None
    costs: Mapping[str, str]  # by COSTS
    baseline: str | None
    metrics: tuple[str, ...]  # the headline first; () = as they come in the file
    margin: float
    scale: float
    example: tuple[str, str]  # columns of the examples' file: name, number

    def columns(self) -> dict[str, str]:
        """Every column that is used, by what it says."""
        one = {"arm": self.arm, "seed": self.seed, "score": self.score, "metric": self.metric}
        known = {name: column for name, column in one.items() if column}
        known |= {f"condition {i}": column for i, column in enumerate(self.conditions, 1)}
        return known | ({"size": self.size} if self.size else {}) | dict(self.costs)


@dataclass
class _Run:
    """What the lines of one run say, and where its scores stand."""

    scores: dict[str, float] = field(default_factory=dict[str, float])
    lines: dict[str, int] = field(default_factory=dict[str, int])
    costs: dict[str, float] = field(default_factory=dict[str, float])


def import_results(
    file: Path, folder: Path, wanted: Wanted, examples: Path | None, argv: Sequence[str]
) -> Path:
    """Check `file` and write the study `folder`; DataError names the first mistake and its line."""
    if folder.exists() and any(folder.iterdir()) and not (folder / IMPORTED).is_file():
        raise DataError(f"{folder}: is not empty and holds no imported study: choose another --study")
    runs = _runs(file, wanted)
    arms = list(dict.fromkeys(arm for _, _, arm, _ in runs))
    baseline = _baseline(file, arms, wanted.baseline)
    metrics = _metrics(file, runs, wanted)
    _check_pairs(file, runs, baseline)
    numbers = _examples(examples, wanted, runs, metrics[0]) if examples else None
    study = ImportedStudy.model_validate({
        "schema": 1,
        "study": folder.name,
        "source": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "columns": wanted.columns(),
        "baseline": baseline,
        "metrics": metrics,
        "margin": wanted.margin,
        "scale": wanted.scale,
        "example_metric": metrics[0] if numbers else None,
        "unknown": UNKNOWN | {cost: SILENT for cost in COSTS if cost not in wanted.costs},
        "argv": list(argv),
        "runs": [
            ImportedRun(condition=condition, size=size, arm=arm, seed=seed, scores=run.scores,
                        **{cost: run.costs.get(cost) for cost in COSTS})
            for (condition, size, arm, seed), run in runs.items()
        ],
    })  # fmt: skip
    return write_imported(folder, study, numbers)


def _lines(file: Path, columns: Mapping[str, str]) -> Iterator[tuple[int, Line]]:
    """Every line of a csv by its number; all columns are there and no cell of them is empty."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            names = reader.fieldnames or []
            for what, column in columns.items():
                if column not in names:
                    flag = what.partition(" ")[0]
                    raise DataError(f"{file}: has no column {column!r} (--{flag}); {nearest(column, names)}")
            for line in reader:
                yield reader.line_num, line
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{file}: is not a csv in UTF-8 ({error})") from None


def _runs(file: Path, wanted: Wanted) -> dict[Place, _Run]:
    """The runs of the file, in the order in which they come."""
    runs = defaultdict[Place, _Run](_Run)
    for number, line in _lines(file, wanted.columns()):
        at = f"{file}: line {number}"
        place = _place(line, wanted, at)
        metric = _cell(line, wanted.metric, at) if wanted.metric else (wanted.metrics or (wanted.score,))[0]
        run = runs[place]
        if metric in run.lines:
            raise DataError(
                f"{at} is a second {metric_name(metric)} of {_words(place)} (the first is in line "
                f"{run.lines[metric]}): name the columns that tell them apart with --condition, or remove one"
            )
        run.lines[metric] = number
        score = wanted.scale * _number(line, wanted.score, at)
        low, high = limits(metric)
        if not low <= score <= high:
            hint = "; for per cent give --scale 0.01" if low <= score / 100 <= high else ""
            raise DataError(
                f"{at} has a {metric_name(metric)} of {score:g}, beyond {low:g} to {high:g}{hint}"
            )
        run.scores[metric] = score
        for cost, column in wanted.costs.items():
            value = _number(line, column, at)
            if value < 0 or run.costs.setdefault(cost, value) != value:
                what = "is negative" if value < 0 else f"is {run.costs[cost]:g} in another line of the run"
                raise DataError(f"{at}: the {cost} {value:g} of {_words(place)} {what}: correct one")
    if not runs:
        raise DataError(f"{file}: holds no results below its first line")
    return dict(runs)


def _place(line: Line, wanted: Wanted, at: str) -> Place:
    condition = ", ".join(_cell(line, column, at) for column in wanted.conditions)
    size = _whole(line, wanted.size, at) if wanted.size else None
    if size is not None and size < 1:
        raise DataError(f"{at} has {size} in column {wanted.size!r} (--size): it must be above 0")
    return condition, size, _cell(line, wanted.arm, at), _whole(line, wanted.seed, at)


def _cell(line: Line, column: str, at: str) -> str:
    text = (line[column] or "").strip()
    if not text:
        raise DataError(f"{at} has nothing in column {column!r}: fill it or remove the line")
    return text


def _number(line: Line, column: str, at: str) -> float:
    text = _cell(line, column, at)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{at} has {text!r} in column {column!r}, which is no number: correct it")
    return value


def _whole(line: Line, column: str, at: str) -> int:
    value = _number(line, column, at)
    if value != int(value):
        raise DataError(f"{at} has {value:g} in column {column!r}, where a whole number must stand")
    return int(value)


def _baseline(file: Path, arms: Sequence[str], wanted: str | None) -> str:
    if len(arms) < 2:
        raise DataError(f"{file}: has one arm, {arms[0]}, and nothing to compare it with")
    if wanted is None:
        raise DataError(f"{file}: has the arms {', '.join(arms)}: say with --base which is the baseline")
    if wanted not in arms:
        raise DataError(f"{file}: has no arm {wanted!r} (--base); {nearest(wanted, arms)}")
    return wanted


def _metrics(file: Path, runs: Mapping[Place, _Run], wanted: Wanted) -> tuple[str, ...]:
    """All metrics, those that the user names first; every run has its condition's headline."""
    known = list(dict.fromkeys(metric for run in runs.values() for metric in run.scores))
    for metric in wanted.metrics:
        if metric not in known:
            raise DataError(f"{file}: has no scores of {metric!r} (--headline); {nearest(metric, known)}")
    metrics = tuple(dict.fromkeys([*wanted.metrics, *known]))
    headlines: dict[str, str] = {}
    for (condition, *_), run in runs.items():
        first = next(metric for metric in metrics if metric in run.scores)
        here = headlines.setdefault(condition, first)
        headlines[condition] = min(here, first, key=metrics.index)
    for place, run in runs.items():
        if headlines[place[0]] not in run.scores:
            raise DataError(f"{file}: {_words(place)} has no {headlines[place[0]]}, which other runs have")
    return metrics


def _check_pairs(file: Path, runs: Mapping[Place, _Run], baseline: str) -> None:
    """DataError unless every arm of a condition has the seeds of its baseline."""
    seeds: defaultdict[tuple[str, int | None], dict[str, set[int]]] = defaultdict(dict)
    for condition, size, arm, seed in runs:
        seeds[condition, size].setdefault(arm, set()).add(seed)
    for (condition, size), arms in seeds.items():
        for arm, own in arms.items():
            if baseline in arms and (alone := sorted(own ^ arms[baseline])):
                has, lacks = (arm, baseline) if alone[0] in own else (baseline, arm)
                raise DataError(
                    f"{file}: {_words((condition, size, has, alone[0]))} has no partner of {lacks}: results "
                    "are compared in pairs, so add it or remove this one"
                )


def _examples(file: Path, wanted: Wanted, runs: Mapping[Place, _Run], metric: str) -> dict[str, list[object]]:
    """Columns run, example and value; their mean is the headline score of each run."""
    name, number = wanted.example
    named = {k: v for k, v in wanted.columns().items() if k.startswith(("arm", "seed", "condition", "size"))}
    places = {place: i for i, place in enumerate(runs)}
    values: defaultdict[Place, dict[str, float]] = defaultdict(dict)
    for line_number, line in _lines(file, named | {"example": name, "value": number}):
        at = f"{file}: line {line_number}"
        place = _place(line, wanted, at)
        example = _cell(line, name, at)
        if place not in places:
            raise DataError(f"{at}: {_words(place)} has no score in the results")
        if example in values[place]:
            raise DataError(f"{at}: example {example} of {_words(place)} stands there twice: remove one")
        values[place][example] = wanted.scale * _number(line, number, at)
    for place, run in runs.items():
        if metric not in run.scores:
            raise DataError(
                f"{file}: {_words(place)} has no {metric_name(metric)}, of which the examples are"
            )
        mean = sum(values[place].values()) / max(1, len(values[place]))
        if not values[place] or abs(mean - run.scores[metric]) > TOLERANCE * max(1, abs(mean)):
            told = f"a mean of {mean:g}" if values[place] else "no number"
            raise DataError(
                f"{file}: the examples of {_words(place)} have {told}, and its {metric_name(metric)} is "
                f"{run.scores[metric]:g}"
            )
    rows = [(places[place], name, value) for place in values for name, value in values[place].items()]
    runs_, names, numbers = (list(column) for column in zip(*rows, strict=True))
    return {"run": runs_, "example": names, "value": numbers}


def _words(place: Place) -> str:
    condition, size, arm, seed = place
    where = ", ".join(part for part in ("" if size is None else f"size {size}", condition) if part)
    return f"{arm}, seed {seed}" + (f" ({where})" if where else "")

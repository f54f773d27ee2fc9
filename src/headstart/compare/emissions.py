"""Emitted: the carbon of pretraining, fine-tuning and training from scratch, and how it is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headstart.compare.published.tables import figures, known, pretraining
from headstart.errors import RecordError
from headstart.records.record import Record
from headstart.records.store import read_study

Stage = Literal["pretraining", "fine-tuning", "from scratch"]
Origin = Literal["published", "measured here", "estimated here"]
OBJECTIVES = frozenset({"masked_lm", "causal_lm", "denoising"})  # kinds of task that pretrain


@dataclass(frozen=True)
class Emission:
    """Grams of CO2e of one training, a range where a range was published."""

    stage: Stage
    label: str
    low: float
    high: float
    origin: Origin
    told: str  # what the figure stands on


@dataclass(frozen=True)
class Emitted:
    """Everything that has a figure, and how many runs know their joules but not their place."""

    emissions: tuple[Emission, ...]
    placeless: int


def emitted(runs: Path) -> Emitted:
    """Published figures, then a mean per study, model and stage of the finished runs below `runs`.

    Runs whose record holds joules and no carbon are only counted.
    """
    grams_by_kind: dict[tuple[Stage, str, Origin], list[tuple[float, str]]] = defaultdict(list)
    placeless = 0
    for record in _finished(runs):
        carbon = record.cost.carbon
        if carbon and carbon["grams"] is not None:
            name = str(record.config["model"]["name"]).rstrip("/").rpartition("/")[2]
            estimated = record.cost.energy.method == "estimated"
            origin: Origin = "estimated here" if estimated else "measured here"
            stage: Stage = "fine-tuning" if record.init.checkpoint is not None else "from scratch"
            if record.config["task"]["kind"] in OBJECTIVES:
                stage = "pretraining"
            kind = stage, f"{name}, {record.study}", origin
            grams_by_kind[kind].append((float(carbon["grams"]), str(carbon["place"])))
        elif record.cost.energy.joules is not None:
            placeless += 1
    emissions = _published()
    for (stage, label, origin), values in grams_by_kind.items():
        grams = sum(value for value, _ in values) / len(values)
        places = ", ".join(dict.fromkeys(place for _, place in values))
        counted = "1 run" if len(values) == 1 else f"mean of {len(values)} runs"
        told = f"{counted}, electricity of {places}"
        emissions.append(Emission(stage, label, grams, grams, origin, told))
    return Emitted(tuple(emissions), placeless)


def _finished(runs: Path) -> Iterable[Record]:
    """Every finished run of every study; trials, which only choose settings, are left out."""
    for folder in sorted(runs.iterdir()) if runs.is_dir() else ():
        try:
            records = read_study(folder).records if folder.is_dir() else ()
        except RecordError:
            continue
        yield from (r for r in records if r.finished and not r.config["study"].get("trial"))


def _published() -> list[Emission]:
    """One entry per published figure in kg CO2e, whatever other names its model has."""
    entries = {id(entry): entry for entry in pretraining().values()}
    emissions: list[Emission] = []
    for entry in entries.values():
        name = entry["models"][0]
        for figure in figures(name):
            low, high = figure.amount.low, figure.amount.high
            if figure.quantity == "kg_co2e" and low is not None and high is not None:
                title = about.title if (about := known(name)) else name
                label = f"{title} ({figure.covers})" if figure.covers else title
                basis = f"{figure.basis}; {figure.boundary}; {figure.source}"
                emissions.append(Emission("pretraining", label, low * 1000, high * 1000, "published", basis))
    return emissions

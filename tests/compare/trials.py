"""Synthetic tunings: trials beside a synthetic study, as the sweeper leaves them, and the study's winners."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.factory import make_record, write_run

RATES = (1e-4, 1e-3, 1e-2)


def tune(
    rates: Sequence[float] = RATES, sampler: str = "grid", seeds: Sequence[int] = (1000,)
) -> dict[str, Any]:
    """`study.tune` as a record keeps it."""
    values = list(rates) if sampler == "grid" else {"low": 1e-5, "high": 1, "log": True}
    setting = {"space": {"optim.lr": values}, "trials": len(rates), "sampler": sampler}
    return {**setting, "metric": None, "seeds": list(seeds), "sampler_seed": 0}


def tuned(winners: Mapping[str, float], setting: Mapping[str, Any]) -> Callable[[dict[str, Any]], None]:
    """A change for `make_study`: every arm goes on with its winner."""

    def change(record: dict[str, Any]) -> None:
        record["config"]["study"]["tune"] = dict(setting)
        record["config"]["optim"]["lr"] = winners[record["arm"]]

    return change


def make_trials(
    folder: Path,
    score: Callable[[str, float], float | None],
    arms: Sequence[str] = ("scratch", "pretrained"),
    rates: Sequence[float] = RATES,
    *,
    sampler: str = "grid",
    seeds: Sequence[int] = (1000,),
    study: str = "synthetic",
    rows: int = 512,
    setting: Mapping[str, Any] | None = None,
    alter: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write one run per arm, rate and tuning seed beside `folder`; a score of None is a run that diverged."""
    beside = folder.parent / f"{folder.name}-tuning"
    for arm in arms:
        for rate in rates:
            for seed in seeds:
                record = make_record(arm, seed, arms=arms, study=f"{study}-tuning", rows=rows)
                told = dict(setting or tune(rates, sampler, seeds))
                record["config"]["study"] |= {"tune": told, "trial": True}
                record["config"]["optim"]["lr"] = rate
                found = score(arm, rate)
                record["status"] = "finished" if found is not None else "diverged"
                record["scores"]["validation"] = None if found is None else {"accuracy": found}
                record["scores"]["reason"] = "a trial: it never sees the test rows"
                if alter:
                    alter(record)
                write_run(beside / f"{arm}-{rows}-{rate:g}-{seed}", record)
    return beside

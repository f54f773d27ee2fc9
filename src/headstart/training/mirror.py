"""Mirror: shows a run in a tracker, through one of Lightning's loggers, and never costs the run.

The record is the truth: where a tracker fails, a warning says so once per study, and the run continues.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from headstart.run import Run

log = logging.getLogger(__name__)

_warned: set[tuple[Path, str]] = set()  # study folders with the warnings that were logged


class Mirror(Logger):
    """The view of one run in the tracker `name`; `target` is Lightning's logger.

    A resumed run is logged again from its first point. The trainer would end its loggers after each of its
    passes; `finish` ends this one with its run.
    """

    def __init__(self, run: Run, name: str, target: Logger) -> None:
        super().__init__()
        self.run, self.target, self.broken = run, target, False
        self._name = name

    @property
    def name(self) -> str:
        """The tracker's name, for messages."""
        return self._name

    @property
    def version(self) -> None:
        """Folders of the trainer are not named after a tracker."""
        return None

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing: the trainer knows no setting that `summarise` does not log."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.attempt(lambda: self.target.log_metrics(dict(metrics), step))

    def summarise(self, record: Mapping[str, Any]) -> None:
        """Log what is known at the end: settings, facts, scores and costs."""
        self.attempt(lambda: self.log_end(record))

    def log_end(self, record: Mapping[str, Any]) -> None:
        """Scores and costs as metrics of the last step, everything else as hyperparameters."""
        numbers, settings = self.numbers_and_settings(record)
        self.target.log_metrics(numbers, record["cost"]["steps"])
        self.target.log_hyperparams(settings)

    def numbers_and_settings(self, record: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, Any]]:
        """Scores and costs; configuration, facts and status."""
        values = summary_of(record)
        numbers: dict[str, float] = {
            name: value for name, value in values.items() if isinstance(value, int | float)
        }
        texts = {name: value for name, value in values.items() if name not in numbers}
        return numbers, flat_config(self.run) | facts_of(record) | texts

    def finish(self, code: int) -> None:
        """End the run in the tracker; `code` is 0 where the run ended without an error."""
        self.attempt(lambda: self.target.finalize("failed" if code else "success"))

    def attempt(self, act: Callable[[], object]) -> None:
        """Do it, unless the tracker failed before; a failure is a warning and ends the mirror."""
        if self.broken:
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            self.broken = True
            warn_once(self.run, f"{self.name} stopped taking a run ({one_line(error)}): its record is whole")


def warn_once(run: Run, sentence: str) -> None:
    key = (run.study_folder.resolve(), sentence)
    if key not in _warned:
        _warned.add(key)
        log.warning("headstart: %s", sentence)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def notes_of(run: Run, argv: Sequence[str]) -> str:
    """The question of the study and the command of the run."""
    return "\n\n".join(filter(None, [run.study.question, shlex.join(argv)]))


def flat_config(run: Run) -> dict[str, Any]:
    """The configuration with one level of keys, since W&B reports cannot filter nested ones."""
    names = {
        "arm": run.arm.name,
        "task": run.task.name,
        "model": run.model.short_name,
        "seed": run.seed,
        "size": run.size.words(),
        "study": run.study.name,
        "precision": run.precision,
    }
    config = run.config()
    sections = ("optim", "budget")
    return names | {f"{part}_{key}": value for part in sections for key, value in config[part].items()}


def summary_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Status, scores and costs, which tables and bar charts show; only what is known."""
    cost, scores = record["cost"], record["scores"]
    values = {name: record[name] for name in ("status", "pair_id", "run_id")}
    for split, name in (("validation", "kept_weights"), ("test", "test")):
        values |= {f"{name}/{metric}": value for metric, value in (scores[split] or {}).items()}
    values |= {f"cost/flops_{stage}": n for stage, n in cost["flops"].items() if stage != "lower_bound"}
    values |= {f"cost/seconds_{phase}": value for phase, value in cost["seconds"].items()}
    energy = cost["energy"]
    values[f"energy/{energy['method']}_joules"] = (energy["joules"] or {}).get("total")
    values["cost/samples_per_second"] = cost["samples_per_second"]
    values |= {f"memory/{where}_bytes": cost["peak_memory_bytes"][where] for where in ("host", "device")}
    return _known(values)


def facts_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What filters, colours and axes of a dashboard need of a record; only what is known."""
    environment, cost, data, init = (record[name] for name in ("environment", "cost", "data", "init"))
    checkpoint = (init and init["checkpoint"]) or {}
    facts = {
        **{name: record[name] for name in ("pair_id", "run_id")},
        **{name: environment[name] for name in ("machine", "device")},
        **{f"version_{name}": version for name, version in environment["versions"].items()},
        "energy_method": cost["energy"]["method"],
        "parameters": cost["parameters"]["all"],
        "parameters_trainable": cost["parameters"]["trainable"],
        "n_train": data and data["counts"]["train"],
        "data_digest": data and data["source"],
        "order_digest": data and data["order"],
        "weights_digest": checkpoint.get("sha256"),
        "pretraining_flops": (checkpoint.get("ledger") or {}).get("flops"),
        "overrides": shlex.join(record["argv"]),
    }
    return _known(facts)


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}

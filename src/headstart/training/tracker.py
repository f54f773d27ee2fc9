"""Tracker: mirrors a run in Weights & Biases, through Lightning's logger.

W&B is a mirror and not the record: a failure of W&B is logged once per study, and the run continues.
"""

from __future__ import annotations

import logging
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from pytorch_lightning.loggers import WandbLogger

from headstart.meters.backend import Method
from headstart.metrics import higher_is_better
from headstart.records.fingerprint import Fingerprint, digest
from headstart.run import Run
from headstart.wandb_server import begin, mark_unusable, no_server, off, unusable, without_malformed

log = logging.getLogger(__name__)
SLOW = 10  # seconds of an answer after which no other run of the study waits for one
STEP = "trainer/global_step"  # Lightning's name
AXES = tuple(f"cost/{name}" for name in ("samples", "tokens", "tokens_padded", "flops", "seconds"))
JOULES = tuple(f"energy/{method}_joules" for method in get_args(Method) if method != "none")

_warned: set[tuple[Path, str]] = set()  # study folders with the warnings that were logged


class Mirror(WandbLogger):
    """Lightning's logger of a W&B run; a resumed run is logged again from its first point."""

    def __init__(self, run: Run, experiment: Any) -> None:
        super().__init__(experiment=experiment)
        self._run = run
        self._broken = False

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step; a failure of W&B is logged as a warning and ends the mirror."""
        if not self._broken:
            self._attempt(lambda: super(Mirror, self).log_metrics(metrics, step))

    def summarise(self, record: Mapping[str, Any]) -> None:
        """Set the run's summary, which tables and bar charts show: status, scores and costs."""
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
        known = {name: value for name, value in values.items() if value is not None}
        self._attempt(lambda: self.experiment.summary.update(known))
        self._attempt(lambda: self.experiment.config.update(_facts(record), allow_val_change=True))

    def finish(self, code: int) -> None:
        """Close the run, so that the next one gets a file of its own."""
        try:
            self.experiment.finish(exit_code=code)
        except TimeoutError:
            seconds = self._run.tracker.finish_timeout
            late = f"the W&B server did not take all of a run in {seconds} s"
            _stop_using_server(self._run, f"{late}: `headstart sync {self._run.study_folder}` sends it later")
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            _warn_once(self._run, f"W&B could not finish a run ({_one_line(error)})")

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            self._broken = True
            _warn_once(self._run, f"W&B stopped taking a run ({_one_line(error)}): its record is whole")


@contextmanager
def tracked(run: Run, names: Fingerprint) -> Iterator[Mirror | None]:
    """The logger of this run, or None; it is finished at the end."""
    logger = _logger(run, names)
    if logger is None:
        yield None
        return
    code = 1
    try:
        yield logger
        code = 0
    finally:
        logger.finish(code)


def metrics_of(
    point: Mapping[str, Any], method: str, previous: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """A curve point with names that dashboards group: validation/accuracy, train/loss, cost/flops.

    With the point before: samples and tokens per second and watts between the two, evaluation included. The
    names of joules and watts contain the method, so that measured and estimated ones never mix.
    """
    named = {"train/loss": point["train_loss"], f"energy/{method}_joules": point["joules"]}
    named |= {f"validation/{name}": value for name, value in (point["validation"] or {}).items()}
    named |= {axis: point[axis.removeprefix("cost/")] for axis in AXES}
    seconds = point["seconds"] - previous["seconds"] if previous else 0.0
    if previous and seconds > 0:
        for name in ("samples", "tokens"):
            named[f"speed/{name}_per_second"] = (point[name] - previous[name]) / seconds
        if None not in (point["joules"], previous["joules"]):
            named[f"energy/{method}_watts"] = (point["joules"] - previous["joules"]) / seconds
    return {name: value for name, value in named.items() if value is not None}


def metrics_of_step(row: Mapping[str, Any]) -> dict[str, float]:
    """One training step: its loss, its gradient's norm before clipping, its learning rate."""
    named = {"train/step_loss": row["loss"], "train/gradient_norm": row["gradient_norm"]}
    named["train/learning_rate"] = row["learning_rate"]
    return {name: value for name, value in named.items() if value is not None}


def _logger(run: Run, names: Fingerprint) -> Mirror | None:
    """Online if set and possible; else offline files; else none. A warning tells any difference."""
    if run.tracker.mode == "none":
        return None
    if switched_off := off():
        _warn_once(
            run, f"{switched_off}: nothing is logged to W&B, though tracker.mode is {run.tracker.mode}"
        )
        return None
    os.environ.setdefault("WANDB_SILENT", "true")  # warnings are logged here
    try:
        with without_malformed() as malformed:
            if _mode(run, "; ".join(malformed)) == "online":
                began = time.monotonic()
                try:
                    mirror = _started(run, names, "online")
                    if (waited := time.monotonic() - began) > SLOW:
                        slow = f"the W&B server took {waited:.0f} s to answer: other runs are logged offline"
                        mark_unusable(run.study_folder, slow)
                        _warn_once(run, slow)
                    return mirror
                except Exception as error:  # noqa: BLE001 a mirror must not take the run down
                    _stop_using_server(run, f"W&B cannot be used ({_one_line(error)}): logging offline")
            return _started(run, names, "offline")
    except Exception as error:  # noqa: BLE001 a mirror must not take the run down
        _warn_once(run, f"W&B cannot be used ({_one_line(error)}): this study is not logged there")
        return None


def _mode(run: Run, malformed: str) -> Literal["online", "offline"]:
    """The mode in `tracker`, unless the environment or an earlier run forbids it."""
    if run.tracker.mode == "offline":
        if os.environ.get("WANDB_MODE") in ("online", "run", "shared"):
            _warn_once(run, "WANDB_MODE asks for a server, tracker.mode for files: tracker=wandb goes online")
        if malformed:
            _warn_once(run, f"{malformed}: not used")
        return "offline"
    if unusable(run.study_folder):
        return "offline"
    if reason := malformed or no_server():
        _warn_once(run, f"W&B cannot be used ({reason}): logging offline, `headstart sync` sends it later")
    return "offline" if reason else "online"


def _started(run: Run, names: Fingerprint, mode: Literal["online", "offline"]) -> Mirror:
    """A W&B run with its files in the study's folder; axes and summaries are declared.

    Its id is made of study and run: a resumed run writes over its W&B run, and the same run in another study
    has another one. W&B's own resuming would append rows each time that a file is sent again. Files of an
    interrupted attempt are replaced by the offline files of the complete run.
    """
    run_id = digest({"study": run.study.name, "run": names.run_id})
    run.study_folder.mkdir(parents=True, exist_ok=True)
    experiment = begin(
        run.study_folder,
        run_id,
        mode,
        run.tracker.finish_timeout,
        project=run.tracker.project,
        entity=run.tracker.entity,
        name=run.title,
        group=run.study.name,
        job_type=run.arm.name,
        tags=[run.task.name, run.arm.name],
        notes=run.study.question or None,
        config=_flat_config(run),
    )
    # Steps are the axis of all metrics, as Lightning declares it; others can be chosen; the best is kept.
    experiment.define_metric(STEP)
    experiment.define_metric("*", step_metric=STEP, step_sync=True)
    for axis in (*AXES, *JOULES):
        experiment.define_metric(axis)
    for name in ("loss", *run.task.metrics):
        best = "max" if higher_is_better(name) else "min"
        experiment.define_metric(f"validation/{name}", step_metric=STEP, step_sync=True, summary=best)
    return Mirror(run, experiment)


def _warn_once(run: Run, sentence: str) -> None:
    """Log a warning, once per study."""
    key = (run.study_folder.resolve(), sentence)
    if key not in _warned:
        _warned.add(key)
        log.warning("headstart: %s", sentence)


def _stop_using_server(run: Run, sentence: str) -> None:
    """Log the reason; other runs of this study do not try the server, since each would wait for it."""
    import wandb

    mark_unusable(run.study_folder, sentence)
    _warn_once(run, sentence)
    wandb.teardown()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _facts(record: Mapping[str, Any]) -> dict[str, Any]:
    """What filters, colours and axes of a dashboard need of a record; only what is known."""
    environment, cost, data, init = (record[name] for name in ("environment", "cost", "data", "init"))
    checkpoint = (init and init["checkpoint"]) or {}
    spent = (checkpoint.get("ledger") or {}).get("flops")
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
        "pretraining_flops": spent,
        "overrides": shlex.join(record["argv"]),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _flat_config(run: Run) -> dict[str, Any]:
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

"""Tracker: the mirror of a run in Weights & Biases, through Lightning's own logger.

W&B is a mirror and not the record: whatever it cannot do is said once, and the run goes on.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

from pytorch_lightning.loggers import WandbLogger

from headstart.meters.backend import Method
from headstart.metrics import higher_is_better
from headstart.records.fingerprint import Fingerprint, digest
from headstart.run import Run
from headstart.wandb_server import no_server, off, without_malformed

log = logging.getLogger(__name__)
INIT_SECONDS = 20  # how long a server may take to answer
STEP = "trainer/global_step"  # Lightning's name
AXES = tuple(f"cost/{name}" for name in ("samples", "tokens", "tokens_padded", "flops", "seconds"))
JOULES = tuple(f"energy/{method}_joules" for method in get_args(Method) if method != "none")

_said: set[tuple[Path, str]] = set()  # what was said, by study
_given_up: set[Path] = set()  # studies whose server is not asked again


class Mirror(WandbLogger):
    """Lightning's logger of a W&B run that goes on behind the last step which that run already has."""

    def __init__(self, run: Run, experiment: Any) -> None:
        super().__init__(experiment=experiment)
        self._study = run
        self._last = experiment.summary.get(STEP, -1) if experiment.resumed else -1
        self._broken = False

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log the metrics of a step once; W&B's own failure is said and ends the logging."""
        if self._broken or (step is not None and step <= self._last):
            return
        self._attempt(lambda: super(Mirror, self).log_metrics(metrics, step))
        self._last = self._last if step is None else step

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Set the run's summary: what tables and bar charts show."""
        self._attempt(lambda: self.experiment.summary.update(values))

    def finish(self, code: int) -> None:
        """Close the run, so that the next one gets a file of its own."""
        folder = self.experiment.settings.sync_dir
        try:
            self.experiment.finish(exit_code=code)
        except TimeoutError:
            seconds = self._study.tracker.finish_timeout
            late = f"the W&B server did not take all of a run in {seconds} s"
            _give_up(self._study, f"{late}: `wandb sync {folder}` sends it later")
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            _say(self._study, f"W&B could not finish a run ({_sentence(error)})")

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            self._broken = True
            _say(self._study, f"W&B stopped taking a run ({_sentence(error)}): its record is whole")


@contextmanager
def tracked(run: Run, names: Fingerprint) -> Iterator[Mirror | None]:
    """The logger of this run, or None; finished on the way out."""
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


def metrics_of(point: Mapping[str, Any], method: str) -> dict[str, float]:
    """A curve point by names as dashboards group them: validation/accuracy, train/loss, cost/flops.

    Joules carry the method by which they are known in their name: measured and estimated ones never mix.
    """
    named = {"train/loss": point["train_loss"], f"energy/{method}_joules": point["joules"]}
    named |= {f"validation/{name}": value for name, value in (point["validation"] or {}).items()}
    named |= {axis: point[axis.removeprefix("cost/")] for axis in AXES}
    return {name: value for name, value in named.items() if value is not None}


def summarise(logger: Mirror | None, record: Mapping[str, Any]) -> None:
    """Scores of the weights that were kept, costs and status, as the run's summary."""
    if logger is None:
        return
    cost, scores = record["cost"], record["scores"]
    flat = {"status": record["status"], "pair_id": record["pair_id"], "run_id": record["run_id"]}
    for split, name in (("validation", "kept_weights"), ("test", "test")):
        flat |= {f"{name}/{metric}": value for metric, value in (scores[split] or {}).items()}
    flat |= {f"cost/flops_{stage}": value for stage, value in cost["flops"].items() if stage != "lower_bound"}
    flat |= {f"cost/seconds_{phase}": value for phase, value in cost["seconds"].items()}
    flat |= {f"energy/{cost['energy']['method']}_joules": (cost["energy"]["joules"] or {}).get("total")}
    flat |= {
        "cost/samples_per_second": cost["samples_per_second"],
        "cost/parameters": cost["parameters"]["all"],
    }
    logger.summarise({name: value for name, value in flat.items() if value is not None})


def _logger(run: Run, names: Fingerprint) -> Mirror | None:
    """Online when asked and possible; else offline files; else none; what is not as asked is said once."""
    if run.tracker.mode == "none":
        return None
    if switched_off := off():
        _say(run, f"{switched_off}: nothing is logged to W&B, though tracker.mode is {run.tracker.mode}")
        return None
    os.environ.setdefault("WANDB_SILENT", "true")  # what there is to say is said here
    try:
        with without_malformed() as wrong:
            if _mode(run, "; ".join(wrong)) == "online":
                try:
                    return _started(run, names, "online")
                except Exception as error:  # noqa: BLE001 a mirror must not take the run down
                    _give_up(run, f"W&B cannot be used ({_sentence(error)}): logging offline")
            return _started(run, names, "offline")
    except Exception as error:  # noqa: BLE001 a mirror must not take the run down
        _say(run, f"W&B cannot be used ({_sentence(error)}): this study is not logged there")
        return None


def _mode(run: Run, wrong: str) -> Literal["online", "offline"]:
    """How W&B is used: as `tracker` says, unless the environment or an earlier run forbids it."""
    if run.tracker.mode == "offline":
        if os.environ.get("WANDB_MODE") in ("online", "run", "shared"):
            _say(run, "WANDB_MODE asks for a server, tracker.mode for files: tracker=wandb goes online")
        if wrong:
            _say(run, f"{wrong}: not used")
        return "offline"
    if why := wrong or no_server():
        _say(run, f"W&B cannot be used ({why}): logging offline, `wandb sync` sends it later")
    return "offline" if why or _study(run) in _given_up else "online"


def _started(run: Run, names: Fingerprint, mode: Literal["online", "offline"]) -> Mirror:
    """A W&B run of its own, its files in the study's folder, its axes and summaries declared.

    The id is that of the run in its study: a run that goes on continues its own, and the same run of another
    study has another. Files of an attempt that was stopped are replaced by those of the whole run.
    """
    import wandb

    run_id = digest({"study": run.study.name, "run": names.run_id})
    run.study_folder.mkdir(parents=True, exist_ok=True)
    if mode == "offline":
        for attempt in (run.study_folder / "wandb").glob(f"offline-run-*-{run_id}"):
            shutil.rmtree(attempt)
    experiment = wandb.init(
        dir=str(_study(run)),  # absolute: the service of W&B has a working folder of its own
        project=run.tracker.project,
        entity=run.tracker.entity,
        id=run_id,
        resume="allow",
        name=run.title,
        group=run.study.name,
        job_type=run.arm.name,
        tags=[run.task.name, run.arm.name],
        config=flat_config(run),
        mode=mode,
        settings=wandb.Settings(
            silent=True,
            console="off",
            init_timeout=INIT_SECONDS,
            finish_timeout=run.tracker.finish_timeout,
            finish_timeout_raises=True,
            disable_git=True,
            save_code=False,
            x_disable_stats=True,
            x_save_requirements=False,
        ),
    )
    _declare(run, experiment)
    return Mirror(run, experiment)


def _declare(run: Run, experiment: Any) -> None:
    """Steps are the axis of all metrics, as Lightning declares it; others can be chosen; the best is kept."""
    experiment.define_metric(STEP)
    experiment.define_metric("*", step_metric=STEP, step_sync=True)
    for axis in (*AXES, *JOULES):
        experiment.define_metric(axis)
    for name in ("loss", *run.task.metrics):
        best = "max" if higher_is_better(name) else "min"
        experiment.define_metric(f"validation/{name}", step_metric=STEP, step_sync=True, summary=best)


def _study(run: Run) -> Path:
    return run.study_folder.resolve()


def _say(run: Run, sentence: str) -> None:
    """A warning, once for a study."""
    if (_study(run), sentence) not in _said:
        _said.add((_study(run), sentence))
        log.warning("headstart: %s", sentence)


def _give_up(run: Run, sentence: str) -> None:
    """Say why the server is not asked again in this study: its other runs would wait for it as well."""
    import wandb

    _given_up.add(_study(run))
    _say(run, sentence)
    wandb.teardown()


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def flat_config(run: Run) -> dict[str, Any]:
    """Config with one level of keys, since nested ones cannot be filtered in reports."""
    names = {
        "arm": run.arm.name,
        "task": run.task.name,
        "model": run.model.short_name,
        "seed": run.seed,
        "size": run.size.words(),
        "study": run.study.name,
        "precision": run.precision,
    }
    parts = {key: run.config()[key] for key in ("optim", "budget")}
    return names | {f"{part}_{key}": value for part, values in parts.items() for key, value in values.items()}

"""Recorder: callbacks that assign seconds to phases, score each evaluation and write the learning curve."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from headstart.meters.flops import FlopCounter
from headstart.meters.meter import Meter
from headstart.metrics import orient
from headstart.records.curve import CURVE, append_point, read_curve
from headstart.run import Run
from headstart.tasks.family import EvalResult, Prepared
from headstart.training.initialise import InitialModel, check_attestation
from headstart.training.instruments import Instruments
from headstart.training.module import Diverged, Learner
from headstart.training.plan import Plan
from headstart.training.progress import RunProgress
from headstart.training.tracker import metrics_of, metrics_of_step


@dataclass
class Results:
    """The results of a run so far: part of its record, and of the state to resume from."""

    steps: int = 0
    waited: float = 0.0  # seconds of the train phase spent waiting for the next batch
    evaluations: int = 0
    generated: dict[str, int] = field(default_factory=lambda: {"validation": 0, "test": 0})  # FLOPs
    latest: dict[str, float] | None = None  # validation loss and scores at the latest evaluation
    best: dict[str, float] | None = None
    first_loss: float | None = None
    checkpoints: dict[int, dict[str, Any]] = field(default_factory=dict)  # cost of each, by step
    init: dict[str, Any] | None = None  # the record's section; None before step 0
    test: EvalResult | None = None

    def state(self) -> dict[str, Any]:
        """All fields but `test`: after the test no run is resumed."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "test"}

    def scores(self, run: Run, status: str, reason: str | None) -> dict[str, Any]:
        """Validation scores of the kept weights, test scores, and the reason for missing ones."""
        finished = status == "finished"
        validation = self.best if run.budget.keep == "best" else self.latest
        kept = validation if finished else None
        return {
            "validation": kept and {name: kept[name] for name in kept if name != "loss"},
            "test": self.test.scores if finished and self.test else None,
            "reason": "a trial: it never sees the test rows" if run.study.trial and finished else reason,
        }


@dataclass(frozen=True)
class Setup:
    """What a run trains with."""

    prepared: Prepared
    plan: Plan
    initial: InitialModel
    counter: FlopCounter  # of the first stage of the arm
    learner: Learner


class Timer(pl.Callback):
    """Counts steps, assigns seconds and joules to phases, and measures the wait for batches."""

    def __init__(self, meter: Meter, progress: RunProgress, results: Results, headline: str) -> None:
        self.meter, self.progress, self.results, self.headline = meter, progress, results, headline
        self._idle_since: float | None = None

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """Add the wait for this batch, since the end of the last step."""
        if self._idle_since is not None:
            self.results.waited += time.perf_counter() - self._idle_since

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.results.steps += 1
        self._idle_since = time.perf_counter()
        latest = self.results.latest
        self.progress.step(
            self.results.steps, f"{self.headline} {latest[self.headline]:.3f}" if latest else ""
        )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """The eval phase begins, nested in the train phase."""
        self._idle_since = None
        self.meter.begin("eval")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.meter.end()

    def on_test_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.meter.begin("test")

    def on_test_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.meter.end()


class Recorder(pl.Callback):
    """Attests the start, scores each evaluation, writes its curve point, ends a diverged run, and keeps the
    best weights. `check_claim` raises when the run is another process's by now."""

    def __init__(
        self,
        run: Run,
        setup: Setup,
        instruments: Instruments,
        folder: Path,
        results: Results,
        check_claim: Callable[[], None],
    ) -> None:
        self.run, self.prepared, self.plan, self.counter = run, setup.prepared, setup.plan, setup.counter
        self.attest, self.results, self.check_claim = setup.initial.attest, results, check_claim
        self.meter, self.memory, self.curve = instruments.meter, instruments.memory, folder / CURVE
        self._logged: dict[str, Any] | None = None  # the latest point

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Attest the model right before step 0; a resumed run was attested when it started."""
        if self.results.init is None:
            with self.meter.phase("prepare"):
                self.results.init = self.attest()
            check_attestation(self.run.arm.name, self.results.init)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        result = self._evaluate("validation", pl_module)
        self.results.evaluations += 1
        self.results.latest = {"loss": result.loss, **result.scores}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Write the curve point and keep the best weights; raise Diverged for bad losses."""
        self.check_claim()
        train_loss = pl_module.mean_train_loss()
        seconds, joules = self.meter.snapshot()
        point = {
            "step": self.results.steps,
            **self.plan.spent(self.results.steps),
            "seconds": seconds,
            "joules": joules,
            "memory": self.memory.take(),
            "train_loss": train_loss,
            "training": pl_module.history.take(),
            "validation": self.results.latest,
        }
        append_point(self.curve, _finite(point))
        self._log(trainer, point)
        self._check_losses(train_loss)
        self._keep_best(pl_module)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.results.test = self._evaluate("test", pl_module)

    def _evaluate(self, split: str, learner: Learner) -> EvalResult:
        """Score a split; count the FLOPs of the generated text, which are known only now."""
        order = self.plan.orders[split]
        observed = list(zip(order, learner.rank.gather(learner.outputs(), len(order)), strict=True))
        if tokens := self.run.task.decoded(observed):
            with self.meter.phase("count"):
                self.results.generated[split] += self.plan.generation(split, tokens, self.counter)
        return self.run.task.evaluate(self.prepared, split, observed)

    def log_curve(self, trainer: pl.Trainer) -> None:
        """Log the points of earlier segments of a resumed run."""
        for point in read_curve(self.curve)[0]:
            self._log(trainer, point)

    def _log(self, trainer: pl.Trainer, point: dict[str, Any]) -> None:
        """Log the steps before an evaluation, then the evaluation with its rates since the one before.

        What trackers take is not part of training.
        """
        metrics = metrics_of(point, self.meter.backend.method, self._logged)
        steps = {row["step"]: metrics_of_step(row) for row in point.get("training", ())}  # older points: none
        metrics |= steps.pop(point["step"], {})
        with self.meter.phase("other"):
            for logger in trainer.loggers:
                for step, values in steps.items():
                    logger.log_metrics(values, step=step)
                logger.log_metrics(metrics, step=point["step"])
        self._logged = point

    def _check_losses(self, train_loss: float | None) -> None:
        step, loss = self.results.steps, (self.results.latest or {})["loss"]
        if not np.isfinite(loss):
            raise Diverged(f"the validation loss was not finite at step {step}")
        self.results.first_loss = self.results.first_loss or loss
        limit = self.run.budget.divergence * self.results.first_loss
        if train_loss is not None and train_loss > limit:
            raise Diverged(f"the mean training loss {train_loss:.3g} passed {limit:.3g} at step {step}")

    def _keep_best(self, learner: Learner) -> None:
        name, latest, best = self.run.task.headline, self.results.latest, self.results.best
        sign = orient(name)
        if latest is None or (best and sign * latest[name] <= sign * best[name]):
            return
        self.results.best = latest
        if self.run.budget.keep == "best":
            learner.best_state = copy.deepcopy({k: v.cpu() for k, v in learner.model.state_dict().items()})


def _finite(value: Any) -> Any:
    """The value with None for NaN and infinity, which JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

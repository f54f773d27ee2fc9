"""Journal: the callback that counts every step and writes a curve point at every evaluation."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl

from headstart.meters.flops import FlopCounter
from headstart.meters.meter import Meter
from headstart.metrics import orient
from headstart.records.record import CURVE, read_curve
from headstart.records.store import append_point
from headstart.run import Run
from headstart.tasks.family import Judged, Prepared
from headstart.training import resume
from headstart.training.checkpoints import keep_age
from headstart.training.initialise import Start, refuse_dishonest
from headstart.training.module import Diverged, Learner
from headstart.training.plan import Plan
from headstart.training.progress import Watch
from headstart.training.tracker import metrics_of

LASTING = (
    "done",
    "waited",
    "evaluations",
    "generated",
    "last",
    "best",
    "best_step",
    "first_loss",
    "ages",
    "init",
)


class Journal(pl.Callback):
    """Phases, totals and curve points of one run; keeps the best weights if the budget says so."""

    def __init__(
        self,
        run: Run,
        run_id: str,
        prepared: Prepared,
        plan: Plan,
        start: Start,
        counter: FlopCounter,
        meter: Meter,
        watch: Watch,
        folder: Path,
    ) -> None:
        self.run, self.run_id, self.prepared, self.plan, self.start = run, run_id, prepared, plan, start
        self.counter, self.meter, self.watch, self.folder = counter, meter, watch, folder
        self.done = 0  # steps
        self.waited = 0.0  # seconds of the train phase spent waiting for the next batch
        self._free_since: float | None = None
        self.evaluations = 0
        self.generated = {"validation": 0, "test": 0}  # FLOPs
        self.last: dict[str, float] | None = None  # validation scores at the latest evaluation
        self.best: dict[str, float] | None = None
        self.best_step: int | None = None
        self.first_loss: float | None = None
        self.ages: dict[int, dict[str, Any]] = {}  # what had been spent when weights were kept, by step
        self.init: dict[str, Any] | None = None  # of the record; None before step 0
        self.test: Judged | None = None
        self._saved = time.perf_counter()

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Step 0: what the model holds now is attested, and an arm that says otherwise is refused."""
        if self.init is None:  # a resumed run was attested when it began
            with self.meter.phase("prepare"):
                self.init = self.start.attest()
            refuse_dishonest(self.run.arm.name, self.init)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One more step is done."""
        self.done += 1
        self._free_since = time.perf_counter()
        headline = self.last[self.run.task.headline] if self.last else None
        self.watch.step(self.done, "" if headline is None else f"{self.run.task.headline} {headline:.3f}")

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """The batch is here: from the end of the last step until now there was nothing to compute."""
        if self._free_since is not None:
            self.waited += time.perf_counter() - self._free_since

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """From here on it is evaluation."""
        self._free_since = None
        self.meter.begin("eval")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Score, write the point, keep the best; Diverged when the losses say so."""
        judged = self._judged("validation", pl_module)
        self.evaluations += 1
        self.last = {"loss": judged.loss, **judged.scores}
        self.meter.end()
        self._write(trainer, pl_module)
        self._keep_best(pl_module)
        if self.done in self.run.keep_at:
            self._keep_age(pl_module)
        if trainer.state.fn == "fit" and time.perf_counter() - self._saved > self.run.hardware.save_every:
            self._save(trainer, pl_module)

    def scores(self, status: str, reason: str | None) -> dict[str, Any]:
        """Validation scores of the weights that are kept, test scores, and why one of them is missing."""
        validation = self.best if self.run.budget.keep == "best" else self.last
        finished = status == "finished"
        known = validation if finished else None
        return {
            "validation": known and {name: known[name] for name in known if name != "loss"},
            "test": self.test.scores if finished and self.test else None,
            "reason": "a trial: it never sees the test rows" if self.run.study.trial and finished else reason,
        }

    def resumed(self, former: dict[str, Any], trainer: pl.Trainer) -> None:
        """Go on where a former segment of this run stopped; loggers get the points that they lack."""
        for name, value in former["journal"].items():
            setattr(self, name, value)
        points, _ = read_curve(self.folder / CURVE)
        for point in points:
            self._mirror(trainer, point)

    def _save(self, trainer: pl.Trainer, learner: Learner) -> None:
        """The state at this evaluation, for a run that is stopped before its next one."""
        self._saved = time.perf_counter()
        (schedule,) = trainer.lr_scheduler_configs
        resume.save(
            self.folder,
            {
                "run_id": self.run_id,
                "step": self.done,
                "model": learner.model.state_dict(),
                "best": learner.best_state,
                "optimizer": trainer.optimizers[0].state_dict(),
                "schedule": schedule.scheduler.state_dict(),
                "journal": {name: getattr(self, name) for name in LASTING},
                "cost": {"seconds": self.meter.seconds_by_phase(), "energy": self.meter.account()},
            },
        )

    def on_test_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """The test rows, once, with the final model."""
        self.meter.begin("test")

    def on_test_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Score the test rows."""
        self.test = self._judged("test", pl_module)
        self.meter.end()

    def _judged(self, split: str, learner: Learner) -> Judged:
        observed = list(zip(self.plan.orders[split], learner.collected(), strict=True))
        if tokens := self.run.task.decoded(observed):
            with self.meter.phase("count"):
                self.generated[split] += self.plan.generation(split, tokens, self.counter)
        return self.run.task.judge(self.prepared, split, observed)

    def _write(self, trainer: pl.Trainer, learner: Learner) -> None:
        train_loss = learner.mean_train_loss()
        seconds, joules = self.meter.snapshot()
        point = {
            "step": self.done,
            **self.plan.spent(self.done),
            "seconds": seconds,
            "joules": joules,
            "train_loss": train_loss,
            "validation": self.last,
        }
        append_point(self.folder / CURVE, _finite(point))
        self._mirror(trainer, point)
        self._check(train_loss)

    def _mirror(self, trainer: pl.Trainer, point: dict[str, Any]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(metrics_of(point, self.meter.backend.method), step=point["step"])

    def _check(self, train_loss: float | None) -> None:
        loss = (self.last or {})["loss"]
        if not np.isfinite(loss):
            raise Diverged(f"the validation loss was not finite at step {self.done}")
        self.first_loss = self.first_loss or loss
        limit = self.run.budget.divergence * self.first_loss
        if train_loss is not None and train_loss > limit:
            raise Diverged(f"the mean training loss {train_loss:.3g} passed {limit:.3g} at step {self.done}")

    def _keep_best(self, learner: Learner) -> None:
        name = self.run.task.headline
        sign = orient(name)
        if self.last is None or (self.best and sign * self.last[name] <= sign * self.best[name]):
            return
        self.best, self.best_step = self.last, self.done
        if self.run.budget.keep == "best":
            learner.best_state = copy.deepcopy({k: v.cpu() for k, v in learner.model.state_dict().items()})

    def _keep_age(self, learner: Learner) -> None:
        keep_age(self.run, learner.model, self.folder, self.done)
        cost = self.plan.cost(self.done, self.evaluations, False, self.generated)
        seconds, joules = self.meter.snapshot()
        self.ages[self.done] = {"flops": cost["flops"]["total"], "joules": joules, "seconds": seconds}


def _finite(point: dict[str, Any]) -> dict[str, Any]:
    """The point with null for numbers that JSON cannot say."""
    return {
        key: _finite(value) if isinstance(value, dict) else _number(value) for key, value in point.items()
    }


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value

"""A run in Weights & Biases: online, or offline where no server can be used."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pytorch_lightning.loggers import WandbLogger

from headstart.arms.from_run import weights_folder
from headstart.meters.backend import Method
from headstart.metrics import higher_is_better
from headstart.models.weights import Checkpoint, verified_digest
from headstart.records.fingerprint import digest
from headstart.run import Run
from headstart.training.mirror import Mirror, facts_of, flat_config, notes_of, one_line, summary_of, warn_once
from headstart.wandb_server import at_most, begin, mark_unusable, no_server, off, unusable, without_malformed

GRACE = 5  # seconds more than W&B is given before its service is ended
SLOW = 10  # seconds of an answer after which no other run of the study waits for one
STEP = "trainer/global_step"  # Lightning's name
AXES = tuple(f"cost/{name}" for name in ("samples", "tokens", "tokens_padded", "flops", "seconds"))
JOULES = tuple(f"energy/{method}_joules" for method in get_args(Method) if method != "none")
ROWS, WEIGHTS = "rows", "weights"  # types of artifacts
PINNED = ("arm", "seed", "size", "pair_id", "data_digest", "weights_digest", "overrides")  # on its overview


class WandbMirror(Mirror):
    """A run in W&B: its summary is set, and a server that does not take it is not tried again."""

    def __init__(self, run: Run, experiment: Any, folder: Path) -> None:
        super().__init__(run, "W&B", WandbLogger(experiment=experiment))
        self.experiment, self.folder = experiment, folder

    def log_end(self, record: Mapping[str, Any]) -> None:
        """Set the summary, which tables and bar charts show, and the config, which filters read."""
        self.experiment.summary.update(summary_of(record))
        self.experiment.config.update(facts_of(record), allow_val_change=True)
        self.experiment.pin_config_keys(PINNED)
        _log_lineage(self.experiment, self.run, record, self.folder)

    def finish(self, code: int) -> None:
        """Close the run, so that the next one gets a file of its own."""
        seconds = self.run.tracker.finish_timeout
        try:
            with at_most(seconds + GRACE):
                self.experiment.finish(exit_code=code)
        except TimeoutError:
            late = f"the W&B server did not take all of a run in {seconds} s"
            _stop_using_server(self.run, f"{late}: `headstart sync {self.run.study_folder}` sends it later")
        except Exception as error:  # noqa: BLE001 a mirror must not take the run down
            warn_once(self.run, f"W&B could not finish a run ({one_line(error)})")


def open_wandb(run: Run, run_id: str, folder: Path, argv: Sequence[str]) -> WandbMirror | None:
    """Online if set and possible; else offline files; else none. A warning tells any difference."""
    if switched_off := off():
        warn_once(run, f"{switched_off}: nothing is logged to W&B, though tracker.mode is {run.tracker.mode}")
        return None
    os.environ.setdefault("WANDB_SILENT", "true")  # warnings are logged here
    try:
        with without_malformed() as malformed:
            if _mode(run, "; ".join(malformed)) == "online":
                began = time.monotonic()
                try:
                    mirror = _started(run, run_id, folder, argv, "online")
                    if (waited := time.monotonic() - began) > SLOW:
                        slow = f"the W&B server took {waited:.0f} s to answer: other runs are logged offline"
                        mark_unusable(run.study_folder, slow)
                        warn_once(run, slow)
                    return mirror
                except Exception as error:  # noqa: BLE001 a mirror must not take the run down
                    _stop_using_server(run, f"W&B cannot be used ({one_line(error)}): logging offline")
            return _started(run, run_id, folder, argv, "offline")
    except Exception as error:  # noqa: BLE001 a mirror must not take the run down
        warn_once(run, f"W&B cannot be used ({one_line(error)}): this study is not logged there")
        return None


def _mode(run: Run, malformed: str) -> Literal["online", "offline"]:
    """The mode in `tracker`, unless the environment or an earlier run forbids it."""
    if run.tracker.mode == "offline":
        if os.environ.get("WANDB_MODE") in ("online", "run", "shared"):
            warn_once(run, "WANDB_MODE asks for a server, tracker.mode for files: tracker=wandb goes online")
        if malformed:
            warn_once(run, f"{malformed}: not used")
        return "offline"
    if unusable(run.study_folder):
        return "offline"
    if reason := malformed or no_server():
        warn_once(run, f"W&B cannot be used ({reason}): logging offline, `headstart sync` sends it later")
    return "offline" if reason else "online"


def _started(
    run: Run, name: str, folder: Path, argv: Sequence[str], mode: Literal["online", "offline"]
) -> WandbMirror:
    """A W&B run with its files in the study's folder; axes and summaries are declared.

    Its id is made of study and run: a resumed run writes over its W&B run, and the same run in another study
    has another one. W&B's own resuming would append rows each time that a file is sent again. Files of an
    interrupted attempt are replaced by the files of the complete run.
    """
    run.study_folder.mkdir(parents=True, exist_ok=True)
    experiment = begin(
        run.study_folder,
        digest({"study": run.study.name, "run": name}),
        mode,
        run.tracker.finish_timeout,
        project=run.tracker.project,
        entity=run.tracker.entity,
        name=run.title,
        group=run.study.name,
        job_type=run.arm.name,
        tags=[run.task.name, run.arm.name],
        notes=notes_of(run, argv),
        config=flat_config(run),
    )
    # Steps are the axis of all metrics, as Lightning declares it; others can be chosen. The best is kept: W&B
    # took a `goal` beside it in earlier versions, and has none now.
    experiment.define_metric(STEP)
    experiment.define_metric("*", step_metric=STEP, step_sync=True)
    for axis in (*AXES, *JOULES):
        experiment.define_metric(axis)
    for metric in ("loss", *run.task.metrics):
        best = "max" if higher_is_better(metric) else "min"
        experiment.define_metric(f"validation/{metric}", step_metric=STEP, step_sync=True, summary=best)
    return WandbMirror(run, experiment, folder)


def _stop_using_server(run: Run, sentence: str) -> None:
    """Log the reason; other runs of this study do not try the server, since each would wait for it."""
    import wandb

    mark_unusable(run.study_folder, sentence)
    warn_once(run, sentence)
    wandb.teardown()


def _log_lineage(experiment: Any, run: Run, record: Mapping[str, Any], folder: Path) -> None:
    """Log what the W&B run used and left: rows → run → weights → the runs that start from them, as artifacts.

    An artifact is a digest, and no file of it is uploaded: runs that read the same rows or load the same
    weights use the same artifact, also in another study.
    """
    data, init = record["data"], record["init"]
    if data:
        _log_artifact(experiment, ROWS, data["source"], {"task": run.task.name, **data["counts"]}, used=True)
    model = {"model": run.model.short_name}
    if init and init["checkpoint"]:
        _log_artifact(experiment, WEIGHTS, init["checkpoint"]["sha256"], model, used=True)
    for step in (*run.checkpoint_steps, *[None] * run.keep_weights):
        kept = weights_folder(folder, step)
        if kept.is_dir():
            sha256 = verified_digest(Checkpoint(kept, "a run"))
            after = {} if step is None else {"step": step}
            _log_artifact(
                experiment, WEIGHTS, sha256, {**model, "run_id": record["run_id"], **after}, used=False
            )


def _log_artifact(experiment: Any, kind: str, digest: str, about: dict[str, Any], used: bool) -> None:
    import wandb

    name = re.sub(r"[^\w.-]", "-", f"{kind}-{digest}", flags=re.ASCII)  # what W&B takes as a name
    artifact = wandb.Artifact(name[:128], type=kind, metadata={"digest": digest, **about})
    artifact.add_reference(f"urn:headstart:{kind}:{digest}", name=f"{kind}.digest", checksum=False)
    # The public `use_artifact` refuses offline runs, and waits for the server without a limit.
    experiment._log_artifact(artifact, is_user_created=True, use_after_commit=used)

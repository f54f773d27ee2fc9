"""Pretraining: the run that trains the weights of an arm, once for all runs that load them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from headstart.arms.from_run import saved_weights, weights_folder
from headstart.arms.transfer import Transfer
from headstart.cache import cached
from headstart.errors import ConfigError, WeightsError
from headstart.run import Run
from headstart.studies.run_folder import identify, run_folder, settled
from headstart.study import Study

SHARED = ("model", "precision", "hardware", "meter", "tracker", "runs")  # copied from the run of the arm
OBJECTIVES = {"encoder": "files_mlm", "decoder": "files_clm", "encoder_decoder": "files_denoise"}
# One study for all pretrainings, so that none is trained twice.
PRETRAINING = Study(name="pretraining", question="Weights that other studies start from.", warm_up=0)

_kept: dict[tuple[str, ...], dict[str, Any]] = {}  # composed configurations, by overrides


def pretrainings(runs: Iterable[Run]) -> list[Run]:
    """The distinct pretraining runs of these runs, in the order in which they are needed."""
    return list({repr(source): source for run in runs if (source := pretraining(run))}.values())


def pretraining(run: Run) -> Run | None:
    """The run that trains the weights for `run`'s arm, with the model and the machine of `run`."""
    if (overrides := pretraining_overrides(run)) is None:
        return None
    config = copy.deepcopy(composed_pretraining(run, overrides))
    if cast(Transfer, run.arm).own_text:
        config["task"]["files"]["train"] = str(_own_text(run))
    shared = {name: run.config()[name] for name in SHARED}
    try:
        return Run.read({**config, **shared, "study": PRETRAINING.model_dump(mode="json")})
    except ConfigError as error:
        raise _of_arm(run, error) from None


def pretraining_overrides(run: Run) -> tuple[str, ...] | None:
    """The overrides of the pretraining of `run`'s arm, without its text if that is the text of the task."""
    arm = run.arm
    if not isinstance(arm, Transfer) or not arm.pretraining or arm.run:
        return None
    text: list[str] = []
    if arm.own_text:
        objective = OBJECTIVES.get(run.model.family() or "")
        if objective is None:
            raise _no_text(run)
        text = [f"task={objective}", f"task.name={run.task.name}_text"]
    return (*text, *arm.pretraining, "arm=scratch", f"seed={arm.pretraining_seed}", "keep_weights=true")


def composed_pretraining(run: Run, overrides: tuple[str, ...]) -> dict[str, Any]:
    """The configuration of a pretraining, before the machine of a run is put into it."""
    if (kept := _kept.get(overrides)) is not None:
        return kept
    from headstart.studies.compose import config_of

    try:
        return config_of(overrides)
    except ConfigError as error:
        raise _of_arm(run, error) from None


def keep_pretrainings(configs: Mapping[tuple[str, ...], dict[str, Any]]) -> None:
    """From now on the pretrainings of these overrides have these configurations, whatever the yaml says."""
    _kept.clear()
    _kept.update(configs)


def _of_arm(run: Run, error: ConfigError) -> ConfigError:
    return ConfigError(f"arm={run.arm.name}: pretraining: {line}" for line in error.lines)


def _no_text(run: Run) -> ConfigError:
    return ConfigError(
        f"arm={run.arm.name}: task {run.task.name} has no text that {run.model.name} could read"
    )


def with_weights(run: Run) -> Run:
    """The run with its arm's weights in place; WeightsError when its pretraining is not finished."""
    source, arm = pretraining(run), run.arm
    if source is None or not isinstance(arm, Transfer):
        return run
    names = identify(source)
    folder = run_folder(source, names)
    if not settled(folder, names) or not weights_folder(folder).is_dir():
        raise WeightsError(f"arm.pretraining: {source.title} is not finished; the study trains it first")
    saved_weights(str(folder), arm.checkpoint_step)
    return run.model_copy(update={"arm": arm.model_copy(update={"run": str(folder)})})


def _own_text(run: Run) -> Path:
    """The training text of the run's task, written to a file."""
    prepared = run.prepare()
    texts = run.task.texts_of(prepared, "train")
    if not texts:
        raise _no_text(run)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)

    def write(path: Path) -> None:
        path.write_text(lines, "utf8")

    return cached(f"own-text/{prepared.facts['rows']['train']}.jsonl", write)

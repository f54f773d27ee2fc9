"""Weights: the weights of every arm are loaded once before the first run trains."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.arms.transfer import Transfer
from headstart.errors import ConfigError, DataError, WeightsError
from headstart.run import Run
from headstart.studies.kept_plans import is_planned
from headstart.studies.run_folder import identify, run_folder, settled


def try_arms(runs: Sequence[Run]) -> None:
    """One error with every distinct reason why a run cannot start: weights are missing or do not fit.

    Skips finished runs, and arms whose weights the study pretrains first. Missing weights are named before
    rows are read and a tokenizer is trained, which can take minutes.
    """
    from rich.console import Console

    starts: dict[str, list[Run]] = {}  # runs that begin with the same weights in the same model
    for run in runs:
        if not (isinstance(run.arm, Transfer) and run.arm.pretraining and run.arm.run is None):
            start = repr((run.model, run.arm, run.task.auto_class_for(run.model)))
            starts.setdefault(start, []).append(run)
    mistakes: dict[str, type[ConfigError | WeightsError]] = {}
    with Console(stderr=True).status("trying the weights of every arm"):
        for check in (_locate, _load):
            for same_start in starts.values():
                if mistakes and same_start[0].model.trains_tokenizer:
                    continue  # training it can take minutes, and what is known already ends the study
                try:
                    check(same_start)
                except (ConfigError, WeightsError) as error:
                    mistakes.setdefault(str(error), type(error))
    if mistakes:
        kind = WeightsError if WeightsError in mistakes.values() else ConfigError
        raise kind("\n".join(mistakes))


def _locate(runs: Sequence[Run]) -> None:
    runs[0].arm.weights_digest(runs[0].model)


def _load(runs: Sequence[Run]) -> None:
    """Load the weights as the first unfinished run will, unless it was planned before."""
    unfinished = next((run for run in runs if not _done(run)), None)
    if unfinished and not is_planned(unfinished):
        _try(unfinished)


def _done(run: Run) -> bool:
    if not any(run.study_folder.glob("*/record.json")):
        return False
    try:
        names = identify(run)
    except DataError:  # the run itself reports it; runs on other data can go on
        return False
    return settled(run_folder(run, names), names)


def _try(run: Run) -> None:
    """Load the weights as the run will, into a model without values, and let the arm choose what trains."""
    from headstart.training.quiet import quiet

    quiet()
    model = run.model.skeleton(run.task.auto_class_for(run.model), run.model.transformers_config())
    if isinstance(run.arm, Transfer):
        run.arm.load_weights(model, run.model)
    run.arm.adapt(model)
    run.arm.stages(model)

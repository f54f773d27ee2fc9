"""Weights: the weights of every arm are loaded once before the first run trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headstart.arms.transfer import Transfer
from headstart.errors import ConfigError, DataError, WeightsError
from headstart.run import Run
from headstart.studies.kept_plans import is_planned
from headstart.studies.run_folder import identify, run_folder, settled


def try_arms(runs: Sequence[Run], done: Callable[[int], bool] | None = None) -> None:
    """One error with every distinct reason why a run cannot start: weights are missing or do not fit.

    Skips finished runs, and arms whose weights the study pretrains first. Missing weights are named before
    rows are read and a tokenizer is trained, which can take minutes. `done`: is the run at a place finished?
    """
    from headstart.screen import waiting

    starts: dict[str, list[int]] = {}  # places of runs that begin with the same weights in the same model
    for place, run in enumerate(runs):
        if not (isinstance(run.arm, Transfer) and run.arm.pretraining and run.arm.run is None):
            settings = run.model_dump_json(include={"model", "arm"})
            start = f"{settings} {run.task.auto_class_for(run.model)}"
            starts.setdefault(start, []).append(place)
    mistakes: dict[str, type[ConfigError | WeightsError]] = {}
    with waiting("trying the weights of every arm"):
        for loads in (False, True):
            for same_start in starts.values():
                first = runs[same_start[0]]
                if mistakes and first.model.trains_tokenizer:
                    continue  # training it can take minutes, and what is known already ends the study
                try:
                    if loads:
                        _load(runs, same_start, done or (lambda place: _done(runs[place])))
                    else:
                        first.arm.weights_digest(first.model)
                except (ConfigError, WeightsError) as error:
                    mistakes.setdefault(str(error), type(error))
    if mistakes:
        kind = WeightsError if WeightsError in mistakes.values() else ConfigError
        raise kind("\n".join(mistakes))


def _load(runs: Sequence[Run], places: Sequence[int], done: Callable[[int], bool]) -> None:
    """Load the weights as the first unfinished run will, unless it was planned before."""
    begun: dict[tuple[str, str], bool] = {}
    for place in places:
        run = runs[place]
        study = run.runs, run.study.name
        if study not in begun:
            begun[study] = any(run.study_folder.glob("*/record.json"))
        try:
            if begun[study] and done(place):
                continue
        except DataError:  # the run itself reports it; runs on other data can go on
            pass
        if not is_planned(run):
            _try(run)
        return


def _done(run: Run) -> bool:
    names = identify(run)
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

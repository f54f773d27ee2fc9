"""Weights: the weights of every arm are loaded once before the first run trains."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.arms.transfer import Transfer
from headstart.errors import ConfigError, DataError, WeightsError
from headstart.run import Run
from headstart.studies.run_folder import identify, run_folder, settled


def try_arms(runs: Sequence[Run]) -> None:
    """One error with every distinct reason why a run cannot start: weights are missing or do not fit.

    Skips finished runs, and arms whose weights the study pretrains first.
    """
    from rich.console import Console

    mistakes: dict[str, type[ConfigError | WeightsError]] = {}
    tried: set[str] = set()
    with Console(stderr=True).status("trying the weights of every arm"):
        for run in runs:
            start = repr((run.model, run.arm, run.task.auto_class_for(run.model)))
            waits = isinstance(run.arm, Transfer) and run.arm.pretraining and run.arm.run is None
            if start in tried or waits:
                continue
            try:
                if not _done(run):
                    tried.add(start)
                    _try(run)
            except (ConfigError, WeightsError) as error:
                tried.add(start)
                mistakes.setdefault(str(error), type(error))
    if mistakes:
        kind = WeightsError if WeightsError in mistakes.values() else ConfigError
        raise kind("\n".join(mistakes))


def _done(run: Run) -> bool:
    run.arm.weights_digest(run.model)
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

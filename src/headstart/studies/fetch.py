"""Fetch: brings everything that a study needs into the local caches, so that it runs offline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headstart.arms.transfer import Transfer
from headstart.data.formats import one_line
from headstart.data.hub import Hub
from headstart.data.hub_files import replace
from headstart.errors import HeadstartError, RecordError
from headstart.models.weights import CheckpointSource
from headstart.run import Run
from headstart.studies.pretraining import pretraining


@dataclass(frozen=True)
class Need:
    """Something that runs read, and how to get it."""

    kind: str  # "weights", "model" (its settings alone), "tokenizer", "dataset" or "rows"
    name: str
    get: Callable[[], Path | None]  # returns its folder; None: it has no folder of its own
    repair: Callable[[], list[Path]] = list  # fetches damaged files of the hub's cache again; returns them


@dataclass(frozen=True)
class Fetched:
    """The result of one need: its size on disk, or the problem."""

    kind: str
    name: str
    size: int | None = None  # bytes; None: it has no folder of its own
    problem: str | None = None
    replaced: tuple[Path, ...] = ()  # files that were damaged


def needs(runs: Iterable[Run]) -> list[Need]:
    """What these runs and their pretraining runs read, without repetitions; rows last."""
    distinct: dict[tuple[str, str], Need] = {}
    for run in runs:
        pretraining_run = pretraining(run)
        for need in [*(_needs_of(pretraining_run) if pretraining_run else []), *_needs_of(run)]:
            distinct.setdefault((need.kind, need.name), need)
    weights = {name for kind, name in distinct if kind == "weights"}  # weights include the model's settings
    needed = [need for (kind, name), need in distinct.items() if kind != "model" or name not in weights]
    return sorted(needed, key=lambda need: need.kind == "rows")


def _needs_of(run: Run) -> list[Need]:
    model, source, arm = run.model, run.task.source, run.arm

    def prepare() -> None:  # so that a wrong column is reported while there is a network
        run.task.prepare(model, run.size)

    def verified_weights() -> Path:
        arm.weights_digest(model)
        return model.find().folder

    needed = [Need("rows", f"{run.task.name} for {model.short_name}", prepare)]
    if isinstance(source, Hub):
        repair = partial(replace, source.name, "dataset", source.revision)
        needed.append(Need("dataset", source.name, source.folder, repair))
    if isinstance(arm, Transfer) and arm.run is None and not arm.pretraining:
        needed.append(Need("weights", model.name, verified_weights, _repair(model)))
    elif model.settings() is None:
        needed.append(Need("model", model.name, lambda: model.find().folder, _repair(model)))
    if (tokenizer := model.tokenizer) and tokenizer.train is None:
        needed.append(Need("tokenizer", tokenizer.name, lambda: tokenizer.find().folder, _repair(tokenizer)))
    return needed


def _repair(source: CheckpointSource) -> Callable[[], list[Path]]:
    return partial(replace, source.name, "model", source.revision)


def fetch(needs: Sequence[Need], say: Callable[[str], None]) -> list[Fetched]:
    """Get everything; when one need fails, the others are still fetched."""
    results: list[Fetched] = []
    for need in needs:
        say(f"{need.kind} {need.name}")
        replaced: tuple[Path, ...] = ()
        problem, size = None, None
        try:
            replaced = tuple(need.repair())
        except Exception as error:  # noqa: BLE001  the hub's HTTP library has many errors of its own
            problem = f"{need.name}: a damaged file cannot be fetched again ({one_line(error)})"
        try:
            folder = need.get()
            size = _size(folder) if folder else None
        except (HeadstartError, OSError) as error:
            problem = f"{error}{f'; {problem}' if problem else ''}"
        results.append(Fetched(need.kind, need.name, size, problem, replaced))
    return results


def _size(folder: Path) -> int:
    """Bytes below a folder; a hub cache keeps links to its files."""
    if not folder.exists():
        raise RecordError(f"{folder}: was removed while it was measured")
    files = folder.rglob("*") if folder.is_dir() else [folder]
    return sum(file.stat().st_size for file in files if file.is_file())

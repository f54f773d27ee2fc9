"""Fetch: everything that a study needs, brought into the local caches, so that it runs without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.data.hub import Hub
from headstart.errors import HeadstartError, RecordError
from headstart.run import Run
from headstart.studies.pretraining import pretraining


@dataclass(frozen=True)
class Need:
    """One thing that runs read: what it is, and how to get it."""

    kind: str  # "weights", "model" (its settings alone), "tokenizer", "dataset" or "rows"
    name: str
    get: Callable[[], Path | None]  # where it lies; None: it has no folder of its own


@dataclass(frozen=True)
class Fetched:
    """A need that was met, with its size on disk, or the sentence that says why it was not."""

    kind: str
    name: str
    size: int | None = None  # bytes; None: it has no folder of its own
    problem: str | None = None


def needs(runs: Iterable[Run]) -> list[Need]:
    """What these runs read, and what the pretrainings read that they wait for; each once, rows last."""
    found: dict[tuple[str, str], Need] = {}
    for run in _with_pretrainings(runs):
        for need in _of(run):
            found.setdefault((need.kind, need.name), need)
    weights = {name for kind, name in found if kind == "weights"}  # they come with their settings
    kept = [need for (kind, name), need in found.items() if kind != "model" or name not in weights]
    return sorted(kept, key=lambda need: need.kind == "rows")


def fetch(wanted: Sequence[Need], say: Callable[[str], None]) -> list[Fetched]:
    """Get everything; what cannot be had does not keep the rest from coming."""
    done = []
    for need in wanted:
        say(f"{need.kind} {need.name}")
        try:
            folder = need.get()
        except HeadstartError as error:
            done.append(Fetched(need.kind, need.name, problem=str(error)))
        else:
            done.append(Fetched(need.kind, need.name, size=_size(folder) if folder else None))
    return done


def _with_pretrainings(runs: Iterable[Run]) -> list[Run]:
    whole: list[Run] = []
    for run in runs:
        first = pretraining(run)
        whole += [run] if first is None else [first, run]
    return whole


def _of(run: Run) -> list[Need]:
    model, source = run.model, run.task.source
    found = [Need("rows", f"{run.task.name} for {model.short_name}", lambda: _prepared(run))]
    if isinstance(source, Hub):
        found.append(Need("dataset", source.name, source.folder))
    if _pours_published(run):
        found.append(Need("weights", model.name, lambda: _verified(run)))
    elif model.settings() is None:
        found.append(Need("model", model.name, lambda: model.find().folder))
    if model.tokenizer and model.tokenizer.train is None:
        place = model.tokenizer
        found.append(Need("tokenizer", place.name, lambda: place.find().folder))
    return found


def _pours_published(run: Run) -> bool:
    """Whether the arm reads the model's published weights."""
    given = run.arm.model_dump()
    return "run" in given and given["run"] is None and not given["recipe"]


def _verified(run: Run) -> Path:
    run.arm.weights_digest(run.model)
    return run.model.find().folder


def _prepared(run: Run) -> None:
    """Read, check and tokenise the rows now: a wrong column is better met with a network than without."""
    run.task.prepare(run.model, run.size)


def _size(folder: Path) -> int:
    """Bytes below a folder; a hub cache keeps links to its files."""
    if not folder.exists():
        raise RecordError(f"{folder}: has gone while it was measured")
    files = folder.rglob("*") if folder.is_dir() else [folder]
    return sum(file.stat().st_size for file in files if file.is_file())

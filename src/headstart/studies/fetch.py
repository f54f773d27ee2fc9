"""Fetch: all that a study needs is brought into the local caches, so that it runs without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.arms.transfer import Transfer
from headstart.data.hub import Hub
from headstart.errors import HeadstartError, RecordError
from headstart.run import Run
from headstart.studies.pretraining import pretraining


@dataclass(frozen=True)
class Need:
    """One thing that runs read: what it is, and how to get it."""

    kind: str  # "weights", "model" (its settings alone), "tokenizer", "dataset" or "rows"
    name: str
    get: Callable[[], Path | None]  # returns its folder; None: it has no folder of its own


@dataclass(frozen=True)
class Fetched:
    """A need that was met, with its size on disk, or the sentence that says why it was not."""

    kind: str
    name: str
    size: int | None = None  # bytes; None: it has no folder of its own
    problem: str | None = None


def needs(runs: Iterable[Run]) -> list[Need]:
    """What these runs and the pretrainings that they wait for read; each once, rows last."""
    known: dict[tuple[str, str], Need] = {}
    for run in runs:
        first = pretraining(run)
        for need in [*(_needs_of(first) if first else []), *_needs_of(run)]:
            known.setdefault((need.kind, need.name), need)
    weights = {name for kind, name in known if kind == "weights"}  # they come with the model's settings
    wanted = [need for (kind, name), need in known.items() if kind != "model" or name not in weights]
    return sorted(wanted, key=lambda need: need.kind == "rows")


def _needs_of(run: Run) -> list[Need]:
    model, source, arm = run.model, run.task.source, run.arm

    def prepare() -> None:  # a wrong column is better met while there is a network
        run.task.prepare(model, run.size)

    def verified_weights() -> Path:
        arm.weights_digest(model)
        return model.find().folder

    needed = [Need("rows", f"{run.task.name} for {model.short_name}", prepare)]
    if isinstance(source, Hub):
        needed.append(Need("dataset", source.name, source.folder))
    if isinstance(arm, Transfer) and arm.run is None and not arm.pretraining:
        needed.append(Need("weights", model.name, verified_weights))
    elif model.settings() is None:
        needed.append(Need("model", model.name, lambda: model.find().folder))
    if (tokenizer := model.tokenizer) and tokenizer.train is None:
        needed.append(Need("tokenizer", tokenizer.name, lambda: tokenizer.find().folder))
    return needed


def fetch(wanted: Sequence[Need], say: Callable[[str], None]) -> list[Fetched]:
    """Get everything; when one thing fails, the others are fetched all the same."""
    done = []
    for need in wanted:
        say(f"{need.kind} {need.name}")
        try:
            folder = need.get()
            done.append(Fetched(need.kind, need.name, size=_size(folder) if folder else None))
        except HeadstartError as error:
            done.append(Fetched(need.kind, need.name, problem=str(error)))
    return done


def _size(folder: Path) -> int:
    """Bytes below a folder; a hub cache keeps links to its files."""
    if not folder.exists():
        raise RecordError(f"{folder}: was removed while it was measured")
    files = folder.rglob("*") if folder.is_dir() else [folder]
    return sum(file.stat().st_size for file in files if file.is_file())

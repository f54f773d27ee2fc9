"""Verify: initialises every run of a study again from its seed and checkpoint, and compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headstart.errors import HeadstartError, RecordError
from headstart.records.attestation import at_step_zero
from headstart.records.record import Record
from headstart.records.sections import Data, Init
from headstart.records.store import read_study, same_run
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.studies.trust import check_recorded

PARTS = ("seeded", "loaded", "added", "step 0")
SHARED = ("streams", "head", "architecture", "built_from", "loaded", "newly_initialised", "added", "dtypes")
ROWS = ("rows", "order", "tokenizer")
EXPLAINS = ("torch", "transformers", "peft", "tokenizers")  # another version may give other numbers


@dataclass(frozen=True)
class Verified:
    """One run: how many of its tensors are reproduced, and what differs.

    `reason` says why a run could not be checked; such a run is not verified.
    """

    run: str
    same: Mapping[str, tuple[int, int]]  # by part; empty for a run that was not checked
    wrong: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def well(self) -> bool:
        return not self.wrong and self.reason is None


def verify(
    folder: Path, say: Callable[[str], None] = lambda name: None, trusted: bool = False
) -> list[Verified]:
    """Initialise every run below `folder` again and compare; RecordError when there is no run.

    `trusted`: the code of the models may run.
    """
    stored = read_study(folder)
    readable_folders = {record.folder for record in stored.records}
    verified: list[Verified] = []
    for record in stored.records:
        say(record.folder.name)
        verified.append(_verified(record, trusted))
    problems = {p.folder: p.sentence for p in stored.problems if p.folder not in readable_folders}
    verified += [Verified(at.name, {}, reason=sentence) for at, sentence in problems.items()]
    if not verified:
        raise RecordError(f"{folder}: holds no runs; name the folder of a study, such as runs/first_look")
    return verified


def _verified(record: Record, trusted: bool) -> Verified:
    name = record.folder.name
    try:
        init, data = _initialised_again(record, trusted)
    except HeadstartError as error:
        return Verified(name, {}, reason=str(error))
    before, again = _parts(record.init), _parts(init)
    same: dict[str, tuple[int, int]] = {}
    wrong: list[str] = []
    for part in PARTS:
        names = {*before[part], *again[part]}
        differing = sorted(n for n in names if before[part].get(n) != again[part].get(n))
        same[part] = (len(names) - len(differing), len(names))
        if differing and not (wrong and part == "step 0"):  # a consequence of the other differences
            wrong.append(f"{len(differing)} of {len(names)} tensors ({part}) differ, such as {differing[0]}")
    if not wrong:
        wrong = [f"init.{key} differs" for key in SHARED if getattr(record.init, key) != getattr(init, key)]
    wrong += [f"data.{key} differs" for key in ROWS if getattr(record.data, key) != getattr(data, key)]
    return Verified(name, same, tuple(f"{difference}{_why(record)}" for difference in wrong))


def _initialised_again(record: Record, trusted: bool) -> tuple[Init, Data]:
    """The `init` and `data` that the stored configuration of the run gives now."""
    run = Run.read(record.config)
    check_recorded(run, trusted)
    run.arm.weights_digest(run.model, fetch=False)
    if not same_run(record, names := identify(run, fetch=False)):
        raise RecordError(
            f"its data, its model's files or its weights are not those of the run (run {record.run_id}, "
            f"now {names.run_id}); bring them back"
        )
    from headstart.training.initialise import initialise
    from headstart.training.plan import plan_of
    from headstart.training.quiet import quiet

    run.hardware.set_threads()
    quiet()
    prepared = run.task.prepare(run.model, run.size)  # read again, even if trained here
    plan = plan_of(run, prepared)
    init = initialise(run, prepared, plan.steps).attest()
    return Init.model_validate(init), Data.model_validate(prepared.facts | {"order": plan.digest})


def _parts(init: Init) -> dict[str, Mapping[str, str]]:
    """Digests of tensors, by when they were set."""
    added = {name: digest for name, digest in init.changed.items() if name not in init.seeded}
    loaded = init.checkpoint.tensors if init.checkpoint else {}
    return {"seeded": init.seeded, "loaded": loaded, "added": added, "step 0": at_step_zero(init)}


def _why(record: Record) -> str:
    """Changed versions of libraries, which may explain a difference."""
    from headstart.records.environment import versions

    then, now = record.environment.versions, versions()
    changes = [f"{n} {then[n]}, here {now.get(n)}" for n in EXPLAINS if n in then and then[n] != now.get(n)]
    return f" (the run had {'; '.join(changes)}, which may be why)" if changes else ""

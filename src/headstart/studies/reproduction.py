"""Reproduction: the runs of a study, of its folder or of a zip, trained again in a folder of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from headstart.errors import ConfigError, DataError, RecordError, WeightsError
from headstart.plugins import OwnFile
from headstart.records.archive import MANIFEST, check_unpacked, unpack
from headstart.records.fingerprint import LOCATIONS, as_mapping, digest
from headstart.records.record import Record
from headstart.records.store import read_study
from headstart.records.whole_file import file_digest, write_whole
from headstart.run import Run
from headstart.studies.frozen import FILE, FrozenRun, FrozenStudy, read_frozen, write_frozen
from headstart.studies.outcome import faults
from headstart.studies.rerun import RUNS, Again, Difference, again, changed_inputs, repeated
from headstart.studies.run_folder import SETTLED
from headstart.studies.scheduler import stand_alone
from headstart.studies.trust import check_recorded
from headstart.studies.work import train_points

RESULT = "reproduction.json"
# Settings that say where things lie.
PLACES = (*(name for name in LOCATIONS if name != "task.name"), "arm.run")
MACHINE = ("hardware", "meter")  # groups of settings that change no result


@dataclass(frozen=True)
class Original:
    """A study as it was: the folder of its records, and where a pack has the files that it needs."""

    shown: str  # as it was typed
    folder: Path
    frozen: FrozenStudy
    records: tuple[Record, ...]  # finished or diverged
    needed: tuple[Mapping[str, Any], ...] = ()  # of a pack: Needed as a mapping
    base: Path = Path()  # of a pack: the folder that it was unpacked into

    @property
    def repeats(self) -> Path:
        """Where its runs are trained again; the same for the study and for each of its packs."""
        names = digest(sorted(record.run_id for record in self.records))[:8]
        return Path(RUNS) / f"{self.frozen.name}-{names}"


@dataclass(frozen=True)
class Repeated:
    """A study that was trained again, run by run; without `runs`, nothing was trained."""

    original: Original
    folder: Path
    runs: tuple[Again, ...]
    changed: tuple[Difference, ...]  # of what the runs read
    trained: int
    failed: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Is every value of every run the same, to the last bit?"""
        return bool(self.runs) and not self.failed and not any(run.differences for run in self.runs)

    @property
    def surroundings(self) -> tuple[Difference, ...]:
        """What differs around the runs, once: versions, machine, code."""
        every = {(d.path, str(d.before), str(d.now)): d for run in self.runs for d in run.surroundings}
        return tuple(every.values())


def open_original(path: Path) -> Original:
    """The study of a zip, of a folder unpacked from one, or of runs/STUDY; RecordError if damaged."""
    manifest: Mapping[str, Any] = {}
    base = Path()
    if path.is_file():
        base = Path(RUNS) / f"{path.stem}-{file_digest(path)}" / "packed"
        manifest = unpack(path, base)
    elif (path / MANIFEST).is_file():
        base, manifest = path, check_unpacked(path)
    folder = base / "runs" / manifest["study"] if manifest else path
    records = tuple(
        r for r in read_study(folder).records if r.status in SETTLED and not r.config["study"]["trial"]
    )
    if not records:
        raise RecordError(f"{path}: holds no finished run; there is nothing to reproduce")
    return Original(str(path), folder, read_frozen(folder), records, tuple(manifest.get("needed", ())), base)


def reproduce(original: Original, settings: Sequence[str], trusted: bool, anyway: bool) -> Repeated:
    """Train every finished run of the study again, with `settings` of places and of the machine.

    Nothing is trained when rows or weights are not those of the records, unless `anyway`. ConfigError when
    code of others would run and is not `trusted`, or when something is not here.
    """
    stand_alone()
    frozen = original.frozen
    _refuse_code(original, trusted)
    changes = _settings(settings)
    kept = {_key(record.config): record for record in original.records}
    every = (*(run for run in frozen.chosen if not run.config["study"]["trial"]), *frozen.runs.values())
    runs = {_key(run.config): _moved(run, original, changes) for run in every if _key(run.config) in kept}
    pretrainings = {key: _places(config, original, changes) for key, config in frozen.pretrainings.items()}
    moved = FrozenStudy({run.key: run for run in runs.values()}, pretrainings=pretrainings, own=frozen.own)
    folder = original.repeats / frozen.name
    try:
        moved.use()
        points = {key: run.point() for key, run in runs.items()}
        for point in points.values():
            check_recorded(point.run, trusted)
        changed = _changed(original, {key: point.run for key, point in points.items()}, kept)
        if changed and not anyway:
            return Repeated(original, folder, (), changed, 0)
        write_frozen(folder, moved)
        outcomes = train_points([*points.values()], folder)
    finally:
        FrozenStudy().use()
    new = {_key(record.config): record for record in read_study(folder).records}
    pairs = [(record, new[key]) for key, record in kept.items() if key in new]
    return Repeated(
        original,
        folder,
        tuple(again(before, now) for before, now in pairs),
        changed,
        sum(outcome.status != "kept" for outcome in outcomes),
        tuple(faults(outcomes)),
    )


def write_result(repeated: Repeated, content: Mapping[str, Any]) -> Path:
    """Write what came of it beside the new runs, with both machines."""
    machines = sorted({record.environment.machine for record in repeated.original.records})
    now = sorted({record.environment.machine for record in read_study(repeated.folder).records})
    values: dict[str, Any] = {"machine": {"before": machines, "now": now, "same": machines == now}}
    values |= {name: [vars(d) for d in getattr(repeated, name)] for name in ("changed", "surroundings")}
    text = json.dumps({**content, **values, "failed": repeated.failed}, indent=1, ensure_ascii=False) + "\n"
    return write_whole(repeated.folder / RESULT, lambda path: path.write_text(text, "utf8"))


def _refuse_code(original: Original, trusted: bool) -> None:
    """ConfigError when kinds of the study are code that is not in ./own as well, and nobody trusts it."""
    here = {OwnFile(path, path.read_bytes()).digest for path in Path.cwd().glob("own/*/*.py")}
    foreign = [file for sha, (file, _) in original.frozen.own.items() if sha not in here]
    if foreign and not trusted:
        raise ConfigError(
            f"{original.shown}: brings code of its own, {', '.join(foreign)} in its {FILE}, which would run "
            "with all your rights; read it, and add --trust-remote-code"
        )


def _settings(words: Sequence[str]) -> dict[str, Any]:
    """The settings by their dotted name; ConfigError for one that may change a result."""
    settings: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        of_machine = name.partition(".")[0] in MACHINE and "." in name
        if not equals or not (of_machine or name in PLACES):
            raise ConfigError(
                f"reproduce: {word} is no setting of a place or of the machine, such as "
                "task.files.train=PATH, model.folder=PATH or hardware.threads=2"
            )
        settings[name] = yaml.safe_load(value) if of_machine else value
    return settings


def _moved(run: FrozenRun, original: Original, changes: Mapping[str, Any]) -> FrozenRun:
    """The run as it is trained again: the same result, other places."""
    config = _places(repeated(run.config), original, changes)
    return replace(run, config={**config, "runs": str(original.repeats)})


def _places(config: Mapping[str, Any], original: Original, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with what the pack has and what was typed in the place of what it names."""
    packed = {
        (item["setting"], item["value"]): str(original.base / item["packed"])
        for item in original.needed
        if item["packed"]
    }
    moved: dict[str, Any] = json.loads(json.dumps(config))
    for name in {*PLACES, *changes}:
        *groups, leaf = name.split(".")
        node: Any = moved
        for group in groups:
            node = as_mapping(node).get(group)
        if not as_mapping(node):
            continue
        value = node["name"] if name == "model.folder" else node.get(leaf)
        if name in changes and (value is not None or name.partition(".")[0] in MACHINE):
            node[leaf] = changes[name]
        elif (name, value) in packed:
            node[leaf] = packed[name, value]
    return moved


def _key(config: Mapping[str, Any]) -> str:
    """The same for a run and its repetition: its settings without any place."""
    return FrozenRun("", (), {**config, "arm": {**config["arm"], "run": None}}).key


def _changed(
    original: Original, runs: Mapping[str, Run], kept: Mapping[str, Record]
) -> tuple[Difference, ...]:
    """What the runs would read that is not what it was, once; ConfigError for what is not here."""
    found: dict[str, Difference] = {}
    absent: dict[str, None] = {}
    for key, run in runs.items():
        try:
            found |= {difference.sentence: difference for difference in changed_inputs(kept[key], run)}
        except (DataError, WeightsError) as error:
            absent[str(error)] = None
    if absent:
        digests = sorted({f"rows with the digest {record.data.source}" for record in kept.values()})
        unpacked = [
            f"{item['setting']}={item['name']} (sha256 {item['sha256'] or 'unknown'})"
            for item in original.needed
            if not item["packed"]
        ]
        needed = ", ".join(unpacked or digests)
        advice = f"give what is missing as SETTING=PATH after {original.shown}"
        raise ConfigError([*absent, f"reproduce: the study was trained on {needed}; {advice}"])
    return tuple(found.values())

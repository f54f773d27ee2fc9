"""Pack: all that somebody else needs to read a study and to run it again, as one zip.

Records, curves and predictions are copied; configurations are those of study.json. Without `rows`, the texts
of rows are left out of predictions and report: of a record, the digest of the predictions then changes.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.errors import ConfigError, RecordError
from headstart.plugins import FOLDER as OWN
from headstart.records.archive import is_archive, write_archive
from headstart.records.curve import CURVE
from headstart.records.fingerprint import as_mapping, leaves
from headstart.records.imported import is_imported
from headstart.records.predictions import PREDICTIONS
from headstart.records.record import RECORD, Record
from headstart.records.store import damage, read_record, sealed
from headstart.records.whole_file import file_digest
from headstart.records.without_texts import write_without_texts
from headstart.studies import crate
from headstart.studies.containerfile import write_environment
from headstart.studies.frozen import FILE, FrozenStudy, read_frozen
from headstart.studies.needed import Needed, needed_rows, needed_weights
from headstart.studies.run_folder import SETTLED
from headstart.studies.status import status_of

SHOWN = 6  # missing runs that are named


@dataclass(frozen=True)
class Staged:
    """A study that was copied into a folder, before its report is written and everything is zipped."""

    file: Path  # the zip that it becomes
    folder: Path
    study: Path  # the study's own folder in it: runs/NAME
    frozen: FrozenStudy
    records: Mapping[str, Record]  # by the path of their run in `folder`
    needed: tuple[Needed, ...]  # what lies outside the study
    missing: tuple[str, ...]  # runs that are not finished, files that are damaged
    rows: bool
    weights: bool
    changed: tuple[str, ...]  # versions that are not those of the records

    @property
    def local(self) -> tuple[str, ...]:
        """Paths of this machine that stand in the records, as `setting=value`."""
        words = [
            f"{name}={value}" for record in self.records.values() for name, value in leaves(record.config)
        ]
        words += [word for record in self.records.values() for word in record.argv]
        found = [word for word in words if word.partition("=")[2].startswith(("/", "~", "\\", "C:"))]
        return tuple(sorted(dict.fromkeys(found)))


def stage(
    folder: Path, to: Path, file: Path | None, *, rows: bool, weights: bool, unfinished: bool
) -> Staged:
    """Copy a study into the empty folder `to`; ConfigError when it is not finished, unless `unfinished`.

    `file` is the zip that it will be; NAME.zip unless given.
    """
    if is_imported(folder):
        raise ConfigError(f"{folder}: holds results that others made; there are no runs to pack")
    frozen = read_frozen(folder)
    file = file or Path(f"{frozen.name}.zip")
    if file.exists() and not is_archive(file):
        raise ConfigError(f"pack: {file} exists and is no pack; choose another file with --to")
    left = [run for run in status_of(folder).runs if run.status not in SETTLED]
    shown, folder = folder, folder.resolve()
    with contextlib.chdir(frozen.started_in(folder) or Path.cwd()):
        siblings = {run.config["study"]["name"] for run in frozen.chosen} - {frozen.name}  # of trials
        folders = {frozen.name: folder} | {name: folder.parent / name for name in siblings}
        records, damaged = _copy_runs(folders, to, rows, weights)
        missing = (*(f"{run.title}: {run.status}" for run in left), *damaged)
        if not records or (missing and not unfinished):
            more = [f"and {len(missing) - SHOWN} more"] if missing[SHOWN:] else []
            advice = ", or pack what is there with --unfinished" if records else ""
            sentence = f"pack: {shown} is not finished; finish it with headstart work {shown}{advice}"
            raise ConfigError([*missing[:SHOWN], *more, sentence])
        for record in records.values():
            _copy_pretraining(record, to, rows)
        shutil.copy(folder / FILE, to / "runs" / frozen.name / FILE)
        for path, code in frozen.own.values():
            own = to.joinpath(OWN, *Path(path).parts[-2:])
            own.parent.mkdir(parents=True, exist_ok=True)
            own.write_bytes(code.encode("utf8", "surrogateescape"))
        needed = [*needed_rows(frozen, records.values(), to if rows else None)]
        needed += needed_weights(records.values(), to if weights else None)
    changed = write_environment(to, [*records.values()])
    study = to / "runs" / frozen.name
    return Staged(file, to, study, frozen, records, tuple(needed), missing, rows, weights, changed)


def write_pack(staged: Staged, question: str, answer: str, fingerprint: str) -> Path:
    """Write what other programs read of the study, and zip everything; returns the path of the zip."""
    study, folder = staged.study.name, staged.folder
    for task, record, files in _tasks(staged):
        crate.write_json(folder / f"croissant-{task['name']}.json", crate.croissant(task, record, files))
    cited = crate.citation(study, question, fingerprint, [*staged.records.values()])
    (folder / "CITATION.cff").write_text(cited, "utf8", newline="\n")
    (folder / "README.md").write_text(_readme(staged, question, answer), "utf8", newline="\n")
    crate.write_crate(folder, study, answer, staged.records)
    about = {
        "study": study,
        "headstart": version("headstart"),
        "fingerprint": fingerprint,
        "answer": answer,
        "rows": staged.rows,
        "weights": staged.weights,
        "missing": staged.missing,
        "own_code": {path: digest for digest, (path, _) in staged.frozen.own.items()},
        "needed": [vars(item) for item in staged.needed],
    }
    return write_archive(folder, staged.file, about)


def _copy_runs(
    folders: Mapping[str, Path], to: Path, rows: bool, weights: bool
) -> tuple[dict[str, Record], list[str]]:
    """Copy the runs of these studies: their records by path, and a sentence for each damaged one."""
    records: dict[str, Record] = {}
    damaged: list[str] = []
    for study, folder in folders.items():
        for run in sorted(file.parent for file in folder.glob(f"*/{RECORD}")):
            if wrong := damage(run):
                damaged.append(f"{run.name}: {wrong}")
                continue
            records |= _copy_run(run, to, f"runs/{study}/{run.name}", rows)
            for saved in run.glob("model*/") if weights else ():
                shutil.copytree(saved, to / "runs" / study / run.name / saved.name)
    return records, damaged


def _copy_run(run: Path, to: Path, path: str, rows: bool) -> dict[str, Record]:
    """Copy the files of a run; returns its record by its path, unless it ended before its first step."""
    target = to / path
    target.mkdir(parents=True)
    for name in (RECORD, CURVE, PREDICTIONS):
        if (run / name).exists():
            shutil.copyfile(run / name, target / name)
    if (run / PREDICTIONS).exists() and not rows:
        write_without_texts(run / PREDICTIONS, target / PREDICTIONS)
        contents: dict[str, Any] = json.loads((run / RECORD).read_text("utf8"))
        if contents["scores"].get("predictions"):
            contents["scores"]["predictions"] = file_digest(target / PREDICTIONS)
            contents = sealed(contents) if contents.get("digest") else contents
            text = json.dumps(contents, indent=1, ensure_ascii=False)
            (target / RECORD).write_text(f"{text}\n", "utf8", newline="\n")
    try:
        return {path: read_record(target)}
    except RecordError:
        return {}


def _copy_pretraining(record: Record, to: Path, rows: bool) -> None:
    """Copy the record of the pretraining whose weights a run began with, once."""
    arm = record.config["arm"]
    run = Path(arm.get("run") or "") if arm.get("pretraining") else Path()
    path = f"runs/{run.parent.name}/{run.name}"
    if (run / RECORD).exists() and not (to / path).exists():
        _copy_run(run, to, path, rows)


def _tasks(staged: Staged) -> Iterator[tuple[Mapping[str, Any], Record, list[dict[str, Any]]]]:
    """Every task by its name, with a run of it and the files of its rows."""
    by_name: dict[str, Record] = {}
    for record in staged.records.values():
        by_name.setdefault(record.config["task"]["name"], record)
    for record in by_name.values():
        task: dict[str, Any] = record.config["task"]
        paths = {str(value) for value in as_mapping(task.get("files")).values()}
        items = [vars(item) for item in staged.needed if item.setting.startswith("task.files")]
        yield task, record, [item for item in items if item["value"] in paths and item["sha256"]]


def _readme(staged: Staged, question: str, answer: str) -> str:
    name = staged.study.name
    absent = [
        f"{item.name} ({item.setting}{f', sha256 {item.sha256}' if item.sha256 else ''})"
        for item in staged.needed
        if item.packed is None
    ]
    parts = [
        f"# {name}",
        question,
        f"**Answer.** {answer}",
        f"Read `runs/{name}/report.html`. Run it again, here or on another machine, with headstart "
        f"{version('headstart')} (a wheel of it lies beside this file):",
        f"```bash\nheadstart reproduce {shlex.quote(staged.file.name)}\n```",
        "`environment.json` lists every installed distribution, `Containerfile` makes the environment again, "
        "`manifest.json` has the SHA-256 of every file.",
    ]
    if not staged.rows:
        parts.append(
            "The texts of the rows are left out of predictions and report. Of the records "
            "nothing changed but the digest of the predictions."
        )
    if absent:
        parts.append("Not in here, and needed to run it again: " + "; ".join(absent) + ".")
    if staged.missing:
        parts.append("**Not finished when it was packed:** " + "; ".join(staged.missing) + ".")
    parts.append("Licence: not named when it was packed.")
    return "\n\n".join(part for part in parts if part) + "\n"

"""The folder of a run: found again whichever version of the fingerprint named it, never another run's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.training.runs import composed

from headstart.config import defaults_of
from headstart.errors import ConfigError
from headstart.records.fingerprint import fingerprint
from headstart.records.store import read_record, write_record
from headstart.records.upgrade import RENAMED
from headstart.run import Run
from headstart.studies.run_folder import identify, run_folder, settled
from headstart.training.train import train

BEFORE = {name: path[-1] for path, name in RENAMED.items()}


def finished(quick: list[str]) -> tuple[Run, Path]:
    run = composed(*quick, "arm=scratch")
    names = identify(run)
    folder = run_folder(run, names)
    train(run, folder, names)
    assert settled(folder, names)
    return run, folder


def as_schema_2(folder: Path) -> Path:
    """The run as an earlier version left it: other keys, and names that hash every setting."""
    record = read_record(folder)
    names = fingerprint(record.config, record.data.source, record.init.built_from, None, version=1)

    def earlier(value: object) -> object:
        return {BEFORE.get(k, k): earlier(v) for k, v in value.items()} if isinstance(value, dict) else value

    written = json.loads((folder / "record.json").read_text("utf8"))
    written["init"], written["cost"] = earlier(written["init"]), earlier(written["cost"])
    written |= {"schema": 2, "pair_id": names.pair_id, "run_id": names.run_id}
    del written["fingerprint"], written["digest"]
    (folder / "record.json").write_text(json.dumps(written, indent=1), "utf8")
    return folder.rename(folder.with_name(f"{folder.name[:-8]}{names.run_id[:8]}"))


def test_a_run_that_an_earlier_version_named_is_found_and_skipped(quick: list[str]) -> None:
    run, folder = finished(quick)
    earlier = as_schema_2(folder)
    names = identify(run)
    assert run_folder(run, names) == earlier != folder
    assert settled(earlier, names)
    other = composed(*quick, "arm=scratch", "optim.weight_decay=0.5")
    assert run_folder(other, identify(other)) not in (earlier, folder)


def test_a_default_that_changed_does_not_overwrite_a_run(quick: list[str]) -> None:
    """A plug-in's default: of our own, another version of the fingerprint is asked for."""
    run, folder = finished(quick)
    record = json.loads((folder / "record.json").read_text("utf8"))
    record["config"]["optim"]["weight_decay"] = 0.5
    defaults = {**defaults_of(run)} | {"optim.weight_decay": 0.5}
    names = fingerprint(
        record["config"], record["data"]["source"], record["init"]["built_from"], None, defaults
    )
    record["fingerprint"] = names.section()
    write_record(folder, record)
    assert names.run_id == record["run_id"]
    with pytest.raises(
        ConfigError, match=r"optim.weight_decay: its default was 0.5 when .*, and is 0.01 now"
    ):
        run_folder(run, identify(run))
    assert (folder / "record.json").exists()

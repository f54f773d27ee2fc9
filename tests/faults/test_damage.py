"""Each file of a run damaged in turn: it is named in one line, never believed, and the run is whole again."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from tests.faults.undisturbed import STUDY, command, copied, whole
from tests.studies.command import headstart
from tests.training.runs import stopped_at

from headstart.studies.claims import FOLDER as CLAIMS
from headstart.studies.claims import Claim
from headstart.studies.frozen import read_frozen

pytestmark = pytest.mark.usefixtures("unreported")

Damage = Callable[[Path], object]


def flipped(file: Path) -> None:
    """One bit in the middle is another."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def halved(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def garbled(file: Path) -> None:
    file.write_bytes(b"\x00\xff\xfe{" * 99)


def nested(file: Path) -> None:
    """JSON that is deeper than a parser goes."""
    file.write_text("[" * 100_000)


def better(file: Path) -> None:
    """A record of the right form with another score."""
    record = json.loads(file.read_text("utf8"))
    record["scores"]["test"]["accuracy"] = 0.987
    file.write_text(json.dumps(record), "utf8")


def of_the_other_arm(file: Path) -> None:
    (other,) = {path.parent for path in STUDY.glob("*/record.json")} - {file.parent}
    shutil.copy(other / file.name, file)


def doubled(file: Path) -> None:
    file.write_bytes(file.read_bytes() * 2)


def reordered(file: Path) -> None:
    first, second, *rest = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([second, first, *rest]))


def rows_doubled(file: Path) -> None:
    table = pq.read_table(file)
    pq.write_table(table.take([*range(len(table)), 0]), file)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


ANY = (flipped, halved, emptied, garbled, a_folder)
WAYS: dict[str, tuple[Damage, ...]] = {
    "record.json": (*ANY, nested, better, of_the_other_arm),
    "curve.jsonl": (*ANY, doubled, reordered, of_the_other_arm, Path.unlink),
    "predictions.parquet": (*ANY, rows_doubled, of_the_other_arm, Path.unlink),
}
IN_SHORT = {("record.json", better), ("curve.jsonl", reordered), ("predictions.parquet", of_the_other_arm)}


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(name, damage, marks=() if (name, damage) in IN_SHORT else pytest.mark.slow)
        for name, ways in WAYS.items()
        for damage in ways
    ],
)
def test_a_damaged_file_of_a_finished_run(name: str, damage: Damage, quick: list[str]) -> None:
    before = copied(quick)
    (damaged,) = STUDY.glob("*-scratch-*")
    (other,) = STUDY.glob("*-pretrained-*/record.json")
    kept = other.read_bytes()
    damage(damaged / name)
    planned = headstart("plan", *command(quick))
    assert (planned.code, "2 runs, 1 done" in planned.out) == (0, True), planned.err
    again = headstart(*command(quick))
    assert again.code == 0, again.err
    (line,) = [line for line in again.err.splitlines() if "damaged" in line]
    assert line.startswith(f"{damaged.name} is trained again, since it is damaged: ")
    assert name in line or damage is of_the_other_arm
    assert again.err.count("finished before") == 1 and other.read_bytes() == kept
    assert whole(STUDY) == before


def renamed_setting(file: Path) -> None:
    """A setting of a run has another value: of the right form, but not what was written."""
    file.write_text(file.read_text("utf8").replace('"lr":0.003', '"lr":0.004', 1))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(d, marks=() if d is renamed_setting else pytest.mark.slow)
        for d in (*ANY, nested, doubled, renamed_setting, Path.unlink)
    ],
)
def test_a_damaged_study_file_is_set_aside(
    damage: Damage, quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = copied(quick)
    for path in (*STUDY.glob("*-scratch-*/*"), *STUDY.glob("*-scratch-*")):
        path.unlink() if path.is_file() else path.rmdir()
    frozen = read_frozen(STUDY)
    damage(STUDY / "study.json")
    again = headstart(*command(quick))
    assert again.code == 0 and again.err.count("finished before") == 1, again.err
    assert len([line for line in caplog.messages if "is damaged" in line]) == (damage is not Path.unlink)
    assert whole(STUDY) == before and read_frozen(STUDY).runs == frozen.runs


@pytest.mark.parametrize(
    "damage",
    [pytest.param(d, marks=() if d is a_folder else pytest.mark.slow) for d in (*ANY, nested, doubled)],
)
def test_a_damaged_claim_of_a_killed_process_is_taken_over(
    damage: Damage, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copied(quick)
    run_id = json.loads(next(STUDY.glob("*-scratch-*/record.json")).read_text("utf8"))["run_id"]
    for path in STUDY.glob("*-scratch-*/*"):
        path.unlink()
    dead = Claim(STUDY, run_id, "of a process that was killed")
    assert dead.acquire()
    (file,) = (STUDY / CLAIMS).iterdir()
    dead._released.set()  # nobody touches it any more
    damage(file)
    monkeypatch.setattr("headstart.studies.claims.STALE", 1.0)
    again = headstart(*command(quick))
    assert again.code == 0, again.err
    assert whole(STUDY) == before


def foreign(file: Path) -> None:
    """A pickle that torch refuses to load, under a name with its right digest."""
    file.write_bytes(pickle.dumps({"run_id": print}))
    renamed(file)


def another_kind(file: Path) -> None:
    torch.save([1, 2], file)
    renamed(file)


def renamed(file: Path) -> None:
    from headstart.records.whole_file import file_digest

    file.rename(file.with_name(f"resume-{file_digest(file)}.pt"))


def without_its_curve(file: Path) -> None:
    (file.parent / "curve.jsonl").unlink()


def with_another_curve(file: Path) -> None:
    flipped(file.parent / "curve.jsonl")


STATES = (flipped, halved, emptied, garbled, foreign, another_kind, without_its_curve, with_another_curve)


@pytest.mark.parametrize(
    "damage",
    [pytest.param(d, marks=() if d in (flipped, foreign) else pytest.mark.slow) for d in STATES],
)
def test_a_damaged_state_starts_the_run_again(
    damage: Damage, quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = copied(quick)
    for folder in STUDY.glob("*-scratch-*"):
        shutil.rmtree(folder)
    with stopped_at(5):
        assert headstart(*command(quick)).code == 1
    (state,) = STUDY.glob("*-scratch-*/resume-*.pt")
    damage(state)
    again = headstart(*command(quick))
    assert again.code == 0 and "weights_only" not in again.err
    (line,) = [line for line in caplog.messages if "does not fit its run" in line]
    assert str(state.parent) in line
    assert whole(STUDY) == before
    assert not [*STUDY.glob("*/*resume*")]


def test_halves_of_killed_writers_are_swept(quick: list[str]) -> None:
    before = copied(quick)
    (folder,) = STUDY.glob("*-scratch-*")
    shutil.rmtree(folder)
    with stopped_at(5):
        assert headstart(*command(quick)).code == 1
    for name in (".record.json.abc", ".predictions.parquet.abc", ".resume.pt", ".curve.jsonl.abc"):
        (folder / name).write_text("half")
    assert headstart(*command(quick)).code == 0
    assert {file.name for file in folder.iterdir()} == {"record.json", "curve.jsonl", "predictions.parquet"}
    assert whole(STUDY) == before

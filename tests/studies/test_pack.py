"""`headstart pack` and `reproduce`: a study leaves this machine, and comes out the same elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WORDS
from tests.studies.command import headstart, without
from tests.studies.recipes import arm, recipe

from headstart.compare.study import compare
from headstart.records.archive import unpack, write_archive
from headstart.records.predictions import read_predictions
from headstart.records.store import read_study, write_record
from headstart.records.without_texts import answers_digest

pytestmark = pytest.mark.usefixtures("unreported")
SECRETS = ("/no/home/of-somebody", "somebody-else", "host-of-somebody", "0123456789abcdef0123")
_trained: list[Path] = []  # the folder in which the study was run, once for all tests
_packed: dict[tuple[str, ...], bytes] = {}  # zips of that study, by flags


@pytest.fixture
def here(quick: list[str], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of two arms and two seeds, its rows and its model."""
    if not _trained:
        shutil.copytree(tiny_model, tmp_path / "published")
        words = [*without(quick, "model.name"), "model.name=published", "arm=scratch,pretrained", "seed=0,1"]
        typed = headstart(*words)
        assert typed.code == 0, typed.err
        _trained.append(tmp_path)
    copied = tmp_path / "copied"
    for name in ("published", "runs"):
        shutil.copytree(_trained[0] / name, copied / name)
    shutil.copy(_trained[0] / "reviews.csv", copied)
    monkeypatch.chdir(copied)
    return copied


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def packed_of(folder: str, *flags: str) -> Path:
    typed = headstart("pack", folder, *flags)
    assert typed.code == 0, typed.err
    return Path(f"{Path(folder).name}.zip").resolve()


def packed(*flags: str) -> Path:
    """The zip of the study; packed once, since the same study is the same zip."""
    file = Path("quick.zip").resolve()
    if flags not in _packed:
        _packed[flags] = packed_of("runs/quick", *flags).read_bytes()
    file.write_bytes(_packed[flags])
    return file


def said(*words: str, code: int) -> str:
    """What the command says, in one line."""
    typed = headstart("reproduce", *words)
    assert typed.code == code, typed.out + typed.err
    return " ".join((typed.out + typed.err).split())


def test_the_same_study_is_the_same_zip_and_names_nobody(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, user, host, token = SECRETS
    for name, value in {"HOME": home, "USER": user, "LOGNAME": user, "HF_TOKEN": token}.items():
        monkeypatch.setenv(name, value)
    for function in ("socket.gethostname", "platform.node"):
        monkeypatch.setattr(function, lambda: host)
    typed = headstart("pack", "runs/quick")
    assert typed.code == 0, typed.err
    out = " ".join(typed.out.split())
    assert "wrote quick.zip: 4 runs" in out and "its readers see" not in out
    assert "needed to run it again: reviews.csv (task.files.train), published (model.folder)" in out
    first = Path("quick.zip").read_bytes()
    assert packed().read_bytes() == first, "packed again"
    with zipfile.ZipFile("quick.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert {
        "manifest.json", "README.md", "CITATION.cff", "Containerfile", "environment.json", "requirements.txt",
        "ro-crate-metadata.json", "croissant-files.json", "headstart-0.1.0-py3-none-any.whl",
        "runs/quick/study.json", "runs/quick/report.html",
    } <= {*contents}  # fmt: skip
    for name, content in contents.items():
        for text in (*SECRETS, str(here), str(Path(sys.prefix))):
            assert text.encode() not in content, (name, text)


def test_texts_travel_only_when_asked(here: Path) -> None:
    (original, *_) = sorted(here.glob("runs/quick/*pretrained*/predictions.parquet"))
    text = str(read_predictions(original).texts[0])
    assert set(text.split()) & {*WORDS}
    for flags, there in (((), False), (("--rows", "--weights"), True)):
        file = packed(*flags)
        unpack(file, here / "out")
        new = here / "out" / original.relative_to(here)
        assert (text in {*read_predictions(new).texts}) == there
        assert answers_digest(new) == answers_digest(original)
        held = [p for p in (here / "out").rglob("*") if p.is_file() and text.encode() in p.read_bytes()]
        assert bool(held) == there, held
        assert (here / "out/rows/0/train/reviews.csv").exists() == there
        assert read_study(here / "out/runs/quick").problems == ()
        before, now = compare(here / "runs/quick"), compare(here / "out/runs/quick")
        assert before.sentence == now.sentence and before.fingerprint == now.fingerprint


def test_another_folder_gives_the_same_bits(
    here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One zip without rows and weights; what is not here is asked for by name and digest."""
    file = packed()
    monkeypatch.chdir(elsewhere)
    absent = said(str(file), code=2)
    sha = json.loads(zipfile.ZipFile(file).read("manifest.json"))["needed"][0]["sha256"]
    assert "task.files.train=reviews.csv: no such file or folder" in absent
    assert f"trained on task.files.train=reviews.csv (sha256 {sha}), model.folder=published (sha256" in absent
    assert "give what is missing as SETTING=PATH after" in absent
    model = f"model.folder={here / 'published'}"
    changed = elsewhere / "changed.csv"
    changed.write_text((here / "reviews.csv").read_text("utf8").replace("good", "bad", 1), "utf8")
    other = said(str(file), f"task.files.train={changed}", model, code=1)
    assert "quick: differs: data: not what the runs were trained on, so nothing was trained" in other
    assert not list(elsewhere.glob("runs/reproduced/*/quick/*/record.json"))
    assert "is no setting of a place or of the machine" in said(str(file), "optim.lr=1", code=2)
    shutil.copy(here / "reviews.csv", elsewhere / "mine.csv")
    same = said(str(file), "task.files.train=mine.csv", model, "hardware.save_every=5", code=0)
    assert "quick: bit-identical: every value is the same, to the last bit (4 runs," in same
    (result,) = elsewhere.glob("runs/reproduced/*/quick/reproduction.json")
    assert json.loads(result.read_text("utf8"))["machine"]["same"] is True
    again = said(str(file), "task.files.train=mine.csv", model, code=0)
    assert "bit-identical" in again and "Nothing was trained" in again
    trained = said(str(file), f"task.files.train={changed}", model, "--anyway", code=1)
    assert "data" in trained and "4 runs" in trained and "nothing was trained" not in trained


def edited(file: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change every record of a zip, and pack it again."""
    folder = file.with_name("edited")
    manifest = unpack(file, folder)
    (folder / "manifest.json").unlink()
    for record in folder.glob("runs/*/*/record.json"):
        contents = json.loads(record.read_text("utf8"))
        edit(contents)
        write_record(record.parent, contents)
    about = {name: value for name, value in manifest.items() if name not in ("format", "files")}
    write_archive(folder, file, about)


def test_another_machine_with_other_versions(here: Path) -> None:
    """The records say so; the verdict then is about the claim, and what may explain a difference is named."""
    file = packed("--rows", "--weights")

    def another_machine(record: dict[str, Any]) -> None:
        record["environment"]["versions"]["torch"] = "2.9.1"
        record["environment"]["machine"] = "0" * 16

    edited(file, another_machine)
    same = said(str(file), code=0)
    assert "quick: bit-identical" in same and "machine, versions.torch" in same and "2.9.1" in same
    (result,) = here.glob("runs/reproduced/*/quick/reproduction.json")
    machine = json.loads(result.read_text("utf8"))["machine"]
    assert machine["before"] == ["0" * 16] and not machine["same"]

    edited(file, lambda record: record["scores"]["validation"].update(log_loss=_nudged(record)))
    close = said(str(file), code=0)
    assert "quick: holds again: values differ, and every verdict is the same" in close
    assert "scores.validation.log_loss" in close


def _nudged(record: dict[str, Any]) -> float:
    return record["scores"]["validation"]["log_loss"] + 1e-6


@pytest.mark.slow
def test_a_process_that_knows_nothing_of_this_one(here: Path, elsewhere: Path) -> None:
    """Another home, cache and folder; the rows and weights that it needs are in the zip."""
    file = packed("--rows", "--weights")
    shutil.move(file, elsewhere / "study.zip")
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    own = {name: str(elsewhere / name.lower()) for name in ("HOME", "HEADSTART_CACHE", "XDG_RUNTIME_DIR")}
    for folder in own.values():
        Path(folder).mkdir()
    shutil.move(here, here.with_name("gone"))
    done = subprocess.run(
        [sys.executable, "-m", "headstart", "reproduce", "study.zip"],
        cwd=elsewhere, env={**kept, **own, "HF_HUB_OFFLINE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    os.chdir(elsewhere)
    assert done.returncode == 0, done.stderr
    assert "quick: bit-identical" in " ".join(done.stdout.split()), done.stdout
    assert not list((elsewhere / "home").rglob("*.zip"))


def test_a_folder_of_the_study_and_an_unpacked_zip(here: Path) -> None:
    unpack(packed("--rows", "--weights"), here / "unpacked")
    assert "bit-identical" in said("runs/quick", code=0)
    assert "bit-identical" in said("unpacked", code=0)
    (here / "unpacked/runs/quick/study.json").write_text("{}", "utf8")
    assert "study.json: is not the file that was packed; unpack the zip again" in said("unpacked", code=1)
    assert "is no zip that can be read" in said("reviews.csv", code=1)


def test_a_study_that_is_not_finished(here: Path) -> None:
    (one, *_) = here.glob("runs/quick/*/record.json")
    shutil.rmtree(one.parent)
    refused = headstart("pack", "runs/quick")
    assert refused.code == 2 and "to do" in refused.err and "--unfinished" in refused.err
    assert not Path("quick.zip").exists()
    typed = headstart("pack", "runs/quick", "--unfinished", "--to", "part.zip")
    assert typed.code == 0 and "not finished:" in typed.out, typed.err
    assert "Not finished when it was packed" in zipfile.ZipFile("part.zip").read("README.md").decode()
    shutil.copy("reviews.csv", "thesis.zip")
    kept = headstart("pack", "runs/quick", "--unfinished", "--to", "thesis.zip")
    assert kept.code == 2 and "thesis.zip exists and is no pack" in kept.err


def test_code_of_others_waits_for_a_person(
    here: Path, elsewhere: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(__file__).parents[1] / "somebody/own/arms", "own/arms")
    Path("conf/arm").mkdir(parents=True)
    Path("conf/arm/mine.yaml").write_text("kind: every_second\nname: mine\n", "utf8")
    words = [*without(quick, "model.name", "study.name"), "model.name=published", "study.name=own"]
    typed = headstart(*words, "arm=scratch,mine", "seed=0")
    assert typed.code == 0, typed.err
    file = packed_of("runs/own", "--rows", "--weights")
    monkeypatch.chdir(elsewhere)
    refused = said(str(file), code=2)
    assert "brings code of its own, own/arms/every_second.py in its study.json" in refused
    assert "--trust-remote-code" in refused
    assert "own: bit-identical" in said(str(file), "--trust-remote-code", code=0)


@pytest.mark.slow
def test_weights_that_were_trained_here_and_tuned_settings(
    masked: tuple[list[str], Path], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pretraining is trained again where there are no weights; settings that were chosen are kept."""
    settings, text = masked
    name = arm("before", recipe(text))
    tune = "study.tune={space:{optim.lr:[1e-3,3e-3]},trials:2,sampler:grid}"
    typed = headstart(*settings, f"arm=scratch,{name}", "seed=0", tune)
    assert typed.code == 0, typed.err
    file = packed_of("runs/quick", "--rows")
    names = zipfile.ZipFile(file).namelist()
    assert any(path.startswith("runs/pretraining/") for path in names)
    assert sum(path.startswith("runs/quick-tuning/") and "record" in path for path in names) == 4
    monkeypatch.chdir(elsewhere)
    same = said(str(file), code=0)
    assert "quick: bit-identical: every value is the same, to the last bit (2 runs," in same
    assert len(list(elsewhere.glob("runs/reproduced/*/pretraining/*/record.json"))) == 1
    assert not list(elsewhere.glob("runs/reproduced/*/quick-tuning/*"))


def test_others_read_what_describes_it(here: Path, elsewhere: Path) -> None:
    rocrate = pytest.importorskip("rocrate.rocrate")
    mlcroissant = pytest.importorskip("mlcroissant")
    unpack(packed("--rows", "--weights"), elsewhere / "out")
    crate = rocrate.ROCrate(str(elsewhere / "out"))
    assert "headstart study quick" in crate.name
    records = [file.id for file in crate.data_entities if file.id.endswith("record.json")]
    assert len(records) == 4 and len(crate.get_by_type("CreateAction")) == 4
    rows = mlcroissant.Dataset(jsonld=str(elsewhere / "out/croissant-files.json"))
    assert not rows.metadata.issues.errors
    first = next(iter(rows.records("rows")))
    assert {*first} == {"rows/sentence", "rows/label"}

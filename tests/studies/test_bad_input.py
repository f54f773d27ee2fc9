"""Studies: bad input ends in one sentence and an exit code, never in a traceback or half a record."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from tests.studies.command import Typed, headstart, records, without

from headstart.records.record import SCHEMA

pytestmark = pytest.mark.usefixtures("unreported")

ONE = ["arm=pretrained", "seed=0"]


def refused(typed: Typed, sentence: str, code: int = 1) -> None:
    """The command ended with `code`, and its last words are this one sentence."""
    assert typed.code == code, typed.err
    assert sentence in typed.err.splitlines()[-1]
    assert typed.err.splitlines()[-1].startswith("headstart: ")
    assert not typed.out


def copy(model: Path, target: Path) -> Path:
    """A copy of a model's folder."""
    target.mkdir()
    for file in model.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


class TestRows:
    """The rows that the user names."""

    def test_missing_file_with_the_nearest_name(self, quick: list[str]) -> None:
        typed = headstart(*without(quick, "task.files.train"), *ONE, "task.files.train=review.csv")
        refused(typed, "task.files.train=review.csv: no such file or folder (did you mean reviews.csv?)")

    def test_missing_column(self, quick: list[str]) -> None:
        refused(
            headstart(*without(quick, "task.text"), *ONE, "task.text=sentense"),
            "has no column 'sentense' (task.text)",
        )

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (
                b"sentence,label\n" + b"".join(b"line %d,good\n" % i for i in range(30)),
                "one label only ('good')",
            ),
            (
                b"sentence,label\ncaf\xe9 is good,good\nnot so,bad\n",
                "is not utf-8: try task.files.encoding=latin-1",
            ),
            (b"sentence,label\n,good\nnot so,bad\n", "line 2 has nothing in column 'sentence'"),
            (b"sentence,label\n", "holds no rows"),
            (b"", "is empty"),
            (b"sentence,label\na,good,very\n", "line 2 has 3 cells where 2 columns are expected"),
            (b"sentence,label\na,good\nb,bad\n", "too few to hold out"),
        ],
    )
    def test_rows_that_cannot_be_used(
        self, quick: list[str], reviews: Path, content: bytes, sentence: str
    ) -> None:
        reviews.write_bytes(content)
        refused(headstart(*quick, *ONE), sentence)

    def test_a_label_that_no_training_row_has(self, quick: list[str], tmp_path: Path) -> None:
        (tmp_path / "test.csv").write_text("sentence,label\nso so,medium\n", "utf8")
        refused(headstart(*quick, *ONE, "task.files.test=test.csv"), "'medium'")

    def test_plan_and_study_say_the_same(self, quick: list[str]) -> None:
        wrong = [*without(quick, "task.text"), *ONE, "task.text=body"]
        planned, studied = headstart("plan", *wrong), headstart(*wrong)
        assert planned.code == studied.code == 1
        assert planned.err.removeprefix("headstart: ").strip() in studied.err

    def test_long_rows_are_cut_and_counted(self, quick: list[str], tmp_path: Path) -> None:
        assert (
            headstart(*without(quick, "model.max_length"), "model.max_length=8", "arm=scratch", "seed=0").code
            == 0
        )
        (record,) = records(tmp_path / "runs/quick")
        assert record["data"]["max_length"] == 8
        assert record["data"]["truncated"]["train"] > 10


class TestWeights:
    """The weights that the user names."""

    def with_model(self, quick: list[str], *overrides: str) -> Typed:
        return headstart(*without(quick, "model.name"), *ONE, *overrides)

    def test_not_found_without_a_network(self, quick: list[str]) -> None:
        refused(self.with_model(quick, "model.name=nobody/nothing"), "nobody/nothing is not on this machine")

    def test_no_such_folder(self, quick: list[str]) -> None:
        refused(self.with_model(quick, "model.name=./nothing"), "model.name: no such folder: ./nothing")

    def test_a_folder_that_is_no_model(self, quick: list[str], tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        refused(self.with_model(quick, "model.name=./empty"), "has no config.json")

    def test_truncated_weights(self, quick: list[str], tiny_model: Path, tmp_path: Path) -> None:
        weights = copy(tiny_model, tmp_path / "cut") / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
        typed = self.with_model(quick, f"model.name={weights.parent}")
        refused(typed, "cut")
        assert "safetensors" in typed.err

    def test_pickled_weights(self, quick: list[str], tiny_model: Path, tmp_path: Path) -> None:
        folder = copy(tiny_model, tmp_path / "pickled")
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        refused(
            self.with_model(quick, f"model.name={folder}"),
            "only pickled weights (pytorch_model.bin), which can run code",
        )

    def test_other_weights_than_promised(self, quick: list[str], tiny_model: Path) -> None:
        typed = self.with_model(quick, f"model.name={tiny_model}", f"model.sha256={'0' * 64}")
        refused(typed, "but model.sha256 promises 0000")

    def test_a_broken_configuration(self, quick: list[str], tiny_model: Path, tmp_path: Path) -> None:
        folder = copy(tiny_model, tmp_path / "broken")
        (folder / "config.json").write_text('{"model_type": "no_such_architecture"}')
        typed = self.with_model(quick, f"model.name={folder}")
        assert typed.code == 2 and "no_such_architecture has no text_classification head" in typed.err

    def test_a_layer_that_the_checkpoint_lacks(
        self, quick: list[str], tiny_model: Path, tmp_path: Path
    ) -> None:
        folder = copy(tiny_model, tmp_path / "deeper")
        settings = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(settings | {"num_hidden_layers": 2}))
        refused(self.with_model(quick, f"model.name={folder}"), "so they would silently stay random")


class TestFolders:
    """Where the runs are kept."""

    def test_a_file_in_the_place_of_the_folder(self, quick: list[str], tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("")
        refused(headstart(*quick, *ONE, "runs=taken"), "runs: taken/quick cannot be written", code=2)

    def test_another_studys_runs(self, quick: list[str], tmp_path: Path) -> None:
        assert headstart(*quick, "arm=scratch", "seed=0").code == 0
        (tmp_path / "runs/quick").rename(tmp_path / "runs/other")
        typed = headstart(*without(quick, "study.name"), *ONE, "study.name=other")
        refused(typed, "study.name: runs/other holds runs of another study, quick", code=2)

    def test_a_record_of_another_schema_is_trained_again(self, quick: list[str], tmp_path: Path) -> None:
        assert headstart(*quick, "arm=scratch", "seed=0").code == 0
        (path,) = (tmp_path / "runs/quick").glob("*/record.json")
        path.write_text(json.dumps(json.loads(path.read_text("utf8")) | {"schema": 99}))
        again = headstart(*quick, "arm=scratch", "seed=0")
        assert again.code == 0
        assert "finished before" not in again.err
        assert json.loads(path.read_text("utf8"))["schema"] == SCHEMA

    def test_a_full_disk_leaves_no_half_record(
        self, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("headstart.records.store.os.replace", full)
        refused(headstart(*quick, *ONE), "No space left on device")
        assert list((tmp_path / "runs").rglob("*record.json*")) == []
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("headstart.commands.run_study.report_all", lambda *_: None)
        assert headstart(*quick, *ONE).code == 0


@pytest.mark.parametrize(("folder", "sentence"), [("absent", "no such folder"), ("empty", "holds no run")])
def test_a_report_of_nothing(
    folder: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    typed = headstart("report", folder)
    assert typed.code == 1
    assert typed.err.startswith(f"headstart: {folder}: {sentence}")
    assert len(typed.err.splitlines()) == 1


def test_a_disk_that_is_full_while_the_report_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folders: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/x/report.html")

    monkeypatch.setattr("headstart.commands.report.report_all", full)
    typed = headstart("report", "runs/x")
    assert (typed.code, typed.err) == (1, "headstart: runs/x/report.html: No space left on device\n")


@pytest.mark.parametrize("arguments", [["report"], ["report", "a", "b", "c"]])
def test_a_report_of_one_folder(arguments: list[str]) -> None:
    typed = headstart(*arguments)
    assert typed.code == 2
    assert typed.err.startswith("headstart: report: ")
    assert typed.err.endswith("; headstart report --help shows how it is used\n")


def test_a_loss_that_is_not_a_number_is_a_result(quick: list[str], tmp_path: Path) -> None:
    fast = [*without(quick, "optim.lr"), "+optim.eps=1e-30", "optim.clip=null", "optim.warmup=0"]
    typed = headstart(*[o.removeprefix("+") for o in fast], "seed=0", "arm=scratch", "optim.lr=1e36,3e-3")
    assert typed.code == 1
    last = typed.err.splitlines()[-1]
    assert "diverged: " in last
    assert "at step" in last
    found = {record["config"]["optim"]["lr"]: record for record in records(tmp_path / "runs/quick")}
    assert found[1e36]["status"] == "diverged"
    assert found[1e36]["scores"]["test"] is None
    assert found[1e36]["scores"]["reason"] in last
    assert found[3e-3]["status"] == "finished"
    again = headstart(*[o.removeprefix("+") for o in fast], "seed=0", "arm=scratch", "optim.lr=1e36")
    assert again.code == 1, "a diverged run is not trained again, and still no success"

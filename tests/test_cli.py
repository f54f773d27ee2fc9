"""The command line as a process: what a signal leaves behind, what a shell asks, what the start costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.factory import make_study
from tests.studies.command import headstart, records, without
from tests.studies.processes import forked, until

import headstart as package
from headstart.commands.registry import COMMANDS
from headstart.errors import ConfigError
from headstart.studies.rerun import check_settings


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 130, marks=pytest.mark.slow),
    ],
)
def test_a_study_that_was_stopped_goes_on_where_it_was(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals, code: int
) -> None:
    long = [
        *without(quick, "budget.epochs"),
        "budget.epochs=null",
        "budget.steps=120",
        "arm=scratch",
        "seed=0,1",
    ]
    process = forked(long, tmp_path)
    until(lambda: bool([*tmp_path.glob("runs/quick/*seed1*/curve.jsonl")]), every=0.02)
    (first,) = tmp_path.glob("runs/quick/*seed0*/record.json")
    content = first.read_bytes()
    os.kill(process.pid or 0, sent)
    process.join()
    told = (tmp_path / "err").read_text("utf8")
    assert process.exitcode == code, told
    assert "Traceback" not in told
    if sent != signal.SIGKILL:
        assert "finished runs are kept. Continue with: headstart task=files" in told
    statuses = {record["seed"]: record["status"] for record in records(tmp_path / "runs/quick")}
    assert statuses.pop(0) == "finished"
    assert statuses in ({}, {1: "interrupted"})

    monkeypatch.setattr("headstart.commands.run_study.report_all", lambda *_: None)
    again = headstart(*long)
    assert again.code == 0, again.err
    assert again.err.count("finished before") == 1
    assert first.read_bytes() == content
    assert [(r["seed"], r["status"]) for r in records(tmp_path / "runs/quick")] == [
        (0, "finished"),
        (1, "finished"),
    ]
    curve = next((tmp_path / "runs/quick").glob("*seed1*/curve.jsonl")).read_text("utf8").splitlines()
    assert len(curve) == 3, "the interrupted attempt left no points behind"


def test_too_little_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("headstart.studies.compose.check", too_large)
    typed = headstart("seed=0")
    assert typed.code == 1
    assert typed.err.splitlines()[-1].startswith("headstart: not enough memory for this; ")
    assert "Traceback" not in typed.err


def test_the_continuation_that_is_printed_can_be_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("headstart.studies.compose.check", stopped)
    typed = headstart("study.question='Why not?'", "seed=0")
    assert typed.code == 130
    assert typed.err.endswith("""Continue with: headstart 'study.question='"'"'Why not?'"'"'' seed=0\n""")


def test_the_version_is_that_of_the_package() -> None:
    assert headstart("--version").out == f"headstart {package.__version__}\n"


def test_cfg_shows_the_settings_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    typed = headstart("--cfg", "job", "optim.lr=0.5")
    assert typed.code == 0
    assert "lr: 0.5" in typed.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["report", "absent"], 1),
        (["report", "absent", "--export", "xlsx"], 2),
        (["report", "absent", "--export", "csv"], 1),
        (["energy", "absent", "meter.csv"], 1),
        (["energy", "absent"], 2),
        (["verify", "absent"], 1),
        (["verify"], 2),
        (["new", "task", "absent.csv"], 1),
        (["new", "table", "absent.csv"], 2),
        (["reproduce", "absent"], 1),
        (["reproduce"], 2),
        (["reproduce", "--all"], 2),
        (["reproduce", "page", "size=n32"], 2),
        (["reproduce", "page", "arm=scratch"], 2),
        (["reproduce", "page", "optim.lrr=1"], 2),
        (["reproduce", "--all", "optim.lr=1"], 2),
        (["reproduce", "run", "seed=1"], 2),
        (["models", "--plot", "x.pdf"], 2),
        (["tasks", "here"], 2),
        (["doctor", "--jsn"], 2),
        (["plan", "optim.lrr=1"], 2),
        (["plan", "task=files", "task.files.train=absent.csv", "task.text=a", "task.label=b"], 1),
        (["fetch", "optim.lrr=1"], 2),
        (["tasks"], 0),
        (["help", "energy"], 0),
    ],
)
def test_exit_codes_are_those_of_the_help(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("headstart.studies.job.train_claimed", lambda *_: pytest.fail("a run has begun"))
    page = tmp_path / "experiments/page"
    page.mkdir(parents=True)
    claim = {"claim": "x", "came_out": True, "commands": {"laptop": ["study=first_look"]}, "expects": []}
    if "--all" not in words or len(words) > 2:
        (page / "claim.json").write_text(json.dumps(claim), "utf8")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/record.json").write_text("{}", "utf8")
    typed = headstart(*(str(page) if word == "page" else word for word in words))
    assert typed.code == code, typed.err
    assert (code == 0) == (typed.err == "")
    assert all(line.startswith("headstart: ") for line in typed.err.splitlines())


def test_a_claim_may_be_checked_with_other_seeds_and_other_devices() -> None:
    check_settings(["study=first_look"], ["seed=5", "hardware=cpu", "tracker=none"])
    with pytest.raises(ConfigError, match="with size=n32 the study compares something else"):
        check_settings(["study=first_look"], ["seed=5", "size=n32"])


def test_what_is_exported_goes_into_a_folder_that_is_made(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", seeds=[0], examples=30)
    to = tmp_path / "new/folder/numbers.csv"
    assert headstart("report", str(study), "--export", "csv", "--to", str(to)).code == 0
    assert to.read_text("utf8").startswith("key,condition,")


def test_a_name_that_no_task_can_have_is_made_one_and_said(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = headstart("new", "task", str(reviews), "my first task")
    assert (typed.code, typed.err) == (0, "")
    assert "called my_first_task: a name is made of letters" in typed.out
    assert (tmp_path / "conf/task/my_first_task.yaml").is_file()


@pytest.mark.parametrize("asked", [["report", "--help"], ["help", "report"], ["report", "x", "-h"]])
@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_says_how_it_is_used(command: str, asked: list[str]) -> None:
    typed = headstart(*(command if word == "report" else word for word in asked))
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.startswith(f"usage: headstart {command} [-h] ")
    assert COMMANDS[command].example in typed.out
    actions = COMMANDS[command].parser()._actions
    assert all(action.help and (action.metavar or action.option_strings) for action in actions)
    assert f"  headstart {command} " in headstart("--help").out


def test_help_of_two_words_and_of_none() -> None:
    assert headstart("new", "task", "--help").out == headstart("help", "new", "task").out
    assert headstart("help", "reprot").err.startswith("headstart: no command 'reprot'; did you mean report?")


def test_the_report_is_rebuilt_without_the_training_half() -> None:
    program = (
        "import sys\nfrom headstart.cli import main\ncode = main(['report', 'absent'])\n"
        "print(sorted({'torch', 'transformers', 'datasets', 'hydra', 'wandb'} & set(sys.modules)), code)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "[] 1\n"


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("words", [["tasks"], ["tasks", "--json"], ["--help"], ["--version"]])
def test_who_stops_reading_hears_nothing_more(words: list[str], unread: int) -> None:
    command = [sys.executable, "-m", "headstart", *words]
    done = subprocess.run(command, stdout=unread, stderr=subprocess.PIPE, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if not line.endswith(" ...")]  # a slow start is said
    assert (done.returncode, told) == (0, [])


def test_a_study_goes_on_when_nobody_reads_what_it_says(
    quick: list[str], tmp_path: Path, unread: int
) -> None:
    done = forked([*quick, "arm=scratch", "seed=0"], tmp_path, lambda: os.dup2(unread, 2))
    done.join()
    assert done.exitcode == 0 and "1 of 1" in (tmp_path / "out").read_text("utf8")
    assert [record["status"] for record in records(tmp_path / "runs/quick")] == ["finished"]


def test_another_pipe_that_broke_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        reading, writing = os.pipe()
        os.close(reading)
        try:
            os.write(writing, b"to a worker that has ended")
        finally:
            os.close(writing)

    monkeypatch.setattr("headstart.studies.catalogue.tasks_here", broken)
    typed = headstart("tasks")
    assert (typed.code, typed.out) == (1, "")
    assert typed.err == "headstart: a process that it worked with has ended; the same command goes on\n"

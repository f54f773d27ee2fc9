"""Kinds of one's own: found in own/tasks and own/arms, told clearly when wrong, named by their code."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from tests.conftest import WORDS
from tests.studies.command import end_joblib_processes, headstart, records, without

from headstart.config import settings_at
from headstart.errors import ConfigError
from headstart.run import Run
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify

SOMEBODY = Path(__file__).with_name("somebody")  # a folder as a user has it
FAMILY = Path("own/tasks/counting.py")
ARM = Path("own/arms/every_second.py")
COUNTING = yaml.safe_load((SOMEBODY / "conf/task/counting.yaml").read_text("utf8"))
MINE = """\
from typing import Literal

from headstart.arms.arm import BaseArm


class Mine(BaseArm):
    kind: Literal["mine"]
"""
BARE = """\
from typing import Literal

from headstart.tasks.family import Family


class Counting(Family):
    kind: Literal["counting"]
"""
BODIES = "".join(f"    def {n}(self): ...\n" for n in ("auto_class", "encode", "loss", "observe", "evaluate"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's folder, with texts in which the word stands zero to four times, as the current directory."""
    shutil.copytree(SOMEBODY, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    draw = random.Random(0)
    lines = ["text"]
    for number in range(240):
        words = ["good"] * (number % 5) + draw.choices(WORDS, k=draw.randint(3, 14))
        draw.shuffle(words)
        lines.append(" ".join(words))
    (tmp_path / "texts.csv").write_text("\n".join(lines) + "\n", "utf8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@cache
def shipped() -> dict[str, Any]:
    """The configuration of a run of shipped kinds."""
    (run,) = runs_of(["arm=scratch", "seed=0", "hydra.mode=RUN"])
    return run.config()


def write(path: str | Path, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf8")


def read(**groups: Any) -> Run:
    """The run with these groups."""
    return Run.read(shipped() | groups)


def mistake(**groups: Any) -> str:
    """The one sentence that answers a mistake in these groups."""
    with pytest.raises(ConfigError) as caught:
        read(**groups)
    (line,) = caught.value.lines
    return line


def arm(kind: str, **settings: Any) -> dict[str, Any]:
    return {"kind": kind, "name": kind, **settings}


class TestWhatIsFound:
    """A yaml with a kind of one's own is enough."""

    def test_a_family_and_an_arm_make_a_run(self, here: Path) -> None:
        typed = ["task=counting", "arm=every_second", "task.word=bad", "arm.first=1", "hydra.mode=RUN"]
        (run,) = runs_of(typed)
        assert (type(run.task).__name__, run.config()["task"]["word"]) == ("Counting", "bad")
        assert (type(run.arm).__name__, run.config()["arm"]["first"]) == ("EverySecond", 1)
        assert runs_of(typed) == [run]

    def test_the_config_reads_back_to_the_same_run(self, here: Path) -> None:
        run = read(task=COUNTING, arm=arm("every_second"))
        config = json.loads(json.dumps(run.config()))
        assert {"word", "text", "code"} <= config["task"].keys() and {"first", "code"} <= config["arm"].keys()
        assert Run.read(config) == run

    def test_a_shipped_kind_has_no_code(self, here: Path) -> None:
        assert "code" not in shipped()["task"] and "code" not in shipped()["arm"]
        assert mistake(arm=arm("scratch", code="0")) == "arm.code: no such setting"

    def test_one_may_extend_a_shipped_family(self, here: Path) -> None:
        text = BARE.replace("family import Family", "text_classification import TextClassification")
        write("own/tasks/loud.py", text.replace("(Family)", "(TextClassification)").replace("ounting", "ry"))
        write("own/tasks/loud.py", Path("own/tasks/loud.py").read_text("utf8") + "    loud: bool = True\n")
        run = read(task={**shipped()["task"], "kind": "cry", "loud": False})
        assert run.config()["task"]["loud"] is False
        assert run.task.auto_class == "AutoModelForSequenceClassification"

    def test_a_setting_may_have_the_name_of_its_kind(self, here: Path) -> None:
        write("own/arms/mine.py", f"{MINE}    mine: int = 0\n")
        assert mistake(arm=arm("mine", mine="x")) == "arm.mine: input should be a valid integer, got 'x'"

    def test_help_and_tasks_list_it(self, here: Path) -> None:
        shown = headstart("--help").out
        assert "counting" in shown and "every_second" in shown
        (mine,) = [t for t in json.loads(headstart("tasks", "--json").out) if t["choice"] == "counting"]
        assert (mine["kind"], mine["headline"], mine["here"]) == ("counting", "mae", True)

    def test_another_folder_has_another_kind_of_that_name(self, here: Path, monkeypatch) -> None:
        first = read(arm=arm("every_second")).arm
        shutil.copytree(SOMEBODY, "other")
        monkeypatch.chdir("other")
        ARM.write_text(ARM.read_text("utf8").replace("== self.first", "!= self.first"), "utf8")
        assert read(arm=arm("every_second")).arm != first


class TestWhatRuns:
    """The user's code runs when its kind is asked for, and only then."""

    @pytest.fixture(autouse=True)
    def marked(self, here: Path) -> None:
        for path in (FAMILY, ARM):
            write(path, f"{path.read_text('utf8')}\nopen({path.stem + '.ran'!r}, 'w').close()\n")

    def ran(self) -> set[str]:
        return {path.stem for path in Path().glob("*.ran")}

    @pytest.mark.parametrize("typed", [["--help"], ["tasks"], ["plan", "arm=scratch", "task.kind=countin"]])
    def test_nothing_runs_unasked(self, typed: Sequence[str]) -> None:
        headstart(*typed)
        assert self.ran() == set()

    def test_shipped_kinds_leave_it_alone(self) -> None:
        read()
        assert self.ran() == set()

    def test_only_the_file_of_the_kind_runs_and_leaves_nothing_beside_it(self) -> None:
        read(arm=arm("every_second"))
        assert self.ran() == {"every_second"}
        assert {path.name for path in Path("own").rglob("*.*")} == {"counting.py", "every_second.py"}


class TestCode:
    """The code of a kind of one's own is part of what names a run."""

    def test_changed_code_of_a_family_is_another_pair(self, here: Path) -> None:
        before = identify(read(task=COUNTING))
        write(FAMILY, FAMILY.read_text("utf8") + "\n# reads the same\n")
        after = identify(read(task=COUNTING))
        assert before.pair_id != after.pair_id and before.run_id != after.run_id

    def test_changed_code_of_an_arm_is_another_run_of_the_same_pair(self, here: Path) -> None:
        write("own/arms/mine.py", MINE)
        before = identify(read(arm=arm("mine")))
        write("own/arms/mine.py", f"{MINE}    # reads the same\n")
        after = identify(read(arm=arm("mine")))
        assert before.pair_id == after.pair_id and before.run_id != after.run_id

    def test_neither_neighbours_nor_line_ends_matter(self, here: Path) -> None:
        before = identify(read(task=COUNTING))
        write("own/tasks/another.py", BARE.replace("ounting", "ry"))
        FAMILY.write_bytes(FAMILY.read_bytes().replace(b"\n", b"\r\n"))
        assert identify(read(task=COUNTING)) == before

    def test_a_stored_configuration_of_other_code_is_refused(self, here: Path) -> None:
        config = read(task=COUNTING).config()
        write(FAMILY, FAMILY.read_text("utf8") + "\n# changed\n")
        with pytest.raises(ConfigError, match=r"^task\.code: own/tasks/counting\.py is not what it was \("):
            Run.read(config)


class TestMistakes:
    """Each is one sentence with the file and its line."""

    def test_a_misspelt_kind_is_given_the_nearest(self, here: Path) -> None:
        assert mistake(task={"kind": "countin"}) == "task.kind: no kind countin; did you mean counting?"
        assert mistake(arm=arm("scrach")) == "arm.kind: no kind scrach; did you mean scratch?"
        every = mistake(task={"kind": "zzz"})
        assert every.startswith("task.kind: no kind zzz; known: causal_lm, counting, ")

    @pytest.mark.parametrize("plus", ["", "+"])
    def test_a_misspelt_setting_is_given_the_nearest(self, here: Path, plus: str) -> None:
        typed = headstart("plan", "task=counting", f"{plus}task.wrod=bad", "arm=scratch", "seed=0")
        assert typed.code == 2
        assert typed.err == "headstart: task.wrod: no such setting; did you mean task.word?\n"

    def test_a_setting_that_the_yaml_leaves_out_is_known(self, here: Path) -> None:
        write("conf/arm/brief.yaml", "kind: every_second\nname: brief\n")
        assert "arm.first: not in the chosen arm" in headstart("plan", "arm=brief", "arm.first=1").err
        assert {"first", "newly_initialised"} <= settings_at(Run, ["arm"])
        assert "first" not in settings_at(Run, ["task"])

    def test_every_value_is_checked_at_its_path(self, here: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            read(task={**COUNTING, "word": 3}, arm=arm("every_second", first=2))
        assert caught.value.lines == (
            "task.word: input should be a valid string, got 3",
            "arm.first: input should be less than or equal to 1, got 2",
        )

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("class C(:\n", "no kind counting; own/tasks/counting.py:1: invalid syntax; correct it"),
            (b"\xff\xfe\x00", "no kind counting; own/tasks/counting.py:1: "),
            (f"import nowhere\n{BARE}", "own/tasks/counting.py:1: ModuleNotFoundError: No module named"),
            (f"{BARE}\n1 / 0\n", "own/tasks/counting.py:9: ZeroDivisionError: division by zero; correct it"),
            (f"{BARE}return\n", "own/tasks/counting.py:8: SyntaxError: 'return' outside function"),
            (f"{BARE}raise SystemExit\n", "own/tasks/counting.py:8: SystemExit: (it says nothing); correct"),
            ("kind = 1\n", "own/tasks/counting.py:1: no class here says its kind; write kind: Literal["),
            ("class C:\n    kind: str\n", "own/tasks/counting.py:1: no class here says its kind; write"),
            (BARE.replace("(Family)", ""), "own/tasks/counting.py:6: Counting is no Family; derive it from"),
            (BARE, "own/tasks/counting.py:6: Counting does not define auto_class, encode, loss, observe"),
            (f"from . import my\n{BARE}", "counting.py:1: from . import my: a file of own/ stands alone"),
            (f"import own.tasks.my\n{BARE}", "counting.py:1: import own.tasks.my: a file of own/ stands"),
            (f"{BARE}    code: str\n{BODIES}", "counting.py:6: Counting has something called code, where"),
            (f"{BARE}    odd = 1\n{BODIES}", "counting.py:6: PydanticUserError: A non-annotated attribute"),
        ],
    )
    def test_a_file_that_cannot_be_used(self, here: Path, text: str | bytes, sentence: str) -> None:
        FAMILY.write_bytes(text if isinstance(text, bytes) else text.encode())
        told = mistake(task=COUNTING)
        assert told.startswith("task.kind: ") and sentence in told and "\n" not in told

    def test_two_of_one_kind(self, here: Path) -> None:
        write("own/arms/mine.py", MINE)
        write("own/arms/yours.py", f"\n{MINE}")
        assert mistake(arm=arm("mine")) == (
            "arm.kind: mine is declared twice, at own/arms/mine.py:6 and own/arms/yours.py:7; "
            "rename one of them"
        )

    def test_the_name_of_a_shipped_kind(self, here: Path) -> None:
        write("own/arms/mine.py", MINE.replace('"mine"', '"pretrained"'))
        assert mistake(arm=arm("pretrained")) == (
            "arm.kind: headstart has a kind pretrained already, and own/arms/mine.py:6 declares it again; "
            "rename yours"
        )

    def test_what_a_validator_raises(self, here: Path) -> None:
        check = (
            "    from pydantic import model_validator\n"
            '    @model_validator(mode="before")\n    @classmethod\n'
            '    def check(cls, given):\n        return given["nothing"]\n'
        )
        write("own/arms/mine.py", MINE + check)
        assert mistake(arm=arm("mine")) == "arm: own/arms/mine.py:12: KeyError: 'nothing'; correct it"

    def test_a_broken_file_troubles_nobody_else(self, here: Path) -> None:
        write("own/tasks/broken.py", "class :\n")
        assert read(task=COUNTING).task.name == "counting"
        assert read().task.name == "docs_library"

    def test_a_mistake_is_answered_without_the_heavy_libraries(self, here: Path) -> None:
        write(FAMILY, f"import torch\n{FAMILY.read_text('utf8')}")
        program = (
            "import sys\nfrom headstart.cli import main\n"
            "code = main(['task=counting', 'task.kind=countin', 'arm=scratch', 'seed=0'])\n"
            "print({'torch', 'transformers', 'datasets', 'evaluate'} & set(sys.modules))\nsys.exit(code)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout) == (2, "set()\n")
        assert "did you mean counting?" in ended.stderr


class TestWholeRuns:
    """A pair of the tiny model on a family of somebody's own, with an arm of their own."""

    @pytest.fixture
    def typed(self, quick: list[str], here: Path) -> list[str]:
        """A study in seconds; the tiny model has one layer, and this arm leaves it."""
        write("conf/arm/every_second.yaml", "kind: every_second\nname: every_second\nfirst: 1\n")
        shared = without(quick, "task", "task.files.train", "task.text", "task.label")
        return [*shared, "task=counting", "arm=scratch,every_second", "seed=0"]

    def test_from_command_to_report(self, typed: list[str], here: Path) -> None:
        ended = headstart(*typed, "size=n128", "budget.epochs=10")
        assert ended.code == 0, ended.err
        found = {
            path.parent: json.loads(path.read_text("utf8")) for path in here.glob("runs/*/*/record.json")
        }
        arms = {record["arm"]: record for record in found.values()}
        assert arms.keys() == {"scratch", "every_second"}
        for folder, record in found.items():
            self.check(folder, record)
        assert len({record["pair_id"] for record in arms.values()}) == 1
        init = arms["every_second"]["init"]
        assert init["loaded"]["tensors"] == 5  # of words, places and segments, and their norm
        assert any("encoder.layer.0" in name for name in init["newly_initialised"]["names"])
        assert (here / "runs/quick/report.html").exists()
        assert "counting" in ended.out and "mean absolute error" in " ".join(ended.out.split())

    def check(self, folder: Path, record: dict[str, Any]) -> None:
        """The loss goes down, the score is that of the rows, and the record says which code it was."""
        curve = [
            json.loads(line)["validation"] for line in (folder / "curve.jsonl").read_text("utf8").splitlines()
        ]
        assert curve[-1]["loss"] < 0.5 * curve[0]["loss"]
        rows = pq.read_table(folder / "predictions.parquet").to_pydict()
        assert [str(text.split().count("good")) for text in rows["text"]] == rows["label"]
        mae = np.mean(np.abs(np.subtract(rows["target"], rows["estimate"])))
        assert record["scores"]["test"]["mae"] == pytest.approx(mae, rel=1e-6)
        assert record["config"]["task"]["code"] == hashlib.sha256(FAMILY.read_bytes()).hexdigest()[:16]
        if record["arm"] == "every_second":
            assert record["config"]["arm"]["code"] == hashlib.sha256(ARM.read_bytes()).hexdigest()[:16]

    @pytest.mark.usefixtures("unreported")
    def test_a_finished_run_is_kept_until_its_code_changes(self, typed: list[str], here: Path) -> None:
        alone = [word for word in typed if not word.startswith("arm")] + ["arm=scratch"]
        assert headstart(*alone).code == 0
        (first,) = here.glob("runs/quick/*/record.json")
        before = first.stat().st_mtime_ns
        assert headstart(*alone).code == 0
        assert first.stat().st_mtime_ns == before
        assert headstart("reproduce", str(first.parent)).code == 0
        write(FAMILY, FAMILY.read_text("utf8").replace(".square()", ".abs()"))
        again = headstart("reproduce", str(first.parent))
        assert (again.code, "task.code: own/tasks/counting.py is not what it was" in again.err) == (2, True)
        assert headstart(*alone).code == 2
        assert headstart(*alone, "--extend").code == 0
        assert len(list(here.glob("runs/quick/*/record.json"))) == 2

    @pytest.mark.slow
    def test_the_processes_of_a_launcher_find_it(self, typed: list[str], here: Path) -> None:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
        end_joblib_processes()
        ended = headstart(*typed, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
        assert ended.code == 0, ended.err
        assert [record["status"] for record in records(here / "runs/quick")] == ["finished"] * 2


README = (Path(__file__).parents[1] / "conf/README.md").read_text("utf8")
BLOCKS = dict(re.findall(r"^```\w+\n# ((?:own|conf)/\S+)\n(.*?)^```$", README, flags=re.M | re.S))
COMMANDS = re.findall(r"^headstart (.*\bevery_second\b.*)$", README, flags=re.M)


def test_what_the_readme_shows_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path, text in BLOCKS.items():
        write(path, text)
    for typed in COMMANDS:
        assert "every_second" in {run.arm.name for run in runs_of(typed.split())}
    assert COMMANDS and "every_second" in headstart("--help").out

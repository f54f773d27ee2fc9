"""How much must be written to add a task family, a dataset or a metric: counted in a copy of the package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOMEBODY = REPOSITORY / "tests/somebody"
ENTRY = '        Metric("error_rate", "error rate", _CLASS, _wrong, _ratio, better="lower"),\n'
TERMS = """def _wrong(examples: Examples) -> np.ndarray:
    return _counted(examples.labels != examples.predictions)


# What is made of the sums.
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package with its choices, in a folder of its own, and some rows."""
    for name in ("src/headstart", "src/hydra_plugins", "conf"):
        shutil.copytree(
            REPOSITORY / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    rows = "".join(f"a good word,{'ab'[n % 2]}\n" for n in range(40))
    (tmp_path / "rows.csv").write_text(f"text,label\n{rows}", "utf8")
    return tmp_path


def python(copy: Path, code: str) -> list[str]:
    """The lines that a program prints which imports the copy."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def changed(copy: Path) -> set[str]:
    """The files of the copy that the repository does not have, or has otherwise."""
    files = (path.relative_to(copy) for room in ("src", "conf") for path in (copy / room).rglob("*.*"))
    return {
        path.as_posix()
        for path in files
        if "__pycache__" not in path.parts
        and (
            not (REPOSITORY / path).is_file()
            or (REPOSITORY / path).read_bytes() != (copy / path).read_bytes()
        )
    }


COMPOSED = """
from headstart.studies.compose import runs_of
(run,) = runs_of({settings!r})
print(run.task.kind, *run.task.metrics)
"""


def composed(copy: Path, *settings: str) -> list[str]:
    (line,) = python(copy, COMPOSED.format(settings=[*settings, "arm=scratch", "seed=0", "hydra.mode=RUN"]))
    return line.split()


def test_a_family_is_one_file_and_one_yaml(copy: Path) -> None:
    shutil.copy(SOMEBODY / "own/tasks/counting.py", copy / "src/headstart/tasks/counting.py")
    shutil.copy(SOMEBODY / "conf/task/counting.yaml", copy / "conf/task/counting.yaml")
    assert changed(copy) == {"src/headstart/tasks/counting.py", "conf/task/counting.yaml"}
    assert composed(copy, "task=counting", "task.files.train=rows.csv")[0] == "counting"


def test_a_dataset_is_one_yaml(copy: Path) -> None:
    yaml = "kind: text_classification\nname: mine\nfiles: {train: rows.csv}\n"
    (copy / "conf/task/mine.yaml").write_text(f"# Mine.\n{yaml}", "utf8")
    assert changed(copy) == {"conf/task/mine.yaml"}
    assert composed(copy, "task=mine")[:2] == ["text_classification", "accuracy"]


def test_a_metric_is_one_entry(copy: Path) -> None:
    path = copy / "src/headstart/metrics.py"
    text = path.read_text("utf8").replace("# What is made of the sums.\n", TERMS, 1)
    head, entry, rest = text.partition('        Metric("macro_f1"')
    path.write_text(head + ENTRY + entry + rest, "utf8")
    assert changed(copy) == {"src/headstart/metrics.py"}
    metrics = ["task.metrics=[error_rate,accuracy]", "task.headline=error_rate"]
    assert composed(copy, "task=files", "task.files.train=rows.csv", *metrics)[1:] == [
        "error_rate",
        "accuracy",
    ]
    code = """
import numpy as np
from headstart.compare.ranges import span
from headstart.metrics import metric_title, orient
from headstart.tasks.labels import OneClass
logits = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
result = OneClass(("a", "b")).evaluate(logits, np.array([0, 1, 0, 0]), [""] * 4, ["error_rate"])
print(metric_title("error_rate"), orient("error_rate"), span("error_rate"), result.scores["error_rate"])
"""
    assert python(copy, code) == ["Error rate -1 1.0 0.25"]

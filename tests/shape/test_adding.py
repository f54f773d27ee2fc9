"""Adding: one of each thing is added to a copy of the code, in as many files as CONTRIBUTING.md says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = "src/headstart"
SOMEBODY = ROOT / "tests/somebody"


def text(name: str) -> str:
    """A file of the folder that a user has."""
    return (SOMEBODY / name).read_text("utf8")


# What is added -> its files: the whole text of a new one, or (a line there, what is put before it).
ADDED: dict[str, dict[str, str | tuple[str, str]]] = {
    "metric": {
        f"{CODE}/metrics.py": (
            '        Metric("macro_f1",',
            '        Metric("error_rate", "error rate", _CLASS, _correct, lambda s: 1 - _ratio(s),'
            ' better="lower"),\n',
        )
    },
    "report section": {
        f"{CODE}/reports/sections/counted.py": (
            '"""Counted: how many pairs there are."""\n\n'
            "from headstart.compare.findings import Findings\n"
            "from headstart.reports.page import Parts, Text\n\n\n"
            "def parts(findings: Findings) -> Parts:\n"
            '    """A sentence."""\n'
            '    return (Text(f"Pairs: {sum(len(item.pairs) for item in findings.comparisons)}."),)\n'
        ),
        f"{CODE}/reports/outline.py": (
            "CLOSING: Outline = [",
            "from headstart.reports.sections import counted\n\n"
            'OPENING.append(("counted", "Counted", counted.parts))\n',
        ),
    },
    "arm": {
        f"{CODE}/arms/every_second.py": text("own/arms/every_second.py"),
        "conf/arm/every_second.yaml": text("conf/arm/every_second.yaml"),
    },
    "task family": {
        f"{CODE}/tasks/counting.py": text("own/tasks/counting.py"),
        "conf/task/counting.yaml": text("conf/task/counting.yaml"),
    },
    "dataset": {
        "conf/task/letters.yaml": (
            "kind: text_classification\nname: letters\ntext: letter\nlabel: sender\n"
            "files: {train: letters.csv}\nmetrics: [accuracy, error_rate]\nheadline: accuracy\n"
        )
    },
    "setting": {
        f"{CODE}/budget.py": ("    keep: Literal", "    patience: int = Field(default=0, ge=0)\n"),
        "conf/budget/short.yaml": ("evaluations:", "patience: 0\n"),
    },
}
FILES = {"metric": 1, "report section": 2, "arm": 2, "task family": 2, "dataset": 1, "setting": 2}

USES = """
import json, sys
from pathlib import Path
import numpy as np
import headstart
from headstart.compare.study import compare
from headstart.compare.ranges import span
from headstart.metrics import metric_title, orient
from headstart.reports.formats.markdown import render
from headstart.reports.outline import page
from headstart.studies.compose import runs_of
from headstart.tasks.labels import OneClass

def kind(*words):
    return [(run.arm.kind, run.task.kind, run.budget.patience) for run in runs_of([*words, "seed=0"])]

logits = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 1.0], [2.0, 1.0]])
trained = OneClass(("a", "b")).evaluate(logits, np.array([0, 1, 0, 0]), [""] * 4, ["error_rate"])
print(json.dumps({
    "from": headstart.__file__,
    "metric": [trained.scores["error_rate"], *(of("error_rate") for of in (metric_title, orient, span))],
    "report section": "Counted" in render(page(compare(Path(sys.argv[1])))),
    "arm": kind("arm=every_second")[0][0],
    "task family": kind("task=counting", "arm=scratch", "study.name=c")[0][1],
    "dataset": runs_of(["task=letters", "arm=scratch", "study.name=l", "seed=0"])[0].task.metrics,
    "setting": [kind("arm=scratch")[0][2], kind("arm=scratch", "budget.patience=3")[0][2]],
}))
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code and the configuration, everything added."""
    folder = tmp_path_factory.mktemp("copy")
    for part in ("src", "conf"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for files in ADDED.values():
        for name, addition in files.items():
            file = folder / name
            if isinstance(addition, str):
                assert not file.exists()
                file.write_text(addition, "utf8")
                continue
            line, added = addition
            before = file.read_text("utf8")
            assert before.count(line) == 1, (name, line)
            file.write_text(before.replace(line, added + line), "utf8")
    return folder


@pytest.fixture(scope="module")
def used(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a process of the copy makes of each addition."""
    from tests.factory import make_study

    study = make_study(tmp_path_factory.mktemp("study"), seeds=[0, 1], examples=40, evaluations=2)
    ended = subprocess.run(
        [sys.executable, "-c", USES, str(study)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env={**os.environ, "PYTHONPATH": str(copy / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("metric", [0.25, "Error rate", -1, 1.0]),
        ("report section", True),
        ("arm", "every_second"),
        ("task family", "counting"),
        ("dataset", ["accuracy", "error_rate"]),
        ("setting", [0, 3]),
    ],
)
def test_one_more_takes_as_many_files_as_is_said(
    thing: str, expected: object, copy: Path, used: dict[str, object]
) -> None:
    assert str(used["from"]).startswith(str(copy))
    assert used[thing] == expected
    assert len(ADDED[thing]) == FILES[thing]


def test_nothing_else_was_touched(copy: Path) -> None:
    changed = {
        path.relative_to(copy).as_posix()
        for part in ("src", "conf")
        for path in (copy / part).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not _same(path, ROOT / path.relative_to(copy))
    }
    assert changed == {name for files in ADDED.values() for name in files}


def _same(path: Path, original: Path) -> bool:
    return original.exists() and path.read_bytes() == original.read_bytes()

"""The wheel: built here, installed into a folder, used from another one without the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that ends well."""
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("headstart-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A folder that holds nothing but the installed wheel."""
    target = wheel.parent / "site"
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index", "--quiet")
    run(*pip, "--target", target, wheel, cwd=wheel.parent)
    return target


def test_the_wheel_holds_the_package_its_configuration_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    yamls = {
        f"headstart/conf/{path.relative_to(ROOT / 'conf').as_posix()}"
        for path in (ROOT / "conf").rglob("*.yaml")
    }
    sources = {
        path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*") if path.is_file()
    }
    assert yamls <= names
    assert {name for name in sources if "__pycache__" not in name} <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "headstart",
        "hydra_plugins",
    }


def test_the_installed_wheel_plans_and_runs_a_study_whatever_surrounds_it(
    installed: Path, quick: list[str], tmp_path: Path
) -> None:
    """A locale without UTF-8, a home that cannot be written, W&B offline, `srun` on the path, a dumb pipe."""
    (tmp_path / "file").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/srun").write_text("#!/bin/sh\n", "utf8")
    (tmp_path / "bin/srun").chmod(0o755)
    environment = {
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0",
        "HOME": str(tmp_path / "file/home"),
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(installed),
    }  # fmt: skip
    program = (
        "import runpy, sys, hydra_plugins.headstart as plugin\nfrom headstart.cli import main\n"
        "from headstart.studies.config_search import shipped\nprint(plugin.__file__, shipped())\n"
        "assert main(['plan', *sys.argv[1:]]) == 0\nrunpy.run_module('headstart', run_name='__main__')\n"
    )
    words = ["arm=scratch", "seed=0", *quick, "tracker=offline"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode("ascii")
    found = said.partition("\n")[0].split()
    assert all(file.startswith(str(installed)) for file in found), found
    assert re.search(r"\b1 runs?, 0 done", said)
    assert said.splitlines()[-1] == "report: runs/quick/report.html"
    begun, line = (line for line in done.stderr.splitlines() if not line.endswith(b" ..."))
    assert begun.startswith(b"begins: files - tiny-bert - 64 rows - scratch - seed 0")
    assert line.startswith(b"[1/1] files - tiny-bert - 64 rows - scratch - seed 0: ")
    (record,) = (tmp_path / "runs/quick").glob("*/record.json")
    assert json.loads(record.read_text("utf8"))["status"] == "finished"
    assert len(list(Path("runs/quick/wandb").glob("offline-run-*"))) == 2  # of the run and of the study


def test_the_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "bin" / "headstart", "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "study    = " in said

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


def test_the_installed_wheel_plans_and_runs_a_study(
    installed: Path, quick: list[str], tmp_path: Path
) -> None:
    program = (
        "import runpy, sys, hydra_plugins.headstart as plugin\nfrom headstart.cli import main\n"
        "from headstart.studies.config_search import shipped\nprint(plugin.__file__, shipped())\n"
        "assert main(['plan', *sys.argv[1:]]) == 0\nrunpy.run_module('headstart', run_name='__main__')\n"
    )
    said = run("-c", program, "arm=scratch", "seed=0", *quick, cwd=tmp_path, PYTHONPATH=str(installed))
    found = said.partition("\n")[0].split()
    assert all(file.startswith(str(installed)) for file in found), found
    assert re.search(r"\b1 runs?, 0 done", said)
    assert "report: runs/quick/report.html" in said
    (record,) = (tmp_path / "runs/quick").glob("*/record.json")
    assert json.loads(record.read_text("utf8"))["status"] == "finished"


def test_the_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "bin" / "headstart", "--help", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "study    = " in said

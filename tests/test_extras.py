"""Extras: what is typed to install them, in a checkout and beside an installed package."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.studies.command import headstart

from headstart import extras
from headstart.studies.tuning import _optuna

ROOT = Path(__file__).parents[1]
OTHERS = ("browser", "lint")  # extras that no test of the lowest versions needs


def test_in_a_checkout_and_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    assert extras.install("joblib") == "pip install -e '.[joblib]'"
    monkeypatch.chdir(tmp_path)
    assert extras.install("joblib") == f"pip install -e '{ROOT}[joblib]'"
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "lib/site-packages/headstart/extras.py"))
    assert extras.install("joblib") == "pip install 'headstart[joblib]'"


def test_the_lowest_versions_are_those_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    extras_of_tests = [
        extra for name, extra in project["optional-dependencies"].items() if name not in OTHERS
    ]
    needed = [*project["dependencies"], *(line for extra in extras_of_tests for line in extra)]
    bounds = {
        f"{name}=={least}" for line in needed for name, least in re.findall(r"^([\w-]+)[>=]=([\d.]+)", line)
    }
    tested = (ROOT / "constraints-lowest.txt").read_text("utf8").splitlines()[1:]
    assert sorted(bounds) == sorted(tested)


def test_every_extra_that_is_advised_exists() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]["optional-dependencies"]
    sources = [path.read_text("utf8") for path in (ROOT / "src").rglob("*.py")]
    pattern = r"""(?:install\(|missing\("\w+", )["']([\w-]+)["']\)"""
    advised = {name for text in sources for name in re.findall(pattern, text)}
    named = {
        "estimate",
        "excel",
        "gguf",
        "joblib",
        "lora",
        "mlflow",
        "submitit",
        "tensorboard",
        "text-to-text",
    }
    named |= {"tune", "wandb-report"}
    assert advised == named <= set(known)
    assert not [text for text in sources if re.search(r"headstart\[[a-z]", text)], "advice that names a place"


@pytest.mark.parametrize(("launcher", "extra"), [("joblib", "joblib"), ("submitit_slurm", "submitit")])
def test_a_launcher_that_is_not_installed(launcher: str, extra: str) -> None:
    program = (
        f"import sys; sys.modules['hydra_plugins.hydra_{extra}_launcher'] = None\n"
        "from headstart.cli import main\n"
        f"sys.exit(main(['plan', 'hydra/launcher={launcher}', 'arm=scratch']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == (
        f"headstart: hydra/launcher={launcher}: is not installed; pip install -e '.[{extra}]'"
    )


@pytest.mark.parametrize(
    ("package", "settings", "sentence"),
    [
        ("peft", ["arm=lora"], "arm: needs peft, which is not installed: pip install -e '.[lora]'"),
        (
            "sacrebleu",
            ["task=docs_summary"],
            "task: needs sacrebleu, which is not installed: pip install -e '.[text-to-text]'",
        ),
        (
            "codecarbon",
            ["meter=codecarbon"],
            "meter: needs codecarbon, which is not installed: pip install -e '.[estimate]'",
        ),
        (
            "mlflow",
            ["tracker=[csv,mlflow]"],
            "tracker: needs mlflow, which is not installed: pip install -e '.[mlflow]'",
        ),
    ],
)
def test_a_choice_whose_package_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, package: str, settings: list[str], sentence: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(ROOT)
    result = headstart("plan", "arm=scratch", "seed=0", *settings)
    assert result.code == 2
    assert sentence in result.err


def test_no_estimate_without_codecarbon_and_the_record_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from headstart.meters.backend import Unreadable
    from headstart.meters.codecarbon import Estimate

    monkeypatch.setitem(sys.modules, "codecarbon", None)
    monkeypatch.chdir(ROOT)
    with pytest.raises(Unreadable, match=re.escape("needs codecarbon, which is not installed: pip install")):
        Estimate().open()


def test_a_published_adapter_without_peft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from torch import nn

    from headstart.arms.adapter import merge
    from headstart.errors import WeightsError
    from headstart.models.weights import Checkpoint

    monkeypatch.setitem(sys.modules, "peft", None)
    checkpoint = Checkpoint(tmp_path, "the folder adapter")
    with pytest.raises(WeightsError, match="the folder adapter is an adapter and needs peft"):
        merge(nn.Linear(1, 1), checkpoint, set())


def test_a_sampler_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.chdir(ROOT)
    with pytest.raises(
        Exception, match=re.escape("needs optuna: pip install -e '.[tune]', or sampler=random")
    ):
        _optuna()


def test_weights_that_a_package_delivers(monkeypatch: pytest.MonkeyPatch) -> None:
    from headstart.errors import WeightsError
    from headstart.models.model import Model

    model = Model(name="nobody/nothing", distribution="no-such-package")
    with pytest.raises(WeightsError, match="pip install no-such-package, or fetch it once"):
        model.find()

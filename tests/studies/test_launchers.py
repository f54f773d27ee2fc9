"""Engines that exist carry a study: Dask starts workers, submitit jobs; one that dies loses nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.studies.command import end_joblib_processes, headstart, records
from tests.studies.processes import results

from headstart.studies.compose import plan_study
from headstart.studies.frozen import freeze

pytestmark = pytest.mark.usefixtures("unreported")
README = Path(__file__).parents[2] / "conf/README.md"
STUDY = Path("runs/quick")


@pytest.mark.slow
def test_dask_carries_a_study_with_the_line_of_the_readme(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    words = [*quick, "seed=0,1"]
    freeze(plan_study(words).points, words)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (line,) = re.findall(r"^Dask +(.*)$", README.read_text("utf8"), re.MULTILINE)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, local_directory=tmp_path
    )
    with cluster, distributed.Client(cluster) as client:
        names = {"client": client, "subprocess": subprocess, "N": 2}
        assert eval(line.replace("runs/STUDY", str(tmp_path / STUDY)), names) == [0, 0]  # noqa: S307 - our own
    assert len(records(STUDY)) == 4 and not (STUDY / ".claims").exists()
    assert headstart(*words, "study.name=alone").code == 0
    assert results(STUDY) == results(Path("runs/alone"))


DEADLY = """
import os
import signal
from pathlib import Path
from typing import Literal

from headstart.arms.arm import BaseArm


class Deadly(BaseArm):
    \"\"\"Loads nothing, and kills its process while there is a file called deadly.\"\"\"

    kind: Literal["deadly"]

    def load_weights(self, seeded, model, seed=0):
        if Path("deadly").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().load_weights(seeded, model, seed)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2"],
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
    ],
    ids=["submitit", "joblib"],
)
def test_a_job_that_dies_loses_neither_the_others_nor_the_report(
    launcher: list[str], quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs are processes of their own: the second arm of the first pair kills its one."""
    pytest.importorskip(f"hydra_plugins.hydra_{launcher[0].partition('=')[2].partition('_')[0]}_launcher")
    end_joblib_processes()
    for file, text in (
        ("own/arms/deadly.py", DEADLY),
        ("conf/arm/deadly.yaml", "kind: deadly\nname: deadly\n"),
    ):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text, "utf8")
    (tmp_path / "deadly").touch()
    command = [*quick, "seed=0", "arm=scratch,deadly", *launcher]
    reports: list[object] = []
    monkeypatch.setattr(
        "headstart.commands.run_study.report_all", lambda *arguments: reports.append(arguments)
    )
    ended = headstart(*command)
    end_joblib_processes()
    assert ended.code == 1 and reports, ended.err
    assert "its process ended (" in ended.err and "the same command trains it" in ended.err
    (tmp_path / "deadly").unlink()
    assert headstart(*command).code == 0
    end_joblib_processes()
    assert headstart(*quick, "seed=0", "arm=scratch,deadly", "study.name=alone").code == 0
    assert results(STUDY) == results(Path("runs/alone"))

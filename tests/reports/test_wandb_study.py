"""The W&B run of a study: read back from its offline file, and held against the study itself."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests import wandb_files
from tests.compare.simulated import study as crossed_study
from tests.factory import make_study
from tests.loopback_wandb import serving
from tests.studies.command import headstart

from headstart.api import open_study
from headstart.cli import main
from headstart.commands.report import CLAIM, _in_turn, log_so_far
from headstart.compare.findings import Findings
from headstart.compare.pairs import Pair
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.statistics.crossed import Table
from headstart.reports.formats.wandb_study import (
    EXAMPLES,
    GAINS,
    PAIRS,
    difference_key,
    differences,
    gain_rows,
    log_study,
    pair_rows,
)
from headstart.studies.claims import Claim
from headstart.studies.sync import sync
from headstart.wandb_server import unusable


def of_the_study(folder: Path) -> Path:
    """The offline file of the study's own run."""
    (file,) = [path for path in wandb_files.offline(folder) if wandb_files.run(path).job_type == "study"]
    return file


def test_a_study_is_a_run_of_its_own(quick: list[str]) -> None:
    overrides = [override for override in quick if override != "tracker=none"]
    typed = headstart(*overrides, "tracker=offline", "seed=0,1")
    assert typed.code == 0, typed.err
    folder = Path("runs/quick")
    assert len(wandb_files.offline(folder)) == 5
    file, study = of_the_study(folder), open_study(folder)
    described = wandb_files.run(file)
    assert described.run_group == "quick" and set(described.tags) == {"files", "study"}
    summary, gain = wandb_files.summary(file), study.findings.comparisons[0].gain
    assert gain is not None and summary["answer"] == study.sentence
    assert summary["gain/pretrained/gain"] == gain.gain and summary["gain/pretrained/pairs"] == 2
    rows = [row for row in wandb_files.history(file) if "difference/pretrained" in row]
    assert [row["trainer/global_step"] for row in rows] == [0, 4, 8]
    assert all(row["difference/pretrained/low"] <= row["difference/pretrained/high"] for row in rows)
    assert wandb_files.metrics(file)["difference/*"]["axis"] == "trainer/global_step"
    media = {path.suffix for path in file.parent.glob("files/media/**/*")}
    assert {".json", ".html"} <= media and summary["status"] == "finished"
    assert described.notes.endswith("seed=0,1") and wandb_files.config(file)["job"] == "study"
    right_in_one = next(file.parent.glob("files/media/table/rows_right_in_one_arm*.json"))
    table = json.loads(right_in_one.read_text("utf8"))
    item = study.findings.comparisons[0]
    assert table["columns"] == list(EXAMPLES)
    assert len(table["data"]) == len(item.only_arm) + len(item.only_baseline)
    assert {row[3] for row in table["data"]} <= {"pretrained", "scratch"}
    check_the_lineage(folder)
    (artifact,) = [artifact for artifact in wandb_files.artifacts(file) if artifact.type == "study"]
    names = {entry.path for entry in artifact.manifest.contents}
    assert "report.html" in names and len(names) == 5
    before = file.stat().st_mtime_ns
    assert headstart(*overrides, "tracker=offline", "seed=0,1").code == 0
    assert of_the_study(folder).stat().st_mtime_ns == before, "nothing was trained, so nothing is logged"


def check_the_lineage(folder: Path) -> None:
    """Every run used the rows, and those with weights the weights; digests, and no files."""
    for file in wandb_files.offline(folder):
        if (job := wandb_files.run(file).job_type) == "study":
            continue
        used = wandb_files.artifacts(file)
        assert [artifact.type for artifact in used] == ["rows", "weights"][: 1 + (job == "pretrained")]
        for artifact in used:
            (entry,) = artifact.manifest.contents
            digest = json.loads(artifact.metadata)["digest"]
            assert artifact.use_after_commit and not entry.local_path
            assert entry.ref == f"urn:headstart:{artifact.type}:{digest}"
        known = wandb_files.config(file)
        digests = [json.loads(artifact.metadata)["digest"] for artifact in used]
        assert digests == [known[name] for name in ("data_digest", "weights_digest") if name in known]


def test_differences_are_those_of_the_pairs(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "study", seeds=range(4)))
    (item,) = study.findings.comparisons
    rows = list(differences(item, study.folder))
    curves = study.curves.pivot_table(
        index=["step", "seed"], columns="arm", values=f"validation_{item.headline}"
    )
    gains = (curves["pretrained"] - curves["scratch"]).unstack()
    assert [row["trainer/global_step"] for row in rows] == list(gains.index)
    for row, at_step in zip(rows, gains.to_numpy(), strict=True):
        assert row["difference/pretrained"] == pytest.approx(at_step.mean())
        if np.ptp(at_step):
            ends = stats.t.interval(0.95, 3, at_step.mean(), stats.sem(at_step))
            given = [row[f"difference/pretrained/{end}"] for end in ("low", "high")]
            assert given == pytest.approx(list(ends))


@pytest.mark.parametrize(("pretrainings", "draws"), [(3, 1), (2, 3)])
def test_pairs_that_share_pretrainings_are_no_pairs_of_their_own(
    pretrainings: int, draws: int, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    for number, run in enumerate(crossed_study(tmp_path / "made", pretrainings, draws).glob("*/*")):
        shutil.copytree(run, folder / f"{run.name}-{number}")
    (item,) = open_study(folder).findings.comparisons
    assert len(item.pairs) == 3 * pretrainings * draws
    for row in differences(item, folder):
        gains = np.array([_advantage(folder, pair, row["trainer/global_step"]) for pair in item.pairs])
        levels = {
            "pretraining": np.array([pair.pretraining_seed for pair in item.pairs]),
            "subset": np.array([pair.draw for pair in item.pairs]),
            "seed": np.array([pair.seed for pair in item.pairs]),
        }
        wanted, alone = student_interval(gains, table=Table.of(levels)), student_interval(gains)
        assert wanted is not None and alone is not None
        given = [row[f"{difference_key(item)}/{end}"] for end in ("low", "high")]
        assert given == pytest.approx([wanted.low, wanted.high])
        assert np.ptp(gains) < 1e-9 or given[1] - given[0] != pytest.approx(alone.high - alone.low)


def _advantage(folder: Path, pair: Pair, step: float) -> float:
    """Of the arm at this step, on validation rows."""
    ends = []
    for run in (pair.baseline_folder, pair.arm_folder):
        lines = map(json.loads, (folder / run / "curve.jsonl").read_text("utf8").splitlines())
        ends.append(next(line["validation"]["accuracy"] for line in lines if line["step"] == step))
    return ends[1] - ends[0]


def test_tables_hold_every_pair_and_gain(tmp_path: Path) -> None:
    study = open_study(make_study(tmp_path / "study", rows=(128, 512)))
    pairs = [dict(zip(PAIRS, row, strict=True)) for row in pair_rows(study.findings)]
    assert len(pairs) == 6 and {pair["condition"] for pair in pairs} == {"128 rows", "512 rows"}
    assert all(pair["gain"] == pytest.approx(pair["arm_score"] - pair["baseline_score"]) for pair in pairs)
    gains = [dict(zip(GAINS, row, strict=True)) for row in gain_rows(study.findings)]
    frame = study.gains.to_dict("records")
    assert [(gain["metric"], gain["low"]) for gain in gains] == [(row["metric"], row["low"]) for row in frame]


def with_tracker(findings: Findings, mode: str) -> Findings:
    tracker = {"mode": mode, "project": "p", "entity": None, "finish_timeout": 2}
    return replace(findings, config={**findings.config, "tracker": tracker})


@pytest.mark.usefixtures("unreported")
def test_it_follows_the_pairs_of_a_running_study(quick: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.commands.run_study.EVERY", 0.0)
    folder = Path("runs/quick")
    assert main([*quick, "tracker=offline", "seed=0,1"]) == 0
    so_far = wandb_files.summary(of_the_study(folder))
    assert so_far["status"] == "running" and so_far["gain/pretrained/pairs"] in (1, 2)
    other = Claim(folder, CLAIM)
    assert other.acquire()
    log_so_far(folder)
    assert wandb_files.summary(of_the_study(folder)) == so_far, "another process logs it now"
    ended = threading.Thread(target=lambda: _in_turn(folder).__enter__(), daemon=True)
    ended.start()
    ended.join(0.5)
    assert ended.is_alive(), "a process that ended waits"
    other.release()
    ended.join(30)
    assert not ended.is_alive()


def test_a_server_that_died_gets_it_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setattr("headstart.wandb_server.INIT_SECONDS", 2)
    folder = make_study(tmp_path / "study", seeds=range(3))
    findings = with_tracker(open_study(folder).findings, "online")
    wandb.teardown()
    with serving() as backend:
        monkeypatch.setenv("WANDB_BASE_URL", backend.address)
        backend.fault = "reset"
        log_study(findings, folder)
        (line,) = [line for line in caplog.messages if "did not take the run of the study" in line]
        assert f"it is in files, `headstart sync {folder}` sends it later" in line and unusable(folder)
        asked = backend.requests
        log_study(findings, folder)  # a second worker
        assert backend.requests == asked and len(wandb_files.all_files(folder)) == 1
        backend.fault = None
        wandb.teardown()
        assert (sync(folder).sent, sync(folder).missing) == (1, 0)
    wandb.teardown()
    (run,) = backend.runs.values()
    assert run["jobType"] == "study" and run["summary"]["gain/pretrained/pairs"] == 3
    assert [row["trainer/global_step"] for row in run["history"] if "difference/pretrained" in row]


@pytest.mark.parametrize("mode", ["none", "offline"])
def test_a_tracker_that_is_off_or_broken_costs_nothing(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_study(tmp_path / "study")
    findings = with_tracker(open_study(folder).findings, mode)
    shutil.rmtree(folder / "wandb", ignore_errors=True)
    (folder / "wandb").write_text("no folder", "utf8")
    log_study(findings, folder)
    lines = [line for line in caplog.messages if "W&B did not take the run of the study" in line]
    assert len(lines) == (mode == "offline")
    assert json.loads((folder / next(folder.glob("*/record.json"))).read_text("utf8"))

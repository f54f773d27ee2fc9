"""Studies: which runs a command line trains, in which order, and what is not trained again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.studies.command import end_joblib_processes, headstart, order_of, records, without

from headstart.studies.compose import runs_of
from headstart.studies.forecast import forecast
from headstart.studies.outcome import Outcome, faults


def folders(study: Path) -> list[str]:
    """Names of the run folders."""
    return sorted(path.parent.name for path in study.glob("*/record.json"))


def test_a_study_runs_in_pairs_ends_with_a_verdict_and_is_not_repeated(
    quick: list[str], tmp_path: Path
) -> None:
    first = headstart(*quick, "seed=0,1")
    assert first.code == 0, first.err
    assert order_of(first.err) == [("scratch", 0), ("pretrained", 0), ("pretrained", 1), ("scratch", 1)]
    assert "[4/4]" in first.err
    assert "from scratch in accuracy" in " ".join(first.out.split())
    assert "training rows" in first.out
    assert f"report: {Path('runs/quick/report.html')}" in first.out
    assert (tmp_path / "runs/quick/report.html").is_file()
    kept = {path: path.read_bytes() for path in (tmp_path / "runs").rglob("record.json")}
    assert len(kept) == 4

    again = headstart(*quick, "seed=0,1,2")
    assert again.code == 0
    assert again.err.count("finished before") == 4
    assert order_of(again.err)[-2:] == [("scratch", 2), ("pretrained", 2)]
    assert all(path.read_bytes() == content for path, content in kept.items())

    planned = headstart("plan", *quick, "seed=0,1,2,3")
    assert planned.code == 0
    assert "8 runs, 6 done" in planned.out
    assert "scaled from 6 finished runs on this machine" in " ".join(planned.out.split())
    program = (
        "import sys\nfrom headstart.cli import main\n"
        "code = main([*sys.argv[1:], 'seed=0,1']) + main(['plan', *sys.argv[1:], 'seed=0,1,2,3'])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'scipy.stats'}\n"
        "print(sorted(heavy & set(sys.modules)), code)"
    )
    alone = subprocess.run(
        [sys.executable, "-c", program, *quick], capture_output=True, text=True, check=True
    )
    assert alone.stdout.endswith(f"{planned.out}[] 0\n"), (
        "nothing heavy is imported when nothing is left to train, nor to plan again"
    )

    foreseen, _ = forecast(runs_of([*quick, "runs=nothing_done"]))
    spent = {record["cost"]["flops"]["total"] for record in records(tmp_path / "runs/quick")}
    assert {each.flops for each in foreseen} == spent, (
        "what is foreseen is what is spent, to the last operation"
    )

    report = (tmp_path / "runs/quick/report.md").read_text("utf8")
    rebuilt = headstart("report", "runs/quick")
    assert rebuilt.code == 0
    assert (tmp_path / "runs/quick/report.md").read_text("utf8") == report


def test_arms_and_seeds_share_encoded_rows_until_a_file_or_a_setting_changes(
    quick: list[str], reviews: Path
) -> None:
    first, *others = runs_of([*quick, "seed=0,1"])
    (smaller,) = runs_of([*without(quick, "size"), "size=n32", "arm=scratch", "seed=0"])
    rows = first.prepare()
    assert len(others) == 3 and all(run.prepare() is rows for run in others)
    assert len(smaller.prepare().train) == 32 < len(rows.train)
    before = first.prepare().facts["rows"]
    reviews.write_text(reviews.read_text("utf8").replace("good", "fine"), "utf8")
    assert first.prepare().facts["rows"] != before


def test_plan_trains_nothing_and_says_where_its_seconds_come_from(quick: list[str], tmp_path: Path) -> None:
    planned = headstart("plan", *quick)
    assert planned.code == 0, planned.err
    assert "6 runs, 0 done" in planned.out
    assert planned.out.count("to do") == 6 + 1
    assert "Power: 4 of 5 studies with 3 pairs" in " ".join(planned.out.split())
    assert planned.out.count("rows: test: 48 rows held out of train") == 1
    assert "a guess" in planned.out
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("unreported")
def test_one_seed_is_one_pair_and_one_arm_one_run(quick: list[str], tmp_path: Path) -> None:
    single = headstart("arm=scratch", "seed=7", "hydra.mode=RUN", *quick)
    assert (single.code, order_of(single.err)) == (0, [("scratch", 7)])
    assert "[1/1]" in single.err
    pair = headstart("seed=7", *quick)
    assert order_of(pair.err) == [("scratch", 7), ("pretrained", 7)]
    assert pair.err.count("finished before") == 1, "a run is the same run however it was asked for"
    scratch, pretrained = sorted(
        records(tmp_path / "runs/quick"), key=lambda record: record["arm"], reverse=True
    )
    assert scratch["pair_id"] == pretrained["pair_id"]
    assert scratch["run_id"] != pretrained["run_id"]
    assert scratch["init"]["head"] == pretrained["init"]["head"]
    assert pretrained["argv"] == ["headstart", "seed=7", *quick]


@pytest.mark.usefixtures("unreported")
def test_other_rows_are_another_run_and_the_same_rows_elsewhere_are_not(
    quick: list[str], reviews: Path, tmp_path: Path
) -> None:
    one = ["arm=scratch", "seed=0"]
    assert headstart(*quick, *one).code == 0
    moved = reviews.rename(tmp_path / "moved.csv")
    same = headstart(*without(quick, "task.files.train"), *one, f"task.files.train={moved}")
    assert "finished before" in same.err
    moved.write_text(moved.read_text("utf8") + "a new one is good,good\n", "utf8")
    other = headstart(*without(quick, "task.files.train"), *one, f"task.files.train={moved}")
    assert other.code == 0
    assert "finished before" not in other.err
    assert len(folders(tmp_path / "runs/quick")) == 2


@pytest.mark.usefixtures("unreported")
def test_the_fault_of_one_run_does_not_stop_the_others(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from headstart.training import train as training

    usual = training.plan_of

    def sometimes(run, prepared):
        if run.seed == 0:
            raise ZeroDivisionError("of ours")
        return usual(run, prepared)

    monkeypatch.setattr(training, "plan_of", sometimes)
    typed = headstart(*quick, "seed=0,1")
    assert typed.code == 1
    ends = sorted((record["seed"], record["status"]) for record in records(tmp_path / "runs/quick"))
    assert ends == [(0, "failed")] * 2 + [(1, "finished")] * 2
    last = typed.err.splitlines()[-1]
    assert last.startswith(
        "headstart: files · tiny-bert · 64 rows · scratch · seed 0 and 1 more: "
        "failed: ZeroDivisionError: of ours"
    )
    log = (tmp_path / "runs/quick/errors.log").read_text("utf8")
    assert log.count("Traceback") == 2


@pytest.mark.usefixtures("unreported")
def test_size_too_large_for_the_rows_fails_and_the_smaller_ones_run(quick: list[str], tmp_path: Path) -> None:
    typed = headstart(*without(quick, "size"), "seed=0", "arm=scratch", "size=n32,n4096,n64")
    assert typed.code == 1
    assert "size.rows=4096 but train has 168 rows" in typed.err
    ends = [(r["config"]["size"]["rows"], r["status"]) for r in records(tmp_path / "runs/quick")]
    assert sorted(ends) == [(32, "finished"), (64, "finished"), (4096, "failed")]


@pytest.mark.slow
def test_two_workers_report_the_same_scores_as_one(quick: list[str], tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    end_joblib_processes()
    alone = headstart(*quick, "seed=0,1")
    workers = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    beside = headstart(*without(quick, "study.name"), "seed=0,1", "study.name=beside", *workers)
    assert (alone.code, beside.code) == (0, 0), beside.err
    assert order_of(beside.err) == order_of(alone.err)
    scores = [
        {r["run_id"]: r["scores"] for r in records(tmp_path / "runs" / name)} for name in ("quick", "beside")
    ]
    assert len(scores[0]) == 4
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["seed=1,1"], [("scratch", 1), ("pretrained", 1)]),
        (["seed=0,1", "arm=pretrained"], [("pretrained", 0), ("pretrained", 1)]),
        (["seed=0", "arm=pretrained,scratch"], [("pretrained", 0), ("scratch", 0)]),
        (["seed=range(4,6)"], [("scratch", 4), ("pretrained", 4), ("pretrained", 5), ("scratch", 5)]),
        (
            ["-m", "size=n32,n64", "seed=0"],
            [("scratch", 0), ("pretrained", 0), ("pretrained", 0), ("scratch", 0)],
        ),
    ],
)
def test_the_order_of_runs(overrides: list[str], expected: list[tuple[str, int]]) -> None:
    assert [(run.arm.name, run.seed) for run in runs_of(overrides)] == expected


def test_a_pattern_of_choices_is_swept() -> None:
    sizes = {run.size.words() for run in runs_of(["size=glob(k*)", "arm=scratch", "seed=0"])}
    assert sizes == {"4 per class", "8 per class", "16 per class", "32 per class", "64 per class"}


def test_ten_runs_with_one_fault_are_one_sentence() -> None:
    outcomes = [Outcome(f"run {i}", "runs/x", "", "failed", reason="no rows", code=1) for i in range(10)]
    outcomes += [
        Outcome("run 10", "runs/x", "", "diverged", reason="NaN"),
        Outcome("run 11", "runs/x", "", "finished"),
    ]
    assert faults(outcomes) == ["run 0 and 9 more: failed: no rows", "run 10: diverged: NaN"]


def test_the_records_keep_the_command_and_the_resolved_settings(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.commands.run_study.report_all", lambda *_: None)
    headstart("arm=scratch", "seed=0", *quick)
    (folder,) = (tmp_path / "runs/quick").glob("*/record.json")
    record = json.loads(folder.read_text("utf8"))
    assert record["config"]["optim"]["lr"] == 3e-3
    assert record["config"]["precision"] in ("bf16", "fp32")
    assert {path.name for path in folder.parent.iterdir()} >= {
        "record.json",
        "curve.jsonl",
        "predictions.parquet",
    }

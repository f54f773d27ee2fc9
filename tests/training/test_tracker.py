"""What arrives in W&B: read back from the offline file, and from a server on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests import wandb_files
from tests.loopback_wandb import LoopbackWandb, serving
from tests.training.runs import composed, stopped_at

from headstart.cli import main
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.tracker import metrics_of, tracked

pytestmark = pytest.mark.usefixtures("unreported")

POINT = {"samples": 1, "tokens": 2, "tokens_padded": 3, "flops": 4, "seconds": 0.5, "joules": 6.0,
         "train_loss": None, "validation": {"loss": 1.0, "accuracy": 0.5}}  # fmt: skip


def test_steps_are_training_steps_and_the_axes_are_declared(quick: list[str]) -> None:
    asked = "study.question='Does it help?'"
    assert main([*quick, "tracker=offline", "meter=constant", "meter.watts=40", "seed=0", asked]) == 0
    files = wandb_files.offline(Path("runs/quick"))
    records = [json.loads(path.read_text("utf8")) for path in Path("runs/quick").glob("*/record.json")]
    assert len(files) == len(records) == 2
    for file in files:
        described = wandb_files.run(file)
        config = {update.key: json.loads(update.value_json) for update in described.config.update}
        assert described.run_group == "quick" and described.job_type == config["arm"]
        assert config["seed"] == 0 and config["optim_lr"] == 3e-3
        assert {*described.tags} == {"files", config["arm"]}
        assert described.notes.startswith("Does it help?") and "meter=constant" in described.notes
        (record,) = [record for record in records if record["arm"] == config["arm"]]
        every_row = wandb_files.history(file)
        assert steps_of(every_row) == list(range(9))
        rows = [row for row in every_row if "validation/loss" in row]
        assert steps_of(rows) == [0, 4, 8]
        assert [row["cost/samples"] for row in rows] == [0, 64, 128]
        axes = {f"cost/{name}" for name in ("samples", "tokens", "tokens_padded", "flops", "seconds")}
        axes |= {"energy/estimated_joules", "trainer/global_step"}
        assert all({"validation/accuracy", "validation/loss", *axes} <= set(row) for row in rows)
        assert not [name for row in rows for name in row if name.endswith("/joules")]
        declared = wandb_files.metrics(file)
        assert declared["*"] == {"axis": "trainer/global_step", "summary": []}
        assert all(declared[name] == {"axis": "", "summary": []} for name in axes)
        assert declared["validation/accuracy"] == {"axis": "trainer/global_step", "summary": ["max"]}
        assert declared["validation/loss"] == {"axis": "trainer/global_step", "summary": ["min"]}
        check_the_steps(every_row)
        peaks = [row["memory/host_bytes"] for row in rows]
        assert (
            min(peaks) > 2**20
            and max(peaks) <= wandb_files.summary(file)["memory/host_bytes"]
            and "memory/device_bytes" not in rows[0]
        )
        added = wandb_files.config(file)
        assert added["pair_id"] == record["pair_id"] and added["n_train"] == 64
        assert added["data_digest"] == record["data"]["source"] and added["energy_method"] == "estimated"
        assert ("weights_digest" in added) == (record["arm"] == "pretrained")
        assert added["machine"] == record["environment"]["machine"] and "meter.watts=40" in added["overrides"]
        assert added["_wandb/pinned_keys"][0] == "arm"
        assert added["parameters"] == record["cost"]["parameters"]["all"] and added["version_torch"]
        told = wandb_files.summary(file)
        assert told["validation/accuracy"] == {"max": max(row["validation/accuracy"] for row in rows)}
        assert told["test/accuracy"] == record["scores"]["test"]["accuracy"]
        assert told["kept_weights/accuracy"] == record["scores"]["validation"]["accuracy"]
        assert told["energy/estimated_joules"] == record["cost"]["energy"]["joules"]["total"]


def check_the_steps(rows: list[dict[str, Any]]) -> None:
    """Steps have a loss, a norm and a rate; their mean loss is that of the evaluation after them."""
    losses = [row["train/step_loss"] for row in rows[1:]]
    assert [sum(losses[:4]) / 4, sum(losses[4:]) / 4] == pytest.approx(
        [rows[n]["train/loss"] for n in (4, 8)]
    )
    assert all(row["train/gradient_norm"] > 0 for row in rows[1:])
    rates = [row["train/learning_rate"] for row in rows[1:]]
    assert rates[0] == max(rates) == 3e-3 and rates == sorted(rates, reverse=True)
    first, last = rows[0], rows[8]
    assert not [name for name in first if name.startswith(("train/", "speed/"))]
    seconds = last["cost/seconds"] - rows[4]["cost/seconds"]
    assert last["speed/samples_per_second"] == pytest.approx(64 / seconds)
    assert last["energy/estimated_watts"] == pytest.approx(40, rel=0.01)


def test_joules_of_different_methods_never_share_a_name() -> None:
    names = {method: set(metrics_of(POINT, method)) for method in ("measured", "sampled", "estimated")}
    assert all(f"energy/{method}_joules" in found for method, found in names.items())
    assert set.intersection(*names.values()) == set(metrics_of(POINT | {"joules": None}, "measured"))


def one(quick: list[str], *overrides: str) -> Run:
    return composed(*quick, "tracker=offline", *overrides)


def logged(run: Run, steps: Sequence[int], fails_at: int | None = None) -> None:
    """Log a curve point for every step, as training does."""
    with tracked(run, identify(run), run.study_folder / "a_run") as mirrors:
        for step in steps:
            if step == fails_at:
                raise KeyError("pulled the plug")
            for mirror in mirrors:
                mirror.log_metrics(metrics_of(POINT, "none"), step=step)


def steps_of(rows: Sequence[dict[str, Any]]) -> list[int]:
    return [row["trainer/global_step"] for row in rows]


def test_the_same_run_in_two_studies_is_two_runs(quick: list[str]) -> None:
    for study in ("quick", "other"):
        logged(one(quick, f"study.name={study}"), [0])
    ids = [
        wandb_files.run(wandb_files.offline(Path("runs") / study)[0]).run_id for study in ("quick", "other")
    ]
    assert len(set(ids)) == 2


def test_a_stopped_run_goes_on_in_the_same_file(quick: list[str]) -> None:
    overrides = [*quick, "tracker=offline", "hydra.mode=RUN", "budget.evaluations=4", "hardware.save_every=0"]
    with stopped_at(5):
        assert main(overrides) == 1
    (first,) = wandb_files.offline(Path("runs/quick"))
    assert steps_of(wandb_files.history(first)) == [0, 1, 2, 3, 4]
    assert main(overrides) == 0
    (whole,) = wandb_files.offline(Path("runs/quick"))
    assert wandb_files.run(whole).run_id == first.stem.removeprefix("run-")
    assert steps_of(wandb_files.history(whole)) == list(range(9))


def sentences(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("headstart")]


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """W&B as a user has it who wants a server: a key, a place of its own for settings, no WANDB_MODE."""
    import wandb

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setattr("headstart.wandb_server.INIT_SECONDS", 2)
    wandb.teardown()
    yield monkeypatch
    wandb.teardown()


@pytest.fixture
def server(online: pytest.MonkeyPatch) -> Iterator[LoopbackWandb]:
    online.setattr("headstart.wandb_server.INIT_SECONDS", 60)  # a busy machine answers late
    online.setattr("headstart.training.wandb_mirror.SLOW", 60)
    with serving() as backend:
        online.setenv("WANDB_BASE_URL", backend.address)
        yield backend


def test_online_runs_arrive_whole(
    quick: list[str], server: LoopbackWandb, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main([*quick, "tracker=wandb", "seed=0"]) == 0
    assert len(server.runs) == 2
    for run in server.runs.values():
        assert run["group"] == "quick"
        assert run["jobType"] in ("scratch", "pretrained")
        assert steps_of(run["history"]) == list(range(9))
        assert run["summary"]["status"] == "finished"
        assert 0 <= run["summary"]["test/accuracy"] <= 1
        assert run["summary"]["cost/flops_total"] > 0
    assert "wandb:" not in "".join(capfd.readouterr())


def test_a_resumed_run_does_not_double_its_history_on_the_server(
    quick: list[str], server: LoopbackWandb
) -> None:
    run = one(quick, "tracker=wandb")
    with pytest.raises(KeyError):
        logged(run, [0, 4, 8], fails_at=8)
    logged(run, [0, 4, 8, 12])
    (arrived,) = server.runs.values()
    assert steps_of(arrived["history"]) == [0, 4, 8, 12]


@pytest.mark.parametrize(
    ("asked", "environment", "said", "files"),
    [
        ("offline", {"WANDB_MODE": "disabled"}, "WANDB_MODE=disabled: nothing is logged", 0),
        ("wandb", {"WANDB_DISABLED": "true"}, "WANDB_DISABLED=true: nothing is logged", 0),
        ("wandb", {"WANDB_MODE": "offline"}, "WANDB_MODE is offline", 1),
        ("wandb", {"WANDB_MODE": "dryrun"}, "WANDB_MODE is dryrun", 1),
        ("offline", {"WANDB_MODE": "online"}, "tracker=wandb goes online", 1),
        ("offline", {"WANDB_MODE": "sometimes"}, "WANDB_MODE=sometimes: Input should be 'online'", 1),
        (
            "offline",
            {"WANDB_BASE_URL": "my server"},
            "WANDB_BASE_URL=my server: Input should be a valid URL",
            1,
        ),
        ("wandb", {"WANDB_BASE_URL": "http://"}, "WANDB_BASE_URL=http://: Input should be a valid URL", 1),
        ("wandb", {"WANDB_BASE_URL": "ftp://x"}, "WANDB_BASE_URL=ftp://x: URL scheme should be 'http'", 1),
        ("wandb", {"WANDB_BASE_URL": "http://127.0.0.1:9"}, "connection refused", 1),
        ("wandb", {"WANDB_API_KEY": ""}, "no API key for", 1),
        ("wandb", {"WANDB_API_KEY": "short"}, "W&B cannot be used (", 1),
        ("none", {"WANDB_MODE": "online"}, "", 0),
    ],
)
def test_what_is_not_as_asked_is_said_once_and_the_run_goes_on(
    quick: list[str],
    online: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    asked: str,
    environment: dict[str, str],
    said: str,
    files: int,
) -> None:
    online.setenv("NETRC", "/nowhere")
    for name, value in environment.items():
        online.setenv(name, value)
    for _ in range(2):
        logged(one(quick, f"tracker={asked}"), [0])
    assert len(wandb_files.offline(Path("runs/quick"))) == files
    assert [said in message for message in sentences(caplog)] == [True] * bool(said)


def test_a_server_that_refuses_the_key_is_asked_once(
    quick: list[str], server: LoopbackWandb, caplog: pytest.LogCaptureFixture
) -> None:
    server.fault = 401
    logged(one(quick, "tracker=wandb"), [0])
    asked = server.requests
    logged(one(quick, "tracker=wandb", "seed=1"), [0])
    assert server.requests == asked and len(sentences(caplog)) == 1
    assert len(wandb_files.offline(Path("runs/quick"))) == 2


def test_a_server_that_dies_is_waited_for_once(
    quick: list[str], online: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving() as backend:
        online.setenv("WANDB_BASE_URL", backend.address)
        first = one(quick, "tracker=wandb", "tracker.finish_timeout=1")
        with tracked(first, identify(first), first.study_folder / "a_run") as (mirror,):
            backend.fault = "reset"
            mirror.log_metrics(metrics_of(POINT, "none"), step=0)
    began = time.monotonic()
    logged(one(quick, "tracker=wandb", "seed=1"), [0])
    assert time.monotonic() - began < 10
    (sentence,) = sentences(caplog)
    assert "did not take all of a run in 1 s: `headstart sync runs/quick` sends it later" in sentence
    assert len(wandb_files.offline(Path("runs/quick"))) == 1

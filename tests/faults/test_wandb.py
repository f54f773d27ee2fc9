"""A W&B server that fails: found out once per study, then offline; `headstart sync` sends the rest."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import wandb_files
from tests.loopback_wandb import LoopbackWandb, serving
from tests.studies.command import headstart
from tests.training.runs import composed

from headstart.studies.run_folder import identify
from headstart.studies.sync import sync
from headstart.training.tracker import metrics_of, tracked
from headstart.training.wandb_mirror import _log_artifact
from headstart.wandb_server import FOUND_OUT, set_up, try_again

pytestmark = pytest.mark.usefixtures("unreported")

STUDY = Path("runs/quick")
POINT = {"samples": 1, "tokens": 2, "tokens_padded": 3, "flops": 4, "seconds": 0.5, "joules": None,
         "train_loss": None, "validation": {"loss": 1.0, "accuracy": 0.5}}  # fmt: skip
STEPS = [0, 4, 8]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackWandb]:
    """A server, and W&B as a user has it who wants one; it waits for little."""
    import wandb

    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setattr("headstart.wandb_server.INIT_SECONDS", 2)
    wandb.teardown()
    with serving() as backend:
        monkeypatch.setenv("WANDB_BASE_URL", backend.address)
        yield backend
    wandb.teardown()


def logged(quick: list[str], seed: int, backend: LoopbackWandb | None = None, fault: str | int = "") -> float:
    """Log one run; with a fault, the server has it from the second point on. Returns the seconds."""
    run = composed(*quick, "tracker=wandb", "tracker.finish_timeout=2", f"seed={seed}")
    began = time.monotonic()
    with tracked(run, identify(run), run.study_folder / "a_run") as mirrors:
        for step in STEPS:
            if fault and step and backend is not None:
                backend.fault = fault
            for mirror in mirrors:
                mirror.log_metrics(metrics_of(POINT, "none"), step=step)
    return time.monotonic() - began


def all_arrived(backend: LoopbackWandb, runs: int) -> None:
    assert len(backend.runs) == runs
    for run in backend.runs.values():
        assert [row["trainer/global_step"] for row in run["history"]] == STEPS


AT_INIT = ["reset", "hang", "garbage", 401, 403, 429, 500]
LATER = ["reset", "hang", 401, 500]


@pytest.mark.parametrize(
    ("fault", "later"),
    [
        *(pytest.param(f, False, marks=() if f in ("reset", 401) else pytest.mark.slow) for f in AT_INIT),
        *(pytest.param(f, True, marks=() if f == "reset" else pytest.mark.slow) for f in LATER),
        pytest.param("refused", False, marks=pytest.mark.slow),
        pytest.param("no such host", False, marks=pytest.mark.slow),
    ],
)
def test_is_found_out_once_and_what_is_missing_is_sent_later(
    fault: str | int,
    later: bool,
    server: LoopbackWandb,
    quick: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if fault == "refused":
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    elif fault == "no such host":
        monkeypatch.setenv("WANDB_BASE_URL", "http://wandb.invalid")
    elif not later:
        server.fault = fault
    logged(quick, 0, server if later else None, fault if later else "")
    asked = server.requests
    found_out = (STUDY / FOUND_OUT).exists()
    logged(quick, 1)
    if found_out:
        assert server.requests == asked, "the second run did not ask"
        assert len([line for line in caplog.messages if "W&B" in line]) == 1
    assert found_out or later
    assert not [*STUDY.glob("*/record.json")]  # nothing but the tracker ran

    server.fault = None
    server.over.set()
    monkeypatch.setenv("WANDB_BASE_URL", server.address)
    typed = headstart("sync", str(STUDY))
    assert typed.code == 0, typed.err
    all_arrived(server, 2)
    asked = server.requests
    again = headstart("sync", str(STUDY))
    assert again.code == 0 and "nothing was left to send" in again.out and server.requests == asked
    for mark in (STUDY / "wandb").glob("*run-*/*.synced"):
        mark.unlink()
    sent = sync(STUDY)
    assert (sent.sent, sent.missing) == (len(wandb_files.all_files(STUDY)), 0)
    all_arrived(server, 2)  # sent twice, they are the same rows


def test_a_server_that_fails_while_it_is_sent_to_is_a_sentence(
    server: LoopbackWandb, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.studies.sync.PATIENCE", (5, 0))
    server.fault = 401
    logged(quick, 0)
    typed = headstart("sync", str(STUDY))
    assert typed.code == 1 and len(typed.err.splitlines()) == 1
    assert "1 runs are not at the W&B server yet" in typed.err
    server.fault = None
    assert headstart("sync", str(STUDY)).code == 0
    all_arrived(server, 1)


def test_a_server_that_dies_while_it_takes_an_artifact_costs_its_limit(
    server: LoopbackWandb, quick: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """W&B's own limit does not hold here."""
    monkeypatch.setattr("headstart.training.wandb_mirror.GRACE", 1)
    answer = server.answer

    def dies(query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if re.search(r"mutation\s+CreateArtifact\b", query):
            server.fault = "hang"
        return answer(query, variables)

    monkeypatch.setattr(server, "answer", dies)
    run = composed(*quick, "tracker=wandb", "tracker.finish_timeout=2", "seed=0")
    with tracked(run, identify(run), run.study_folder / "a_run") as mirrors:
        mirror: Any = mirrors[0]
        mirror.log_metrics(metrics_of(POINT, "none"), step=0)
        _log_artifact(mirror.experiment, "rows", "abc", {}, used=True)
    assert server.fault == "hang"
    assert (STUDY / FOUND_OUT).exists()
    assert len([line for line in caplog.messages if "did not take all of a run in 2 s" in line]) == 1
    server.fault = None
    server.over.set()
    monkeypatch.setattr(server, "answer", answer)
    logged(quick, 1)
    assert len(wandb_files.offline(STUDY)) == 1
    typed = headstart("sync", str(STUDY))
    assert typed.code == 0, typed.err
    assert len(server.runs) == 2


def test_the_next_command_tries_the_server_again(server: LoopbackWandb, quick: list[str]) -> None:
    server.fault = 401
    logged(quick, 0)
    assert (STUDY / FOUND_OUT).exists()
    server.fault = None
    try_again(STUDY)
    logged(quick, 1)
    assert len(server.runs) == 1


def test_a_slow_server_is_waited_for_once(
    server: LoopbackWandb, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headstart.training.wandb_mirror.SLOW", 0)
    logged(quick, 0)
    logged(quick, 1)
    assert len(server.runs) == 1 and len(wandb_files.offline(STUDY)) == 1
    assert "to answer: other runs are logged offline" in (STUDY / FOUND_OUT).read_text("utf8")


@pytest.mark.parametrize("folder", ["wandb", ".wandb"])
def test_the_folder_names_no_server(
    folder: str, server: LoopbackWandb, quick: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The settings of an untrusted folder would send the key to whom they like."""
    import wandb

    with serving() as evil:
        Path(folder).mkdir()
        Path(folder, "settings").write_text(f"[default]\nbase_url = {evil.address}\nentity = evil\n")
        wandb.teardown()
        logged(quick, 0)
        assert (evil.requests, len(server.runs)) == (0, 1)
        monkeypatch.delenv("WANDB_BASE_URL")
        wandb.teardown()
        assert set_up().base_url == wandb.Settings().base_url != evil.address
        (tmp_path / "wandb-config").mkdir(exist_ok=True)
        (tmp_path / "wandb-config/settings").write_text(f"[default]\nbase_url = {server.address}\n")
        wandb.teardown()
        logged(quick, 1)
        assert (evil.requests, len(server.runs)) == (0, 2)

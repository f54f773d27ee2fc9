"""What arrives in W&B: read back from the offline file, and from a server on loopback."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.loopback_wandb import LoopbackWandb, serving

from headstart.cli import main

BLOCK = 32768  # a .wandb file is a leveldb log: blocks of this size, records cut at their ends
FULL, FIRST, LAST = 1, 2, 4


def messages(path: Path) -> Iterator[Any]:
    """Every protobuf message of an offline run."""
    from wandb.proto import wandb_internal_pb2 as pb

    data, position, parts = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        room = BLOCK - position % BLOCK
        if room < 7:
            position += room
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        piece = data[position + 7 : position + 7 + length]
        position += 7 + length
        parts = piece if kind in (FULL, FIRST) else parts + piece
        if kind in (FULL, LAST):
            message = pb.Record()  # pyright: ignore[reportAttributeAccessIssue]
            message.ParseFromString(parts)
            yield message


def history(path: Path) -> list[dict[str, Any]]:
    rows = [message.history.item for message in messages(path) if message.HasField("history")]
    return [{(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in row} for row in rows]


def test_one_offline_file_per_run(quick: list[str]) -> None:
    assert main([*quick, "tracker=offline", "seed=0"]) == 0
    files = sorted(Path("runs/quick/wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 2
    for file in files:
        (run,) = [message.run for message in messages(file) if message.HasField("run")]
        config = {update.key: json.loads(update.value_json) for update in run.config.update}
        assert run.run_group == "quick"
        assert run.job_type == config["arm"]
        assert config["seed"] == 0
        assert config["optim_lr"] == 3e-3
        rows = history(file)
        assert [row["cost/samples"] for row in rows if "cost/samples" in row] == [0, 64, 128]
        assert all({"validation/accuracy", "cost/flops", "cost/seconds"} <= set(row) for row in rows)
    assert {
        json.loads(path.read_text("utf8"))["arm"] for path in Path("runs/quick").glob("*/record.json")
    } == {
        "scratch",
        "pretrained",
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackWandb]:
    import wandb

    with serving() as backend:
        monkeypatch.setenv("WANDB_BASE_URL", backend.address)
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.delenv("WANDB_MODE")
        monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
        wandb.teardown()
        yield backend
        wandb.teardown()


def test_online_runs_arrive_whole(quick: list[str], server: LoopbackWandb) -> None:
    assert main([*quick, "tracker=wandb", "seed=0"]) == 0
    assert len(server.runs) == 2
    for run in server.runs.values():
        assert run["group"] == "quick"
        assert run["jobType"] in ("scratch", "pretrained")
        assert run["summary"]["status"] == "finished"
        assert 0 <= run["summary"]["test/accuracy"] <= 1
        assert run["summary"]["cost/flops_total"] > 0


def test_an_unreachable_server_falls_back_to_offline(
    quick: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import wandb

    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    monkeypatch.setattr("headstart.training.tracker.INIT_SECONDS", 3)
    wandb.teardown()
    assert main([*quick, "tracker=wandb", "hydra.mode=RUN"]) == 0
    wandb.teardown()
    assert list(Path("runs/quick/wandb").glob("offline-run-*"))
    assert "logging offline" in caplog.text

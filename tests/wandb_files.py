"""What a W&B offline file holds: protobuf messages in a leveldb log, read with public classes alone."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768  # bytes; records are cut at the ends of blocks
FULL, FIRST, LAST = 1, 2, 4


def messages(path: Path) -> list[Any]:
    """Every protobuf message of a finished offline run.

    W&B's service writes the end of the file a moment after `finish` returns, so this waits for it.
    """
    deadline = time.monotonic() + 30
    while True:
        whole = list(_read(path.read_bytes()))
        if any(message.HasField("exit") for message in whole):
            return whole
        assert time.monotonic() < deadline, f"{path} has no end: {len(whole)} messages"
        time.sleep(0.02)


def _read(data: bytes) -> Iterator[Any]:
    """The whole messages among the bytes of a file."""
    from wandb.proto import wandb_internal_pb2 as pb

    position, parts = 7, b""
    while position + 7 <= len(data):
        room = BLOCK - position % BLOCK
        if room < 7:
            position += room
            continue
        _, length, kind = struct.unpack("<IHB", data[position : position + 7])
        piece = data[position + 7 : position + 7 + length]
        if len(piece) < length:  # still being written
            return
        position += 7 + length
        parts = piece if kind in (FULL, FIRST) else parts + piece
        if kind in (FULL, LAST):
            message = pb.Record()  # pyright: ignore[reportAttributeAccessIssue]
            message.ParseFromString(parts)
            yield message


def history(path: Path) -> list[dict[str, Any]]:
    """The logged rows, in order."""
    return [_values(message.history.item) for message in messages(path) if message.HasField("history")]


def summary(path: Path) -> dict[str, Any]:
    """The summary as it was set last."""
    values: dict[str, Any] = {}
    for message in messages(path):
        if message.HasField("summary"):
            values |= _values(message.summary.update)
    return values


def config(path: Path) -> dict[str, Any]:
    """The configuration as it was when the run began, and what was added later."""
    values: dict[str, Any] = {}
    for message in messages(path):
        for part in (message.run.config, message.config):
            values |= _values(part.update)
    return values


def metrics(path: Path) -> dict[str, dict[str, Any]]:
    """Every declared metric (`*` for all): its axis, and how its summary is made."""
    declared = {}
    for message in messages(path):
        if message.HasField("metric"):
            metric = message.metric
            ways = [name for name in ("min", "max") if getattr(metric.summary, name)]
            declared[metric.name or metric.glob_name] = {"axis": metric.step_metric, "summary": ways}
    return declared


def run(path: Path) -> Any:
    """The message that describes the run."""
    (described,) = [message.run for message in messages(path) if message.HasField("run")]
    return described


def artifacts(path: Path) -> list[Any]:
    """The artifacts that were logged."""
    logged = [message.request for message in messages(path) if message.HasField("request")]
    made = [message.artifact for message in messages(path) if message.HasField("artifact")]
    return made or [request.log_artifact.artifact for request in logged if request.HasField("log_artifact")]


def offline(folder: Path) -> list[Path]:
    """The files of all offline runs of a study, oldest first."""
    return sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"))


def _values(items: Any) -> dict[str, Any]:
    return {(item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in items}


def all_files(study: Path) -> list[Path]:
    """The files of all runs of a study, offline or not."""
    return sorted((study / "wandb").glob("*run-*/run-*.wandb"))

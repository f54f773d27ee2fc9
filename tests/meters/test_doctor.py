"""What the doctor finds, as data and as a table."""

from __future__ import annotations

import io
import json
from pathlib import Path

from rich.console import Console

from headstart.meters.doctor import examine, hub_cache
from headstart.reports.console.doctor import render


def test_examine_and_render(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_bytes(b"x" * 2_000_000)
    found = examine({"torch": "2.13"}, {"headstart": tmp_path}, seconds=0.1)
    json.dumps(found)
    for name, tried in found["energy"].items():
        assert tried["readable"] or tried["reason"], name
    assert set(found["peak"]) == {"fp32", "bf16"} and found["versions"] == {"torch": "2.13"}
    assert found["cached"]["headstart"]["bytes"] == 2_000_000
    screen = io.StringIO()
    Console(file=screen, width=100).print(render(found))
    for word in ("processor", "rapl", "meter=auto", "peak bf16", "2 MB", "torch"):
        assert word in screen.getvalue()


def test_hub_cache(tmp_path: Path) -> None:
    blobs = tmp_path / "models--org--name" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "a").write_bytes(b"x" * 10)
    (tmp_path / "datasets--glue").mkdir()
    assert hub_cache(tmp_path) == {"models": {"org/name": 10}, "datasets": {"glue": 0}}

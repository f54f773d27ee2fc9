"""A synthetic study that is still running: some runs have ended, some train, some wait."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.factory import make_study

from headstart.studies.claims import Claim
from headstart.studies.frozen import FILE

Name = tuple[str, int]  # arm, seed


def title(name: Name) -> str:
    return f"docs_library · MiniLM · 512 rows · {name[0]} · seed {name[1]}"


def make_midway(
    folder: Path,
    *,
    training: tuple[Name, ...] = (),
    waiting: tuple[Name, ...] = (),
    title: Callable[[Name], str] = title,
    change: Callable[[dict[str, Any]], None] | None = None,
    **options: Any,
) -> dict[Name, Claim]:
    """A study in `folder`, which is called as the study is: its study.json, its runs, and claims that this
    process holds on those that train; release them. `options` are make_study's."""

    def complete(record: dict[str, Any]) -> None:
        record["config"]["order_seed"] = None
        record["config"]["study"]["trial"] = False
        if change:
            change(record)

    make_study(folder, study=folder.name, change=complete, **options)
    claims: dict[Name, Claim] = {}
    runs: list[Mapping[str, Any]] = []
    for file in sorted(folder.glob("*/record.json")):
        record = json.loads(file.read_text("utf8"))
        name = (record["arm"], record["seed"])
        runs.append(
            {
                "title": title(name),
                "overrides": [f"arm={name[0]}", f"seed={name[1]}"],
                "config": record["config"],
            }
        )
        if name in training:
            run = file.parent.rename(folder / f"{file.parent.name}-{record['run_id'][:8]}")
            half = (run / "curve.jsonl").read_text("utf8").splitlines(keepends=True)[:5]
            (run / "curve.jsonl").write_text("".join(half), "utf8")
            (run / "record.json").unlink()
            (run / "predictions.parquet").unlink()
            claims[name] = Claim(folder, record["run_id"], title(name))
            assert claims[name].acquire()
        elif name in waiting:
            shutil.rmtree(file.parent)
    empty: dict[str, Any] = {key: [] for key in ("argv", "commands", "pretrainings", "own", "chosen")}
    (folder / FILE).write_text(json.dumps({"format": 1, **empty, "runs": runs}), "utf8")
    return claims

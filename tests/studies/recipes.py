"""Recipes of pretraining that tests write: settings, and an arm that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

STEPS = 4


def recipe(text: Path, *more: str) -> list[str]:
    return [
        "task=files_mlm", f"task.files.train={text}", "size=all", "budget=pretrain", f"budget.steps={STEPS}",
        "budget.evaluations=2", "checkpoint_steps=[2]", *more,
    ]  # fmt: skip


def arm(name: str, settings: list[str], **more: Any) -> str:
    """An arm in the user's own conf folder."""
    place = Path("conf/arm")
    place.mkdir(parents=True, exist_ok=True)
    own = {
        "kind": "from_run",
        "name": name,
        "run": None,
        "newly_initialised": ["pooler"],
        "pretraining": settings,
        **more,
    }
    (place / f"{name}.yaml").write_text(yaml.safe_dump(own), "utf8")
    return name

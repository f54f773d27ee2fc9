"""Defaults: a changed one gives the fingerprint a new version, so that no experiment has another one's name.

`python -m tests.records.test_defaults` adds the defaults of new settings to defaults.json.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

from pydantic_core import to_jsonable_python

from headstart.config import Config
from headstart.records.fingerprint import ARM, SCIENCE, VERSION
from headstart.run import Run

FILE = Path(__file__).with_name("defaults.json")


def configs(annotation: Any) -> list[type[Config]]:
    """The settings' models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return [annotation]
    return [config for part in get_args(annotation) for config in configs(part)]


def defaults() -> dict[str, Any]:
    """The default of every optional setting that is part of a fingerprint, as `Model.setting`."""
    known: dict[str, Any] = {}
    waiting = [config for name in (*SCIENCE, *ARM) for config in configs(Run.model_fields[name].annotation)]
    waiting, seen = [Run, *waiting], set[type[Config]]()
    while waiting:
        config = waiting.pop()
        if config in seen:
            continue
        seen.add(config)
        for name, field in config.model_fields.items():
            if config is Run and name not in (*SCIENCE, *ARM):
                continue
            waiting += configs(field.annotation)
            if not field.is_required() and name not in ("kind", "code"):
                default = field.get_default(call_default_factory=True)
                known[f"{config.__name__}.{name}"] = to_jsonable_python(default)
    return known


def test_a_default_that_changed_has_a_new_version_of_the_fingerprint() -> None:
    written = json.loads(FILE.read_text("utf8"))
    now = defaults()
    assert written["version"] == VERSION
    other = {
        name: (value, now[name])
        for name, value in written["defaults"].items()
        if now.get(name, value) != value
    }
    assert other == {}, "raise VERSION in records/fingerprint.py, then write defaults.json anew"


def test_every_default_is_written_down() -> None:
    missing = defaults().keys() - json.loads(FILE.read_text("utf8"))["defaults"].keys()
    assert not missing, "run: python -m tests.records.test_defaults"


if __name__ == "__main__":
    before = json.loads(FILE.read_text("utf8")) if FILE.exists() else {}
    kept: dict[str, object] = before["defaults"] if before.get("version") == VERSION else {}
    text = json.dumps({"version": VERSION, "defaults": {**defaults(), **kept}}, indent=1, sort_keys=True)
    FILE.write_text(text + "\n", "utf8")

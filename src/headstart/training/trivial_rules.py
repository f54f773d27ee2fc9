"""Trivial rules: their scores for the record, once for a condition, outside of all metered phases."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.cache import cached, key_of
from headstart.run import Run
from headstart.tasks.family import Prepared

VERSION = 1  # raise it when a rule answers otherwise
LOCATIONS = {"name", "docs", "files", "hub", "digits", "headline"}  # of a task: the rows go by their digests
_known: dict[str, dict[str, Any]] = {}


def trivial_rules(run: Run, prepared: Prepared) -> dict[str, Any]:
    """The record's `rules`: what rules score that cost next to nothing, and what they are.

    The same rows are scored once. A rule that fails costs no run its record: there are none then, and the
    reason.
    """
    try:
        facts = prepared.facts
        key = key_of([
            VERSION,
            version("scikit-learn"),
            run.task.model_dump(mode="json", exclude=LOCATIONS),
            [facts["rows"], facts["tokenizer"], facts["max_length"], facts["classes"]],
        ])  # fmt: skip
        if key not in _known:
            path = cached(f"rules/{key}.json", lambda path: _write(path, run, prepared))
            _known[key] = json.loads(path.read_text("utf8"))
        return _known[key]
    except Exception as error:  # noqa: BLE001 - whatever a rule meets, the trained run is kept
        return {"chance": {}, "rules": [], "reason": f"{type(error).__name__}: {error}"}


def _write(path: Path, run: Run, prepared: Prepared) -> None:
    rules: list[dict[str, Any]] = []
    start = time.perf_counter()
    for rule in run.task.trivial_rules(prepared):
        ids = prepared.test.ids if rule.ids is None else rule.ids
        scores = {
            "name": rule.name,
            "how": rule.how,
            "scores": dict(rule.scores),
            "standard_errors": rule.standard_errors(prepared.groups_of(ids)),
            "train_rows": rule.train_rows,
            "bound": rule.bound,
        }
        rules.append(scores | {"seconds": time.perf_counter() - start})
        start = time.perf_counter()
    chance = {name: value for name, value in run.task.chance(prepared).items() if name in run.task.metrics}
    reason = None if rules else f"tasks of kind {run.task.model_dump()['kind']} have no trivial rule"
    path.write_text(json.dumps({"chance": chance, "rules": rules, "reason": reason}), "utf8")

"""Records of earlier versions, brought to the names of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headstart.config import renamed
from headstart.records.fingerprint import fingerprint

READABLE = (2, 3)
RENAMED = {  # keys of schema 2: their paths in schema 3
    "init.poured": "init.loaded",
    "init.fresh": "init.newly_initialised",
    "init.checkpoint.met_before": "init.checkpoint.contamination",
    "cost.energy.evidence.lease": "cost.energy.evidence.device_lock",
    "cost.energy.evidence.alone": "cost.energy.evidence.contention",
}


def upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of schema 2 in the form of schema 3: keys are renamed, no value is changed.

    Its ids were made by version 1 of the fingerprint, and stay.
    """
    if record.get("schema") != 2:
        return dict(record)
    new_record = renamed(record, RENAMED) | {"schema": 3}
    if isinstance(record.get("config"), Mapping):
        names = fingerprint(record["config"], source="", built_from={}, weights=None, version=1)
        new_record["fingerprint"] = names.section()
    return new_record

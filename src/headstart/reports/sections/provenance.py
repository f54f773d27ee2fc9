"""Provenance: what each arm held at step 0, on which rows and machines it ran, and how to repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from headstart.compare.findings import Attestation, Findings
from headstart.reports import numbers
from headstart.reports.page import Bullets, Cell, Code, Part, Table, Text, cells, columns


def attestations(findings: Findings, arms: Sequence[str]) -> tuple[Part, ...]:
    """Parameters poured and fresh, per arm."""
    return attestation_table(findings.attestations, arms)


def attestation_table(found: Sequence[Attestation], arms: Sequence[str]) -> tuple[Part, ...]:
    """A row per attestation, and which evaluation rows its weights met; nothing when there is none."""
    if not found:
        return ()
    names = "Arm | #Poured | #Share | #Fresh | #May train | Fresh tensors | Weights from | Runs agree"
    rows = tuple(_attestation_row(item, arms) for item in found)
    caption = (
        "Parameters at step 0: poured from a checkpoint over the seeded random model, "
        "or left at their seeded values (fresh)."
    )
    met = [(item.arm, item.met_before) for item in found if item.met_before]
    told = (Text(f"{arm}: {one.sentence}.", "warning" if one.found else "plain") for arm, one in met)
    return (Table(columns(names), rows, caption), *told)


def _attestation_row(item: Attestation, arms: Sequence[str]) -> tuple[Cell, ...]:
    share = item.poured_parameters / item.all_parameters if item.all_parameters else None
    sha = f"sha256 {item.checkpoint_sha256}" if item.checkpoint_sha256 else ""
    place = list(arms).index(item.arm) if item.arm in arms else None
    return cells(
        Cell(item.arm, arm=place, strong=True),
        Cell(numbers.count(item.poured_parameters), numbers.plural(item.poured_tensors, "tensor")),
        numbers.percent(share),
        Cell(numbers.count(item.fresh_parameters), numbers.plural(item.fresh_tensors, "tensor")),
        numbers.count(item.trainable_parameters),
        _fresh(item.fresh_names, item.fresh_tensors),
        Cell(item.checkpoint or "no checkpoint", sha),
        "yes" if item.same else "no",
    )


def _fresh(names: Sequence[str], number: int) -> Cell:
    shown = ", ".join(names[:3]) if number <= 6 else f"{numbers.count(number)} tensors"
    more = f" and {number - 3} more" if 3 < number <= 6 else ""
    return Cell((shown + more) or "none", ", ".join(names[:60]))


def data(findings: Findings) -> tuple[Part, ...]:
    """Rows per split, classes, and what was dropped or cut."""
    counts = findings.data.get("counts") or {}
    truncated = findings.data.get("truncated") or {}
    if not counts:
        return ()
    names = {
        "train": "Training rows",
        "available": "Training rows available",
        "validation": "Validation rows",
        "test": "Test rows",
    }
    rows = tuple(
        cells(names[key], _count(findings, key), numbers.count(truncated[key]) if key in truncated else "")
        for key in names
        if key in counts
    )
    length = findings.data.get("max_length")
    caption = f"Of the first run. Truncated: longer than {length} tokens." if length else "Of the first run."
    classes = findings.data.get("classes") or ()
    listed = (
        f"{numbers.plural(len(classes), 'class', 'classes')}: {', '.join(map(str, classes[:40]))}"
        if classes
        else ""
    )
    notes = [note for note in (listed, *findings.data.get("notes", ())) if note]
    told = (Bullets(tuple(notes)),) if notes else ()
    return (Table(columns("Rows | #Number | #Truncated"), rows, caption), *told)


def _count(findings: Findings, split: str) -> str:
    """The rows of the first run; of a study over sizes, every number of training rows."""
    sizes = sorted({item.condition.train_rows for item in findings.comparisons})
    if split == "train" and len(sizes) > 1:
        return "; ".join(map(numbers.count, sizes))
    return numbers.count(findings.data["counts"][split])


def environments(findings: Findings) -> tuple[Part, ...]:
    """One table per distinct machine, versions and code."""
    return tuple(part for item in findings.environments for part in _environment(item))


def _environment(item: Mapping[str, Any]) -> tuple[Part, ...]:
    code = item.get("code") or {}
    told = {
        "Runs": item.get("runs"),
        "Device": item.get("device"),
        "Processor": item.get("cpu"),
        "Threads": item.get("threads"),
        "Precision": item.get("precision"),
        "Platform": item.get("platform"),
        "Python": item.get("python"),
        "Machine": item.get("machine"),
        "Code": _code(code),
        "Versions": ", ".join(f"{name} {version}" for name, version in (item.get("versions") or {}).items()),
    }
    rows = tuple(cells(name, str(value)) for name, value in told.items() if value not in (None, ""))
    return (Table(columns("What | Value"), rows),) if rows else ()


def _code(code: Mapping[str, Any]) -> str:
    parts = [
        f"headstart {code['version']}" if code.get("version") else "",
        f"commit {code['commit']}" if code.get("commit") else "",
    ]
    dirty = "with uncommitted changes" if code.get("dirty") else ""
    return ", ".join(part for part in (*parts, dirty) if part)


def reproduce(findings: Findings) -> tuple[Part, ...]:
    """The command, the fingerprint of the records and the resolved configuration."""
    command = (Code(shlex.join(findings.command)),) if findings.command else ()
    config = (
        json.dumps(findings.config, indent=2, ensure_ascii=False, sort_keys=True) if findings.config else ""
    )
    told = (Text("The resolved configuration of the first run:"), Code(config, "json")) if config else ()
    records = f"Fingerprint of the records: {findings.fingerprint}."
    same = "The same records give the same report, byte for byte."
    return (*command, Text(f"{records} {same}", "note"), *told)

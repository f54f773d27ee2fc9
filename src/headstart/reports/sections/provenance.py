"""Provenance: what each arm held at step 0, on which rows and machines it ran, and how to repeat it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from headstart.compare.findings import Attestation, Findings
from headstart.reports import numbers
from headstart.reports.page import Cell, Code, Parts, Text
from headstart.reports.tables import arm_cell, bullets, table

SPLITS = {
    "train": "Training rows",
    "available": "Training rows available",
    "validation": "Validation rows",
    "test": "Test rows",
}
SURROUNDINGS = {
    "runs": "Runs",
    "device": "Device",
    "devices": "Devices of each run",
    "cpu": "Processor",
    "threads": "Threads",
    "precision": "Precision",
    "platform": "Platform",
    "python": "Python",
    "machine": "Machine",
}


def attestation_table(items: Sequence[Attestation]) -> Parts:
    """Parameters loaded and newly initialised, and which evaluation rows the weights have met."""
    met = [(item.arm, item.met_before) for item in items if item.met_before]

    def share(item: Attestation) -> float | None:
        return item.poured_parameters / item.all_parameters if item.all_parameters else None

    def new_tensors(item: Attestation) -> Cell:
        names, count = item.fresh_names, item.fresh_tensors
        shown = ", ".join(names[:3]) if count <= 6 else f"{numbers.count(count)} tensors"
        more = f" and {count - 3} more" if 3 < count <= 6 else ""
        return Cell((shown + more) or "none", ", ".join(names[:60]))

    shown = table(
        items,
        {
            "Arm": lambda item: arm_cell(item.arm),
            "#Loaded": lambda item: Cell(
                numbers.count(item.poured_parameters), numbers.plural(item.poured_tensors, "tensor")
            ),
            "#Share": lambda item: numbers.percent(share(item)),
            "#Newly initialised": lambda item: Cell(
                numbers.count(item.fresh_parameters), numbers.plural(item.fresh_tensors, "tensor")
            ),
            "#May train": lambda item: numbers.count(item.trainable_parameters),
            "Newly initialised tensors": new_tensors,
            "Weights from": lambda item: Cell(
                (item.checkpoint or ("drawn again" if item.drawn_again else "no checkpoint"))
                + (f" and {item.checkpoints - 1} more" if item.checkpoints > 1 else ""),
                f"sha256 {item.checkpoint_sha256}" if item.checkpoint_sha256 else "",
            ),
            "Runs agree": lambda item: "yes" if item.same else "no",
        },
        "Parameters at step 0: loaded from a checkpoint over the seeded random model, or left at their "
        "seeded values (newly initialised).",
    )
    texts = (Text(f"{arm}: {text.sentence}.", "warning" if text.found else "plain") for arm, text in met)
    return (*shown, *texts) if shown else ()


def data(findings: Findings) -> Parts:
    """Rows per split, classes, and what was dropped or cut."""
    counts, truncated = findings.data.get("counts") or {}, findings.data.get("truncated") or {}
    sizes = sorted({item.condition.train_rows for item in findings.comparisons})
    length, classes = findings.data.get("max_length"), findings.data.get("classes") or ()
    if not counts:
        return ()

    def number(split: str) -> str:
        """The rows of the first run; of a study over sizes, every number of training rows."""
        several = split == "train" and len(sizes) > 1
        return "; ".join(map(numbers.count, sizes)) if several else numbers.count(counts[split])

    shown = table(
        [split for split in SPLITS if split in counts],
        {
            "Rows": lambda split: SPLITS[split],
            "#Number": number,
            "#Truncated": lambda split: numbers.count(truncated[split]) if split in truncated else "",
        },
        "Of the first run." + (f" Truncated: longer than {length} tokens." if length else ""),
    )
    total = numbers.plural(len(classes), "class", "classes")
    names = f"{total}: {', '.join(map(str, classes[:40]))}" if classes else ""
    return (*shown, *bullets([names, *findings.data.get("notes", ())]))


def environments(findings: Findings) -> Parts:
    """One table per distinct machine, versions and code."""
    return tuple(part for item in findings.environments for part in _environment(item))


def _environment(item: Mapping[str, Any]) -> Parts:
    code, versions = item.get("code") or {}, item.get("versions") or {}
    words = {"version": "headstart {}", "commit": "commit {}", "dirty": "with uncommitted changes"}
    facts = {name: item.get(key) for key, name in SURROUNDINGS.items()} | {
        "Code": ", ".join(text.format(code[key]) for key, text in words.items() if code.get(key)),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    known = [(name, str(value)) for name, value in facts.items() if value not in (None, "")]
    return table(known, {"What": lambda fact: fact[0], "Value": lambda fact: fact[1]})


def reproduce(findings: Findings) -> Parts:
    """The command, the fingerprint of the records and the resolved configuration."""
    command = (Code(shlex.join(findings.command)),) if findings.command else ()
    same = (
        f"Fingerprint of the records: {findings.fingerprint}. The same records give the same report, byte "
        "for byte."
    )
    if not findings.config:
        return (*command, Text(same, "note"))
    config = json.dumps(findings.config, indent=2, ensure_ascii=False, sort_keys=True)
    lead = Text("The resolved configuration of the first run:")
    return (*command, Text(same, "note"), lead, Code(config, "json"))

"""record.json as types: what one run leaves behind; `schema()` is the published JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from headstart.records.curve import CURVE, RECENT_CURVES
from headstart.records.predictions import PREDICTIONS, RECENT, Predictions
from headstart.records.sections import (
    AllScores,
    Cost,
    Data,
    Digest,
    Environment,
    Fingerprinted,
    Init,
    Name,
    Names,
    Readings,
    Section,
    TrivialRules,
)

RECORD = "record.json"
SCHEMA = 3
IMPORTED = "imported: "  # begins `energy.backend` where the joules are those of an external meter

Status = Literal["finished", "diverged", "failed", "interrupted"]


class Header(Section):
    """What is known of every run."""

    version: Literal[3] = Field(alias="schema", description="version of this schema")
    run_id: Digest = Field(description="fingerprint of science, data, arm and weights")
    pair_id: Digest = Field(
        description="fingerprint of science and data: two runs with the same one differ in the arm at most"
    )
    fingerprint: Fingerprinted = Field(description="how the ids follow from the configuration")
    study: Name
    arm: Name
    seed: int
    status: Status
    scores: AllScores
    environment: Environment
    config: dict[str, Any] = Field(description="the resolved configuration")
    argv: Names
    curve_digest: Digest | None = Field(default=None, description="of curve.jsonl as the run left it")
    digest: Digest | None = Field(default=None, description="of everything else in this record")


class Contents(Header):
    """What a run leaves behind that was ready to train."""

    cost: Cost
    init: Init
    data: Data
    rules: TrivialRules | None = Field(
        default=None, description="what trivial rules score on the same test rows; null: not known"
    )


class EarlyEnd(Header):
    """What a run leaves behind that ended while its rows and weights were loaded or its steps counted."""

    cost: Readings
    init: None
    data: None


class Record(Contents):
    """A record.json that was read: checked against the schema and against its own fingerprint."""

    folder: Path
    condition_id: str

    @property
    def finished(self) -> bool:
        """Whether training and the test ended as they should."""
        return self.status == "finished" and self.scores.test is not None

    @property
    def label(self) -> str:
        """How a sentence names this run."""
        return f"{self.arm}, seed {self.seed}"

    def curve(self) -> list[dict[str, Any]]:
        """The evaluations in order; empty when there is no curve. An incomplete last line is left out.

        An external meter's joules are not split by evaluation, so there the points have none.
        """
        points = RECENT_CURVES.read(self.folder / CURVE)[0]
        if (self.cost.energy.backend or "").startswith(IMPORTED):
            return [point | {"joules": None} for point in points]
        return points

    def predictions(self) -> Predictions | None:
        """The answers on the test set, or None when the run left none."""
        file = self.folder / PREDICTIONS
        return RECENT.read(file) if file.exists() else None


def schema() -> dict[str, Any]:
    """The published JSON schema of record.json."""
    either: TypeAdapter[Contents | EarlyEnd] = TypeAdapter(Contents | EarlyEnd)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Record",
        **either.json_schema(by_alias=True),
    }


def faults(record: Mapping[str, Any]) -> list[str]:
    """Every fault of `record` against the schema, as `path: what is wrong`; empty when it is valid."""
    model = EarlyEnd if ended_early(record) else Contents
    try:
        model.model_validate(record)
    except ValidationError as error:
        return faults_of(error)
    return []


def ended_early(record: Mapping[str, Any]) -> bool:
    """Whether a record is that of a run that was never ready to train."""
    return "init" in record and record["init"] is None


def faults_of(error: ValidationError) -> list[str]:
    """One sentence for each error: where, what, and what was there instead."""
    sentences: list[str] = []
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in item["loc"]) or "record"
        if item["type"] == "missing":
            sentences.append(f"{path}: is missing")
        elif item["type"] == "extra_forbidden":
            sentences.append(f"{path}: is not a key of the record")
        else:
            what = (
                item["msg"]
                .replace("a valid dictionary", "a mapping")
                .replace("Input should", "must", 1)
                .replace("String should", "must", 1)
            )
            hint = " (write null and a reason)" if item["type"] == "finite_number" else ""
            sentences.append(f"{path}: {what}{hint}, got {item['input']!r:.60}")
    return sentences

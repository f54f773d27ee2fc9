# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
"""imported.json: results of runs that others made, as a study folder without run folders keeps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError

from headstart.errors import RecordError
from headstart.records.record import faults_of
from headstart.records.sections import Amount, Digest, Name, Names, Scores, Section
from headstart.records.store import sealed
from headstart.records.whole_file import file_digest, write_whole

IMPORTED = "imported.json"
EXAMPLES = "examples.parquet"  # a number for each run and test example, where they are known


class ImportedRun(Section):
    arm: Name
    seed: int = Field(description="or the number of an iteration: what pairs the arms")
    condition: str = Field(description="what varies besides the size, in words")
    size: Annotated[int, Field(gt=0)] | None = Field(description="training rows, or what stands for them")
    scores: Scores
    seconds: Amount | None
    flops: Amount | None
    joules: Amount | None


class ImportedStudy(Section):
    version: Literal[1] = Field(alias="schema")
    study: Name
    source: Name = Field(description="name of the file")
    sha256: Digest = Field(description="of that file")
    columns: dict[str, str] = Field(description="which column said what")
    baseline: Name
    metrics: Names = Field(description="the first that a condition has is its headline")
    margin: Amount
    scale: float = Field(description="by which the scores of the file were multiplied")
    example_metric: str | None = Field(description="the metric that is the mean of the examples' numbers")
    unknown: dict[str, str] = Field(description="what is not known, and why")
    argv: Names
    examples_digest: Digest | None = Field(default=None, description="of examples.parquet")
    digest: Digest | None = Field(default=None, description="of everything else in this file")
    runs: Annotated[tuple[ImportedRun, ...], Field(strict=False)]


def is_imported(folder: Path) -> bool:
    """Whether a study folder holds results of others."""
    return (folder / IMPORTED).is_file()


def write_imported(folder: Path, study: ImportedStudy, examples: dict[str, list[Any]] | None) -> Path:
    """Write the study, after the numbers of its examples: columns run, example and value."""
    stored = None
    if examples is not None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table(examples)
        write_whole(folder / EXAMPLES, lambda path: pq.write_table(table, path, compression="zstd"))
        stored = file_digest(folder / EXAMPLES)
    contents = study.model_dump(mode="json", by_alias=True) | {"examples_digest": stored}
    text = json.dumps(sealed(contents), indent=1, ensure_ascii=False) + "\n"
    return write_whole(folder / IMPORTED, lambda path: path.write_text(text, "utf8"))


def read_imported(folder: Path) -> ImportedStudy:
    """Read it; RecordError says why it cannot be used."""
    file = folder / IMPORTED
    try:
        contents = json.loads(file.read_text("utf8"))
        study = ImportedStudy.model_validate(contents)
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        told = "; ".join(faults_of(error)[:3])
        raise RecordError(f"{file}: breaks the schema: {told}; import the results again") from None
    except ValueError as error:
        raise RecordError(f"{file}: is not JSON: {error}; import the results again") from None
    if sealed(contents)["digest"] != study.digest:
        raise RecordError(f"{file}: is not what the import wrote; import the results again")
    if study.examples_digest != file_digest(folder / EXAMPLES):
        raise RecordError(f"{folder / EXAMPLES}: is not what the import wrote; import the results again")
    return study


def read_examples(folder: Path) -> dict[int, dict[str, float]]:
    """The number of each example by its name, by the place of the run; empty where none are known."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / EXAMPLES
    if not file.exists():
        return {}
    try:
        table = pq.ParquetFile(file).read()
        columns: list[list[Any]] = [table.column(name).to_pylist() for name in ("run", "example", "value")]
    except (pa.ArrowException, OSError, KeyError) as error:
        raise RecordError(f"{file}: cannot be read: {error}; import the results again") from None
    found: dict[int, dict[str, float]] = {}
    for run, example, value in zip(*columns, strict=True):
        found.setdefault(int(run), {})[str(example)] = float(value)
    return found


def values_of(runs: list[dict[str, float]]) -> np.ndarray | None:
    """The numbers of several runs on the same examples, (runs, examples); None where these differ."""
    if not runs or any(run.keys() != runs[0].keys() for run in runs):
        return None
    names = sorted(runs[0])
    return np.array([[run[name] for name in names] for run in runs])

"""Crate: what other programs read of a packed study: RO-Crate, Croissant, and how to cite it.

The vocabularies: RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) and Croissant 1.0 (MLCommons, 2024). A licence
that nobody named is left out: unknown.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.records.record import RECORD, Record

METADATA = "ro-crate-metadata.json"
PROFILE = "https://w3id.org/ro/crate/1.1"
CROISSANT = "http://mlcommons.org/croissant/1.0"
TYPES = {".jsonl": "application/jsonl", ".parquet": "application/vnd.apache.parquet", ".cff": "text/yaml"}
CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/", "dct": "http://purl.org/dc/terms/",
    "citeAs": "cr:citeAs", "column": "cr:column", "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract", "field": "cr:field",
    "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField",
    "path": "cr:path", "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
    "repeated": "cr:repeated", "replace": "cr:replace", "separator": "cr:separator", "source": "cr:source",
    "subField": "cr:subField", "transform": "cr:transform", "rai": "http://mlcommons.org/croissant/RAI/",
}  # fmt: skip


def write_crate(folder: Path, name: str, answer: str, records: Mapping[str, Record]) -> None:
    """Write ro-crate-metadata.json over all files in `folder`; `records` by their path in it."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"headstart study {name}",
        "description": f"{answer} The licence of these files was not named when they were packed: unknown.",
        "datePublished": published(records.values()),
        "hasPart": [{"@id": file} for file in files],
        "mentions": [{"@id": f"#{record.run_id}"} for record in records.values()],
    }
    descriptor = {"@id": METADATA, "@type": "CreativeWork", "conformsTo": {"@id": PROFILE}}
    software = {
        "@id": "#headstart",
        "@type": "SoftwareApplication",
        "name": "headstart",
        "version": version("headstart"),
    }
    graph = [
        {**descriptor, "about": {"@id": "./"}},
        root,
        software,
        *(_action(path, record) for path, record in records.items()),
        *(_file(folder / file, file) for file in files),
    ]
    write_json(folder / METADATA, {"@context": f"{PROFILE}/context", "@graph": graph})


def _action(path: str, record: Record) -> dict[str, Any]:
    """One training run: what it used, when, and its record."""
    return {
        "@id": f"#{record.run_id}",
        "@type": "CreateAction",
        "name": record.label,
        "instrument": {"@id": "#headstart"},
        "startTime": record.environment.started,
        "endTime": record.environment.finished,
        "actionStatus": f"http://schema.org/{'Completed' if record.finished else 'Failed'}ActionStatus",
        "result": {"@id": f"{path}/{RECORD}"},
    }


def _file(path: Path, name: str) -> dict[str, Any]:
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    format = {"encodingFormat": kind} if kind else {}
    return {
        "@id": name,
        "@type": "File",
        "name": path.name,
        "contentSize": str(path.stat().st_size),
        **format,
    }


def croissant(task: Mapping[str, Any], record: Record, files: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The description of a task's rows: where they come from, digests, and the columns that are used.

    `files`: name, sha256 and `packed` (its path in the zip, or None) of every file with rows.
    """
    counts, rows, hub = record.data.counts, record.data.rows, task.get("hub")
    description = (
        f"The rows of the task {task['name']} ({task['kind']}): {counts.available} for training, "
        f"{counts.validation} for validation, {counts.test} for the test. Digest of the source: "
        f"{record.data.source}. Digests of the rows as they were used: train {rows.train}, validation "
        f"{rows.validation}, test {rows.test}. Licence: not known to headstart."
    )
    objects = [_object(item) for item in files]
    if hub:
        objects = [_repository(hub["name"], record.data.source)]
    described: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CROISSANT,
        "name": task["name"],
        "description": description,
        "datePublished": published([record]),
        "distribution": objects,
    }
    if fields := list(_fields(record.config["task"], [item for item in files if item["table"]])):
        described["recordSet"] = [
            {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields},
        ]
    return described


def _object(item: Mapping[str, Any]) -> dict[str, Any]:
    kind = mimetypes.guess_type(item["name"])[0] or "application/octet-stream"
    return {
        "@type": "cr:FileObject",
        "@id": item["name"],
        "name": item["name"],
        "contentUrl": item["packed"] or item["name"],
        "encodingFormat": TYPES.get(Path(item["name"]).suffix, kind),
        "sha256": item["sha256"],
    }


def _repository(name: str, source: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": "repository",
        "name": "repository",
        "description": source,
        "contentUrl": f"https://huggingface.co/datasets/{name}",
        "encodingFormat": "git+https",
        "sha256": "https://github.com/mlcommons/croissant/issues/80",  # what Croissant has for repositories
    }


def _fields(task: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The columns that the task uses, each in the table of the training rows."""
    if not tables:
        return
    kinds = {"number": "sc:Float", "starts": "sc:Integer"}
    roles = ("text", "pair", "label", "labels", "number", "output", "words", "tags",
             "question", "context", "answers", "starts", "image", "group")  # fmt: skip
    for role in roles:
        columns = task.get(role)
        for column in [columns] if isinstance(columns, str) else columns or ():
            yield {
                "@type": "cr:Field",
                "@id": f"rows/{column}",
                "name": column,
                "description": f"task.{role}",
                "dataType": kinds.get(role, "sc:Text"),
                "source": {"fileObject": {"@id": tables[0]["name"]}, "extract": {"column": column}},
            }


def citation(name: str, question: str, fingerprint: str, records: Sequence[Record]) -> str:
    """CITATION.cff of the study. Its authors are not known to headstart, which says so."""
    quoted = json.dumps  # a JSON text is a YAML text
    lines = [
        "cff-version: 1.2.0",
        "type: dataset",
        f"title: {quoted(f'{name}: {question}', ensure_ascii=False)}",
        "message: Name the authors of this study, who are not known to headstart, and cite headstart.",
        "authors:",
        f"  - name: {quoted(f'The authors of the study {name}', ensure_ascii=False)}",
        f"date-released: {published(records)}",
        f"version: {quoted(fingerprint)}",
        "references:",
        "  - type: software",
        '    title: "headstart: paired experiments on what pretrained weights buy"',
        f"    version: {quoted(version('headstart'))}",
        "    authors:",
        "      - name: The headstart authors",
    ]
    return "\n".join(lines) + "\n"


def published(records: Any) -> str:
    """The day on which the last run ended: 2026-01-31."""
    return max(str(record.environment.finished) for record in records)[:10]


def write_json(file: Path, content: Any) -> None:
    """Write JSON as UTF-8 with line ends of one kind."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    file.write_text(f"{text}\n", "utf8", newline="\n")

"""A W&B server on loopback, as small as wandb allows: it takes runs, their rows, summaries and artifacts."""

from __future__ import annotations

import base64
import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Artifact:
    """One version of an artifact, the run that logged it first, and the runs that used it."""

    name: str
    kind: str
    digest: str
    metadata: dict[str, Any]
    logged_by: str
    used_by: list[str] = field(default_factory=list)
    committed: bool = False


class LoopbackWandb:
    """Runs by id, with group, jobType, config, summary and history rows."""

    def __init__(self) -> None:
        self.address = ""
        self.runs: dict[str, dict[str, Any]] = {}
        self.artifacts: dict[str, Artifact] = {}  # by id
        self.uploaded: dict[str, bytes] = {}  # by path
        self.lock = threading.Lock()
        self.requests = 0
        self.fault: str | int | None = None  # reset, hang, garbage, slow, or the status of every answer
        self.faulty = ""  # only paths with this text
        self.over = threading.Event()  # ends what hangs

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data of a GraphQL answer; {} for what a run can do without."""
        named = re.search(r"\b(?:query|mutation)\s+(\w+)", query)
        name = named[1] if named else ""
        if name.lower() == "viewer":
            entity = {"name": "local", "id": "RTE="}
            return {"viewer": {"id": "VTE=", "entity": "local", "defaultEntity": entity, "username": "local",
                               "name": "local", "email": "", "admin": False, "flags": "{}", "deletedAt": None,
                               "apiKeys": {"edges": []}, "teams": {"edges": []}}}  # fmt: skip
        if name in ("ServerInfo", "ServerFeaturesQuery"):
            versions = {"max_cli_version": "99.0.0", "min_cli_version": "0.0.1"}
            return {
                "serverInfo": {"cliVersionInfo": versions, "latestLocalVersionInfo": None, "features": []}
            }
        if name == "UpsertBucket":
            return {"upsertBucket": {"bucket": self._upsert(variables), "inserted": True}}
        if name == "RunResumeStatus":
            entity = {"id": "RTE=", "name": "local"}
            bucket = self._bucket(variables["name"])
            return {"model": {"id": "TTE=", "name": "p", "entity": entity, "bucket": bucket}}
        if name == "CreateRunFiles":
            files = [{"name": f, "uploadUrl": f"{self.address}/upload/{f}"} for f in variables["files"]]
            return {"createRunFiles": {"runID": "x", "uploadHeaders": [], "files": files}}
        if "Artifact" in name:
            return self._artifact(name, variables)
        return {"RunStoppedStatus": {"project": {"run": {"stopped": False}}}}.get(name, {})

    def _artifact(self, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Answers about artifacts; the same content under one name is one version."""
        asked = variables.get("input") or variables
        if name == "ArtifactType":
            kinds = [artifact.kind for artifact in self.artifacts.values() if artifact.name == asked["name"]]
            known = {"artifactType": {"name": kinds[0]}} if kinds else None
            return {"project": {"artifact": known}}
        if name == "CreateArtifact":
            collection = asked["artifactCollectionName"]
            key = f"{collection}:{asked['digest']}"
            made = Artifact(collection, asked["artifactTypeName"], asked["digest"],
                            json.loads(asked.get("metadata") or "{}"), asked["runName"])  # fmt: skip
            artifact = self.artifacts.setdefault(key, made)
            state = "COMMITTED" if artifact.committed else "PENDING"
            made = {"id": key, "state": state, "artifactSequence": {"latestArtifact": None}}
            return {"createArtifact": {"artifact": made}}
        if name in ("CreateArtifactManifest", "UpdateArtifactManifest"):
            file = {"id": "f", "uploadUrl": f"{self.address}/upload/manifest", "uploadHeaders": []}
            return {name[0].lower() + name[1:]: {"artifactManifest": {"id": "m", "file": file}}}
        if name == "CreateArtifactFiles":
            edges = [{"node": self._upload_of(file)} for file in asked["artifactFiles"]]
            return {"createArtifactFiles": {"files": {"edges": edges}}}
        if name == "CommitArtifact":
            self.artifacts[asked["artifactID"]].committed = True
            digest = self.artifacts[asked["artifactID"]].digest
            return {"commitArtifact": {"artifact": {"id": asked["artifactID"], "digest": digest}}}
        if name == "UseArtifact":
            self.artifacts[asked["artifactID"]].used_by.append(asked["runName"])
            return {"useArtifact": {"artifact": {"id": asked["artifactID"]}}}
        return {}

    def _upload_of(self, file: dict[str, Any]) -> dict[str, Any]:
        path = f"/upload/{file['artifactID']}/{file['name']}".replace(" ", "_")
        return {"storagePath": path, "uploadUrl": self.address + path, "uploadHeaders": [],
                "uploadMultipartUrls": None, "artifact": {"id": file["artifactID"]}}  # fmt: skip

    def stream(self, run_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Lines of the run's files: history and summary are kept."""
        run = self.runs[run_id]
        for name, part in (body.get("files") or {}).items():
            lines = [json.loads(line) for line in part.get("content") or [] if line.startswith("{")]
            if name == "wandb-history.jsonl":
                del run["history"][part.get("offset", 0) :]  # rows that are sent again are written again
                run["history"] += lines
            elif name == "wandb-summary.json":
                run["summary"] = lines[-1]
        return {"exitcode": None, "limits": {}}

    def _bucket(self, run_id: str) -> dict[str, Any] | None:
        """What a run that is resumed hears of itself; None for a new one."""
        run = self.runs.get(run_id)
        if run is None:
            return None
        rows = run["history"]
        tail = json.dumps([json.dumps(row) for row in rows[-1:]])
        return {"id": run_id, "name": run_id, "displayName": run.get("title"), "config": "{}",
                "summaryMetrics": json.dumps(run["summary"]), "historyLineCount": len(rows),
                "eventsLineCount": 0, "logLineCount": 0, "historyTail": tail, "eventsTail": "[]",
                "wandbConfig": '{"t": 1}', "tags": []}  # fmt: skip

    def _upsert(self, variables: dict[str, Any]) -> dict[str, Any]:
        run_id = variables["name"]
        run = self.runs.setdefault(run_id, {"history": [], "summary": {}, "config": {}})
        renamed = {"groupName": "group", "jobType": "jobType", "displayName": "title"}
        run |= {new: variables[old] for old, new in renamed.items() if variables.get(old)}
        if variables.get("config"):
            run["config"] = json.loads(variables["config"])
        if variables.get("summaryMetrics"):
            run["summary"] |= json.loads(variables["summaryMetrics"])
        entity = {"id": "RTE=", "name": "local"}
        code = base64.b64encode(f"Run:v1:{run_id}".encode()).decode()
        return {"id": code, "name": run_id, "displayName": run.get("title"), "config": "{}",
                "description": None, "sweepName": None, "historyLineCount": 0,
                "project": {"id": "UTE=", "name": "p", "entity": entity}}  # fmt: skip


@contextmanager
def serving() -> Iterator[LoopbackWandb]:
    """The server, on a free port of 127.0.0.1, until the block ends."""
    backend = LoopbackWandb()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(backend))
    server.daemon_threads = True
    server.handle_error = lambda request, client_address: None  # idle connections are reset by the client
    backend.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield backend
    finally:
        backend.over.set()
        server.shutdown()
        server.server_close()


def _handler(backend: LoopbackWandb) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _body(self) -> bytes:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

        def _send(self, answer: Any) -> None:
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _fails(self) -> bool:
            """Behave as the fault says; True when that was the whole answer."""
            fault = backend.fault
            if fault is None or backend.faulty not in self.path:
                return False
            if fault == "hang":
                backend.over.wait(120)
            if fault == "slow":
                backend.over.wait(1)
                return False
            if isinstance(fault, int):
                self.send_error(fault)
            elif fault == "garbage":
                self.send_response(200)
                self.send_header("Content-Length", "9")
                self.end_headers()
                self.wfile.write(b"{not json")
            else:
                self.close_connection = True
            return True

        def do_GET(self) -> None:
            if not self._fails():
                self._send({})

        def do_PUT(self) -> None:
            backend.uploaded[self.path] = self._body()
            self._send({})

        def do_POST(self) -> None:
            body = self._body()
            backend.requests += 1
            if self._fails():
                return
            stream = re.match(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path)
            with backend.lock:
                if self.path.startswith("/graphql"):
                    asked = json.loads(body)
                    self._send({"data": backend.answer(asked["query"], asked.get("variables") or {})})
                elif stream:
                    self._send(backend.stream(stream[1], json.loads(body)))
                else:
                    self._send({})

    return Handler

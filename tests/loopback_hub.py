"""A hub on 127.0.0.1 that serves folders as datasets and models, each at one commit."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+?)(?:/(revision|tree|paths-info)/([^/]+).*)?$")
FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


class LoopbackHub(ThreadingHTTPServer):
    """Serves root/datasets/<owner>/<name>/ and root/models/<owner>/<name>/; notes every request."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.requests: list[str] = []
        self.gated: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


def commit(folder: Path) -> str:
    """40 hex digits that change with any file of a served folder."""
    whole = hashlib.sha1(usedforsecurity=False)
    for file in _files(folder):
        whole.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()


@contextmanager
def serving(root: Path) -> Iterator[LoopbackHub]:
    """A hub that runs while the block does."""
    hub = LoopbackHub(root)
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _object_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _listing(folder: Path) -> list[dict]:
    return [
        {
            "type": "file",
            "path": file.relative_to(folder).as_posix(),
            "size": file.stat().st_size,
            "oid": _object_id(file.read_bytes()),
        }
        for file in _files(folder)
    ]


class _Handler(BaseHTTPRequestHandler):
    """The few addresses that fetching a snapshot asks for."""

    protocol_version = "HTTP/1.1"
    server: LoopbackHub  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        self.server.requests.append(f"{self.command} {self.path}")
        path = unquote(urlparse(self.path).path)
        if match := API.match(path):
            return self._api(*match.groups(), body=body)
        if match := FILE.match(path):
            return self._file(*match.groups())
        return self._refuse(404, "RepoNotFound")

    do_HEAD = do_POST = do_GET  # noqa: N815  names that http.server prescribes

    def _folder(self, kind: str, name: str, revision: str | None) -> Path | None:
        """The served folder, or None after a refusal in the hub's words was sent."""
        folder = self.server.root / kind / name
        if not folder.is_dir():
            self._refuse(404, "RepoNotFound")
        elif name in self.server.gated:
            self._refuse(403, "GatedRepo")
        elif revision not in (None, "main", commit(folder)):
            self._refuse(404, "RevisionNotFound")
        else:
            return folder
        return None

    def _api(self, kind: str, name: str, what: str | None, revision: str | None, body: bytes) -> None:
        folder = self._folder(kind, name, revision)
        if folder is None:
            return
        files = _listing(folder)
        if what == "tree":
            self._json(files)
        elif what == "paths-info":
            wanted = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode())["paths"]
            self._json([file for file in files if file["path"] in wanted])
        else:
            siblings = [{"rfilename": file["path"]} for file in files]
            facts = {
                "private": False,
                "gated": False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            }
            self._json({"id": name, "sha": commit(folder), "siblings": siblings, **facts})

    def _file(self, dataset: str | None, name: str, revision: str, path: str) -> None:
        folder = self._folder("datasets" if dataset else "models", name, revision)
        if folder is None:
            return
        file = folder / path
        at = ("X-Repo-Commit", commit(folder))
        if not file.is_file():
            self._send(404, b"", [("X-Error-Code", "EntryNotFound"), at])
        else:
            data = file.read_bytes()
            self._send(200, data, [at, ("ETag", f'"{_object_id(data)}"'), ("Accept-Ranges", "bytes")])

    def _json(self, value: object) -> None:
        self._send(200, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", [("X-Error-Code", code), ("X-Error-Message", code)])

    def _send(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

"""Server: the page of a running study, for browsers on this machine alone; it writes nothing."""

from __future__ import annotations

import hashlib
import json
import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headstart.errors import ConfigError, HeadstartError
from headstart.watch import page
from headstart.watch.frame import Frame

HERE = "127.0.0.1"
NAMES = (HERE, "localhost")  # in the Host header; any other is a page that had its name pointed at us
AGE = 1.0  # seconds for which a frame is good
# A report is a file that somebody else may have made: its scripts run without an origin, and reach nothing.
REPORT = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:"
)


class Server(ThreadingHTTPServer):
    """Serves the frames that `look` gives; `look` gets the seconds that a look may take."""

    daemon_threads = True

    def __init__(self, folder: Path, look: Callable[[float], Frame], port: int = 0) -> None:
        self.folder, self._look = folder, look
        self._lock, self._frame, self._at = threading.Lock(), None, 0.0
        try:
            super().__init__((HERE, port), Answer)
        except OSError as error:
            raise ConfigError(
                f"watch: --port {port}: {error.strerror or error}; name another, or none for a free one"
            ) from None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HERE}:{self.server_address[1]}/"

    def server_bind(self) -> None:
        """Without asking a name server for our name, as http.server does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HERE, self.server_address[1]

    def frame(self) -> Frame:
        """The study now, or a moment ago; HeadstartError when it cannot be read."""
        with self._lock:
            if self._frame is None or time.monotonic() - self._at > AGE:
                self._frame, self._at = self._look(AGE / 2), time.monotonic()
            return self._frame


class Answer(BaseHTTPRequestHandler):
    """Answers one request: the page, its changing part, the same as JSON, and the report when it is there."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 10
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer; only a browser that means this machine is answered at all."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or (hosts[0].rpartition(":")[0] not in NAMES and hosts[0] not in NAMES):
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "this page is for 127.0.0.1 and localhost alone\n")
            return
        answers = {
            "/": self._page,
            "/frame": self._fragment,
            "/status.json": self._data,
            "/report": self._report,
        }
        answer = answers.get(urlsplit(self.path).path)
        if answer is None:
            self._send(HTTPStatus.NOT_FOUND, "no such page\n")
        else:
            answer()

    def _page(self) -> None:
        self._send(HTTPStatus.OK, page.whole(self.server.folder, self._main()), "text/html", page.policy())

    def _fragment(self) -> None:
        main = self._main()
        tag = f'"{hashlib.sha256(main.encode()).hexdigest()[:16]}"'
        if self.headers.get("If-None-Match") == tag:
            self._send(HTTPStatus.NOT_MODIFIED, "", "text/html", page.policy(), ETag=tag)
        else:
            self._send(HTTPStatus.OK, main, "text/html", page.policy(), ETag=tag)

    def _main(self) -> str:
        try:
            return page.fragment(self.server.frame())
        except (HeadstartError, OSError) as error:
            return page.gone(str(error))

    def _data(self) -> None:
        try:
            text = json.dumps(self.server.frame().as_data(), ensure_ascii=False)
        except (HeadstartError, OSError) as error:
            self._send(HTTPStatus.NOT_FOUND, json.dumps({"error": str(error)}), "application/json")
            return
        self._send(HTTPStatus.OK, text, "application/json")

    def _report(self) -> None:
        try:
            report = self.server.frame().report
            text = report.read_text("utf8") if report else None
        except (HeadstartError, OSError):
            text = None
        if text is None:
            self._send(HTTPStatus.NOT_FOUND, "there is no report of the runs as they are now\n")
        else:
            self._send(HTTPStatus.OK, text, "text/html", REPORT)

    def _send(
        self,
        status: HTTPStatus,
        text: str,
        kind: str = "text/plain",
        policy: str = "default-src 'none'",
        **more: str,
    ) -> None:
        body = text.encode("utf8", "replace")
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        self.send_response(status)
        for name, value in (headers | more).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        """No versions for strangers."""
        return "headstart"

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal shows the study, and not who looks at it."""

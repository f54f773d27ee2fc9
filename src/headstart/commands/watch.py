"""`headstart watch` and `status`: a running study from its files, again and again or once."""

from __future__ import annotations

import json
import threading
import time
from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.arguments import JSON, STUDY_FOLDER, argument, command, once

if TYPE_CHECKING:
    from headstart.watch.frame import Frames

STATUS_TIME = 10.0  # seconds in which `status` reads records


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"needs a number from 1 to 65535, got {text or 'nothing'}")
    return int(text)


@command(
    "watch",
    "FOLDER [--page] [--port N]",
    "a running study: pairs, gain so far, curves, time left, failures",
    "headstart watch runs/less_data --page",
    STUDY_FOLDER,
    argument("--page", action="store_true", help="also as a page for a browser on this machine"),
    once("--port", metavar="N", type=_port, help="of the page; a free one unless given"),
)
def watch(options: Namespace) -> int:
    """Until the study has ended; the page stays until Ctrl-C."""
    from headstart.heartbeat import heartbeat
    from headstart.screen import waiting
    from headstart.watch.status import follow

    with waiting(f"reading {options.folder}"):
        frames = _frames(options.folder)
        frames.look(0.0)  # a wrong folder is named before anything is shown
    heartbeat.quiet()  # a line per change is enough
    paged = options.page or options.port is not None
    try:
        if paged:
            _serve(options.folder, frames, options.port or 0)
        follow(frames.look)
        while paged:
            time.sleep(3600)
    except KeyboardInterrupt:  # the study goes on
        print()
    return 0


@command(
    "status",
    "FOLDER",
    "how far a study is, from its files alone",
    "headstart status runs/less_data",
    STUDY_FOLDER,
    JSON,
)
def status(options: Namespace) -> int:
    from headstart.screen import waiting
    from headstart.watch.status import show_status

    with waiting(f"reading {options.folder}"):
        frame = _frames(options.folder).look(STATUS_TIME)
    if options.json:
        print(json.dumps(frame.as_data(), indent=1, ensure_ascii=False))
    else:
        show_status(frame)
    return 0


def _frames(folder: Path) -> Frames:
    from headstart.studies.status import Watched
    from headstart.watch.frame import Frames

    return Frames(folder, Watched(folder).look)


def _serve(folder: Path, frames: Frames, port: int) -> None:
    """Serve the page beside the terminal; prints where it is."""
    from headstart.watch.server import Server

    server = Server(folder, frames.look, port)
    threading.Thread(target=server.serve_forever, daemon=True, name="page").start()
    print(f"page: {server.address} (on this machine alone; Ctrl-C ends it)", flush=True)

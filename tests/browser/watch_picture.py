"""A picture of the page of the default study while it runs: `make picture` draws it anew.

A program: `python -m tests.browser.watch_picture FILE.png`. It trains the default study in a folder of its
own until two pairs are done and the third is being trained, and stops it then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.browser.chromium import launched

from headstart.errors import RecordError
from headstart.studies.status import Watched
from headstart.watch.frame import Frame, Frames
from headstart.watch.server import Server

WIDTH, HEIGHT = 1180, 900
LONGEST = 3600.0  # seconds


def midway(frame: Frame) -> bool:
    """Are two pairs done, and was a run of the third one evaluated at least twice?"""
    live = [line for graph in frame.graphs[:1] for line in graph.lines if line.live]
    return frame.study.pairs["done"] == 2 and any(len(line.points) > 2 for line in live)


def main(picture: Path) -> None:
    """Train, take the picture, stop."""
    picture = picture.resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        command = [sys.executable, "-m", "headstart", "tracker=none"]
        training = subprocess.Popen(command, start_new_session=True)
        study = Path("runs/first_look")
        frames = Frames(study, Watched(study).look)
        try:
            wait(frames, training)
            photograph(study, frames, picture)
        finally:
            training.send_signal(signal.SIGINT)
            training.wait(60)
    print(f"wrote {picture}")


def wait(frames: Frames, training: subprocess.Popen[bytes]) -> None:
    """Until the study is midway; SystemExit when it ended before."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        try:
            if midway(frames.look()):
                return
        except RecordError:  # it is still being composed
            pass
        if training.poll() is not None:
            sys.exit(f"the study ended with {training.returncode} before a picture was taken")
        time.sleep(1)
    sys.exit("the study took too long")


def photograph(study: Path, frames: Frames, picture: Path) -> None:
    """The page as a browser shows it, in its light theme."""
    frames.look()  # all records are read before anybody looks
    server = Server(study, frames.look)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with launched() as chromium:
        context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page = context.new_page()
        page.goto(server.address)
        page.screenshot(path=str(picture))
    server.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

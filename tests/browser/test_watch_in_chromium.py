"""The page of a running study in a real browser: quiet, complete, up to date, in both themes and widths."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.midway import make_midway
from tests.reports.handmade import HOSTILE

from headstart.api import open_study
from headstart.studies.status import Watched
from headstart.watch.frame import Frames
from headstart.watch.server import Server

pytestmark = pytest.mark.browser
VIEWS = [(width, scheme) for width in (1400, 400) for scheme in ("light", "dark")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The page of a study with hostile words, one pair done and one training."""

    def hostile(record: dict[str, Any]) -> None:
        record["config"]["study"]["question"] = HOSTILE
        record["scores"]["reason"] = HOSTILE if record["status"] == "failed" else None

    claims = make_midway(
        folder := tmp_path / "watched", seeds=range(4), training=(("pretrained", 2),), change=hostile,
        status={("scratch", 3): "failed"}, waiting=(("pretrained", 3),), examples=60,
        title=lambda name: f"{HOSTILE} · {name[0]} · seed {name[1]}",
    )  # fmt: skip
    server = Server(folder, Frames(folder, Watched(folder).look).look)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    for claim in claims.values():
        claim.release()


def opened(browser: Any, server: Server, width: int = 1400, scheme: str = "light") -> Any:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.heard, page.asked = [], []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(server.address)
    return page


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_it_is_quiet_fits_and_draws_both_arms(width: int, scheme: str, browser: Any, server: Server) -> None:
    page = opened(browser, server, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 22, 26)"}[scheme]
    colours = page.evaluate(
        "[...document.querySelectorAll('figure path')].map((p) => getComputedStyle(p).stroke)"
    )
    assert len({*colours} - {"none"}) >= 3, "the grid, and a colour for each arm"
    sizes = page.evaluate("[...document.querySelectorAll('svg')].map((s) => s.getBoundingClientRect().width)")
    assert len(sizes) == 2 and min(sizes) > 300
    text = page.evaluate("document.querySelector('svg text').getBoundingClientRect().height")
    assert text > 10, "letters can be read where the page is narrow"
    assert HOSTILE in page.inner_text("body") and not page.query_selector("img")
    assert page.heard == [] and all(url.startswith((server.address, "data:")) for url in page.asked)
    page.context.close()


def test_it_follows_the_study_without_losing_its_place_until_the_report(browser: Any, server: Server) -> None:
    page = opened(browser, server, 400)
    page.evaluate("window.scrollTo(0, 300)")
    shutil.rmtree(next(server.folder.glob("scratch-512-3")))
    page.locator("main > p", has_text="2 to do").wait_for(timeout=15_000)
    assert page.evaluate("window.scrollY") == 300
    study = json.loads((server.folder / "study.json").read_text("utf8"))
    for claim in (server.folder / ".claims").iterdir():
        claim.unlink()
    study["runs"] = [run for run in study["runs"] if run["config"]["seed"] < 2]
    (server.folder / "study.json").write_text(json.dumps(study), "utf8")
    open_study(server.folder).report()
    page.wait_for_selector("main a[href=report]", timeout=15_000)
    page.click("main a[href=report]")
    page.wait_for_selector("html[data-charts]", timeout=30_000)
    assert page.heard == []
    assert page.evaluate("window.origin") == "null", "the scripts of a report reach nothing"
    page.context.close()

"""Watch: a running study in the terminal and on its page, from its files alone."""

from __future__ import annotations

import http.client
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.midway import make_midway, title
from tests.reports.handmade import HOSTILE
from tests.reports.html_reader import Reader
from tests.studies.command import headstart, without
from tests.studies.processes import FORK, typed, until

from headstart.api import open_study
from headstart.errors import RecordError
from headstart.studies.claims import Claim
from headstart.studies.status import Watched
from headstart.watch.frame import Frame, Frames
from headstart.watch.page import fragment
from headstart.watch.server import Server
from headstart.watch.status import changes, follow, show_status

TRAINING, FAILED = ("pretrained", 2), ("scratch", 3)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two pairs are done, one trains, one failed, one waits."""
    monkeypatch.chdir(tmp_path)
    claims = make_midway(
        folder := Path("runs/midway"), seeds=range(5), training=(TRAINING,),
        waiting=(("scratch", 4), ("pretrained", 4), ("pretrained", 3)), status={FAILED: "failed"},
    )  # fmt: skip
    yield folder
    for claim in claims.values():
        claim.release()


@pytest.fixture
def frames(study: Path) -> Frames:
    return Frames(study, Watched(study).look)


@pytest.fixture
def server(study: Path, frames: Frames) -> Iterator[Server]:
    server = Server(study, frames.look)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def asked(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    """The answer of the server, and its text."""
    connection = http.client.HTTPConnection(server.server_name, server.server_port, timeout=20)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode("utf8")
    connection.close()
    return answer, text


def shown(frame: Frame) -> str:
    console = Console(file=io.StringIO(), width=160)
    show_status(frame, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_frame_has_what_the_files_say(study: Path, frames: Frames) -> None:
    frame = frames.look()
    assert frame.study.pairs == {"done": 2, "training": 1, "stopped": 1, "to do": 1}
    text = shown(frame)
    assert "10 runs: 5 finished, 1 training, 1 failed, 3 to do" in text
    assert "2 of 5 pairs done, 1 training, 1 stopped, 1 to do" in text
    assert "step 64 of 128" in text and "failed at step 17" in text
    assert "headstart retry runs/midway" in text
    assert re.search(r"about 1 min \d\d s left", text), "three runs of 27 s and the rest of one"


def test_the_gain_is_the_one_that_the_report_gives_of_these_pairs(study: Path, frames: Frames) -> None:
    (gain,) = frames.look().gains
    reported = open_study(study).findings.comparisons[0].gain
    assert reported and reported.interval
    assert (gain.gain, gain.low, gain.high) == (reported.gain, reported.interval.low, reported.interval.high)
    assert gain.pairs == 2
    data = json.loads(headstart("status", str(study), "--json").out)
    assert (data["gains"][0]["gain"], data["gains_final"]) == (gain.gain, False)


def test_curves_and_watts_are_those_of_the_runs_and_methods_are_not_mixed(
    study: Path, frames: Frames
) -> None:
    curves, power = frames.look().graphs
    live = [line for line in curves.lines if line.live]
    assert [line.title for line in live] == [title(TRAINING)]
    curve = next(study.glob("pretrained-512-2-*/curve.jsonl")).read_text("utf8")
    points = [json.loads(text) for text in curve.splitlines()]
    assert list(live[0].points) == [(point["step"], point["validation"]["accuracy"]) for point in points]
    assert power.title == "Watts (estimated)"
    assert all(watts == pytest.approx(28.0) for line in power.lines for _, watts in line.points)

    def measured(record: dict[str, Any]) -> None:
        record["cost"]["energy"]["method"] = "measured"

    make_midway(Path("runs/mixed"), seeds=range(2), change=lambda r: measured(r) if r["seed"] else None)
    mixed = Frames(Path("runs/mixed"), Watched(Path("runs/mixed")).look).look()
    titles = [graph.title for graph in mixed.graphs]
    assert sorted(titles[1:]) == ["Watts (estimated)", "Watts (measured)"]


def test_a_run_whose_process_died_is_said_to_be_interrupted(study: Path, frames: Frames) -> None:
    (claim,) = (study / ".claims").glob("*.0")
    owner = json.loads(claim.read_text("utf8")) | {"born": "1", "pid": 2**22 + 1}
    claim.write_text(json.dumps(owner), "utf8")
    (run,) = [run for run in frames.look().study.runs if run.title == title(TRAINING)]
    assert run.status == "interrupted" and "ended without a record" in (run.note or "")
    assert "nobody is at work now" in shown(frames.look())
    assert "headstart work runs/midway" in shown(frames.look())


def test_a_change_is_a_line_and_nothing_is_read_twice(
    study: Path, frames: Frames, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = frames.look()
    with monkeypatch.context() as patch:
        patch.setattr("headstart.compare.running.compare_arm", lambda *_: pytest.fail("compared again"))
        for name in ("studies.status._plan", "studies.status.read_contents", "records.curve._is_point"):
            patch.setattr(f"headstart.{name}", lambda *_: pytest.fail("read again"))
        assert list(changes(before, frames.look())) == []
    shutil.rmtree(next(study.glob("scratch-512-3")))
    lines = list(changes(before, frames.look()))
    assert f"{title(FAILED)}: to do" in lines
    assert any(line.startswith("2 of 5 pairs done, 1 training, 2 to do; about ") for line in lines)


def test_it_ends_with_the_report_when_the_study_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("headstart.watch.status.EVERY", 0.01)
    claims = make_midway(
        study := Path("runs/ending"), seeds=range(2), training=(("scratch", 1),), examples=60
    )
    kept = make_midway(tmp_path / "other/ending", seeds=range(2), examples=60)
    assert not kept
    looks = iter(range(100))
    watched = Watched(study)

    def end() -> Any:
        if next(looks) == 2:
            run = next(study.glob("scratch-512-1-*"))
            shutil.rmtree(run)
            shutil.copytree(tmp_path / "other/ending/scratch-512-1", run)
            claims["scratch", 1].release()
            open_study(study).report()
        return watched.look()

    console = Console(file=io.StringIO(), width=200)
    last = follow(Frames(study, end).look, console)
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert last.study.ended and lines[-1] == "report: runs/ending/report.html"
    assert f"{title(('scratch', 1))}: finished: accuracy " in "\n".join(lines)
    assert "pretrained over scratch" in "\n".join(lines) and "(not final)" not in lines[-2]


def test_the_page_shows_the_frame_and_asks_nobody_else(server: Server) -> None:
    answer, text = asked(server, "/")
    assert answer.status == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    page = Reader(text)
    said = " ".join(" ".join(page.text).split())
    assert "2 of 5 pairs done" in said and "failed at step 17" in said and "Not final" in said
    assert not [
        v
        for _, attributes in page.tags
        for k, v in attributes.items()
        if k in ("src", "style") or k[:2] == "on"
    ]
    assert len([tag for tag, _ in page.tags if tag == "svg"]) == 2
    fragment, _ = asked(server, "/frame")
    again, nothing = asked(server, "/frame", **{"If-None-Match": fragment.headers["ETag"]})
    assert (again.status, nothing) == (304, "")
    assert json.loads(asked(server, "/status.json")[1])["pairs"]["done"] == 2


@pytest.mark.parametrize(
    ("path", "method", "host", "status"),
    [
        ("/", "GET", "evil.example", 421),
        ("/frame", "GET", "evil.example:80", 421),
        ("/", "GET", "localhost:9", 200),  # a forwarded port has another number
        ("/", "GET", "127.0.0.1", 200),
        ("/record.json", "GET", "localhost", 404),
        ("/../study.json", "GET", "localhost", 404),
        ("/report", "GET", "localhost", 404),
        ("/", "POST", "localhost", 501),
        ("/", "HEAD", "localhost", 501),
    ],
)
def test_only_this_machine_is_answered_and_only_what_there_is(
    path: str, method: str, host: str, status: int, server: Server
) -> None:
    answer, text = asked(server, path, method, Host=host)
    assert answer.status == status
    assert status == 200 or "midway" not in text


def test_the_page_goes_on_when_the_folder_goes(server: Server, study: Path) -> None:
    study.rename("elsewhere")
    server._at = float("-inf")
    assert "no study.json here" in asked(server, "/frame")[1]
    assert asked(server, "/status.json")[0].status == 404
    with pytest.raises(RecordError, match=r"no study\.json here"):
        Watched(study).look()
    Path("elsewhere").rename(study)
    assert "2 of 5 pairs done" in asked(server, "/frame")[1]


def test_words_of_a_study_are_escaped_everywhere(tmp_path: Path) -> None:
    def hostile(record: dict[str, Any]) -> None:
        record["config"]["study"]["question"] = HOSTILE
        record["scores"]["reason"] = HOSTILE if record["status"] == "failed" else None

    claims = make_midway(
        folder := tmp_path / "hostile", arms=("scratch", f"pretrained{HOSTILE}"), seeds=range(3),
        training=(("scratch", 2),), status={("scratch", 1): "failed"}, change=hostile,
        title=lambda name: f"{HOSTILE} · {name[0]} · seed {name[1]}",
    )  # fmt: skip
    frame = Frames(folder, Watched(folder).look).look()
    text = fragment(frame)
    assert not {"script", "img"} & {tag for tag, _ in Reader(text).tags}
    assert HOSTILE in "".join(Reader(text).text)
    assert "<img src=x onerror=alert(1)>" in shown(frame)
    for claim in claims.values():
        claim.release()


def test_a_taken_port_and_a_wrong_folder_are_one_sentence(server: Server, study: Path) -> None:
    port = str(server.server_address[1])
    taken = headstart("watch", str(study), "--port", port)
    assert taken.code == 2 and f"--port {port}: Address already in use" in taken.err
    assert headstart("watch", str(study), "--port", "0").err.count("\n") == 1
    for command in ("watch", "status"):
        absent = headstart(command, "runs/absent")
        assert absent.code == 1 and "no study.json here" in absent.err and absent.err.count("\n") == 1


def test_a_real_study_is_followed_from_its_first_run_to_its_report(quick: list[str], tmp_path: Path) -> None:
    longer = [
        *without(quick, "budget.epochs", "budget.evaluations"),
        "budget.epochs=25",
        "budget.evaluations=10",
    ]
    process = FORK.Process(target=typed([*longer, "seed=0,1"], tmp_path), args=(0,))
    process.start()
    folder = Path("runs/quick")
    until(lambda: (folder / "study.json").exists())
    server = Server(folder, Frames(folder, Watched(folder).look).look)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    pages: list[str] = []

    def ended() -> bool:
        pages.append(asked(server, "/frame")[1])
        return 'href="report"' in pages[-1]

    try:
        until(ended, 300)
        assert "report of" not in asked(server, "/report")[1] and asked(server, "/report")[0].status == 200
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        process.join(60)
    assert process.exitcode == 0
    during = [page for page in pages if f"process {process.pid} on this machine" in page]
    assert any("state-training" in page and 'class="live"' in page for page in during)
    assert any("no interval" in page and "Not final" in page for page in during), "one pair is done"
    assert "2 of 2 pairs done" in pages[-1] and "Not final" not in pages[-1]


def test_many_records_are_read_a_little_at_each_look(study: Path) -> None:
    frames = Frames(study, Watched(study).look)
    assert frames.look(0.0).doubt == "its records are being read"
    assert [gain.pairs for gain in frames.look(60).gains] == [2]


def test_claims_of_two_processes_share_the_time_that_is_left(study: Path, frames: Frames) -> None:
    alone = frames.look().study.seconds_left
    other = Claim(study, "worker-1")
    assert other.acquire()
    (file,) = (study / ".claims").glob("worker-1.*")
    file.write_text(json.dumps(json.loads(file.read_text("utf8")) | {"host": "n2", "machine": "m2"}), "utf8")
    frame = frames.look()
    assert alone and frame.study.seconds_left == pytest.approx(alone / 2, abs=1)
    assert "2 processes at work" in shown(frame) and "on n2" in shown(frame)
    other.release()

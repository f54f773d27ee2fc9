"""Terminals that are not UTF-8: everything is written, nothing is a traceback, files stay UTF-8."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from rich.status import Status
from tests import factory

from headstart.cli import main
from headstart.screen import progress, waiting
from headstart.terminal import write_any_text


def terminal(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """What arrives at a terminal of that encoding from here on, stdout and stderr in one."""
    arrived = io.BytesIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(arrived, encoding, write_through=True))
    return arrived


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "3 x 2 +/- 1 - e -> ? ?"),
        ("cp1252", "3 × 2 ± 1 – é -> ? ?"),
        ("latin-1", "3 × 2 ± 1 - é -> ? ?"),
        ("utf-8", "3 × 2 ± 1 – é → 語 ?"),
    ],
)
def test_characters_that_are_missing_have_others_alike(
    encoding: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = terminal(monkeypatch, encoding)
    write_any_text()
    print("3 × 2 ± 1 – é → 語 \ud83d", end="")
    assert arrived.getvalue() == written.encode(encoding)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["tasks"],
        ["models"],
        ["report", "runs/étude"],
        ["report", "runs/étude", "--export", "csv"],
        ["report", "runs/étude", "--export", "md"],
        ["report", "runs/nö such – folder"],
        ["task=nö"],
        ["nö"],
    ],
)
def test_every_command_writes_to_it(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    factory.make_study(tmp_path / "runs/étude", seeds=(0, 1))
    arrived = terminal(monkeypatch, "ascii")
    assert main(words) in (0, 1, 2)
    assert len(arrived.getvalue()) > 10


def test_exported_data_is_utf8_where_it_goes_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory.make_study(tmp_path / "runs/docs", seeds=(0, 1))
    arrived = terminal(monkeypatch, "ascii")
    assert main(["report", str(tmp_path / "runs/docs"), "--export", "md"]) == 0
    assert "×" in arrived.getvalue().decode("utf-8")


def test_one_line_says_what_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = terminal(monkeypatch, "utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with waiting("choosing") as outer:
        assert isinstance(outer, Status)
        with waiting("loading") as inner:
            assert inner is outer and outer.status == "loading", "two lines would overwrite each other"
        assert outer.status == "choosing"
    assert "choosing" in arrived.getvalue().decode()
    with waiting("reading") as later:
        assert later is not outer


def test_a_bar_takes_the_place_of_that_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with waiting("choosing") as status:
        assert isinstance(status, Status)
        for _ in progress(range(3), "tokenising"):
            assert not status._live.is_started, "it would be drawn over the bar"
        assert status._live.is_started

"""What others wrote is shown in the terminal, and is never obeyed by it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text
from tests.midway import make_midway
from tests.studies.command import headstart

from headstart.screen import Screen
from headstart.terminal import cleaned

TITLE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r"  # a title, an empty screen, a colour, a turn


def test_only_what_is_shown_is_left_of_a_text() -> None:
    assert cleaned(f"a{TITLE}\tb\n— é 語") == "a]0;owned[2J31m\tb\n— é 語"


def test_colours_and_movements_are_those_of_the_screen_alone() -> None:
    arrived = io.StringIO()
    screen = Screen(file=arrived, force_terminal=True, color_system="standard", width=80)
    table = Table(TITLE)
    table.add_row(Text(TITLE, style="red"))
    with Live(table, console=screen, auto_refresh=False) as live:
        live.update(table, refresh=True)
    screen.print(TITLE, markup=False)
    assert "\x1b[31m]0;owned[2J31m" in arrived.getvalue(), "red is asked for by us"
    assert not {"\x1b]0;", "\x1b[2J", "\x9b", "\u202e"} & {*_parts(arrived.getvalue())}


def _parts(text: str) -> list[str]:
    return [part for part in ("\x1b]0;", "\x1b[2J", "\x9b", "\u202e") if part in text]


@pytest.mark.parametrize("words", [["status"], ["watch"], ["retry"], ["report"]])
def test_a_folder_of_somebody_else_changes_no_terminal(words: list[str], tmp_path: Path) -> None:
    def hostile(record: dict[str, Any]) -> None:
        record["config"]["study"]["question"] = TITLE
        record["scores"]["reason"] = TITLE if record["status"] == "failed" else None

    make_midway(
        folder := tmp_path / "hostile", arms=("scratch", f"pretrained{TITLE}"), seeds=range(2),
        status={("scratch", 1): "failed"}, change=hostile,
        title=lambda name: f"{TITLE} · {name[0]} · seed {name[1]}",
    )  # fmt: skip
    (folder / "report.html").touch()  # else `watch` waits for it
    typed = headstart(*words, str(folder))
    assert "owned" in typed.out + typed.err
    assert not _parts(typed.out + typed.err) and "\r" not in typed.out + typed.err

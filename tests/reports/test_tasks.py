"""The list of tasks: one row for each, at every width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from headstart.commands.printed import show_tasks
from headstart.studies.catalogue import TaskHere, tasks_here

ABOUT = "Is this a long sentence that says what the task asks, and where its rows come from, in many words?"
TASKS = [
    TaskHere("sst2", "text_classification", "hub", "nyu-mll/glue", "accuracy", ABOUT, False),
    TaskHere("wikitext_denoise", "text_classification", "hub", "[red]x", "bits_per_byte", ABOUT, None),
    TaskHere("digits", "image_classification", "digits", "", "accuracy", ABOUT, True),
]


@pytest.mark.parametrize("width", [80, 200])
def test_a_task_is_one_row(width: int) -> None:
    text = io.StringIO()
    show_tasks(TASKS, console=Console(file=text, width=width))
    table = text.getvalue().partition("\n\n")[0].splitlines()
    assert len(table) == 1 + len(TASKS) + 2  # a header and two families
    assert all(len(line) <= width for line in table)
    (row,) = [line for line in table if line.startswith("wikitext_denoise ")]
    assert "bits_per_byte" in row and "your files" in row
    assert (ABOUT in row) == (width == 200)


def test_a_headline_that_follows_from_the_rows_is_said_so() -> None:
    (files,) = [task for task in tasks_here() if task.choice == "files"]
    text = io.StringIO()
    show_tasks([files], console=Console(file=text, width=80))
    assert "by the rows" in text.getvalue()

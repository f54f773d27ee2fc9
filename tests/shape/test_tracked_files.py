"""Shape: what may not stand in a tracked file."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOME = "|".join(("work", "home", "root", "Users", "tmp/dev"))
PATHS = re.compile(rf"(?<![\w.$}}~:/])/(?:{HOME})/[\w.-]+")
HOSTS = re.compile(
    r"(?:--(?:extra-)?index-url|--find-links|https?://[\w.-]*(?:pypi|simple|artifactory|nexus)[\w.-]*/)"
)


def tracked() -> list[Path]:
    """The text files under version control."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in files if path.is_file() and b"\0" not in path.read_bytes()[:8000]]


@pytest.mark.parametrize(
    ("what", "pattern"), [("a path of one machine", PATHS), ("the host of an index", HOSTS)]
)
def test_nothing_ties_the_repository_to_one_machine(what: str, pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"{what}: {found}"


def test_no_lock_file_of_one_index() -> None:
    assert not [path.name for path in tracked() if path.name in ("uv.lock", "poetry.lock", "pdm.lock")]

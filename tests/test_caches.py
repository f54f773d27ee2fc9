"""Caches of libraries: those that cannot be written are moved into ours, before a library is imported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headstart.cache import DAY, HUGGING_FACE, OTHERS, cache_dir, cached, use_writable_caches
from headstart.errors import DataError

ALL = {*HUGGING_FACE, *OTHERS}


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A path below a file, which nobody can make a folder of; nothing is set but our own cache."""
    for name in (*ALL, "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "x")  # so that what the test sets is taken away afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "ours"))
    (tmp_path / "file").touch()
    return tmp_path / "file/below"


def moved() -> set[str]:
    use_writable_caches()
    ours = str(cache_dir() / "libraries")
    return {name for name in ALL if os.environ.get(name, "").startswith(ours)}


def test_nothing_moves_where_all_can_be_written(tmp_path: Path) -> None:
    assert moved() == set()
    assert not list(tmp_path.glob(".*"))  # and nothing is made


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("HOME", ALL),
        ("XDG_CACHE_HOME", set(HUGGING_FACE)),
        ("HF_HOME", set(HUGGING_FACE)),
        ("HF_DATASETS_CACHE", {"HF_DATASETS_CACHE"}),
        ("MPLCONFIGDIR", {"MPLCONFIGDIR"}),
        ("WANDB_CACHE_DIR", {"WANDB_CACHE_DIR"}),
    ],
)
def test_what_cannot_be_written_moves(
    variable: str, expected: set[str], untouched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(untouched))
    assert moved() == expected
    assert not any((cache_dir() / "libraries" / name.lower()).is_file() for name in expected)


def test_a_system_folder_without_files_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/proc/here")
    assert moved() == set(HUGGING_FACE)


def test_a_full_disk_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import tempfile

    whole = tempfile.TemporaryFile

    def full(dir: Path) -> object:
        if dir == tmp_path / "full":
            raise OSError(28, "No space left on device")
        return whole(dir=dir)

    (tmp_path / "full").mkdir()
    monkeypatch.setenv("HF_HOME", str(tmp_path / "full"))
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert moved() == set(HUGGING_FACE)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HEADSTART_CACHE")
    monkeypatch.setattr(Path, "home", nowhere)
    use_writable_caches()
    with pytest.raises(DataError, match="no home folder for a cache: set HEADSTART_CACHE"):
        cache_dir()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: content[:5] + bytes([content[5] ^ 1]) + content[6:],
        lambda content: content[::-1],
    ],
)
@pytest.mark.parametrize("name", ["tokens/a.parquet", "a", "vega-1.0.2.js"])
def test_a_damaged_file_is_made_again_and_named(
    name: str, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    def make(path: Path) -> None:
        path.write_bytes(b"the whole content")

    path = cached(name, make)
    assert path.read_bytes() == b"the whole content"
    path.write_bytes(damage(path.read_bytes()))
    assert cached(name, make).read_bytes() == b"the whole content"
    assert [f"{path} is damaged: it is made again" in line for line in caplog.messages] == [True]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_without_a_digest_is_made_again_and_removed() -> None:
    (cache_dir() / "tokens").mkdir(parents=True)
    (cache_dir() / "tokens/a.parquet").write_text("of an earlier version")
    path = cached("tokens/a.parquet", lambda path: None)
    assert path.read_text() == "" and [*path.parent.iterdir()] == [path]


def test_what_killed_processes_left_is_swept() -> None:
    left, recent = cache_dir() / ".a.js.0", cache_dir() / ".a.js.1"
    cache_dir().mkdir(parents=True)
    for file in (left, recent):
        file.write_text("half")
    os.utime(left, (0, recent.stat().st_mtime - DAY - 1))
    cached("a.js", lambda path: None)
    assert not left.exists() and recent.exists()

"""A hub that fails, and damaged files of its cache: sentences with the path, and `fetch` repairs."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import huggingface_hub.constants
import pytest
from tests.data.hub import point_to
from tests.loopback_hub import LoopbackHub, serving
from tests.rows import forget
from tests.studies.command import headstart, without

from headstart.studies.compose import runs_of
from headstart.studies.fetch import fetch, needs

pytestmark = pytest.mark.usefixtures("unreported")


@pytest.fixture
def hub(
    tiny_model: Path, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoopbackHub]:
    """A loopback hub with a model and a dataset, both empty here."""
    shutil.copytree(tiny_model, tmp_path / "served/models/team/tiny")
    (tmp_path / "served/datasets/team/reviews").mkdir(parents=True)
    shutil.copy(tmp_path / "reviews.csv", tmp_path / "served/datasets/team/reviews/train.csv")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "tables")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with serving(tmp_path / "served") as server:
        point_to(server.address, monkeypatch)
        yield server


def words(quick: list[str]) -> list[str]:
    """The study with model and rows of the loopback hub."""
    mine = [*without(quick, "task", "task.files.train", "model.name"), "task=hub", "arm=pretrained"]
    return [
        *mine,
        "task=hub",
        "task.hub.name=team/reviews",
        "model.name=team/tiny",
        "seed=0",
        "arm=pretrained",
    ]


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.resolve().write_bytes(content)


def halved(path: Path) -> None:
    content = path.read_bytes()
    path.resolve().write_bytes(content[: len(content) // 2])


def emptied(path: Path) -> None:
    path.resolve().write_bytes(b"")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("model.safetensors", flipped),
        ("tokenizer.json", halved),
        ("train.csv", flipped),
        pytest.param("config.json", emptied, marks=pytest.mark.slow),
        pytest.param("model.safetensors", emptied, marks=pytest.mark.slow),
        pytest.param("train.csv", halved, marks=pytest.mark.slow),
    ],
)
def test_a_damaged_file_is_named_with_its_path_and_replaced(
    name: str, damage: Callable[[Path], None], hub: LoopbackHub, quick: list[str], tmp_path: Path
) -> None:
    (run,) = runs_of(words(quick))
    assert [item.problem for item in fetch(needs([run]), print)] == [None] * 3
    (file,) = (tmp_path / "cache").glob(f"*/snapshots/*/{name}")
    sent = file.read_bytes()
    damage(file)
    forget()  # as in a process that begins
    refused = headstart(*words(quick), "hydra.mode=RUN")
    assert refused.code != 0 and f"{file} is not what the hub sent; `headstart fetch`" in refused.err
    items = fetch(needs([run]), print)
    assert [item.problem for item in items] == [None] * 3
    assert {path for item in items for path in item.replaced} == {file} and file.read_bytes() == sent
    assert not [path for item in fetch(needs([run]), print) for path in item.replaced]


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that answers every connection with these bytes, or resets it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                if answer is not None:
                    connection.recv(65536)
                    connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def http(status: str, body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"nonsense\r\n\r\n",
        http("200 OK", b"{not json"),
        http("200 OK", b"[]"),
        http("500 Internal Server Error"),
        http("401 Unauthorized"),
        http("429 Too Many Requests"),
    ],
)
def test_a_hub_that_fails_is_a_sentence_for_each_need(
    answer: bytes | None, quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits before it tries again
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with answering(answer) as address:
        point_to(address, monkeypatch)
        items = fetch(needs(runs_of(words(quick))), print)
    assert len(items) == 3
    for item in items:
        assert item.problem and "\n" not in item.problem, item
        assert "team/tiny" in item.problem or "team/reviews" in item.problem

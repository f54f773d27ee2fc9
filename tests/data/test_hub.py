"""Hub: fetched once, pinned by commit, usable without a network, refused in one sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from tests.data.hub import point_to
from tests.loopback_hub import LoopbackHub, commit, serving

from headstart.data.hub import Hub
from headstart.data.rows import rows_digest
from headstart.errors import ConfigError, DataError

COLUMNS = {"text": "sentence", "label": "label"}


def write_rows(folder: Path, split: str, count: int, word: str = "good") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{word} sentence {number} of {split},{number % 2}\n" for number in range(count))
    (folder / f"{split}.csv").write_text(f"sentence,label\n{lines}")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A loopback hub that serves the dataset team/films, and a cache of the client's own."""
    write_rows(tmp_path / "datasets" / "team" / "films", "train", 20)
    write_rows(tmp_path / "datasets" / "team" / "films", "test", 6)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "tables")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    with serving(tmp_path) as server:
        point_to(server.address, monkeypatch)
        yield server


def films(hub: LoopbackHub) -> Path:
    return hub.root / "datasets" / "team" / "films"


def refusal(node: Hub) -> str:
    with pytest.raises(DataError) as error:
        node.load(COLUMNS, "label")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_dataset_is_fetched_once_and_then_read_without_asking(hub: LoopbackHub):
    node = Hub(name="team/films", test="test")
    first = node.load(COLUMNS, "label")
    asked = len(hub.requests)
    again = node.load(COLUMNS, "label")
    assert asked > 0
    assert len(hub.requests) == asked
    assert rows_digest(first.train) == rows_digest(again.train)
    assert (len(first.train), len(first.validation), len(first.test)) == (18, 2, 6)
    assert first.source == node.digest() == f"hub:team/films@{commit(films(hub))}"
    assert first.notes == ("validation: 2 rows held out of train (share 0.1, split seed 0)",)
    assert set(first.train["label"]) == {"0", "1"}


def test_a_pinned_commit_stays_after_the_hub_moved_on(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch):
    old = commit(films(hub))
    before = Hub(name="team/films", revision=old).load(COLUMNS, "label")
    write_rows(films(hub), "train", 30, "new")
    new = commit(films(hub))
    assert len(Hub(name="team/films", revision=new).load(COLUMNS, "label").train) == 20
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    after = Hub(name="team/films", revision=old).load(COLUMNS, "label")
    assert rows_digest(before.train) == rows_digest(after.train)
    assert Hub(name="team/films", revision=old).digest() == f"hub:team/films@{old}"


def test_without_a_network_what_is_cached_is_read_and_the_rest_refused_quickly(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
):
    pinned = Hub(name="team/films", revision=commit(films(hub)))
    Hub(name="team/films").load(COLUMNS, "label")
    point_to("http://127.0.0.1:9", monkeypatch)
    started = time.monotonic()
    assert len(Hub(name="team/films").load(COLUMNS, "label").train) == 14
    assert refusal(Hub(name="team/other")) == (
        "dataset team/other is not cached and cannot be fetched ([Errno 111] Connection refused): "
        "go online once, or use task.files"
    )
    (pinned.folder() / "test.csv").unlink()  # half a dataset is none, and no reason to wait
    assert "is not cached and cannot be fetched" in refusal(pinned)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "is not cached and cannot be fetched" in refusal(Hub(name="team/other"))
    assert time.monotonic() - started < 5


def test_an_interrupted_fetch_is_completed(hub: LoopbackHub):
    node = Hub(name="team/films")
    snapshot = node.folder()
    (snapshot / "train.csv").unlink()
    assert len(node.load(COLUMNS, "label").train) == 14


def test_what_the_hub_refuses_is_said_in_one_sentence(hub: LoopbackHub):
    assert refusal(Hub(name="team/fims")) == (
        "dataset team/fims is not on the hub, or is private: "
        "correct task.hub.name, or log in with `hf auth login`"
    )
    assert refusal(Hub(name="team/films", revision="v9")) == (
        "dataset team/films at revision v9 does not exist: correct task.hub.revision, "
        "or leave it out for the newest"
    )
    hub.gated.add("team/films")
    assert refusal(Hub(name="team/films")).startswith(
        "dataset team/films is gated: accept its terms on its page"
    )


def test_a_split_or_config_that_is_not_there_is_named(hub: LoopbackHub):
    assert refusal(Hub(name="team/films", test="tst")) == (
        "task.hub.test=tst: team/films has no such split; did you mean test?"
    )
    assert "cannot be read (" in refusal(Hub(name="team/films", config="xx"))


def test_code_that_comes_with_a_dataset_is_not_run(hub: LoopbackHub):
    folder = hub.root / "datasets" / "team" / "coded"
    folder.mkdir(parents=True)
    (folder / "coded.py").write_text("raise SystemExit('ran')\n")
    assert "cannot be read (" in refusal(Hub(name="team/coded"))


def test_a_split_without_labels_is_refused(hub: LoopbackHub):
    import datasets

    names = datasets.ClassLabel(names=["no", "yes"])
    features = datasets.Features({"sentence": datasets.Value("string"), "label": names})
    folder = hub.root / "datasets" / "team" / "blind"
    folder.mkdir(parents=True)
    rows = {"sentence": ["a", "b", "c"], "label": [-1, -1, -1]}
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(folder / "train.parquet"))
    assert "team/blind split train has no labels: column 'label' is empty in all 3 rows" in refusal(
        Hub(name="team/blind")
    )


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="name"):
        Hub.read({"name": "https://somewhere/data"})

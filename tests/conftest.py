"""What all tests share: a cache of their own, no network, and a transformer that trains in a second."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import random
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from tests.drawing import drawn_together

from headstart.meters.matmul_peak import Device, Precision, Window, measure

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["WANDB_MODE"] = "offline"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test workers share two cores
importlib.metadata.entry_points = cache(importlib.metadata.entry_points)  # Lightning reads all at every run
settings.register_profile("here", max_examples=50, deadline=None)  # a busy machine is late
settings.load_profile("here")

WORDS = tuple(
    "red green blue cold warm sweet sour fast slow loud calm old new big small round flat".split()  # noqa: SIM905
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What trains comes first, so that no worker waits for a long file at the end."""
    items.sort(key=lambda item: "quick" not in getattr(item, "fixturenames", ()))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that need a CUDA device are skipped elsewhere."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device that torch can use")


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look through it again."""
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """A power cut cannot be tried here, and tests that write many records would wait for the disk mostly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the session, all workers included: the corpus is built once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "headstart-cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def runtime_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new folder at every step: pytest's own way looks through all the folders that there are."""
    base = tmp_path_factory.mktemp("run")
    return (base / str(number) for number in count())


@pytest.fixture(autouse=True)
def own_cache(shared_cache: Path, runtime_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or written to the cache, or the device locks, of whoever runs the tests."""
    folder = next(runtime_folders)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("HEADSTART_CACHE", str(shared_cache))


@pytest.fixture(autouse=True)
def one_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report starts a program that draws; here it is started once, since its start takes longest."""
    monkeypatch.setattr("headstart.reports.charts.renderer._drawn", drawn_together)


@pytest.fixture(autouse=True)
def one_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs measure how fast this machine multiplies until nothing disturbs it; here once per test process."""
    monkeypatch.setattr("headstart.meters.matmul_peak.measure", measured_once)


@cache
def measured_once(device: Device, precision: Precision, seconds: float) -> Window:
    """The first window of a kind, for all runs."""
    return measure(device, precision, seconds)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer x 32 with a pooler and a word tokenizer, saved like a published checkpoint."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny") / "tiny-bert"
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, "good", "bad"]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", special
    )
    tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **tokens).save_pretrained(folder)
    torch.manual_seed(1)
    BertModel(tiny_config(BertConfig, vocab_size=len(names))).save_pretrained(folder)
    return folder


def tiny_config(kind, **settings):
    """One layer x 32 of a BERT-like configuration."""
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    return kind(**shape, max_position_embeddings=64, **settings)


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A csv of 240 sentences that say good or bad somewhere, with their labels."""
    rng = random.Random(0)
    lines = ["sentence,label"]
    for number in range(240):
        label = ("good", "bad")[number % 2]
        words = rng.choices(WORDS, k=rng.randint(3, 20))
        words.insert(rng.randrange(len(words)), label)
        lines.append(f"{' '.join(words)},{label}")
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


@pytest.fixture
def unreported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report has tests of its own and takes seconds."""
    monkeypatch.setattr("headstart.commands.run_study.report_all", lambda *_: None)


@pytest.fixture
def quick(tiny_model: Path, reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Overrides of a study that trains a pair in seconds, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return [
        "task=files",
        f"task.files.train={reviews.name}",  # the current folder holds it
        "task.text=sentence",
        "task.label=label",
        "model=hub",
        f"model.name={tiny_model}",
        "model.max_length=32",
        "size=n64",
        "budget.epochs=2",
        "budget.evaluations=2",
        "optim.lr=3e-3",
        "hardware=cpu",
        "tracker=none",
        "meter=none",
        "study.name=quick",
        "study.warm_up=0",
    ]

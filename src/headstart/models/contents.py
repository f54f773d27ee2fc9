"""Contents: digests of the files of a model and its tokenizer, without the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

from headstart.errors import WeightsError

CONFIG = "config.json"
MODEL_FILES = (CONFIG, "generation_config.json", "preprocessor_config.json")
TOKENIZER_FILES = (  # every file that a tokenizer class of transformers may read (a test reads its sources)
    "tokenizer*.json", "*vocab*.json", "vocab*.txt", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "chat_template*", "tekken.json", "*.model", "*.spm", "*.tokenizer", "*.tiktoken",
    "*.codes", "dict.txt", "byte_maps.json", "emoji.json", "normalizer.json", "word_*.json",
)  # fmt: skip
# Settings about the origin of a file and the dtype of the weights, which do not change a model.
VOLATILE = frozenset(
    {
        "_name_or_path", "name_or_path", "_commit_hash", "transformers_version", "architectures", "dtype",
        "torch_dtype", "is_local", "local_files_only", "special_tokens_map_file", "tokenizer_file",
    }
)  # fmt: skip
TOKENIZER_KEYS = ("model_type", "tokenizer_class", "auto_map")  # what a tokenizer reads of config.json


def digests_of(folder: Path, patterns: Iterable[str]) -> dict[str, str]:
    """sha256 (16 hex) of the files of `folder` that match one of `patterns`, by name.

    Of JSON only the content counts: white space, the order of keys and VOLATILE settings do not.
    """
    names = tuple(patterns)
    files = sorted(path for path in folder.iterdir() if any(fnmatch(path.name, p) for p in names))
    return {path.name: _digest(path) for path in files if path.is_file()}


def tokenizer_digests(folder: Path) -> dict[str, str]:
    """Digests of a tokenizer's files, and of the settings about the tokenizer in config.json."""
    settings = read_json(folder / CONFIG) if (folder / CONFIG).is_file() else {}
    about = {key: settings[key] for key in TOKENIZER_KEYS if key in settings}
    return {**digests_of(folder, TOKENIZER_FILES), CONFIG: joint_digest(about)}


def code_digests(folder: Path) -> dict[str, str]:
    """Digests of the Python files of a model.

    WeightsError when its classes are in another repository: their code could change under the same name.
    """
    for path in (folder / CONFIG, folder / "tokenizer_config.json"):
        classes = json.dumps(read_json(path).get("auto_map")) if path.is_file() else ""
        if "--" in classes:
            raise WeightsError(
                f"{path}: auto_map takes code from another repository ({classes}), which is not part of "
                "what names a run; copy those files into the folder and write auto_map without the repository"
            )
    files = sorted(path for path in folder.rglob("*.py") if path.is_file())
    return {path.relative_to(folder).as_posix(): _digest(path) for path in files}


def joint_digest(value: Any) -> str:
    """One digest (16 hex) for the digests of several files, or for any JSON value."""
    return _sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file; WeightsError when it holds none."""
    content = _parsed(path)
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: is not a JSON mapping; fetch it again")
    return content


def _digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=512)
def _digest_of(path: Path, size: int, changed: int) -> str:
    if path.suffix != ".json":
        return _sha256(path.read_bytes())
    content = _parsed(path)
    return joint_digest(_stable(content) if path.name.endswith("config.json") else content)


def _stable(settings: Any) -> Any:
    """The settings without VOLATILE ones, also in nested models."""
    if not isinstance(settings, Mapping):
        return settings
    stable = {name: value for name, value in settings.items() if name not in VOLATILE}
    return {n: _stable(v) if isinstance(v, Mapping) and "model_type" in v else v for n, v in stable.items()}


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf8"))
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read as JSON ({error}); fetch it again") from None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]

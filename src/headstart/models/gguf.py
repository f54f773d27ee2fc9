"""GGUF: quantised weights as llama.cpp reads them, unpacked once into a folder that transformers reads."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.cache import cache_dir, file_sha256
from headstart.data.formats import one_line
from headstart.errors import WeightsError
from headstart.extras import missing
from headstart.models.contents import CONFIG

SUFFIX = ".gguf"


def folder_of(file: Path) -> Path:
    """Where its weights are unpacked to: by its content and the version of what unpacks."""
    facts = f"{file_sha256(file)} {version('transformers')}"
    return cache_dir() / "gguf" / hashlib.sha256(facts.encode()).hexdigest()[:32]


def is_unpacked(file: Path) -> bool:
    """Is there a folder with all of it?"""
    return (folder_of(file) / CONFIG).is_file()


def unpack(file: Path) -> Path:
    """The folder with its config, its tokenizer, and its weights in float32; made where there is none."""
    folder = folder_of(file)
    if is_unpacked(file):
        return folder
    if needed := missing("gguf", "gguf"):
        raise WeightsError(f"{file.name} {needed}")
    from headstart.screen import waiting

    folder.parent.mkdir(parents=True, exist_ok=True)
    whole = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        with waiting(f"unpacking {file.name} to float32, once"):
            _write(file, whole)
        os.replace(whole, folder)
    except OSError as error:
        if not is_unpacked(file):  # else another process was faster
            raise WeightsError(
                f"{folder} cannot be written ({one_line(error)}): make room, or set "
                "HEADSTART_CACHE to another folder"
            ) from None
    finally:
        shutil.rmtree(whole, ignore_errors=True)
    return folder


def _write(file: Path, folder: Path) -> None:
    source: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
        from transformers.utils import logging

        logging.disable_progress_bar()
        unpacked = GgufConfig(dequantize=True)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, **source)
        model: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, dtype=torch.float32, quantization_config=unpacked, **source
        )
    except Exception as error:  # noqa: BLE001  a damaged file ends in many errors
        raise WeightsError(f"{file}: transformers cannot unpack it ({one_line(error)})") from None
    model.hf_quantizer = None  # the weights are numbers now, and may be saved as such
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)

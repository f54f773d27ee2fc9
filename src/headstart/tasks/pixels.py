"""Pixels: how a model wants its images, and images made so once, kept on disk and shared by all runs."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.cache import cached
from headstart.data.images import MODES, decoded, pixels
from headstart.errors import ConfigError
from headstart.models.model import Model
from headstart.screen import progress

if TYPE_CHECKING:
    import torch

VERSION = 2  # raise it when the meaning of the stored numbers changes
PROCESSOR = "preprocessor_config.json"  # where transformers keeps what a checkpoint's images were like
HALF = 0.5  # mean and deviation where the checkpoint says nothing: 0..1 becomes -1..1


@dataclass(frozen=True)
class PixelFormat:
    """Size, channels, and the mean and deviation of each channel; images are resized whole, not cropped."""

    channels: int
    height: int
    width: int
    mean: tuple[float, ...]  # of values in 0..1
    deviation: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width

    def words(self) -> str:
        values = " ".join(f"{m:g}/{d:g}" for m, d in zip(self.mean, self.deviation, strict=True))
        return f"images: {self.channels} x {self.height} x {self.width}, mean/deviation {values}"

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        """(batch, channels, any height, any width) uint8 as the model wants them, fp32."""
        import torch
        from torch.nn.functional import interpolate

        scaled = images.float() / 255
        if scaled.shape[2:] != (self.height, self.width):
            scaled = interpolate(scaled, (self.height, self.width), mode="bilinear", antialias=True)
        mean, deviation = (torch.tensor(part).view(1, -1, 1, 1) for part in (self.mean, self.deviation))
        return (scaled - mean) / deviation

    def save_pretrained(self, folder: str | Path) -> None:
        """Leave this beside weights, so that transformers prepares images in the same way."""
        settings = {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True,
            "size": {"height": self.height, "width": self.width},
            "resample": 2,  # bilinear
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": self.mean,
            "image_std": self.deviation,
        }
        (Path(folder) / PROCESSOR).write_text(json.dumps(settings, indent=2) + "\n", "utf8")


def pixel_format(model: Model, image_size: int | None) -> PixelFormat:
    """What the model's configuration and its checkpoint say; `image_size`, in pixels, goes before both."""
    config = model.transformers_config()
    published = _published(model.find().folder) if model.settings() is None else {}
    size = image_size or getattr(config, "image_size", None) or _published_size(published)
    if size is None:
        raise ConfigError(
            f"task.image_size: {model.name} takes images of any size, so the task must say how large they are"
        )
    channels = getattr(config, "num_channels", 3)
    if channels not in MODES:
        raise ConfigError(f"model: {model.name} wants {channels} channels; images have 1 or 3")
    height, width = (size, size) if isinstance(size, int) else size
    patch = getattr(config, "patch_size", None)
    if isinstance(patch, int) and (height % patch or width % patch):
        raise ConfigError(
            f"task.image_size: images of {height} x {width} pixels make no whole patches of {patch} x "
            f"{patch}, as {model.name} reads them: choose a multiple of {patch}"
        )
    mean = _per_channel(published, "image_mean", channels, neutral=0.0)
    deviation = _per_channel(published, "image_std", channels, neutral=1.0)
    return PixelFormat(channels, height, width, mean, deviation)


def _published(folder: Path) -> dict[str, Any]:
    path = folder / PROCESSOR
    if not path.is_file():
        return {}
    try:
        settings = json.loads(path.read_text("utf8"))
    except ValueError as error:
        raise ConfigError(f"model: {path} is not JSON ({error}); fetch it again") from None
    factor = settings.get("rescale_factor", 1 / 255)
    if not math.isclose(factor, 1 / 255, rel_tol=1e-3):
        raise ConfigError(f"model: {path} scales images by {factor}; only 1/255 is supported")
    return settings


def _published_size(settings: Mapping[str, Any]) -> Any:
    """(height, width), or one number for both; an area that is cropped goes before one that is resized."""
    for name in ("crop_size", "size"):
        size = settings.get(name)
        if isinstance(size, Mapping):
            size = (size["height"], size["width"]) if "height" in size else size.get("shortest_edge")
        if size is not None:
            return size
    return None


def _per_channel(settings: Mapping[str, Any], name: str, channels: int, neutral: float) -> tuple[float, ...]:
    """One number per channel; `neutral` where the checkpoint's images were not normalised."""
    if "do_normalize" in settings and not settings["do_normalize"]:
        return (neutral,) * channels
    if name not in settings:
        return (HALF,) * channels
    values = settings[name]
    numbers = tuple(values) if isinstance(values, list) else (values,) * channels
    if len(numbers) != channels:
        raise ConfigError(f"model: {PROCESSOR} has {len(numbers)} numbers in {name} for {channels} channels")
    return numbers


def pixels_of(cells: Sequence[Mapping[str, Any]], wanted: PixelFormat) -> np.ndarray:
    """Images as (rows, channels, height, width) uint8, read from the disk as they are used.

    Never larger than `wanted`, and as small as they came where all of them are equally small: enlarging
    is left to the batch. Decoded before, they come from the cache, which goes by their content.
    """
    digest = hashlib.sha256(f"{VERSION}:{wanted.shape}:{len(cells)}".encode())
    for cell in cells:
        digest.update(cell["sha256"].encode())
    name = f"pixels/{digest.hexdigest()[:32]}.npy"
    return np.load(cached(name, lambda path: _write(path, cells, wanted)), mmap_mode="r")


def _write(path: Path, cells: Sequence[Mapping[str, Any]], wanted: PixelFormat) -> None:
    size = wanted.height, wanted.width
    sizes = {decoded(cell).size for cell in cells}
    if len(sizes) == 1:
        ((width, height),) = sizes
        if height <= wanted.height and width <= wanted.width:
            size = height, width
    shape = (len(cells), wanted.channels, *size)
    table = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    for row, cell in enumerate(progress(cells, "decoding images")):
        table[row] = pixels(cell, size, wanted.channels)
    table.flush()

"""Images: files and bytes as cells of a dataset, decoded when a batch needs them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.data.unfit import UnfitError
from headstart.node import DataError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # channels -> what Pillow calls it
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})


def image_cell(value: Any) -> dict[str, Any]:
    """{"sha256", "bytes", "path"} of encoded bytes, of a file's path (whose bytes stay in the file), or of
    what `datasets` stores for its Image feature; UnfitError when it is none of these or no image."""
    if isinstance(value, Mapping) and ("bytes" in value or "path" in value):
        data, path = value.get("bytes"), value.get("path")
    else:
        data, path = (value, None) if isinstance(value, bytes) else (None, value)
    if data is None and isinstance(path, str | Path):
        return _of_file(Path(path))
    if not isinstance(data, bytes):
        raise UnfitError("not an image: choose a column of image files or encoded images for task.{role}")
    _check(data, "the bytes in it")
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": data, "path": None}


def pixels(cells: Sequence[Mapping[str, Any]], size: tuple[int, int], channels: int = 3) -> np.ndarray:
    """The images of a column: (rows, channels, height, width) float32 in 0..1; `size` is (height, width).

    Resized with antialiasing where the size differs; DataError with the path where one cannot be decoded.
    """
    import numpy as np

    if channels not in MODES:
        raise ValueError(f"channels={channels}: an image has 1 or 3")
    whole = np.empty((len(cells), channels, *size), np.float32)
    for row, cell in enumerate(cells):
        table = np.asarray(_resized(decoded(cell).convert(MODES[channels]), size), np.float32) / 255
        whole[row] = table.reshape(*size, channels).transpose(2, 0, 1)
    return whole


def decoded(cell: Mapping[str, Any]) -> Image:
    """The image of a cell, read now; DataError with the path where it cannot be decoded."""
    from PIL import Image

    where = cell["path"] or f"the image with sha256 {cell['sha256'][:12]}…"
    try:
        image = Image.open(io.BytesIO(cell["bytes"]) if cell["bytes"] is not None else cell["path"])
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{where} cannot be decoded ({_said(error)}): replace or remove it") from None
    return image


def encoded(table: np.ndarray) -> bytes:
    """Netpbm bytes of (height, width) or (height, width, 3) uint8: not compressed, so that they are the
    same whatever the version of the library that wrote them."""
    kind = "P5" if table.ndim == 2 else "P6"
    return f"{kind} {table.shape[1]} {table.shape[0]} 255\n".encode() + table.tobytes()


def _of_file(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnfitError(f"a file that cannot be read ({error.strerror}): correct the path") from None
    _check(data, str(path))
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": None, "path": str(path)}


def _check(data: bytes, where: str) -> None:
    """UnfitError when the data does not begin as an image does; the rest is seen when it is decoded."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnfitError(f"not an image that Pillow can read ({_said(error)}): replace {where}") from None


def _resized(image: Image, size: tuple[int, int]) -> Image:
    from PIL.Image import Resampling

    width_and_height = size[1], size[0]
    return image if image.size == width_and_height else image.resize(width_and_height, Resampling.BILINEAR)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__

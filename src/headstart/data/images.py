"""Images: files and bytes as cells of a dataset, decoded when a batch needs them."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.errors import DataError, UnfitError

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}  # channels -> mode of Pillow
SUFFIXES = frozenset(  # of images; formats that Pillow cannot read, such as heic, are refused, not skipped
    ".png .jpg .jpeg .jpe .jfif .bmp .gif .webp .tif .tiff .avif .jp2 .ppm .pgm .pbm .tga .ico "  # noqa: SIM905
    ".heic .heif .svg .psd .dng .nef .cr2 .arw .raw .dcm .exr .hdr".split()
)
USUAL = "png, jpg, gif, webp, bmp, tif, …"  # of SUFFIXES, for a message
BITS, WHITE_IS = 258, 262  # tags of TIFF: bits per grey level, and which end of the range is white


def image_cell(value: Any) -> dict[str, Any]:
    """{"sha256", "bytes", "path", "frames"} of encoded bytes, of a path (without bytes), or of a value of an
    Image feature of `datasets`; UnfitError for other values and for files that are no image. Only the
    start of the bytes is checked here, the rest when the image is decoded."""
    from PIL.Image import DecompressionBombError

    if isinstance(value, Mapping) and ("bytes" in value or "path" in value):
        data, path = value.get("bytes"), value.get("path")
    else:
        data, path = (value, None) if isinstance(value, bytes) else (None, value)
    if data is not None:
        path = None
    elif isinstance(path, str | Path):
        path = Path(path)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UnfitError(f"a file that cannot be read ({error.strerror}): correct the path") from None
    if not isinstance(data, bytes):
        raise UnfitError("not an image: choose a column of image files or encoded images for task.{role}")
    try:
        with _opened(io.BytesIO(data)) as image:
            photo = image.format == "MPO"  # a photo of a phone, with a preview as second frame
            frames = 1 if photo else getattr(image, "n_frames", 1)
            image.verify()
    except (OSError, ValueError, SyntaxError, DecompressionBombError) as error:
        where = path or "the bytes in it"
        reason = _reason(error) if data else "it is empty"
        raise UnfitError(
            f"not an image that Pillow can read ({reason}): convert or replace {where}"
        ) from None
    stored = {"bytes": data, "path": None} if path is None else {"bytes": None, "path": str(path)}
    return {"sha256": hashlib.sha256(data).hexdigest(), **stored, "frames": frames}


def pixels(cell: Mapping[str, Any], size: tuple[int, int], channels: int = 3) -> np.ndarray:
    """The image of a cell: (channels, height, width) uint8; `size` is (height, width).

    Resized with antialiasing if the size differs; DataError with the path if it cannot be decoded.
    """
    import numpy as np
    from PIL.Image import Resampling

    image, width_and_height = decoded(cell, MODES[channels]), (size[1], size[0])
    if image.size != width_and_height:
        image = image.resize(width_and_height, Resampling.BILINEAR)
    return np.asarray(image).reshape(*size, channels).transpose(2, 0, 1)


def decoded(cell: Mapping[str, Any], mode: str = "RGB") -> Image:
    """The image of a cell, decoded as a viewer shows it; `mode` is RGB or L; of several frames or pages the
    first. DataError with the path if it cannot be decoded."""
    from PIL.Image import DecompressionBombError

    where = cell["path"] or f"the image with sha256 {cell['sha256'][:12]}…"
    try:
        with _opened(io.BytesIO(cell["bytes"]) if cell["bytes"] is not None else cell["path"]) as image:
            image.load()
            return _as_shown(image).convert(mode)
    except (OSError, ValueError, SyntaxError, DecompressionBombError) as error:
        raise DataError(f"{where} cannot be decoded ({_reason(error)}): replace or remove it") from None


def _as_shown(image: Image) -> Image:
    """The image upright, with 8 bits per channel, on white, in sRGB: L or RGB."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    ImageOps.exif_transpose(image, in_place=True)
    profile = image.info.get("icc_profile")
    shown = _of_8_bits(image)
    if shown.has_transparency_data:
        shown = shown.convert("RGBA")
        shown = Pillow.alpha_composite(Pillow.new("RGBA", shown.size, "white"), shown)
    if shown.mode not in ("L", "CMYK"):
        shown = shown.convert("L" if shown.mode == "1" else "RGB")
    return _on_screen(shown, profile) if profile else shown


def _of_8_bits(image: Image) -> Image:
    """Grey of 12 or 16 bits scaled to 8 bits; ValueError if its range is unknown."""
    import numpy as np
    from PIL import Image as Pillow

    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise ValueError(f"grey levels of type {image.mode}, of which none is white: save 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    tags = getattr(image, "tag_v2", {})  # of a TIFF
    brightest = 2 ** tags.get(BITS, (16,))[0] - 1
    levels = np.asarray(image).astype(np.float64) * 255 / brightest
    return Pillow.fromarray(np.rint(255 - levels if tags.get(WHITE_IS) == 0 else levels).astype(np.uint8))


def _on_screen(image: Image, profile: bytes) -> Image:
    """The image converted from its colour profile to sRGB; a profile that does not fit is ignored."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return image
        screen = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, screen, outputMode="RGB") or image
    except (OSError, ImageCms.PyCMSError):
        return image


def encoded(table: np.ndarray) -> bytes:
    """Netpbm bytes of (height, width) or (height, width, 3) uint8: not compressed, so that they do
    not depend on the version of a library."""
    kind = "P5" if table.ndim == 2 else "P6"
    return f"{kind} {table.shape[1]} {table.shape[0]} 255\n".encode() + table.tobytes()


def _opened(source: Any) -> Image:
    """Open the image without a warning for large ones; Pillow refuses images that are too large."""
    from PIL import Image as Pillow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
        return Pillow.open(source)


def _reason(error: BaseException) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "of no kind that it knows"
    return " ".join(str(error).split())[:120] or type(error).__name__

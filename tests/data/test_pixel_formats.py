"""Pixel formats: of every kind of image file the model sees what a viewer shows, or the file is refused."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from headstart.data.images import image_cell, pixels
from headstart.errors import DataError, UnfitError

GREY = np.arange(0, 256, 15, dtype=np.uint8)[:12].reshape(3, 4)
COLOURS = np.random.default_rng(0).integers(0, 256, (3, 4, 3), np.uint8)
ALPHA = np.array([[0, 255, 128, 51]] * 3, np.uint8)


def saved(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """The bytes of a file of that kind."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def grey_tiff(levels: np.ndarray, bits: int, order: str = "<", white_is_zero: bool = False) -> bytes:
    """A TIFF without compression, its levels packed in `bits` bits each, rows filled up to whole bytes."""
    rows = ["".join(f"{level:0{bits}b}" for level in row) for row in levels]
    packed = b"".join(
        int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8)) for row in rows
    )
    if bits == 16:
        packed = levels.astype(f"{order}u2").tobytes()
    height, width = levels.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: int(not white_is_zero), 277: 1, 278: height}
    tags |= {273: 8 + 2 + 12 * 9 + 4, 279: len(packed)}
    entries = b"".join(
        struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in sorted(tags.items())
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4) + packed


def over_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """What a page shows where an image lets it through."""
    part = alpha[..., None] / 255
    return np.rint(colours * part + 255 * (1 - part))


def with_alpha(colours: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([colours, ALPHA]))


def palette(**settings: Any) -> bytes:
    """Three colours, of which the first may be transparent."""
    image = Image.fromarray(np.array([[0, 1, 2, 0]] * 3, np.uint8), "P")
    image.putpalette([9, 99, 199, 255, 0, 0, 0, 0, 255])
    return saved(image, **settings)


def palette_shown(first: tuple[int, int, int]) -> np.ndarray:
    return np.array([[first, (255, 0, 0), (0, 0, 255), first]] * 3)


def deep(brightest: int) -> np.ndarray:
    """The levels of GREY with more bits."""
    return np.rint(GREY.astype(float) * brightest / 255).astype(np.uint16)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


def linear_grey() -> bytes:
    """An ICC profile of grey levels that are light itself, not its square root as on a screen."""
    curve, white = b"curv" + bytes(4) + struct.pack(">I", 0), b"XYZ " + bytes(4)
    white += struct.pack(">iii", *(round(part * 65536) for part in (0.9642, 1.0, 0.8249)))
    curve = curve.ljust(20, b"\0")
    tags = struct.pack(">I4sII4sII", 2, b"kTRC", 156, 12, b"wtpt", 176, 20)
    head = struct.pack(">I4sI4s4s4s", 196, b"lcms", 0x02100000, b"mntr", b"GRAY", b"XYZ ").ljust(36, b"\0")
    illuminant = b"acsp".ljust(32, b"\0") + white[8:]
    return (head + illuminant).ljust(128, b"\0") + tags + curve + white


def red_is_green() -> bytes:
    """The profile of a screen, its red and green exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"tXYZ"), (b"gXYZ", b"rXYZ"), (b"tXYZ", b"gXYZ")):
        profile = profile.replace(old, new)
    return profile.replace("sRGB".encode("utf-16-be"), "mine".encode("utf-16-be"))


def on_screen(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1: the level that a screen needs for an amount of light, both in 0..255."""
    part = light / 255
    return 255 * np.where(part <= 0.0031308, 12.92 * part, 1.055 * part ** (1 / 2.4) - 0.055)


SHOWN: dict[str, tuple[Callable[[], bytes], np.ndarray, float]] = {  # file, what a viewer shows, tolerance
    "8 bits": (lambda: saved(Image.fromarray(GREY), "PNG"), GREY, 0),
    "16 bits, PNG": (lambda: saved(Image.fromarray(deep(65535)), "PNG"), GREY, 0.6),
    "16 bits, TIFF": (lambda: saved(Image.fromarray(deep(65535)), "TIFF"), GREY, 0.6),
    "16 bits, big-endian": (lambda: grey_tiff(deep(65535), 16, ">"), GREY, 0.6),
    "16 bits, white is zero": (lambda: grey_tiff(65535 - deep(65535), 16, white_is_zero=True), GREY, 0.6),
    "16 bits, PGM": (lambda: saved(Image.fromarray(deep(65535)), "PPM"), GREY, 0.6),
    "10 bits, PGM": (lambda: b"P5 4 3 1023\n" + deep(1023).astype(">u2").tobytes(), GREY, 0.6),
    "12 bits, TIFF": (lambda: grey_tiff(deep(4095), 12), GREY, 0.6),
    "1 bit": (lambda: saved(Image.fromarray(GREY > 99), "PNG"), 255 * (GREY > 99), 0),
    "1 bit, white is zero": (lambda: grey_tiff(1 - (GREY > 99), 1, white_is_zero=True), 255 * (GREY > 99), 0),
    "palette": (lambda: palette(kind="PNG"), palette_shown((9, 99, 199)), 0),
    "palette, one colour transparent": (
        lambda: palette(kind="PNG", transparency=0),
        palette_shown((255, 255, 255)),
        0,
    ),
    "palette, one colour half transparent": (
        lambda: palette(kind="PNG", transparency=bytes([51])),
        palette_shown((206, 224, 244)),
        1,
    ),
    "GIF, one colour transparent": (
        lambda: palette(kind="GIF", transparency=0),
        palette_shown((255, 255, 255)),
        0,
    ),
    "grey, one level transparent": (
        lambda: saved(Image.fromarray(GREY), "PNG", transparency=30),
        np.where(GREY == 30, 255, GREY),
        0,
    ),
    "grey with alpha": (lambda: saved(with_alpha(GREY), "PNG"), over_white(GREY[..., None], ALPHA), 1),
    "colours with alpha": (lambda: saved(with_alpha(COLOURS), "PNG"), over_white(COLOURS, ALPHA), 1),
    "WebP with alpha": (
        lambda: saved(with_alpha(COLOURS), "WEBP", lossless=True, exact=True),
        over_white(COLOURS, ALPHA),
        1,
    ),
    "BMP": (lambda: saved(Image.fromarray(COLOURS), "BMP"), COLOURS, 0),
    "CMYK, as Adobe writes it": (
        lambda: saved(Image.new("CMYK", (4, 3), (0, 255, 255, 0)), "JPEG", quality=95),
        np.broadcast_to([255, 0, 0], (3, 4, 3)),
        3,
    ),
    "CMYK, TIFF": (
        lambda: saved(Image.new("CMYK", (4, 3), (0, 0, 0, 255)), "TIFF"),
        np.zeros((3, 4, 3)),
        0,
    ),
    "PNG, camera held sideways": (
        lambda: saved(Image.fromarray(COLOURS), "PNG", exif=turned(6)),
        np.rot90(COLOURS, -1),
        0,
    ),
    "TIFF, camera held sideways": (
        lambda: saved(Image.fromarray(COLOURS), "TIFF", exif=turned(8)),
        np.rot90(COLOURS),
        0,
    ),
    "a camera's notes broken": (
        lambda: saved(Image.fromarray(COLOURS), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x63\0"),
        COLOURS,
        0,
    ),
    "JPEG, camera upside down": (
        lambda: saved(Image.fromarray(np.repeat(GREY[..., None], 3, 2)), "JPEG", quality=100, exif=turned(3)),
        GREY[::-1, ::-1],
        4,
    ),
    "several frames": (
        lambda: saved(
            Image.fromarray(GREY), "GIF", save_all=True, append_images=[Image.fromarray(255 - GREY)]
        ),
        GREY,
        0,
    ),
    "several pages": (
        lambda: saved(
            Image.fromarray(GREY), "TIFF", save_all=True, append_images=[Image.fromarray(255 - GREY)]
        ),
        GREY,
        0,
    ),
    "grey with a profile": (
        lambda: saved(Image.fromarray(GREY), "PNG", icc_profile=linear_grey()),
        on_screen(GREY),
        2,
    ),
    "colours with a profile": (
        lambda: saved(Image.fromarray(COLOURS), "PNG", icc_profile=red_is_green()),
        COLOURS[..., [1, 0, 2]],
        3,
    ),
    "colours with a profile of grey": (
        lambda: saved(Image.fromarray(COLOURS), "PNG", icc_profile=linear_grey()),
        COLOURS,
        0,
    ),
    "colours with a broken profile": (
        lambda: saved(Image.fromarray(COLOURS), "PNG", icc_profile=b"none"),
        COLOURS,
        0,
    ),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", SHOWN)
def test_the_model_sees_what_a_viewer_shows(kind: str) -> None:
    make, shown, tolerance = SHOWN[kind]
    expected = np.broadcast_to(shown if shown.ndim == 3 else shown[..., None], (*shown.shape[:2], 3))
    seen = pixels(image_cell(make()), shown.shape[:2]).transpose(1, 2, 0).astype(float)
    assert np.abs(seen - expected).max() <= tolerance + 1e-4
    (grey,) = pixels(image_cell(make()), shown.shape[:2], channels=1).astype(float)
    assert np.abs(grey - expected @ [0.299, 0.587, 0.114]).max() <= tolerance + 1


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "numbers with a point": (lambda: saved(Image.fromarray(GREY / np.float32(255)), "TIFF"), "of type F"),
    "32 bits": (lambda: saved(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "of type I"),
    "cut off": (lambda: saved(Image.fromarray(COLOURS).resize((99, 99)), "JPEG")[:900], "truncated"),
    "empty": (lambda: b"", "it is empty"),
    "no image": (lambda: b"<svg/>", "of no kind that it knows"),
    "12 bits, JPEG": (
        lambda: saved(Image.fromarray(COLOURS), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        "of no kind that it knows",
    ),
    "too large": (lambda: b"P5 20000 20000 255\n", "exceeds limit"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_no_viewer_agrees_on_is_refused(kind: str) -> None:
    make, said = REFUSED[kind]
    with pytest.raises((DataError, UnfitError), match=said) as error:
        pixels(image_cell(make()), (3, 4))
    assert "0x" not in str(error.value) and "\n" not in str(error.value)


def test_large_images_are_read_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # twice as many are an error
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(image_cell(saved(Image.fromarray(GREY), "PNG")), (3, 4)).shape == (3, 3, 4)


def test_frames_are_counted_but_not_the_preview_of_a_photo() -> None:
    one, other = Image.fromarray(GREY), Image.fromarray(255 - GREY)
    counts = {
        kind: image_cell(saved(one, kind, save_all=True, append_images=[other, one]))["frames"]
        for kind in ("GIF", "TIFF", "PNG", "WEBP", "MPO")
    }
    assert counts == {"GIF": 3, "TIFF": 3, "PNG": 3, "WEBP": 3, "MPO": 1}

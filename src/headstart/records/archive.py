"""Archive: a folder as one zip, the same bytes for the same files; and such a zip, unpacked without trust."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from headstart.errors import RecordError
from headstart.records.whole_file import write_whole

MANIFEST = "manifest.json"
FORMAT = 1
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can store
COMPRESSED = (".safetensors", ".parquet", ".whl", ".png", ".jpg", ".xlsx")  # or nothing to compress
MOST_FILES = 100_000
LARGEST_MANIFEST = 2**26  # bytes
MOST_TIMES, ALLOWANCE = 100, 2**26  # a zip may unpack to that many times its size, and so many bytes more
_NAME = re.compile(r"(?!\.\.?(/|$))[^/\\:\x00-\x1f]+(/(?!\.\.?(/|$))[^/\\:\x00-\x1f]+)*")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def write_archive(folder: Path, file: Path, about: Mapping[str, Any]) -> Path:
    """Zip everything in `folder` with a manifest that holds `about`, and size and SHA-256 of every file.

    The zip is written whole or not at all, and depends on names and contents alone.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    files = {name: _facts(folder / name) for name in names}
    manifest = json.dumps({"format": FORMAT, **about, "files": files}, indent=1, ensure_ascii=False) + "\n"

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(_entry(MANIFEST), manifest.encode("utf8", "surrogateescape"))
            for name in names:
                with (folder / name).open("rb") as source, archive.open(_entry(name), "w") as target:
                    shutil.copyfileobj(source, target, 2**20)

    return write_whole(file, write)


def unpack(file: Path, folder: Path) -> dict[str, Any]:
    """Unpack an archive of ours into `folder`, in place of what is there, and return its manifest.

    Nothing is believed: names that leave the folder, links, more bytes than declared, and files that are not
    those of the manifest are refused. RecordError, and the folder is as before.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
        unpacked = Path(temporary) / folder.name
        try:
            with zipfile.ZipFile(file) as archive:
                files = _checked(archive, file)
                for name, facts in files.items():
                    _extract(archive, name, unpacked / name, facts, file)
                manifest = archive.read(MANIFEST)
        except _UNREADABLE as error:
            raise RecordError(f"{file}: is no zip that can be read ({error}); get it again") from None
        except OSError as error:
            raise RecordError(f"{file}: cannot be unpacked: {error.strerror or error}") from None
        (unpacked / MANIFEST).write_bytes(manifest)
        shutil.rmtree(folder, ignore_errors=True)
        unpacked.rename(folder)
    return _read_manifest(manifest, file)


def check_unpacked(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that somebody unpacked; RecordError when a file is not the one of the zip."""
    file = folder / MANIFEST
    try:
        manifest = _read_manifest(file.read_bytes(), file)
        for name, facts in manifest["files"].items():
            if _facts(folder / name) != facts:
                raise RecordError(f"{folder / name}: is not the file that was packed; unpack the zip again")
    except OSError as error:
        raise RecordError(
            f"{error.filename}: cannot be read: {error.strerror}; unpack the zip again"
        ) from None
    return manifest


def is_archive(file: Path) -> bool:
    """Is the file a zip with a manifest?"""
    try:
        with zipfile.ZipFile(file) as archive:
            return MANIFEST in archive.namelist()
    except (*_UNREADABLE, OSError):
        return False


def _entry(name: str) -> zipfile.ZipInfo:
    """The head of a file in the zip: without the time, the owner and the system of whoever packs it."""
    entry = zipfile.ZipInfo(name, LONG_AGO)
    entry.create_system, entry.external_attr = 3, 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(COMPRESSED) else zipfile.ZIP_DEFLATED
    return entry


def _facts(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        return {"bytes": file.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def _checked(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    """The files of the manifest, which are exactly those in the zip, and no more bytes than it may have."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if MANIFEST not in names:
        raise RecordError(f"{file}: was not made by headstart pack: it has no {MANIFEST}")
    if archive.getinfo(MANIFEST).file_size > LARGEST_MANIFEST or len(entries) > MOST_FILES:
        raise RecordError(f"{file}: its {MANIFEST} or the number of its files is too large; not unpacked")
    files = cast(dict[str, Any], _read_manifest(archive.read(MANIFEST), file)["files"])
    for entry in entries:
        kind = entry.external_attr >> 28  # of a Unix file: 8 is a regular one, 0 is not said
        if kind not in (0, 8) or entry.flag_bits & 1:
            raise RecordError(f"{file}: {entry.filename[:80]!r} is no plain file; nothing was unpacked")
    if sorted(names) != sorted([*files, MANIFEST]):
        odd = sorted({*names, MANIFEST} ^ {*files, MANIFEST}) or sorted(
            n for n in names if names.count(n) > 1
        )
        raise RecordError(f"{file}: {odd[0][:80]!r} differs between the zip and its {MANIFEST}; get it again")
    size, most = sum(entry.file_size for entry in entries), MOST_TIMES * file.stat().st_size + ALLOWANCE
    if size > most:
        raise RecordError(f"{file}: would unpack to {size:,} bytes, more than {most:,}; nothing was unpacked")
    return files


def _read_manifest(content: bytes, file: Path) -> dict[str, Any]:
    """The manifest; RecordError when it is none that this version reads."""
    try:
        manifest: Any = json.loads(content.decode("utf8", "surrogateescape"))
        known = manifest["format"] == FORMAT and isinstance(manifest["study"], str)
        sizes = [facts["bytes"] >= 0 and len(facts["sha256"]) == 64 for facts in manifest["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        known, sizes, manifest = False, [], {}
    if not known or not all(sizes):
        raise RecordError(f"{file}: its {MANIFEST} is none of headstart pack, or of another version")
    if odd := [name for name in manifest["files"] if not _NAME.fullmatch(name)]:
        raise RecordError(f"{file}: {odd[0][:80]!r} is no name inside a folder; nothing was unpacked")
    return cast(dict[str, Any], manifest)


def _extract(archive: zipfile.ZipFile, name: str, path: Path, facts: Mapping[str, Any], file: Path) -> None:
    """Write one file, of no more bytes than declared; RecordError when it is not the one of the manifest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, left = hashlib.sha256(), int(facts["bytes"])
    with archive.open(name) as source, path.open("xb") as target:
        while left >= 0 and (block := source.read(2**20)):
            digest.update(block)
            left -= len(block)
            target.write(block)
    if left != 0 or digest.hexdigest() != facts["sha256"]:
        raise RecordError(f"{file}: {name} is not the file that was packed; get the zip again")

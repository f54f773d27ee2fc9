"""Archives: the same bytes for the same files, and a zip that is not ours does nothing."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import RecordError
from headstart.records import archive
from headstart.records.archive import MANIFEST, check_unpacked, is_archive, unpack, write_archive

ABOUT = {"study": "mine"}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    (source / "runs/mine").mkdir(parents=True)
    (source / "runs/mine/record.json").write_text('{"ü": 1}', "utf8")
    (source / "large.bin").write_bytes(bytes(3_000_000))
    return write_archive(source, tmp_path / "mine.zip", ABOUT)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_files_are_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "source").rglob("*"):
        os.utime(file, (1, 1))
        file.chmod(0o700)
    shutil.copytree(tmp_path / "source", tmp_path / "elsewhere")
    assert (
        write_archive(tmp_path / "elsewhere", tmp_path / "b.zip", ABOUT).read_bytes() == packed.read_bytes()
    )


def test_what_was_packed_comes_out(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/older").write_text("gone afterwards", "utf8")
    manifest = unpack(packed, tmp_path / "out")
    assert manifest["study"] == "mine" and is_archive(packed)
    assert contents(tmp_path / "out") == contents(tmp_path / "source") | {
        MANIFEST: (tmp_path / "out" / MANIFEST).read_bytes()
    }
    assert check_unpacked(tmp_path / "out") == manifest
    (tmp_path / "out/large.bin").write_bytes(bytes(2_999_999) + b"1")
    with pytest.raises(RecordError, match=r"large.bin: is not the file that was packed"):
        check_unpacked(tmp_path / "out")
    (tmp_path / "out/large.bin").unlink()
    with pytest.raises(RecordError, match=r"large.bin: cannot be read"):
        check_unpacked(tmp_path / "out")


def rewritten(packed: Path, change: Callable[[dict[str, bytes], dict], None]) -> Path:
    """The zip with other entries and another manifest."""
    with zipfile.ZipFile(packed) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(entries.pop(MANIFEST))
    change(entries, manifest)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in {MANIFEST: json.dumps(manifest).encode(), **entries}.items():
            new.writestr(name, content)
    return packed


def listed(name: str) -> Callable[[dict[str, bytes], dict], None]:
    """A file of this name in zip and manifest."""

    def change(entries: dict[str, bytes], manifest: dict) -> None:
        entries[name] = b"x"
        manifest["files"][name] = {
            "bytes": 1,
            "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        }

    return change


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "a//x", "./x", "..", "C:x", "a\\..\\x", "a\nb", "~/x/..", "a/"]
)
def test_no_name_leaves_the_folder(packed: Path, tmp_path: Path, name: str) -> None:
    before = {*tmp_path.rglob("*")}
    with pytest.raises(
        RecordError, match=r"is no name inside a folder|differs between|no zip that can be read"
    ):
        unpack(rewritten(packed, listed(name)), tmp_path / "out")
    assert {*tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda entries, _: entries.update(extra=b"x"), "'extra' differs between the zip and its manifest"),
        (lambda entries, _: entries.pop("large.bin"), "'large.bin' differs between the zip and its manifest"),
        (lambda entries, _: entries.update({"large.bin": bytes(10)}), "large.bin is not the file"),
        (lambda entries, _: entries.update({"large.bin": bytes(3_000_001)}), "large.bin is not the file"),
        (lambda _, manifest: manifest.update(format=9), "or of another version"),
        (lambda _, manifest: manifest.pop("files"), "its manifest.json is none of headstart pack"),
        (lambda _, manifest: manifest.update(files=[1]), "its manifest.json is none of headstart pack"),
        (lambda _, manifest: manifest["files"]["large.bin"].pop("bytes"), "is none of headstart pack"),
    ],
)  # fmt: skip
def test_a_zip_that_is_not_what_was_packed(packed: Path, tmp_path: Path, change, sentence: str) -> None:
    with pytest.raises(RecordError, match=sentence):
        unpack(rewritten(packed, change), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bombs_links_and_foreign_files(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ALLOWANCE", 1000)
    with pytest.raises(RecordError, match="would unpack to 3,"):
        unpack(packed, tmp_path / "out")
    monkeypatch.undo()
    with zipfile.ZipFile(packed, "a") as added:
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        added.writestr(link, "/etc/passwd")
    with pytest.raises(RecordError, match="'link' is no plain file"):
        unpack(packed, tmp_path / "out")
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as other:
        other.writestr("a", "b")
    with pytest.raises(RecordError, match=r"was not made by headstart pack: it has no manifest.json"):
        unpack(foreign, tmp_path / "out")
    foreign.write_text("no zip", "utf8")
    with pytest.raises(RecordError, match="is no zip that can be read"):
        unpack(foreign, tmp_path / "out")
    assert not is_archive(foreign) and not (tmp_path / "out").exists()


@settings(max_examples=50)
@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), cut=st.booleans())
def test_damage_anywhere_is_one_sentence_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: float, flip: int, cut: bool
) -> None:
    """A zip has bytes without meaning, such as times; everything else is noticed."""
    folder = tmp_path_factory.mktemp("damage")
    (folder / "source").mkdir()
    (folder / "source/a.txt").write_text("the quick brown fox " * 20, "utf8")
    content = bytearray(write_archive(folder / "source", folder / "a.zip", ABOUT).read_bytes())
    at = int(place * len(content))
    content[at] ^= flip
    (folder / "a.zip").write_bytes(content[:at] if cut else content)
    try:
        unpack(folder / "a.zip", folder / "out")
    except RecordError as error:
        assert "\n" not in str(error) and not (folder / "out").exists()  # noqa: PT017 - either is well
    else:
        assert (folder / "out/a.txt").read_bytes() == (folder / "source/a.txt").read_bytes()

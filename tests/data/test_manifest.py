"""The manifest: the embedded tasks have the same rows whatever is installed, and say which are missing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.rows import overlap
from tests.studies.command import headstart

from headstart.data.docs import corpus, docstrings, manifest
from headstart.data.docs.docstrings import LIBRARIES, Docstring, module_of
from headstart.data.docs.source import Docs
from headstart.data.rows import SPLITS, Splits, hashed_rank, rows_digest
from headstart.errors import ConfigError, DataError

SMALL = ("numpy", "sklearn")
ROLES = {
    "library": {"text": "text", "label": "library"},
    "match": {"text": "text", "pair": "signature", "label": "label"},
    "text": {"text": "text"},
}
FEW = {"train_per_class": 60, "validation_per_class": 4, "test_per_class": 15}


@pytest.fixture(scope="module")
def installed(shared_cache: Path) -> list[Docstring]:
    """Docstrings of a sixth of the modules of two libraries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        docs = docstrings.docstrings(SMALL)
    return [doc for doc in docs if hashed_rank(0, module_of(doc.name))[0] % 6 == 0]


@pytest.fixture(autouse=True)
def two_libraries(
    installed: list[Docstring], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """They are the corpus, unless a test is about the shipped manifest."""
    if "shipped" not in request.node.name:
        small(monkeypatch, installed)


def small(patch: pytest.MonkeyPatch, docs: list[Docstring]) -> None:
    for module in (corpus, manifest):
        patch.setattr(module, "LIBRARIES", SMALL)
        patch.setattr(
            module, "docstrings", lambda libraries=SMALL: [d for d in docs if d.library in libraries]
        )


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this corpus alone."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def file(installed: list[Docstring], cache: Path) -> Path:
    """A manifest of the two libraries as they are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(cache))
        small(patch, installed)
        manifest.write(cache / "two.parquet", corpus.listed())
    return cache / "two.parquet"


@pytest.fixture(scope="module")
def before(installed: list[Docstring], file: Path, cache: Path) -> dict[str, Splits]:
    """Its rows in several views."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(cache))
        small(patch, installed)
        return {view: load(file, view) for view in ROLES}


def docs(file: Path, view: str) -> Docs:
    few = FEW if view == "library" else {}
    return Docs.read({"view": view, "manifest": str(file), "libraries": SMALL, **few})


def load(file: Path, view: str) -> Splits:
    return docs(file, view).load(ROLES[view])


def changed(patch: pytest.MonkeyPatch, cache: Path, docs: list[Docstring]) -> None:
    """From now on other versions of the libraries are installed, with these docstrings."""
    patch.setenv("HEADSTART_CACHE", str(cache))
    small(patch, docs)
    for module in (manifest, docstrings):
        patch.setattr(module, "version", lambda library: "99.0")


def test_new_docstrings_of_other_versions_change_nothing(
    file: Path,
    before: dict[str, Splits],
    installed: list[Docstring],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = [replace(doc, name=f"{doc.name}_new", text=f"New. {doc.text}") for doc in installed[::5]]
    changed(monkeypatch, tmp_path, [*new, *reversed(installed)])
    for view in ROLES:
        after = load(file, view)
        for split in SPLITS:
            assert rows_digest(getattr(after, split)) == rows_digest(getattr(before[view], split)), view
        assert (after.source, after.notes) == (before[view].source, before[view].notes), view


def test_missing_docstrings_are_counted_named_and_change_the_digest(
    file: Path,
    before: dict[str, Splits],
    installed: list[Docstring],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listed = manifest.read(str(file)).listed
    gone = max(
        (item.module for item in listed if item.library == "sklearn"), key=[i.module for i in listed].count
    )
    rewritten = [
        replace(doc, text=doc.text + " And more.") if module_of(doc.name) == gone else doc
        for doc in installed
    ]
    changed(monkeypatch, tmp_path, rewritten)
    after, made_with = load(file, "text"), manifest.read(str(file)).versions["sklearn"]
    number = sum(item.module == gone for item in listed)
    assert number > 3
    assert after.notes == (
        f"{number} of {len(listed)} docstrings of manifest {file} are not in the installed libraries: "
        f"{number} of sklearn (99.0, not {made_with}); they were in {gone}",
    )
    assert caplog.messages == [f"headstart: {after.notes[0]}"]
    assert after.source != before["text"].source
    for split in SPLITS:
        rows = [row for row in getattr(before["text"], split).to_list() if row["group"] != gone]
        assert getattr(after, split).to_list() == rows


def test_a_module_is_in_one_split_and_its_text_in_no_other(before: dict[str, Splits]) -> None:
    splits = before["text"]
    modules = [set(getattr(splits, split)["group"]) for split in SPLITS]
    assert not modules[0] & modules[1] and not modules[0] & modules[2] and not modules[1] & modules[2]
    assert min(map(len, modules)) >= 5
    held_out = [*splits.test["text"][:], *splits.validation["text"][:]]
    assert overlap(held_out, splits.train["text"][:], n=8)["passage"] == 0
    by_library = before["library"]
    rows = [*by_library.test["text"][:], *by_library.validation["text"][:]]
    assert overlap(rows, splits.train["text"][:], n=8)["passage"] == 0


def test_it_holds_digests_and_no_text(file: Path) -> None:
    table = pq.read_table(file)
    assert table.column_names == ["digest", "library", "module", "split", "shared", "left_out"]
    words = {
        word for column in table.columns for cell in column.to_pylist()[:500] for word in str(cell).split()
    }
    assert all(re.fullmatch(r"[\w.\[\],-]+", word) for word in words), words


def test_the_shipped_one_lists_all_libraries_and_enough_of_each() -> None:
    shipped = manifest.read(1)
    per_split = {
        (library, split): sum((item.library, item.split) == (library, split) for item in shipped.listed)
        for library in LIBRARIES
        for split in SPLITS
    }
    assert min(per_split.values()) >= 100, per_split
    assert shipped.versions.keys() == set(LIBRARIES)


@pytest.mark.slow
def test_the_shipped_one_is_what_the_pinned_libraries_make(tmp_path: Path) -> None:
    if manifest.versions() != manifest.read(1).versions:
        pytest.skip("other versions of the libraries are installed")
    again = headstart("manifest", str(tmp_path / "again.parquet"))
    assert again.code == 0, again.err
    assert manifest.read(str(tmp_path / "again.parquet")).listed == manifest.read(1).listed
    shown = f"a task takes them with: task.docs.manifest={tmp_path / 'again.parquet'}"
    assert shown in again.out


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "Parquet"), (b"PAR1 and more", "Parquet")],
)
def test_what_is_no_manifest_is_one_sentence(content: bytes | None, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        DataError, match=rf"odd\.parquet is no manifest .*{reason}.*manifest is 1, null, or a"
    ):
        Docs.read({"manifest": str(path)}).digest()
    with pytest.raises(DataError, match=r"manifest_7\.parquet is no manifest"):
        Docs.read({"manifest": 7}).digest()


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent" / "mine.parquet"):
        typed = headstart("manifest", str(path))
        assert (typed.code, typed.err.count("\n")) == (1, 1)
        assert "cannot be written: name a file in a folder that exists" in typed.err


def test_its_split_is_the_only_one() -> None:
    with pytest.raises(
        ConfigError, match="split_seed: is 1, but manifest 1 has one split: write manifest: null"
    ):
        Docs.read({"manifest": 1, "split_seed": 1})

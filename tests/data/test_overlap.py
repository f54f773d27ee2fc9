"""Overlap: what is found again, exactly and in part, by the fingerprints of a corpus."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import overlap

from headstart.data.overlap import RUN, check, grams, text_hash, write_fingerprints
from headstart.errors import DataError

CORPUS = [
    "The quick brown fox jumps over the lazy dog near the old river bank today.",
    "Nothing here is like anything else that was ever written down by anybody.",
]
ROWS = [
    "THE QUICK, brown fox jumps over the lazy dog: near the old river bank today",  # as a whole
    "Yesterday the quick brown fox jumps over the lazy dog again and again, they say.",  # nine words
    "A text that shares no more than a few words with the lazy dog.",
    "lazy dog",  # too short for a run
]


def found(exact: int, passage: int, of: int, words: int = RUN) -> dict[str, int]:
    return {"exact": exact, "passage": passage, "of": of, "words": words}


words = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), max_size=30)


def test_whole_and_partial_copies_are_told_apart():
    assert overlap(ROWS, CORPUS, n=8) == found(exact=1, passage=2, of=4, words=8)
    assert overlap(ROWS, iter(CORPUS), n=13) == found(exact=1, passage=1, of=4, words=13)
    assert overlap(ROWS, [], n=8) == found(0, 0, 4, 8)
    assert overlap([], CORPUS) == found(0, 0, 0)
    assert overlap(["Lazy dog!"], ["lazy dog"]) == found(1, 1, 1)


def test_fingerprints_say_the_same_without_the_text(tmp_path: Path):
    path = tmp_path / "fingerprints.parquet"
    write_fingerprints(path, iter(CORPUS), n=8)
    assert check(path, ROWS) == found(exact=1, passage=2, of=4, words=8)
    assert "quick" not in path.read_bytes().decode("latin-1")


def test_fingerprints_of_nothing_find_nothing(tmp_path: Path):
    write_fingerprints(tmp_path / "none.parquet", [])
    assert check(tmp_path / "none.parquet", ROWS) == found(0, 0, 4)


def test_what_is_no_fingerprint_file_is_refused(tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "text.parquet").write_text("no parquet")
    pq.write_table(pa.table({"hash": [1]}), tmp_path / "other.parquet")
    for name in ("text.parquet", "other.parquet", "absent.parquet"):
        with pytest.raises(DataError, match=rf"{name} does not hold the fingerprints .*pretrain again"):
            check(tmp_path / name, ROWS)


@given(words, words, st.integers(1, 8))
def test_two_texts_share_a_hash_when_and_only_when_they_share_a_run(one: list[str], other: list[str], n: int):
    def runs(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[place : place + n]) for place in range(len(text) - n + 1)}

    shared = set(grams(" ".join(one), n).tolist()) & set(grams(", ".join(other).upper(), n).tolist())
    assert len(shared) == len(runs(one) & runs(other))
    assert (text_hash(" ".join(one)) == text_hash("-".join(other))) == (one == other)


def test_hashes_are_the_same_on_every_platform():
    assert grams("One two, three", 2).tolist() == [2270908317851044450, 4627010775303609442]
    assert text_hash("One  TWO") == text_hash("one, two.") == 6767795236808542983

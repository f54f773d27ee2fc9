"""Overlap: how many evaluation rows also occur in a body of text, as a whole or by a run of words."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import DataError

if TYPE_CHECKING:
    import numpy as np

RUN = 13  # words in a row that count as the same passage (Brown et al. 2020, arXiv:2005.14165, appendix C)
WORDS = re.compile(r"\w+")
KEPT_BITS = 48  # of each hash in a file: two passages are confused once in 3e14 comparisons
AT_ONCE = 4096  # texts whose hashes are merged in one go


@dataclass(frozen=True)
class Overlap:
    """How many of `of` rows were found; a row that was found whole counts in both numbers."""

    exact: int  # rows that occur as a whole, case, spacing and punctuation aside
    ngram: int  # rows that share at least one run of `words` words
    of: int
    words: int = RUN

    @property
    def share(self) -> float:
        """The share of rows that were found in either way; 0 without rows."""
        return self.ngram / self.of if self.of else 0.0

    def sentence(self) -> str:
        """What a record says about it."""
        return (
            f"{self.ngram} of {self.of} evaluation rows share {self.words} words in a row with the "
            f"pretraining text, {self.exact} of them occur in it as a whole"
        )


def overlap(evaluation: Sequence[str], corpus: Iterable[str], n: int = RUN) -> Overlap:
    """How much of `evaluation` occurs in `corpus`, read once; memory grows with `evaluation` alone.

    Texts of fewer than `n` words can only be found as a whole.
    """
    import numpy as np

    rows = [text_hash(text) for text in evaluation], [grams(text, n) for text in evaluation]
    wanted = np.unique(np.concatenate([*rows[1], np.empty(0, np.uint64)]))
    found_grams, found_texts = np.zeros(len(wanted), bool), set[int]()
    whole = set(rows[0])
    for text in corpus:
        if (key := text_hash(text)) in whole:
            found_texts.add(key)
        found_grams[places(wanted, grams(text, n))] = True
    return _counted(rows[0], rows[1], found_texts, wanted[found_grams], n)


def write_fingerprints(path: Path, texts: Iterable[str], n: int = RUN) -> None:
    """Hashes of all texts and of all their runs of `n` words, to be checked where the texts are gone.

    Some 3 to 4 bytes per distinct run: sorted, so that parquet stores differences.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    wholes, runs = np.empty(0, np.int64), np.empty(0, np.int64)
    for some in _chunks(texts):
        wholes = np.union1d(wholes, _kept([text_hash(text) for text in some]))
        runs = np.union1d(runs, _kept(np.concatenate([grams(text, n) for text in some])))
    columns = {
        "whole": np.repeat([True, False], [len(wholes), len(runs)]),
        "hash": np.concatenate([wholes, runs]),
    }
    table = pa.table(columns).replace_schema_metadata({"words": str(n)})
    pq.write_table(table, path, use_dictionary=False, column_encoding={"hash": "DELTA_BINARY_PACKED"})


def check(path: Path, texts: Sequence[str]) -> Overlap:
    """How much of `texts` occurs in what `write_fingerprints` read; DataError when it is no such file."""
    n, wholes, runs = _fingerprints(path)
    keys = [int(key) for key in _kept([text_hash(text) for text in texts])]
    rows = [_kept(grams(text, n)) for text in texts]
    return _counted(keys, rows, set(wholes.tolist()), runs, n)


def text_hash(text: str) -> int:
    """64 bits of the words of a text: the same when only case, spacing or punctuation differ."""
    return _hashed(" ".join(WORDS.findall(text.casefold())))


def grams(text: str, n: int) -> np.ndarray:
    """64-bit hashes of every run of `n` words: (runs,) uint64, in the order of the text."""
    import numpy as np

    words = np.array([_word(word) for word in WORDS.findall(text.casefold())], np.uint64)
    runs = len(words) - n + 1
    if runs < 1:
        return np.empty(0, np.uint64)
    mixed = np.zeros(runs, np.uint64)
    for place in range(n):  # an odd factor loses nothing, the shift carries high bits down
        mixed = (mixed ^ words[place : place + runs]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def places(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Where in the sorted `wanted` those of `found` stand that are in it: so many int64, in any order."""
    import numpy as np

    if not len(wanted):
        return np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(wanted, found), len(wanted) - 1)
    return places[wanted[places] == found]


@functools.lru_cache(maxsize=1 << 17)
def _word(word: str) -> int:
    return _hashed(word)


def _hashed(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def _kept(hashes: Sequence[int] | np.ndarray) -> np.ndarray:
    import numpy as np

    return (np.asarray(hashes, np.uint64) >> np.uint64(64 - KEPT_BITS)).astype(np.int64)


def _counted(
    keys: Sequence[int], rows: Sequence[np.ndarray], texts: set[int], runs: np.ndarray, n: int
) -> Overlap:
    whole = [key in texts for key in keys]
    partly = [bool(len(places(runs, row))) for row in rows]
    either = sum(one or other for one, other in zip(whole, partly, strict=True))
    return Overlap(sum(whole), either, len(keys), n)


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for text in texts:
        some.append(text)
        if len(some) == AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _fingerprints(path: Path) -> tuple[int, np.ndarray, np.ndarray]:
    """(words in a run, sorted hashes of whole texts, sorted hashes of runs)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        n = int((table.schema.metadata or {})[b"words"])
        whole, hashes = table["whole"].to_numpy(), table["hash"].to_numpy()
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        raise DataError(
            f"{path} does not hold the fingerprints of a pretraining text: "
            "pretrain again, or check against the text itself"
        ) from None
    return n, hashes[whole], hashes[~whole]

"""Overlap: how many evaluation rows also occur in a corpus, completely or in a run of words."""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.errors import DataError

if TYPE_CHECKING:
    import numpy as np

RUN = 13  # words in a row that count as the same passage (Brown et al. 2020, arXiv:2005.14165, appendix C)
WORDS = re.compile(r"\w+")
KEPT_BITS = 48  # of each hash in a file: one false match in 3e14 comparisons
CHUNK = 4096  # texts whose hashes are merged at once


def write_fingerprints(path: Path, texts: Iterable[str], n: int = RUN) -> None:
    """Write hashes of all texts and of their runs of `n` words, for `check` on a machine without the texts.

    About 3 to 4 bytes per distinct run: sorted, so that parquet stores differences.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    wholes, runs = np.empty(0, np.int64), np.empty(0, np.int64)
    texts = iter(texts)
    while chunk := list(itertools.islice(texts, CHUNK)):
        wholes = np.union1d(wholes, _kept_bits([text_hash(text) for text in chunk]))
        runs = np.union1d(runs, _kept_bits(np.concatenate([grams(text, n) for text in chunk])))
    columns = {
        "whole": np.repeat([True, False], [len(wholes), len(runs)]),
        "hash": np.concatenate([wholes, runs]),
    }
    table = pa.table(columns).replace_schema_metadata({"words": str(n)})
    pq.write_table(table, path, use_dictionary=False, column_encoding={"hash": "DELTA_BINARY_PACKED"})


def check(path: Path, texts: Sequence[str]) -> dict[str, int]:
    """How many of these texts occur in the corpus of `write_fingerprints`; DataError for another file.

    `exact`: completely, ignoring case, spacing and punctuation; `passage`: completely, or in a run of `words`
    words. Texts of fewer words than a run has can only match completely.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        n = int((table.schema.metadata or {})[b"words"])
        is_whole, stored = table["whole"].to_numpy(), table["hash"].to_numpy()
    except (OSError, pa.ArrowInvalid, KeyError, ValueError):
        raise DataError(
            f"{path} does not hold the fingerprints of a pretraining text: "
            "pretrain again, or check against the text itself"
        ) from None
    wholes, runs = set(stored[is_whole].tolist()), stored[~is_whole]
    exact = [whole in wholes for whole in _kept_bits([text_hash(text) for text in texts]).tolist()]
    shared = [any_in(runs, _kept_bits(grams(text, n))) for text in texts]
    passage = sum(whole or part for whole, part in zip(exact, shared, strict=True))
    return {"exact": sum(exact), "passage": passage, "of": len(texts), "words": n}


def text_hash(text: str) -> int:
    """64-bit hash of the words of a text, independent of case, spacing and punctuation."""
    return _hash(" ".join(WORDS.findall(text.casefold())))


def grams(text: str, n: int) -> np.ndarray:
    """64-bit hashes of every run of `n` words: (runs,) uint64, in the order of the text."""
    import numpy as np

    words = np.array([word_hash(word) for word in WORDS.findall(text.casefold())], np.uint64)
    runs = len(words) - n + 1
    if runs < 1:
        return np.empty(0, np.uint64)
    mixed = np.zeros(runs, np.uint64)
    for offset in range(n):  # an odd factor is invertible; the shift mixes high bits into low ones
        mixed = (mixed ^ words[offset : offset + runs]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed


def any_in(reference: np.ndarray, hashes: np.ndarray) -> bool:
    """Whether the sorted `reference` contains any of the `hashes`."""
    import numpy as np

    positions = np.searchsorted(reference, hashes)
    inside = positions < len(reference)
    return bool((reference[positions[inside]] == hashes[inside]).any())


@functools.lru_cache(maxsize=1 << 17)
def word_hash(word: str) -> int:
    return _hash(word)


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _kept_bits(hashes: Sequence[int] | np.ndarray) -> np.ndarray:
    import numpy as np

    return (np.asarray(hashes, np.uint64) >> np.uint64(64 - KEPT_BITS)).astype(np.int64)

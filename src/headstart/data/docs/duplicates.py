"""Duplicates: texts that say nearly the same, found by MinHash and put in one cluster."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# MinHash (Broder 1997) with banding: two texts of Jaccard similarity s share a band of 3 with
# probability 1 - (1 - s^3)^48: 0.99999 at 0.6, 0.998 at 0.5, 0.96 at 0.4, 0.32 at 0.2. Candidates whose
# signatures agree at all well are then compared exactly.
BANDS, ROWS = 48, 3
PROMISING, ALIKE = 0.3, 0.42  # share of equal signature places; exact similarity
ALL_PAIRS = 40  # texts that share a band are compared pair by pair up to here, beyond it to one of them
WORDS = re.compile(r"\w+")


def clusters(texts: Sequence[str]) -> list[int]:
    """One number per text: the first text that it is a near-duplicate of, directly or in steps."""
    import numpy as np

    if not texts:
        return []
    bags = [shingles(text) for text in texts]
    signatures = _signatures(bags)
    parents = list(range(len(texts)))
    for band in range(BANDS):
        keys = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        for group in _equal(keys):
            for one, other in _pairs(group):
                first, second = _root(parents, one), _root(parents, other)
                if first == second or _agreement(signatures[one], signatures[other]) < PROMISING:
                    continue
                if similarity(bags[one], bags[other]) >= ALIKE:
                    parents[max(first, second)] = min(first, second)
    return [_root(parents, text) for text in range(len(texts))]


def shingles(text: str) -> np.ndarray:
    """Hashes of every three words in a row, case and punctuation aside, each once."""
    import numpy as np

    words = WORDS.findall(text.casefold()) or [""]
    words += [""] * (3 - len(words))
    hashed = np.array([_hashed(word) for word in words], np.uint64)
    mixed = hashed[:-2] * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ hashed[1:-1]) * np.uint64(0xC2B2AE3D27D4EB4F)  # odd constants: nothing is lost
    return np.unique((mixed ^ hashed[2:]) * np.uint64(0x165667B19E3779F9))


def _hashed(word: str, known: dict[str, int] = {}) -> int:  # noqa: B006  the one memory of all calls
    if word not in known:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        known[word] = int.from_bytes(digest, "little")
    return known[word]


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Jaccard similarity of two bags of shingles."""
    import numpy as np

    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _signatures(bags: Sequence[np.ndarray]) -> np.ndarray:
    """MinHash signatures: (texts, BANDS x ROWS), the least of the shingles under each permutation."""
    import numpy as np

    starts = np.cumsum([0, *map(len, bags[:-1])])
    everything = np.concatenate(bags)
    constants = [_hashed(f"permutation {number}") for number in range(2 * BANDS * ROWS)]
    columns = []
    for factor, term in zip(constants[::2], constants[1::2], strict=True):
        mixed = (everything ^ np.uint64(term)) * np.uint64(factor | 1)
        mixed ^= mixed >> np.uint64(29)
        columns.append(np.minimum.reduceat(mixed * np.uint64(0x9E3779B97F4A7C15), starts))
    return np.stack(columns, axis=1)


def _equal(keys: np.ndarray) -> list[list[int]]:
    """Groups of two or more row numbers whose rows are equal."""
    import numpy as np

    order = np.lexsort(keys.T[::-1])
    changes = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    lengths = np.diff(np.append(starts, len(order)))
    several = lengths > 1  # nearly all groups are of one: they are not worth a list
    found = zip(starts[several].tolist(), lengths[several].tolist(), strict=True)
    return [sorted(order[start : start + length].tolist()) for start, length in found]


def _agreement(one: np.ndarray, other: np.ndarray) -> float:
    import numpy as np

    return np.count_nonzero(one == other) / len(one)


def _pairs(group: list[int]) -> Iterable[tuple[int, int]]:
    if len(group) <= ALL_PAIRS:
        return [(one, other) for place, one in enumerate(group) for other in group[place + 1 :]]
    return [(group[0], other) for other in group[1:]] + list(itertools.pairwise(group))


def _root(parents: list[int], text: int) -> int:
    while parents[text] != text:
        parents[text] = parents[parents[text]]
        text = parents[text]
    return text

"""Corpus: one parsed docstring per cluster of near-duplicates, with the same split in all views."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from headstart.cache import cached_rows, key_of, progress
from headstart.data.docs.docstrings import CORPUS_VERSION, LIBRARIES, Docstring, docstrings, version
from headstart.data.docs.prose import (
    Parameter,
    is_prose,
    masked,
    parameters,
    prose,
    prose_lines,
    returned,
    unmarked,
)
from headstart.data.overlap import WORDS, any_in, grams, word_hash
from headstart.data.rows import hashed_rank, numbered

if TYPE_CHECKING:
    import numpy as np

ENTRIES_VERSION = 2  # raise it whenever the choice, the split or the cleaning of an entry changes
TEST_SHARE, VALIDATION_SHARE = 0.20, 0.10  # of the entries
KEY_BOUNDS = 80, 300  # characters of the prose that entries with prose are compared by; as in docs_library
TEXT_BOUND = 2000  # characters of the text that entries without prose are compared by
RUN = 8  # no training text shares so many words in a row with an evaluation entry

# MinHash (Broder 1997) with banding: two texts of Jaccard similarity s share a band of 3 with probability
# 1 - (1 - s^3)^48: 0.99999 at 0.6, 0.998 at 0.5, 0.96 at 0.4, 0.32 at 0.2. Candidates whose signatures agree
# well enough are then compared exactly.
BANDS, ROWS = 48, 3
MIN_AGREEMENT, MIN_SIMILARITY = 0.3, 0.42  # share of equal signature entries; exact similarity
ALL_PAIRS = 40  # texts that share a band are all compared with each other up to this number

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Docstring):
    """A docstring with a unique name and a split: the same in every view, for every choice of libraries."""

    description: str  # without sections and markup, in one line
    prose: str  # the same with names masked; "" where it is not prose
    parameters: tuple[Parameter, ...]
    returns: str  # the description of the return value
    # Description, parameters and return value in one line, names masked; for training, without the parts
    # that also occur in an evaluation entry.
    whole: str
    key: str  # the text that determines split and order
    split: str


def entries(seed: int) -> list[Entry]:
    """All entries of all libraries in the order of their keys' hashes; cached by versions and seed.

    Always of all libraries: a text may have its near-duplicate in any of them, and every choice of
    libraries must hold out the same texts.
    """

    def made() -> Iterator[dict[str, Any]]:
        raw = docstrings(LIBRARIES)
        keys = list(_in_parallel(prose, [(doc.text, *KEY_BOUNDS) for doc in raw], "cleaning docstrings"))
        chosen = sorted(_distinct(raw, keys), key=lambda pair: (hashed_rank(seed, pair[1]), pair[0].name))
        names = numbered((doc.name for doc, _ in chosen), "#")
        arguments = [
            (replace(doc, name=name), key, split_of(key, seed))
            for (doc, key), name in zip(chosen, names, strict=True)
        ]
        made = list(_in_parallel(_entry, arguments, "taking docstrings apart"))
        return map(asdict, _without_leaks(made))

    rows = cached_rows(f"entries-{corpus_key(seed)}.parquet", made)
    return [
        Entry(**{**row, "parameters": tuple(Parameter(**parameter) for parameter in row["parameters"])})
        for row in rows
    ]


def corpus_key(seed: int) -> str:
    """32 hex digits of the versions that entries are made of, and the seed."""
    versions = [[library, version(library).split("+")[0]] for library in LIBRARIES]
    return key_of([CORPUS_VERSION, ENTRIES_VERSION, versions, seed])


def split_of(text: str, seed: int) -> str:
    """The split of a text, from its hash: adding other texts does not change it."""
    position = int.from_bytes(hashed_rank(seed, f"split\0{text}"), "big") / 2**64
    if position < TEST_SHARE:
        return "test"
    return "validation" if position < TEST_SHARE + VALIDATION_SHARE else "train"


def _in_parallel(
    function: Callable[..., T], arguments: Sequence[tuple[Any, ...]], message: str
) -> Iterable[T]:
    """Call `function` with every tuple of arguments, on all cores; results in order."""
    from joblib import Parallel, delayed

    parallel: Any = Parallel(n_jobs=-1, batch_size=1000, return_as="generator")  # pyright: ignore[reportArgumentType]
    return progress(parallel(itertools.starmap(delayed(function), arguments)), message, len(arguments))


def _entry(doc: Docstring, key: str, split: str) -> Entry:
    description = unmarked(prose_lines(doc.text))
    described, returns = tuple(parameters(doc.text)), returned(doc.text)
    text = masked(description)
    return Entry(
        **vars(doc),
        description=description,
        prose=text if len(text) >= KEY_BOUNDS[0] and is_prose(text) else "",
        parameters=described,
        returns=returns,
        whole=_sentences([text, masked(_sentences(_details(described, returns)))]),
        key=key,
        split=split,
    )


def _details(described: Sequence[Parameter], returns: str) -> list[str]:
    """The descriptions of the parameters and of the return value."""
    details = [f"{parameter.name}: {parameter.text}" for parameter in described if parameter.text]
    return [*details, f"Returns: {returns}"] if returns else details


def _sentences(texts: Sequence[str]) -> str:
    """The texts in one line, each ended by a full stop."""
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in texts if text)


def _without_leaks(all_entries: Sequence[Entry]) -> Iterator[Entry]:
    """The entries, without training text that shares a run of words with the text of an evaluation entry.

    A training entry whose description does so is dropped; of the others, only such details are.
    """
    import numpy as np

    held_out = [grams(entry.whole, RUN) for entry in all_entries if entry.split != "train"]
    held_out_runs = np.unique(np.concatenate([*held_out, np.empty(0, np.uint64)]))

    def is_new(text: str) -> bool:
        return not any_in(held_out_runs, grams(text, RUN))

    for entry in all_entries:
        if entry.split != "train" or is_new(entry.whole):
            yield entry
        elif is_new(description := masked(entry.description)):
            details = filter(is_new, map(masked, _details(entry.parameters, entry.returns)))
            joined = _sentences([description, *details])  # joining can create a new matching run
            yield replace(entry, whole=joined if is_new(joined) else description)


def _distinct(raw: Sequence[Docstring], keys: Sequence[str]) -> list[tuple[Docstring, str]]:
    """(docstring, key) of one docstring per cluster; `keys` holds the prose, "" for those without.

    Docstrings with prose are clustered by it, so that clusters and splits are those of docs_library. Others
    are clustered by their text, and dropped if it is a near-duplicate of a prose.
    """
    with_prose = [(doc, key) for doc, key in zip(raw, keys, strict=True) if key]
    chosen = [with_prose[n] for n in _representatives([key for _, key in with_prose])]
    without_prose = [
        (doc, doc.text[:TEXT_BOUND])
        for doc, key in zip(raw, keys, strict=True)
        if not key and doc.text.strip()
    ]
    groups = clusters([key for _, key in chosen + without_prose])
    of_prose = set(groups[: len(chosen)])
    pairs = zip(without_prose, groups[len(chosen) :], strict=True)
    free = [(pair, group) for pair, group in pairs if group not in of_prose]
    others = _representatives([key for (_, key), _ in free], [group for _, group in free])
    return chosen + [free[n][0] for n in others]


def _representatives(texts: Sequence[str], groups: Sequence[int] | None = None) -> list[int]:
    """Position of the text with the smallest hash in each cluster, independent of the order of the texts."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(clusters(texts) if groups is None else groups):
        members[group].append(position)
    return [
        min(group, key=lambda member: (hashed_rank(0, texts[member]), member)) for group in members.values()
    ]


def clusters(texts: Sequence[str]) -> list[int]:
    """One number per text: the first text of its cluster of near-duplicates."""
    import numpy as np
    from scipy.cluster.hierarchy import DisjointSet

    if not texts:
        return []
    shingled = [shingles(text) for text in texts]
    signatures = _signatures(shingled)
    sets = DisjointSet(range(len(texts)))
    for a, b in _candidates(signatures):
        if not sets.connected(a, b):
            agreement = np.count_nonzero(signatures[a] == signatures[b]) / (BANDS * ROWS)
            if agreement >= MIN_AGREEMENT and similarity(shingled[a], shingled[b]) >= MIN_SIMILARITY:
                sets.merge(a, b)
    first = {text: min(subset) for subset in sets.subsets() for text in subset}
    return [first[text] for text in range(len(texts))]


def shingles(text: str) -> np.ndarray:
    """Distinct hashes of three words in a row, ignoring case and punctuation: (shingles,) uint64."""
    import numpy as np

    words = WORDS.findall(text.casefold())
    words += [""] * (3 - len(words))
    hashes = np.array([word_hash(word) for word in words], np.uint64)
    mixed = hashes[:-2] * np.uint64(0x9E3779B97F4A7C15)  # odd factors are invertible
    mixed = (mixed ^ hashes[1:-1]) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.unique((mixed ^ hashes[2:]) * np.uint64(0x165667B19E3779F9))


def similarity(a: np.ndarray, b: np.ndarray) -> float:
    """Jaccard similarity of the shingles of two texts."""
    import numpy as np

    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def _signatures(shingled: Sequence[np.ndarray]) -> np.ndarray:
    """MinHash signatures: (texts, BANDS x ROWS), the smallest shingle of a text under each permutation."""
    import numpy as np

    starts = np.cumsum([0, *map(len, shingled[:-1])])
    all_shingles = np.concatenate(shingled)
    constants = [word_hash(f"permutation {number}") for number in range(2 * BANDS * ROWS)]
    columns = []
    for factor, term in zip(constants[::2], constants[1::2], strict=True):
        mixed = (all_shingles ^ np.uint64(term)) * np.uint64(factor | 1)
        mixed ^= mixed >> np.uint64(29)
        columns.append(np.minimum.reduceat(mixed * np.uint64(0x9E3779B97F4A7C15), starts))
    return np.stack(columns, axis=1)


def _candidates(signatures: np.ndarray) -> Iterator[tuple[int, int]]:
    """Pairs of texts that share a band; of a large group, the first with each, and neighbours."""
    import numpy as np

    for band in range(BANDS):
        keys = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        order = np.lexsort(keys.T[::-1])
        changes = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
        lengths = np.diff(starts, append=len(order))
        several = lengths > 1
        for start, length in zip(starts[several], lengths[several], strict=True):
            group = sorted(order[start : start + length].tolist())
            if len(group) <= ALL_PAIRS:
                yield from itertools.combinations(group, 2)
            else:
                yield from ((group[0], other) for other in group[1:])
                yield from itertools.pairwise(group)

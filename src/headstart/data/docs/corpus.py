"""Corpus: one parsed docstring per cluster of near-duplicates, with the same split in all views."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from headstart.cache import cached_rows, key_of
from headstart.data.docs.docstrings import (
    CORPUS_VERSION,
    LIBRARIES,
    Docstring,
    docstrings,
    module_of,
    version,
)
from headstart.data.docs.manifest import Listed, Manifest, digest_of, plain, read
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
from headstart.screen import progress

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
FEW = 2000  # docstrings
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
    key: str  # the text that determines the order, and without a manifest the split
    split: str
    shared: bool = False  # a docstring of another library says nearly the same


def entries(seed: int, manifest: int | str | None = None) -> list[Entry]:
    """All entries of all libraries in the order of their keys' hashes: those that the manifest lists, or
    those that the installed libraries have; cached.

    Always of all libraries: a text may have its near-duplicate in any of them, and every choice of
    libraries must hold out the same texts.
    """

    def made() -> Iterator[dict[str, Any]]:
        if manifest is not None:
            return map(asdict, _listed_entries(read(manifest)))
        return (
            asdict(entry) for entry, _ in _without_leaks(_chosen(seed, lambda _, key: split_of(key, seed)))
        )

    rows = cached_rows(f"entries-2-{corpus_key(seed, manifest)}.parquet", made)
    return [
        Entry(**{**row, "parameters": tuple(Parameter(**parameter) for parameter in row["parameters"])})
        for row in rows
    ]


def listed() -> Iterator[Listed]:
    """What a manifest of the installed libraries says: modules are in one split each."""
    for entry, left_out in _without_leaks(_chosen(0, lambda doc, _: split_of(module_of(doc.name), 0))):
        doc = replace(entry, name=entry.name.partition("#")[0])
        module = module_of(entry.name)
        yield Listed(digest_of(doc), entry.library, module, entry.split, entry.shared, left_out)


def _chosen(seed: int, split: Callable[[Docstring, str], str]) -> list[Entry]:
    """One entry per cluster of near-duplicates, in the order of their keys' hashes."""
    raw = docstrings(LIBRARIES)
    keys = list(_in_parallel(prose, [(doc.text, *KEY_BOUNDS) for doc in raw], "cleaning docstrings"))
    chosen = sorted(_distinct(raw, keys), key=lambda item: (hashed_rank(seed, item[1]), item[0].name))
    names = numbered((doc.name for doc, *_ in chosen), "#")
    arguments = [
        (replace(doc, name=name), key, split(doc, key), shared)
        for (doc, key, shared), name in zip(chosen, names, strict=True)
    ]
    return list(_in_parallel(_entry, arguments, "taking docstrings apart"))


def _listed_entries(manifest: Manifest) -> Iterable[Entry]:
    """The entries of the listed docstrings that the installed libraries have, in the manifest's order."""
    by_digest = {digest_of(doc): doc for doc in reversed(docstrings(LIBRARIES))}  # of equal ones the first
    here = [(by_digest[item.digest], item) for item in manifest.listed if item.digest in by_digest]
    names = numbered((doc.name for doc, _ in here), "#")
    arguments = [
        (replace(doc, name=name), None, item.split, item.shared, item.left_out)
        for (doc, item), name in zip(here, names, strict=True)
    ]
    return _in_parallel(_entry, arguments, "taking docstrings apart")


def corpus_key(seed: int, manifest: int | str | None = None) -> str:
    """32 hex digits of what entries are made of: the manifest and what is missing of it, or the versions."""
    if manifest is not None:
        listing = read(manifest)
        return key_of([CORPUS_VERSION, listing.digest, sorted(item.digest for item in listing.missing())])
    versions = [[library, plain(version(library))] for library in LIBRARIES]
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
    """Call `function` with every tuple of arguments, on all cores if there are many; results in order."""
    if len(arguments) < FEW:  # starting processes takes longer
        return itertools.starmap(function, arguments)
    from joblib import Parallel, delayed

    parallel: Any = Parallel(n_jobs=-1, batch_size=1000, return_as="generator")  # pyright: ignore[reportArgumentType]
    return progress(parallel(itertools.starmap(delayed(function), arguments)), message, len(arguments))


def _entry(
    doc: Docstring, key: str | None, split: str, shared: bool = False, left_out: Sequence[int] = ()
) -> Entry:
    description = unmarked(prose_lines(doc.text))
    described, returns = tuple(parameters(doc.text)), returned(doc.text)
    text = masked(description)
    return Entry(
        **vars(doc),
        description=description,
        prose=text if len(text) >= KEY_BOUNDS[0] and is_prose(text) else "",
        parameters=described,
        returns=returns,
        whole=_whole(text, _details(described, returns), left_out),
        key=key or prose(doc.text, *KEY_BOUNDS) or doc.text[:TEXT_BOUND],
        split=split,
        shared=shared,
    )


def _whole(text: str, details: Sequence[str], left_out: Sequence[int]) -> str:
    """Description and details in one line; `left_out` are the numbers of details that are not in it."""
    if not left_out:
        return _sentences([text, masked(_sentences(details))])
    return _sentences(
        [text, *(masked(detail) for number, detail in enumerate(details) if number not in left_out)]
    )


def _details(described: Sequence[Parameter], returns: str) -> list[str]:
    """The descriptions of the parameters and of the return value."""
    details = [f"{parameter.name}: {parameter.text}" for parameter in described if parameter.text]
    return [*details, f"Returns: {returns}"] if returns else details


def _sentences(texts: Sequence[str]) -> str:
    """The texts in one line, each ended by a full stop."""
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in texts if text)


def _without_leaks(all_entries: Sequence[Entry]) -> Iterator[tuple[Entry, tuple[int, ...]]]:
    """The entries, without training text that shares a run of words with the text of an evaluation entry;
    and the numbers of the details that are left out.

    A training entry whose description does so is dropped; of the others, only such details are.
    """
    import numpy as np

    held_out = [grams(entry.whole, RUN) for entry in all_entries if entry.split != "train"]
    held_out_runs = np.unique(np.concatenate([*held_out, np.empty(0, np.uint64)]))

    def is_new(text: str) -> bool:
        return not any_in(held_out_runs, grams(text, RUN))

    for entry in all_entries:
        if entry.split != "train" or is_new(entry.whole):
            yield entry, ()
        elif is_new(description := masked(entry.description)):
            details = [masked(detail) for detail in _details(entry.parameters, entry.returns)]
            new = [number for number, detail in enumerate(details) if is_new(detail)]
            joined = _sentences([description, *(details[number] for number in new)])
            if not is_new(joined):  # joining can create a new matching run
                joined, new = description, []
            left_out = tuple(number for number in range(len(details)) if number not in new)
            yield replace(entry, whole=joined), left_out


def _distinct(raw: Sequence[Docstring], keys: Sequence[str]) -> list[tuple[Docstring, str, bool]]:
    """(docstring, key, is its cluster of several libraries?) of one docstring per cluster; `keys` holds the
    prose, "" for those without.

    Docstrings with prose are clustered by it. Others are clustered by their text, and dropped if it is a
    near-duplicate of a prose.
    """
    with_prose = [(doc, key) for doc, key in zip(raw, keys, strict=True) if key]
    chosen = _representatives(with_prose, clusters([key for _, key in with_prose]))
    without_prose = [
        (doc, doc.text[:TEXT_BOUND])
        for doc, key in zip(raw, keys, strict=True)
        if not key and doc.text.strip()
    ]
    groups = clusters([key for _, key, *_ in (*chosen, *without_prose)])
    of_prose = set(groups[: len(chosen)])
    pairs = zip(without_prose, groups[len(chosen) :], strict=True)
    free = [(pair, group) for pair, group in pairs if group not in of_prose]
    return chosen + _representatives([pair for pair, _ in free], [group for _, group in free])


def _representatives(
    pairs: Sequence[tuple[Docstring, str]], groups: Sequence[int]
) -> list[tuple[Docstring, str, bool]]:
    """(docstring, key, is its cluster of several libraries?) of the pair with the smallest hash of each
    cluster, independent of the order of the pairs."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for position, group in enumerate(groups):
        members[group].append(position)
    first = [min(group, key=lambda n: (hashed_rank(0, pairs[n][1]), n)) for group in members.values()]
    shared = [len({pairs[n][0].library for n in group}) > 1 for group in members.values()]
    return [(*pairs[n], several) for n, several in zip(first, shared, strict=True)]


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

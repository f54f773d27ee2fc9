"""The view `params` of the corpus: the words of a description, the parameters among them tagged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from headstart.data.docs.corpus import Entry
from headstart.data.docs.prose import prose, shortened
from headstart.data.docs.sections import signature_names
from headstart.data.rows import hashed_rank

COLUMNS = ("words", "tags")
BOUNDS = 80, 300  # characters of the description
OUTSIDE, INSIDE = "O", "B-PARAM"
WITHOUT = 0.08  # of the texts without a parameter these are kept: about a fifth of all rows
SIGN = "\ue000"  # put before a marked name; from the private use area, so that no text has it
MARKED = re.compile(r"(`{1,2}|(?<![\w*])\*)(\w+)(`{1,2}|\*)(?![\w*])")
WORD = re.compile(rf"{SIGN}?\w+(?:['.-]\w+)*|[^\w\s]")
Row = tuple[list[str], list[str]]


def rows(entries: Sequence[Entry], shortest: int, longest: int) -> Iterator[tuple[Entry, Row]]:
    """(entry, (words, tags)): what the authors marked up as a parameter is one; the markup is not shown."""
    tagged = [(entry, _row(entry, shortest, longest)) for entry in entries]
    for entry, (words, tags) in tagged:
        if words and (INSIDE in tags or _is_kept(entry)):
            yield entry, (words, tags)


def _row(entry: Entry, shortest: int, longest: int) -> Row:
    shown = shortened(entry.prose, longest)
    if len(shown) < shortest:
        return [], []
    names = {*signature_names(entry.signature), *(parameter.name for parameter in entry.parameters)}
    if names.isdisjoint(WORD.findall(shown)):  # nothing to tag: the text as it is, if it is wanted
        words = WORD.findall(shown) if names and _is_kept(entry) else []
        return words, [OUTSIDE] * len(words)
    words = WORD.findall(prose(_signed(entry.text, names), shortest, longest))
    tags = [INSIDE if _is_name(word, names) else OUTSIDE for word in words]
    words = [word.removeprefix(SIGN) for word in words]
    return ([], []) if _unclear(words, tags, names) else (words, tags)


def _signed(text: str, names: set[str]) -> str:
    """The text with a sign before every name that stands in markup."""
    return MARKED.sub(lambda found: SIGN + found[2] if found[2] in names else found[0], text)


def _is_name(word: str, names: set[str]) -> bool:
    """Marked by the authors, or no word of English: `axis` may be either, `keep_dims` is a name."""
    return word.startswith(SIGN) or (word in names and ("_" in word or any(map(str.isdigit, word))))


def _unclear(words: Sequence[str], tags: Sequence[str], names: set[str]) -> bool:
    """Does a word that is not marked look like a name of more than one letter? Then nobody knows its tag."""
    return any(
        tag == OUTSIDE and len(word) > 1 and word in names for word, tag in zip(words, tags, strict=True)
    )


def _is_kept(entry: Entry) -> bool:
    """Is this one of the few texts without a parameter that become rows?"""
    return hashed_rank(0, f"params\0{entry.key}")[0] < 256 * WITHOUT

"""The view `text` of the corpus: the whole of a docstring as prose, for language modelling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headstart.data.docs.corpus import Entry
from headstart.data.docs.prose import reads_as_prose, shortened

COLUMNS = ("text",)
BOUNDS = 80, 4000  # characters, unless the configuration says otherwise


def rows(entries: Sequence[Entry], shortest: int, longest: int) -> Iterator[tuple[Entry, tuple[str]]]:
    """(entry, (text,)): the description, then what is said about parameters and return value, cut at
    a sentence; none where too little of it reads as prose."""
    for entry in entries:
        text = shortened(entry.whole, longest)
        if len(text) >= shortest and reads_as_prose(text):
            yield entry, (text,)

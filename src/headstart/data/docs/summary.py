"""The view `summary` of the corpus: the body of a docstring and its first sentence, for text to text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headstart.data.docs.corpus import Entry
from headstart.data.docs.prose import first_sentence, shortened

COLUMNS = ("text", "summary")
BOUNDS = 150, 1000  # characters of the body
SUMMARY_BOUNDS = 20, 200


def rows(entries: Sequence[Entry], shortest: int, longest: int) -> Iterator[tuple[Entry, tuple[str, str]]]:
    """(entry, (body, summary)) where the body is long enough and does not repeat the summary."""
    for entry in entries:
        summary = first_sentence(entry.prose)
        body = shortened(entry.prose[len(summary) :].strip(), longest)
        fits = SUMMARY_BOUNDS[0] <= len(summary) <= SUMMARY_BOUNDS[1] and len(body) >= shortest
        if fits and summary.casefold().rstrip(".!?: ") not in body.casefold():
            yield entry, (body, summary)

"""Spans: the entities that the tags of a sentence say, whatever the scheme of the tags."""

from __future__ import annotations

import re
from collections.abc import Sequence

Entity = tuple[str, int, int]  # kind, first word, the word after the last one
OUTSIDE = "O"
TAG = re.compile(r"([BIMELSU])-(.+)|([BI])")
OPENS, CLOSES = frozenset("BSU"), frozenset("ELSU")


def entities(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence, in order.

    Read like the scorer of CoNLL (Tjong Kim Sang 2003), which is lenient: an entity begins at B-, S- or U-,
    and at any tag of another kind than the one before; so IOB1, IOB2, BIOES and BILOU all mean what they
    should. Tags without a prefix (other than O) are one entity as long as they repeat; bare B and I have
    no kind.
    """
    found: list[Entity] = []
    before: tuple[str, str] | None = None
    for place, tag in enumerate(tags):
        this = _parts(tag)
        if this and before and this[1] == before[1] and this[0] not in OPENS and before[0] not in CLOSES:
            found[-1] = (this[1], found[-1][1], place + 1)
        elif this:
            found.append((this[1], place, place + 1))
        before = this
    return found


def shown(found: Sequence[Entity], words: Sequence[str]) -> str:
    """The entities as a reader is shown them: `PER: Ada Lovelace; LOC: London`, or `none`."""
    texts = [(kind, " ".join(words[start:end])) for kind, start, end in found]
    return "; ".join(f"{kind}: {text}" if kind else text for kind, text in texts) or "none"


def _parts(tag: str) -> tuple[str, str] | None:
    """(prefix, kind) of a tag; None outside of entities."""
    if tag == OUTSIDE:
        return None
    read = TAG.fullmatch(tag)
    return (read[1] or read[3], read[2] or "") if read else ("", tag)

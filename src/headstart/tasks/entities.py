"""Entities: what the tags of a sentence mark, in any of the usual schemes (IOB1, IOB2, BIOES, BILOU)."""

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
    spans: list[Entity] = []
    before: tuple[str, str] | None = None
    for word, tag in enumerate(tags):  # parts: prefix and kind, None outside of entities
        match = TAG.fullmatch(tag)
        parts = None if tag == OUTSIDE else ("", tag)
        if match:
            parts = (match[1] or match[3], match[2] or "")
        if parts and before and parts[1] == before[1] and parts[0] not in OPENS and before[0] not in CLOSES:
            spans[-1] = (parts[1], spans[-1][1], word + 1)
        elif parts:
            spans.append((parts[1], word, word + 1))
        before = parts
    return spans


def shown(spans: Sequence[Entity], words: Sequence[str]) -> str:
    """The entities as a reader is shown them: `PER: Ada Lovelace; LOC: London`, or `none`."""
    texts = [(kind, " ".join(words[start:end])) for kind, start, end in spans]
    return "; ".join(f"{kind}: {text}" if kind else text for kind, text in texts) or "none"

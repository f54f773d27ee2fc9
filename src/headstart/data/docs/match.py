"""The view `match` of the corpus: does this description belong to this signature?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from headstart.data.docs.corpus import Entry
from headstart.data.docs.prose import shortened
from headstart.data.docs.sections import short_signature, signature_names
from headstart.data.rows import hashed_rank

COLUMNS = ("text", "signature", "label")
BOUNDS = 80, 300  # characters of the description
FEWEST = 2  # parameters of a signature
OWN_NAME = "function"  # stands where the description said its function's name
Row = tuple[str, str, str]


def rows(entries: Sequence[Entry], shortest: int, longest: int) -> Iterator[tuple[Entry, Row]]:
    """(entry, (text, signature, yes or no)): a wrong signature is that of the nearest function in hash
    order, of the same library and split, whose parameters are called otherwise."""
    peers: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.kind == "function" and len(signature_names(entry.signature)) >= FEWEST:
            peers[entry.library, entry.split].append(entry)
    for group in peers.values():
        for place, entry in enumerate(group):
            text = shortened(without_name(entry.prose, entry.name), longest)
            donor = entry if _is_true(entry) else _other(group, place)
            if donor is not None and len(text) >= shortest:
                label = "yes" if donor is entry else "no"
                yield entry, (text, short_signature(donor.signature), label)


def without_name(text: str, name: str) -> str:
    """The text without the last part of a dotted name, in any case and as a word of its own."""
    own = re.escape(name.split("#")[0].rsplit(".", 1)[-1].strip("_"))
    return re.sub(rf"(?i)(?<![^\W_])_*{own}_*(?![^\W_])", OWN_NAME, text) if own else text


def _is_true(entry: Entry) -> bool:
    return hashed_rank(0, f"match\0{entry.key}")[0] < 128


def _other(group: Sequence[Entry], place: int) -> Entry | None:
    own = set(signature_names(group[place].signature))
    after = (group[(place + step) % len(group)] for step in range(1, len(group)))
    return next((donor for donor in after if set(signature_names(donor.signature)) != own), None)

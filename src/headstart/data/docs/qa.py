"""The view `qa` of the corpus: a question about a parameter, answered by a passage of the docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headstart.data.docs.corpus import Entry
from headstart.data.docs.prose import first_sentence, shortened
from headstart.data.docs.sections import Parameter
from headstart.data.rows import hashed_rank

COLUMNS = ("context", "question", "answers", "starts")
BOUNDS = 200, 1500  # characters of the context
DESCRIPTION = 500  # characters of the context that come before the parameters
ANSWER_BOUNDS = 15, 200
HEADING = " Parameters:"
UNANSWERABLE, RETURNS = 0.15, 0.15  # shares of rows
Row = tuple[str, str, list[str], list[int]]


@dataclass(frozen=True)
class Passage:
    """A docstring as one text, and where in it each thing is told: name (or "") -> (start, answer)."""

    context: str
    told: dict[str, tuple[int, str]]
    names: frozenset[str]  # every parameter of the docstring, also those that were cut off


def rows(entries: Sequence[Entry], shortest: int, longest: int) -> Iterator[tuple[Entry, Row]]:
    """(entry, (context, question, answers, starts)), one question to each docstring; some ask for a
    parameter of another function, and have no answer. Functions share descriptions of parameters: one
    that is asked for in evaluation is not asked for in training."""
    passages = [(entry, passage(entry, longest)) for entry in entries]
    usable = [(entry, found) for entry, found in passages if found.told and len(found.context) >= shortest]
    made = [(usable[place][0], row) for place in range(len(usable)) if (row := _row(usable, place))]
    held_out = {answer for entry, (_, _, answers, _) in made if entry.split != "train" for answer in answers}
    for entry, row in made:
        if entry.split != "train" or held_out.isdisjoint(row[2]):
            yield entry, row


def _row(usable: Sequence[tuple[Entry, Passage]], place: int) -> Row | None:
    entry, found = usable[place]
    chance = int.from_bytes(hashed_rank(0, f"qa kind\0{entry.key}"), "big") / 2**64
    if chance < UNANSWERABLE:
        asked = _foreign(usable, place)
        return (found.context, question(asked), [], []) if asked else None
    asked = _asked(entry, found, chance < UNANSWERABLE + RETURNS)
    start, answer = found.told[asked]
    return found.context, question(asked), [answer], [start]


def question(name: str) -> str:
    """The question about a parameter, or about the return value when the name is empty."""
    return f"What does the parameter {name} do?" if name else "What does it return?"


def passage(entry: Entry, longest: int) -> Passage:
    """Description, parameters and return value in one line; what does not fit is left out."""
    context = shortened(entry.description, DESCRIPTION)
    told: dict[str, tuple[int, str]] = {}
    for parameter in [*entry.parameters, Parameter("", "", entry.returns)]:
        head = _head(parameter, first=HEADING.strip() not in context)
        if not parameter.text or len(context) + len(head) + len(parameter.text) > longest:
            continue
        start = len(context := f"{context}{head}".lstrip())
        context += parameter.text
        answer = first_sentence(parameter.text)
        if ANSWER_BOUNDS[0] <= len(answer) <= ANSWER_BOUNDS[1]:
            told[parameter.name] = (start, answer)
    return Passage(context, told, frozenset(parameter.name for parameter in entry.parameters))


def _head(parameter: Parameter, first: bool) -> str:
    if not parameter.name:
        return " Returns: "
    kind = f" ({parameter.type})" if parameter.type else ""
    return f"{HEADING if first else ''} {parameter.name}{kind}: "


def _asked(entry: Entry, found: Passage, about_return: bool) -> str:
    named = sorted(name for name in found.told if name)
    if "" in found.told and (about_return or not named):
        return ""
    return min(named, key=lambda name: hashed_rank(0, f"{name}\0{entry.key}"))


def _foreign(usable: Sequence[tuple[Entry, Passage]], place: int) -> str:
    """A parameter that the next docstring of the library and split tells of, and this one never mentions."""
    entry, own = usable[place]
    words = set(re.findall(r"\w+", own.context)) | own.names
    for step in range(1, len(usable)):
        peer, other = usable[(place + step) % len(usable)]
        if (peer.library, peer.split) == (entry.library, entry.split):
            strange = sorted(name for name in other.told if name and name not in words)
            if strange:
                return min(strange, key=lambda name: hashed_rank(0, f"{name}\0{entry.key}"))
    return ""

"""Alike: everything besides the arm in which the two runs of a pair may differ, and what follows from it.

`REFUSES`: what can change the answer. A gain between such runs is not that of the arm, so they are no pair.
`SAID`: what may change the last digits or the seconds, but decides nothing alone: the first lines name it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from headstart.compare.settings import at, is_free
from headstart.records.fingerprint import free_settings
from headstart.records.record import Record

Value = str | int | tuple[str, ...] | None
DIET = ("optim.batch_size", "budget.epochs", "budget.steps")  # what decides how many rows come when
SPLITS = ("train", "validation", "test")
STREAMS = ("weights", "order", "noise", "subset", "arm")  # of randomness; noise is that of dropout
# Libraries that compute: torch and Lightning run the steps, transformers makes the model, tokenizers the
# tokens. Of peft the same holds where an arm added parameters with it.
COMPUTE = ("torch", "pytorch-lightning", "transformers", "tokenizers")


@dataclass(frozen=True)
class Fact:
    """One thing that both runs of a pair should have in common."""

    name: str  # as a sentence says it
    of: Callable[[Record], Value]
    follows: tuple[str, ...] = ()  # settings that it follows from: where they are freed and differ, so may it


def _version(library: str) -> Callable[[Record], str | None]:
    return lambda record: record.environment.versions.get(library)


REFUSES = (
    # What the run computed with: another number format, kind of device, code or library is another model.
    Fact("precision", attrgetter("environment.precision")),
    Fact("kind of device", lambda record: record.environment.device.partition(":")[0]),
    Fact("number of devices", attrgetter("environment.devices")),  # each draws its own dropout
    Fact("types of parameters", lambda record: ", ".join(sorted(record.init.dtypes))),
    Fact("code", attrgetter("environment.code.digest")),  # of what trains: a commit may change only a text
    *(Fact(name, _version(name)) for name in COMPUTE),
    # What it started from.
    Fact("architecture", attrgetter("init.architecture")),
    Fact("head at step 0", attrgetter("init.head")),
    *(Fact(f"stream of {name}", attrgetter(f"init.streams.{name}")) for name in STREAMS),
    # What it was shown.
    Fact("tokenizer", attrgetter("data.tokenizer")),
    Fact("length limit", attrgetter("data.max_length")),
    Fact("order of classes", attrgetter("data.classes")),
    *(Fact(f"{split} rows", attrgetter(f"data.rows.{split}")) for split in SPLITS),
    *(Fact(f"number of {split} rows", attrgetter(f"data.counts.{split}")) for split in SPLITS),
    Fact("order of the rows", attrgetter("data.order"), DIET),
    Fact("steps done", attrgetter("cost.steps"), DIET),
    Fact("samples seen", attrgetter("cost.samples.train"), DIET),
    Fact("tokens seen", attrgetter("cost.tokens.train.real"), DIET),
)  # fmt: skip
SAID = (
    # Sums in another order round otherwise, and seconds and joules are others.
    Fact("machine", attrgetter("environment.machine")),
    Fact("device", attrgetter("environment.device")),
    Fact("processor", attrgetter("environment.cpu")),
    Fact("threads", attrgetter("environment.threads")),
    Fact("platform", attrgetter("environment.platform")),
    Fact("python", attrgetter("environment.python")),
    # The code that trains is the same, or the pair is refused: the rest (reports, texts) may be another.
    Fact("commit", attrgetter("environment.code.commit")),
    Fact("changes that were not committed", attrgetter("environment.code.dirty")),
)


def refusals(sides: tuple[Record, Record]) -> Iterator[str]:
    """'not the same precision: fp32 against bf16', one by one."""
    for fact in _refusing(sides):
        if told := difference(fact, sides):
            yield f"not the same {told}"


def said(sides: tuple[Record, Record]) -> list[str]:
    """What may have changed the answer a little: 'threads: 2 against 8'."""
    names = {name for record in sides for name in record.environment.versions}
    refusing = {fact.name for fact in _refusing(sides)}
    others = [Fact(name, _version(name)) for name in sorted(names - refusing)]
    return [told for fact in (*SAID, *others) if (told := difference(fact, sides))]


def difference(fact: Fact, sides: tuple[Record, Record]) -> str:
    """'threads: 2 against 8'; nothing where both sides are alike, or differ as the study lets them."""
    left, right = map(fact.of, sides)
    if left == right or freed(fact.follows, sides):
        return ""
    return f"{fact.name}: {_words(left, right)} against {_words(right, left)}"


def _refusing(sides: tuple[Record, Record]) -> tuple[Fact, ...]:
    added = any(record.init.added.tensors for record in sides)
    return (*REFUSES, *([Fact("peft", _version("peft"))] if added else []))


def freed(settings: Sequence[str], sides: tuple[Record, Record]) -> list[str]:
    """Those of these settings that the study frees and in which the arms really differ."""
    free = free_settings(sides[1].config)
    left, right = (record.config for record in sides)
    return [path for path in settings if is_free(path, free) and at(left, path) != at(right, path)]


def _words(value: Value, other: Value) -> str:
    """A value in words; of two tuples, what stands at the first place in which they differ."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        place = next((i for i, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), None)
        return ", ".join(value) if place is None else f"{value[place]} in place {place + 1}"
    if value is None:
        return "unknown"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)

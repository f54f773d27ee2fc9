"""Size: the number of training rows of a run, and their choice."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from headstart.config import Config
from headstart.data.blocks import in_blocks
from headstart.data.rows import hashed_number
from headstart.errors import DataError

if TYPE_CHECKING:
    import numpy as np


class Rows(Config):
    """A number of rows, with the class proportions of all rows."""

    kind: Literal["rows"] = "rows"
    rows: int = Field(ge=1)
    seed: int = 0

    def words(self) -> str:
        return f"{self.rows} rows"

    def choose(self, strata: Sequence[str] | None, keys: Sequence[str]) -> list[int]:
        """Indices of the chosen rows; a smaller size of the same seed chooses a prefix of these."""
        if self.rows > len(keys):
            raise DataError(
                f"size.rows={self.rows} but train has {len(keys)} rows: ask for no more, or size=all"
            )
        return subset_order(strata, keys, self.seed, self.rows)


class Fraction(Config):
    """A share of the rows, with the class proportions of all rows."""

    kind: Literal["fraction"] = "fraction"
    fraction: float = Field(gt=0, le=1)
    seed: int = 0

    def words(self) -> str:
        return f"{100 * self.fraction:.4g} % of rows"

    def choose(self, strata: Sequence[str] | None, keys: Sequence[str]) -> list[int]:
        """Indices of the chosen rows; a smaller share of the same seed chooses a prefix of these."""
        count = round(self.fraction * len(keys))
        if count == 0:
            raise DataError(
                f"size.fraction={self.fraction} of {len(keys)} train rows is not one row: ask for more"
            )
        return subset_order(strata, keys, self.seed, count)


class PerClass(Config):
    """The same number of rows of every class (k-shot)."""

    kind: Literal["per_class"] = "per_class"
    per_class: int = Field(ge=1)
    seed: int = 0

    def words(self) -> str:
        return f"{self.per_class} per class"

    def choose(self, strata: Sequence[str] | None, keys: Sequence[str]) -> list[int]:
        """Indices of the chosen rows, one of each class in turn; a smaller k chooses a prefix of these."""
        if strata is None:
            raise DataError("size.per_class needs a task with classes: this one has none, choose size.rows")
        counts = Counter(in_blocks(strata))
        rare = min(counts, key=lambda name: (counts[name], name), default="")
        if not counts or counts[rare] < self.per_class:
            raise DataError(
                f"size.per_class={self.per_class} but class {rare!r} has {counts[rare]} train rows: "
                f"ask for at most {counts[rare]}"
            )
        queues = _queues(strata, keys, self.seed)
        return [int(queues[name][turn]) for turn in range(self.per_class) for name in sorted(queues)]


class All(Config):
    """Every row."""

    kind: Literal["all"] = "all"

    def words(self) -> str:
        return "all rows"

    def choose(self, strata: Sequence[str] | None, keys: Sequence[str]) -> list[int]:
        """Indices of all rows, in the order of `rows` with seed 0."""
        return subset_order(strata, keys, seed=0)


Size = Annotated[Rows | Fraction | PerClass | All, Field(discriminator="kind")]


def subset_order(
    strata: Sequence[str] | None, keys: Sequence[str], seed: int, count: int | None = None
) -> list[int]:
    """The first `count` rows, or all: every prefix has the class proportions to within one row per class.

    The order depends on content keys and seed, not on the position in a file. With N rows, n of them in a
    class, the i-th row of the class may come at position floor(i·N/n) and must come before
    ceil((i+1)·N/n). Taking the earliest deadline first satisfies all of these windows, as in a
    proportionate-fair schedule on one machine (Baruah et al. 1996, doi:10.1007/BF01940883).
    """
    queues = _queues(strata if strata is not None else [""] * len(keys), keys, seed)
    total = len(keys)
    waiting = {0: [(name, 0) for name in sorted(queues)]}  # position -> rows that may come there or later
    due: list[tuple[int, str, int]] = []  # (deadline, class, number of earlier rows of the class)
    order = []
    for position in range(total if count is None else count):
        for name, rank in waiting.pop(position, []):
            heapq.heappush(due, (-(-(rank + 1) * total // len(queues[name])), name, rank))
        _, name, rank = heapq.heappop(due)
        order.append(int(queues[name][rank]))
        if rank + 1 < len(queues[name]):
            opens = max(position + 1, (rank + 1) * total // len(queues[name]))
            waiting.setdefault(opens, []).append((name, rank + 1))
    return order


def _queues(strata: Sequence[str], keys: Sequence[str], seed: int) -> dict[str, np.ndarray]:
    """The rows of each class, in the order of seed and keys: 8 bytes for each row."""
    import numpy as np

    numbers: dict[str, int] = {}

    def number(name: str) -> int:
        if not isinstance(name, str):
            raise DataError(
                f"a row has the class {name!r}: rows can only be chosen by class where each has one name"
            )
        return numbers.setdefault(name, len(numbers))

    classes = np.fromiter(map(number, in_blocks(strata)), np.int64, len(strata))
    ranks = np.fromiter((hashed_number(seed, key) for key in in_blocks(keys)), np.uint64, len(keys))
    order = np.lexsort((ranks, classes))  # class by class
    ends = np.cumsum(np.bincount(classes)).tolist()
    return {name: order[begin:end] for name, begin, end in zip(numbers, [0, *ends], ends, strict=False)}

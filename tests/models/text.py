"""A page of text to train tokenizers on: made-up prose with a long tail of words, the same every time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

SYLLABLES = "ba ce di fo gu la me ni po ru sa te vi wo zu an er in or ul tra ble ing ped sion ment".split()  # noqa: SIM905


def lines(number: int = 400) -> list[str]:
    """Sentences of words that repeat as words do, with capitals, accents, digits and odd spaces."""
    rng = random.Random(7)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(900)]
    weights = [1 / rank for rank in range(1, 901)]
    made = []
    for line in range(number):
        drawn = rng.choices(words, weights, k=rng.randint(5, 25))
        made.append(f"{' '.join(drawn).capitalize()}, naïve x_{line % 7} = {line}.")
    return made


def write(folder: Path, number: int = 400) -> dict[str, Any]:
    """The settings of a `files` source: a csv per split; the word `zyzzyva` is in the test rows alone."""
    paths = {}
    for split, rows in (("train", lines(number)), ("validation", ["Ba ce di."]), ("test", ["zyzzyva " * 50])):
        path = folder / f"{split}.jsonl"
        path.write_text("".join(f'{{"text": "{row}"}}\n' for row in rows), "utf8")
        paths[split] = str(path)
    return paths

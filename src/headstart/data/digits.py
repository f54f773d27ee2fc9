"""Digits: the handwritten digits in scikit-learn, 1797 images of 8 x 8 pixels, as rows.

They are the test part of the optical recognition set of Alpaydin and Kaynak (1998, UCI, doi:10.24432/C50P49).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from headstart.config import Config
from headstart.data.docs.corpus import split_of
from headstart.data.docs.docstrings import folder, version
from headstart.data.images import encoded
from headstart.data.rows import SPLITS, Columns, RawRows, Splits, as_dataset, checked, hashed_rank
from headstart.errors import DataError

COLUMNS = ("image", "label")
SIDE = 8  # pixels
INK = 16  # the darkest of their values


class Digits(Config):
    """Small grey images of digits, without copies; the split of an image depends on its content."""

    split_seed: int = 0

    def digest(self) -> str:
        """Version and content of the file in scikit-learn, and the seed of the split."""
        content = hashlib.sha256(_file().read_bytes()).hexdigest()
        facts = f"{version('sklearn')}\0{content}\0{self.split_seed}"
        return f"digits:{hashlib.sha256(facts.encode()).hexdigest()[:32]}"

    def load(self, columns: Columns, stratify: str | None = None) -> Splits:
        """The splits, about 70, 10 and 20 % of the rows; `columns` maps role to one of COLUMNS."""
        import numpy as np

        table = np.loadtxt(_file(), delimiter=",", dtype=np.int64)  # (rows, 65): 64 values row by row, digit
        grey = np.round(table[:, :-1] * (255 / INK)).astype(np.uint8).reshape(-1, SIDE, SIDE)
        rows: dict[str, tuple[bytes, str]] = {}  # by image; of equal ones the first is kept
        for image, digit in zip(grey, table[:, -1], strict=True):
            rows.setdefault(image.tobytes().hex(), (encoded(image), str(digit)))
        ordered = sorted(rows, key=lambda key: (hashed_rank(self.split_seed, key), key))
        datasets = {}
        for split in SPLITS:
            chosen = [rows[key] for key in ordered if split_of(key, self.split_seed) == split]
            cells = {name: [row[n] for row in chosen] for n, name in enumerate(COLUMNS)}
            raw = RawRows(f"digits split {split}", COLUMNS, cells.__getitem__)
            datasets[split] = as_dataset(checked(raw, columns))
        return Splits(**datasets, source=self.digest())


def _file() -> Path:
    """The path of the file: `load_digits` would import all of scikit-learn."""
    path = folder("sklearn") / "datasets" / "data" / "digits.csv.gz"
    if not path.is_file():
        raise DataError(f"scikit-learn {version('sklearn')} does not carry {path}: install another version")
    return path

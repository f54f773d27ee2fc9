"""Puts the repository on the import path: `tests.factory` writes the studies that these tests read."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

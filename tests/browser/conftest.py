"""Puts the repository on the import path: studies and findings made by hand live below `tests`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

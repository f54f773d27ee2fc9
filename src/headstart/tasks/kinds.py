"""The families of task: every class in this folder that has a kind, or a user's own in own/tasks."""

from __future__ import annotations

from typing import Annotated

from headstart.plugins import Kinds
from headstart.tasks.family import Family

Task = Annotated[Family, Kinds(Family, needs=("auto_class", "encode", "loss", "observe", "evaluate"))]

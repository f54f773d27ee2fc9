"""The kinds of energy meter a run can be given."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headstart.meters.codecarbon import CodeCarbon
from headstart.meters.none import NoMeter

MeterKind = Annotated[CodeCarbon | NoMeter, Field(discriminator="kind")]

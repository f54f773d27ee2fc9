"""The kinds of energy meter a run can be given."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headstart.meters.auto import Auto
from headstart.meters.codecarbon import CodeCarbon
from headstart.meters.constant import Constant
from headstart.meters.none import NoMeter
from headstart.meters.nvml import Nvml
from headstart.meters.rapl import Rapl

MeterKind = Annotated[Auto | CodeCarbon | Constant | NoMeter | Nvml | Rapl, Field(discriminator="kind")]

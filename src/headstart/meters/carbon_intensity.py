"""Grams of CO2e per kWh by place, from a dated table; never a world average."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from headstart.config import nearest

TABLE = "codecarbon 3.3.2"  # carbon_intensity.csv holds its numbers
SOURCES = {
    "owid": "global energy mix (Our World in Data)",
    "egrid": "EPA eGRID2023, annual CO2 equivalent total output emission rate",
    "canada": "energy mix, what is burned only",
    "china": "Ministry of Ecology and Environment, CO2 only",
    "nordic": "bidding zones, generation of the year",
}


@dataclass(frozen=True)
class Intensity:
    """Grams of CO2e per kWh in one place."""

    place: str
    grams_per_kwh: float
    year: int | None
    source: str


def intensity(place: str) -> Intensity:
    """The intensity of `FRA`, `France` or `USA/California`. Raises ValueError with the nearest name."""
    country, _, region = (part.strip() for part in place.partition("/"))
    table = _table()
    codes = {name.lower(): code for code, regions in table.items() for name in (code, regions[""].place)}
    code = codes.get(country.lower())
    if code is None:
        spelling = country.upper() if len(country) == 3 else country
        hint = nearest(spelling, {*table, *(regions[""].place for regions in table.values())})
        hint = hint if hint.startswith("did") else "write a three-letter country code such as FRA"
        raise ValueError(f"no carbon intensity is known for {country!r}; {hint}")
    regions = table[code]
    if region.lower() not in regions:
        names = regions.keys() - {""}
        hint = nearest(region.lower(), names) if names else f"write {code}: it has no regions"
        raise ValueError(f"no carbon intensity is known for {region!r} in {code}; {hint}")
    return regions[region.lower()]


@cache
def _table() -> dict[str, dict[str, Intensity]]:
    """Every place by three-letter country code and region in lower case; "" is the whole country."""
    text = files("headstart.meters").joinpath("carbon_intensity.csv").read_text("utf8")
    table: dict[str, dict[str, Intensity]] = {}
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        year = int(row["year"]) if row["year"] else None
        source = f"{TABLE}: {SOURCES[row['source']]}"
        row_intensity = Intensity(row["place"], float(row["grams_per_kwh"]), year, source)
        table.setdefault(row["country"], {})[row["region"]] = row_intensity
    return table

"""Grams of CO2e per kWh by place, read from the tables that codecarbon ships; never a world average."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from headstart.config import nearest

POUND_PER_MWH = 0.45359237  # in grams per kWh
# names of what is burned: in a mix, and in the table of sources
BURNED = {"coal": "coal", "petroleum": "petroleum", "naturalGas": "natural_gas"}
NORDIC = {"SE": "SWE", "NO": "NOR", "FI": "FIN"}


@dataclass(frozen=True)
class Intensity:
    """How much CO2e a kWh stands for somewhere."""

    place: str
    grams_per_kwh: float
    year: int | None
    source: str


def intensity(place: str) -> Intensity:
    """Of `FRA`, `France` or `USA/California`. Raises ValueError with the nearest name."""
    country, _, region = (part.strip() for part in place.partition("/"))
    known = countries()
    codes = {name.lower(): code for code, here in known.items() for name in (code, here.place)}
    code = codes.get(country.lower())
    if code is None:
        names = {*known, *(item.place for item in known.values())}
        wanted = country.upper() if len(country) == 3 else country
        raise ValueError(f"no carbon intensity is known for {country!r}; {_few(wanted, names)}")
    if not region:
        return known[code]
    there = regions(code)
    if region.lower() not in there:
        hint = nearest(region.lower(), there) if there else f"write {code}: it has no regions"
        raise ValueError(f"no carbon intensity is known for {region!r} in {code}; {hint}")
    return there[region.lower()]


@cache
def countries() -> dict[str, Intensity]:
    """Every country by its three-letter code."""
    source = f"{_codecarbon()}: global energy mix (Our World in Data)"
    return {
        code: Intensity(row["country_name"], row["carbon_intensity"], row["year"], source)
        for code, row in _table("global_energy_mix.json").items()
        if row.get("carbon_intensity") is not None
    }


def regions(country: str) -> dict[str, Intensity]:
    """Every region of a country, by its name in lower case; empty where the tables stop at the country."""
    read = {"USA": _states, "CAN": _provinces_of_canada, "CHN": _provinces_of_china}.get(country)
    return read() if read else _nordic_zones(country)


def _states() -> dict[str, Intensity]:
    table = _table("2023/usa_emissions.json")
    source, year = f"{_codecarbon()}: {table['_source']['name']}", table["_source"]["year"]
    return {
        name: Intensity(f"USA/{name}", row["emissions"] * POUND_PER_MWH, year, source)
        for name, row in table.items()
        if not name.startswith("_") and name != "usa"
    }


def _provinces_of_canada() -> dict[str, Intensity]:
    grams = _table("carbon_intensity_per_source.json")
    source = f"{_codecarbon()}: energy mix, what is burned only"
    found = {}
    for name, mix in _table("2023/canada_energy_mix.json").items():
        value = sum(mix[fuel] / mix["total"] * grams[row] for fuel, row in BURNED.items())
        found[name] = Intensity(f"CAN/{name}", value, 2023, source)
    return found


def _provinces_of_china() -> dict[str, Intensity]:
    source = f"{_codecarbon()}: Ministry of Ecology and Environment, CO2 only"
    return {
        name: Intensity(f"CHN/{row['names'][0]}", row["emission_factor"], row["year"], source)
        for row in _table("2023/china_provincial_emissions.json")["data"].values()
        for name in row["names"]
    }


def _nordic_zones(country: str) -> dict[str, Intensity]:
    source = f"{_codecarbon()}: bidding zones, generation of the year"
    return {
        zone.lower(): Intensity(f"{country}/{zone}", row["emission_factor"], row["year"], source)
        for zone, row in _table("nordic_emissions.json")["data"].items()
        if NORDIC.get(zone[:2]) == country
    }


def _few(word: str, names: set[str]) -> str:
    """The nearest name; of two hundred, none is listed."""
    hint = nearest(word, names)
    return hint if hint.startswith("did") else "write a three-letter country code such as FRA"


@cache
def _table(name: str) -> dict[str, Any]:
    """One file of codecarbon's, read without importing codecarbon."""
    spec = importlib.util.find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        raise ValueError("carbon intensities come with codecarbon, which is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data" / "private_infra"
    return json.loads((folder / name).read_text(encoding="utf8"))


def _codecarbon() -> str:
    from importlib.metadata import version

    return f"codecarbon {version('codecarbon')}"

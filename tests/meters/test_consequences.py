"""Carbon by place, money, and joules of an external meter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from headstart.errors import ConfigError, RecordError
from headstart.meters.carbon_intensity import intensity
from headstart.meters.kinds import Unmeasured
from headstart.meters.matmul_peak import utilisation
from headstart.meters.meter import Meter
from headstart.meters.settings import Carbon, Price
from headstart.meters.wall_meter import joules_by_phase, wall_energy


@pytest.mark.parametrize(
    "place", ["FRA", "fra", "France", "USA/California", "CAN/Ontario", "CHN/Beijing", "SWE/SE3"]
)
def test_as_codecarbon_would(place: str) -> None:
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    country, _, region = place.partition("/")
    code = {"fra": "FRA", "France": "FRA"}.get(country, country)
    region = region.lower() if code != "SWE" else region
    geo = GeoMetadata(country_iso_code=code, country_name=code, region=region or None)
    kilograms = Emissions(DataSource()).get_private_infra_emissions(Energy.from_energy(kWh=1.0), geo)
    here = intensity(place)
    assert here.grams_per_kwh == pytest.approx(1000 * kilograms, rel=2e-3)
    assert here.year is not None and here.year >= 2009 and here.source.startswith("codecarbon ")


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("UUSA", "did you mean USA"), ("Frence", "did you mean France"), ("world", "three-letter"),
        ("USA/Californa", "did you mean california"), ("FRA/Paris", "write FRA"), ("", "three-letter"),
        ("USA/_source", "no carbon"),
    ],
)  # fmt: skip
def test_unknown_places_are_refused(place: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        Carbon.read({"region": place})


def test_carbon_and_money() -> None:
    kwh = 3.6e6
    carbon = Carbon(region="FRA")
    plain, centre = carbon.of(2 * kwh), Carbon(region="FRA", pue=1.5).of(2 * kwh)
    assert plain is not None and centre is not None
    assert plain["grams"] == pytest.approx(2 * plain["grams_per_kwh"])
    assert centre["grams"] == pytest.approx(1.5 * plain["grams"]) and plain["pue"] is None
    unknown = carbon.of(None)
    assert unknown is not None and unknown["grams"] is None and Carbon().of(kwh) is None
    assert Price().of(kwh, 3600) is None
    money = Price(per_kwh=0.3, per_device_hour=2.0).of(2 * kwh, 1800)
    assert money is not None
    assert money["electricity"] == pytest.approx(0.6) and money["device"] == pytest.approx(1.0)
    money = Price(per_kwh=0.3).of(None, 1800)
    assert money is not None and money["electricity"] is None and money["device"] is None


def test_utilisation_and_peak() -> None:
    assert utilisation(5e9, 2, 1e10) == 0.25
    assert utilisation(5e9, 0, 1e10) is None
    assert utilisation(5e9, 2, None) is None


START = 1_700_000_000.0
WINDOWS = [
    ["other", START, START + 1.5],
    ["train", START + 1.5, START + 7.25],
    ["eval", START + 7.25, START + 9],
]


def wall(folder: Path, times: list[Any], watts: list[float]) -> Path:
    path = folder / "wall.csv"
    lines = [f"{time},{power}" for time, power in zip(times, watts, strict=True)]
    path.write_text("\n".join(["time,watts", *lines]) + "\n")
    return path


def test_linear_power_is_integrated_exactly(tmp_path: Path) -> None:
    times = [START - 2 + 3 * step for step in range(8)]
    path = wall(tmp_path, times, [50 + 10 * (time - START) for time in times])
    spent = joules_by_phase(WINDOWS, path)
    for phase, start, end in WINDOWS:
        exact = 50 * (end - start) + 5 * ((end - START) ** 2 - (start - START) ** 2)
        assert spent[phase] == pytest.approx(exact)
    assert spent["test"] == 0


def test_iso_times(tmp_path: Path) -> None:
    moments = [datetime.fromtimestamp(START + step, UTC) for step in range(-1, 12)]
    path = wall(tmp_path, [m.isoformat() for m in moments], [100.0] * 13)
    assert sum(joules_by_phase(WINDOWS, path).values()) == pytest.approx(900)
    zone = timezone(timedelta(hours=2))
    naive = wall(
        tmp_path, [m.astimezone(zone).replace(tzinfo=None).isoformat() for m in moments], [100.0] * 13
    )
    assert sum(joules_by_phase(WINDOWS, naive, zone=zone).values()) == pytest.approx(900)
    with pytest.raises(RecordError, match="names no time zone"):
        joules_by_phase(WINDOWS, naive)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([START + 1, START + 20], "do not cover the run"),
        ([START - 7200, START - 7100], "do not cover the run"),
        ([START - 1, START + 1, START + 40], "no reading for 39 s"),
        ([], "needs the columns"),
        (["soon", "later"], "line 2"),
    ],
)
def test_what_cannot_be_joined(tmp_path: Path, times: list[Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        joules_by_phase(WINDOWS, wall(tmp_path, times, [100.0] * len(times)))
    with pytest.raises(RecordError):
        joules_by_phase(WINDOWS, tmp_path / "missing.csv")
    with pytest.raises(RecordError, match="no phase windows"):
        joules_by_phase([], wall(tmp_path, [START, START + 9], [1.0, 1.0]))


def test_a_record_without_meter_gains_one(tmp_path: Path) -> None:
    import time

    with Meter(Unmeasured("a wall meter looks")) as meter, meter.phase("train"):
        time.sleep(0.05)
    now = time.time()
    path = wall(tmp_path, [now - 5, now + 5], [200.0, 200.0])
    record = {"cost": {"energy": meter.account()}}
    energy = wall_energy(record, path)
    assert energy["method"] == "measured" and energy["reason"] is None
    assert energy["joules"]["total"] == pytest.approx(200 * meter.seconds_by_phase()["total"], rel=0.1)
    assert set(energy) == set(meter.account())

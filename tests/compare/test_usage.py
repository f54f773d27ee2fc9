"""Usage: optional parts of a record are read when they are there, and unlike figures share no mean."""

from __future__ import annotations

import pytest
from tests.factory import altered, make_study

from headstart.compare.quantity import Quantity, Rows
from headstart.compare.study import compare
from headstart.compare.usage import carbon_rows, money_rows, trained, usage
from headstart.records.store import read_study

HERE = Quantity("", arm="scratch")
PEAK = {"flops_per_second": 4e11, "dtype": "bf16", "threads": 2, "blas": "mkl"}
CARBON = {"grams": 2.0, "region": "FRA", "place": "France", "year": 2023, "source": "a table",
          "grams_per_kwh": 56.0, "pue": None}  # fmt: skip
MONEY = {"currency": "EUR", "electricity": 0.02, "device": 0.5, "per_kwh": 0.25, "per_device_hour": 2.0}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return read_study(make_study(folder, seeds=[0, 1], examples=60, evaluations=2)).records


def with_cost(record, **parts):
    return altered(record, cost=parts)


def used(record, share=0.4, **peak):
    memory = {"host": 90, "device": None, "by_phase": {"host": {"train": 90, "test": 50}, "device": None}}
    return with_cost(
        record,
        tokens_per_second={"real": 2000.0, "padded": 2500.0},
        data_wait_share=0.01,
        utilisation={"share": share, "peak": {**PEAK, **peak}},
        peak_memory_bytes=memory,
    )


def test_old_records_say_nothing_about_usage(records, tmp_path):
    assert usage(records) is None
    assert [*carbon_rows(HERE, records), *money_rows(HERE, records)] == []
    assert trained(records, {}) == ()
    found = compare(make_study(tmp_path, seeds=[0], examples=60, evaluations=2))
    assert found.order == ()
    assert all(arm.usage is None and arm.consequences == () for arm in found.arms)


def test_usage_is_a_mean_over_runs_with_the_peaks_it_stands_on(records):
    found = usage([used(records[0]), used(records[1], share=0.6, flops_per_second=5e11)])
    assert found is not None
    assert (found.real, found.padded, found.waiting, found.share) == (2000.0, 2500.0, 0.01, 0.5)
    assert found.padding == pytest.approx(1 - 48 / 56)
    assert (found.peak_low, found.peak_high, found.peak_of) == (4e11, 5e11, ("bf16, 2 threads, mkl",))
    assert found.memory == {"host": {"train": 90, "test": 50}}
    assert found.memory_peaks == {"host": 90}


def test_shares_of_unlike_peaks_or_of_some_runs_have_no_mean(records):
    mixed = usage([used(records[0]), used(records[1], dtype="fp32")])
    assert mixed is not None
    assert mixed.share is None
    half = usage([used(records[0]), records[1]])
    assert half is not None
    assert (half.share, half.real, half.waiting) == (None, None, None)


def test_carbon_and_money_of_unlike_basis_stay_apart(records):
    here, there = with_cost(records[0], carbon=CARBON), with_cost(records[1], carbon={**CARBON, "pue": 1.2})
    both = Rows(carbon_rows(HERE, [here, there]))
    assert [row.value for row in both.select("carbon.*.pue")] == [None, 1.2]
    assert [row.verdict for row in both.select("carbon.*.grams")] == ["estimated", "estimated"]
    assert both.first("carbon") is None
    blind = with_cost(records[1], carbon={**CARBON, "grams": None})
    grams = Rows(carbon_rows(HERE, [here, blind])).select("carbon*", "carbon.1.grams")
    assert [(row.key, row.value, row.n) for row in grams.select("*grams")] == [("carbon.1.grams", 2.0, 1)]
    priced = [with_cost(records[0], money=MONEY), with_cost(records[1], money={**MONEY, "device": 1.5})]
    found = Rows(money_rows(HERE, priced))
    electricity = found.first("money.electricity")
    assert electricity and (electricity.value, electricity.n, electricity.verdict) == (0.02, 2, "estimated")
    assert found.value("money.device") == 1.0
    unpriced = with_cost(records[1], money={**MONEY, "electricity": None})
    apart = Rows(money_rows(HERE, [priced[0], unpriced]))
    assert [row.value for row in apart.select("money.*.electricity")] == [0.02, None]


def test_runs_stand_in_the_order_of_training_with_what_the_machine_told(tmp_path):
    place = {("pretrained", 0): 1, ("scratch", 0): 2, ("scratch", 1): 3, ("pretrained", 1): 4}
    gpu = {"device": "gpu:0", "celsius": 40, "megahertz": None}

    def change(record):
        processor = {"celsius": 61.0, "megahertz": None, "governor": "performance"}
        index = place[record["arm"], record["seed"]]
        record["environment"] |= {"order_index": index, "state": {"cpu": processor, "gpus": [gpu]}}

    found = compare(make_study(tmp_path, seeds=[0, 1], examples=60, evaluations=2, change=change)).order
    assert [(one.arm, one.seed) for one in found] == list(place)
    assert found[0].celsius == {"processor": 61.0, "gpu:0": 40.0}
    assert (found[0].megahertz, found[0].governor) == ({}, "performance")

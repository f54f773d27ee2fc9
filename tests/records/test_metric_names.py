"""Metric names: every metric that a task can ask for has words of its own."""

from __future__ import annotations

import pytest

from headstart.records.metric_names import NAMES, metric_name, metric_title
from headstart.tasks.metrics import LOCAL


def test_every_metric_of_every_family_has_a_name() -> None:
    assert set(LOCAL) <= set(NAMES)
    assert len(set(NAMES.values())) == len(NAMES)
    assert not any("_" in name for name in NAMES.values())


@pytest.mark.parametrize(
    ("metric", "name", "title"),
    [
        ("chrf", "chrF", "chrF"),
        ("rouge_l", "ROUGE-L", "ROUGE-L"),
        ("bits_per_byte", "bits per byte", "Bits per byte"),
        ("entity_f1", "entity F1", "Entity F1"),
        ("my_own_score", "my own score", "My own score"),
    ],
)
def test_a_name_in_a_sentence_and_in_a_title(metric: str, name: str, title: str) -> None:
    assert (metric_name(metric), metric_title(metric)) == (name, title)

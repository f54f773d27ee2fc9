"""Scores: metrics of ours and metrics that `evaluate` loads, from the same columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.errors import ConfigError
from headstart.tasks.scores import scores_of

MODULE = """
import datasets
import evaluate


class Hits(evaluate.Metric):
    def _info(self):
        number = datasets.Value("int64")
        features = datasets.Features({"predictions": number, "references": number})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        hits = sum(one == other for one, other in zip(predictions, references))
        return {"hits": hits, "rows": [len(references)]}
"""


def test_any_other_metric_gets_the_columns_that_it_knows_and_gives_its_numbers(tmp_path: Path) -> None:
    module = tmp_path / "hits/hits.py"
    module.parent.mkdir()
    module.write_text(MODULE, "utf8")
    labels, predictions = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    chances = np.full((4, 2), 0.5)
    statistics = {"score": np.full(4, 0.5)}
    scores = scores_of(
        ["accuracy", str(module.parent)], statistics, labels, predictions, 2, probabilities=chances
    )
    assert scores == {"accuracy": 0.75, "hits": 3.0}


def test_a_metric_that_nobody_has_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluate.load", lambda name: open(f"/no/such/{name}"))  # noqa: SIM115 - what is no network
    with pytest.raises(ConfigError, match=r"task.metrics: nobodys is not one of .*accuracy.* check the name"):
        scores_of(["nobodys"], {}, np.zeros(1), np.zeros(1))

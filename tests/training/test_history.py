"""History: few steps are kept, and what is unknown stays unknown."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from headstart.optim import Optim
from headstart.training.history import KEPT, History

OPTIM = Optim.read({"lr": 1e-3, "batch_size": 4})


@given(st.integers(1, 500))
def test_few_steps_of_an_interval_are_kept(every: int) -> None:
    history = History(OPTIM, every, every)
    for step in range(1, every + 1):
        history.add(step, torch.tensor(float(step)), torch.tensor(2.0))
    rows = history.take()
    assert min(every, KEPT // 2) <= len(rows) <= KEPT
    assert all(row["loss"] == row["step"] and row["gradient_norm"] == 2 for row in rows)
    assert all(row["learning_rate"] == OPTIM.lr * OPTIM.factor(row["step"] - 1, every) for row in rows)
    assert history.take() == []


def test_without_clipping_no_norm_is_known() -> None:
    history = History(OPTIM, 1, 1)
    history.add(1, torch.tensor(0.5), None)
    (row,) = history.take()
    assert row["gradient_norm"] is None and row["loss"] == 0.5

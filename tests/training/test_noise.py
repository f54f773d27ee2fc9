"""The numbers of dropout: drawn whole on a processor, in every architecture, or by torch where asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.cells import ARCHITECTURES, CELLS, run_of
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from headstart.run import Run
from headstart.training.initialise import initialise
from headstart.training.noise import Noise, dropout_noise

FIRST = dict(reversed(CELLS))  # a kind of task of each architecture
NO_DROPOUT = {"Llama", "ModernBERT", "ResNet", "ViT"}  # as they are published
SEEDS = st.integers(min_value=0, max_value=2**63 - 1)


def noisy(seed: int, *sizes: int, rate: float = 0.1) -> list[torch.Tensor]:
    """Ones after one layer of dropout each."""
    with Noise(seed):
        return [functional.dropout(torch.ones(size), rate) for size in sizes]


@given(SEEDS, st.lists(st.integers(1, 500), min_size=2, max_size=4))
def test_the_numbers_of_a_layer_follow_from_the_seed_and_its_place(seed: int, sizes: list[int]) -> None:
    layers, again = noisy(seed, *sizes), noisy(seed, *(1 for _ in sizes[1:]), sizes[-1])
    assert torch.equal(layers[-1], again[-1])
    assert all(map(torch.equal, layers, noisy(seed, *sizes)))


def test_seeds_and_layers_are_independent() -> None:
    kept = torch.stack([*noisy(1, 10**5, 10**5), *noisy(2, 10**5)]).bool().float()
    assert torch.corrcoef(kept).fill_diagonal_(0).abs().max() < 5 / 10**2.5


@given(SEEDS, st.floats(min_value=0.02, max_value=0.98))
def test_the_share_that_is_kept_is_right_and_the_mean_stays(seed: int, rate: float) -> None:
    (layer,) = noisy(seed, 10**5, rate=rate)
    error = (rate * (1 - rate) / 10**5) ** 0.5 + 2**-17
    assert abs(float((layer == 0).float().mean()) - rate) < 6 * error
    assert float(layer.max()) == pytest.approx(1 / (1 - rate), rel=1e-3)


def test_nothing_is_dropped_in_evaluation_or_at_rate_nought_and_all_at_one() -> None:
    ones = torch.ones(1000)
    with Noise(0):
        assert functional.dropout(ones, 0.5, training=False) is ones
        assert functional.dropout(ones, 0.0) is ones
        assert functional.dropout(ones, 1.0).count_nonzero() == 0


def test_the_gradient_goes_where_the_values_went() -> None:
    values = torch.ones(1000, dtype=torch.bfloat16, requires_grad=True)
    with Noise(3):
        layer = functional.dropout(values, 0.3)
    layer.sum().backward()
    assert layer.dtype == torch.bfloat16 and values.grad is not None
    assert torch.equal(values.grad, layer.detach())


class Drawing(TorchDispatchMode):
    """The operations of torch that draw random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.names.add(str(func))
        return func(*args, **(kwargs or {}))


def drawn(run: Run) -> tuple[set[str], list[float]]:
    """The operations that draw random numbers in a training step; its loss with the seeds 1, 2 and 1."""
    prepared = run.prepare()
    model = initialise(run, prepared, 4).model.train()
    losses: list[float] = []
    with Drawing() as drawing:
        for seed in (1, 2, 1):
            batch = prepared.train.batch([0, 1, 2], np.random.default_rng(0))
            with dropout_noise(run, seed):
                losses.append(run.task.loss(model, batch).item())
    return drawing.names, losses


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_no_architecture_draws_with_torch(name: str) -> None:
    run = run_of(name, FIRST[name])
    assert run.optim.noise == "philox"  # of conf/optim/adamw.yaml
    names, losses = drawn(run)
    assert names == set()
    assert losses[0] == losses[2]
    assert (losses[0] != losses[1]) == (name not in NO_DROPOUT)


def test_torch_draws_where_it_is_asked_to() -> None:
    run = run_of("BERT", "one text")
    names, losses = drawn(run.model_copy(update={"optim": run.optim.model_copy(update={"noise": "torch"})}))
    assert names and losses[0] != losses[2]  # nobody seeded torch here

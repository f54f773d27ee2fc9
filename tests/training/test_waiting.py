"""Our part of an eager training step asks for no value of a tensor: on a GPU it would wait there, each step.

A processor never waits for itself, so what is held here is that none of our lines asks: no operation whose
result the host needs, and no call that copies to the host. Libraries are left out: transformers asks whether
a mask hides anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.contract.cells import run_of
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import headstart
from headstart.run import Run
from headstart.studies.run_folder import identify
from headstart.training.module import Learner
from headstart.training.train import train

OURS = (str(Path(headstart.__file__).parent), __file__)
TORCH = str(Path(torch.__file__).parent)
ASKING = {"_local_scalar_dense", "equal", "nonzero", "masked_select", "_unique2", "unique_dim"}
COPYING = (torch.Tensor.cpu, torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__)
CELLS = {
    "encoder": ("BERT", "one text"),
    "decoder": ("GPT-2", "causal"),
    "encoder-decoder": ("T5", "text to text"),
    "images": ("ViT", "images"),
}


def ours() -> bool:
    """Whether a line of ours, or torch for it, does what is done now."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(TORCH) or frame.f_code.co_name.startswith("__torch_"):
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(OURS)


class Operations(TorchDispatchMode):
    """Collects the operations whose result the host needs."""

    def __init__(self, found: set[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        chosen = args[1] if name in ("index", "index_put_") else ()  # a mask says only there how much is left
        masks = any(each is not None and each.dtype == torch.bool for each in chosen)
        if (name in ASKING or masks) and ours():
            self.found.add(name)
        return func(*args, **(kwargs or {}))


class Calls(TorchFunctionMode):
    """Collects the calls that copy a tensor to the host; on a processor they are no operation."""

    def __init__(self, found: set[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        given = [*args[1:], *(kwargs or {}).values()]
        to_host = func is torch.Tensor.to and "cpu" in [each for each in given if isinstance(each, str)]
        if (func in COPYING or to_host) and ours():
            self.found.add(func.__name__)
        return func(*args, **(kwargs or {}))


def asked(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What the training steps of this run asked for; at least one step is made."""
    found, steps = set[str](), list[str]()

    def watched(usual: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            steps.append(usual.__name__)
            with Calls(found), Operations(found):
                return usual(*args, **kwargs)

        return call

    for name in ("on_train_batch_start", "optimizer_step", "on_train_batch_end"):
        monkeypatch.setattr(Learner, name, watched(getattr(Learner, name)))
    train(run, folder, identify(run))
    assert steps.count("optimizer_step") == 4
    return found


def short(cell: str) -> Run:
    """A run of four steps."""
    run = run_of(*CELLS[cell])
    return run.model_copy(update={"budget": run.budget.model_copy(update={"steps": 4, "evaluations": 1})})


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_asks_for_no_value(cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(short(cell), tmp_path, monkeypatch) == set()


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (float, "_local_scalar_dense"),
        (bool, "_local_scalar_dense"),
        (torch.Tensor.tolist, "tolist"),
        (torch.Tensor.cpu, "cpu"),
        (lambda loss: loss.to("cpu"), "to"),
        (lambda loss: loss.repeat(3)[loss.repeat(3) > 0], "index"),
    ],
)
def test_a_step_that_asks_is_seen(
    ask: Callable[[torch.Tensor], Any], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Learner._add_loss

    def add(self: Learner, loss: torch.Tensor) -> None:
        ask(loss)
        usual(self, loss)

    monkeypatch.setattr(Learner, "_add_loss", add)
    assert expected in asked(short("encoder"), tmp_path, monkeypatch)

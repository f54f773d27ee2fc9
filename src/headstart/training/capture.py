"""Capture: whole training steps that CUDA replays as one graph, with the same bits as eager steps.

A small model keeps a GPU waiting: Python launches its thousands of kernels one by one. A CUDA graph holds all
kernels of a step (forward, backward, clipping, optimizer) for one shape of batch and launches them at once.
No graph is trusted. The first batch of a shape is trained eagerly and captured. The second one is trained
eagerly and, from the same state, by the graph: the graph makes the steps that follow only if loss, weights,
buffers and optimizer have equal bits. A value that the capture has frozen (a learning rate, a seed) has
changed by then, so it shows.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol

import torch

log = logging.getLogger(__name__)

Batch = dict[str, torch.Tensor]
Step = Callable[[Batch], torch.Tensor]  # a whole training step; its loss, ()

MOST = 64  # graphs of a run: each keeps its intermediate results in memory


class Graph(Protocol):
    """A captured step: `batch` is where its inputs are read, `loss` where its loss is written."""

    batch: Batch
    loss: torch.Tensor

    def __init__(self, step: Step, batch: Batch, pool: Any) -> None: ...
    def replay(self) -> None: ...


class CudaGraph:
    """A step captured by CUDA; capturing computes nothing."""

    def __init__(self, step: Step, batch: Batch, pool: Any) -> None:
        self.batch = {name: values.clone() for name, values in batch.items()}
        self._graph = torch.cuda.CUDAGraph()
        # `thread_local`: other threads, as the meter's, may use CUDA meanwhile. The outer `stream` restores
        # the current stream even when ending the capture fails.
        with (
            torch.cuda.stream(torch.cuda.current_stream()),
            torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"),
        ):
            self.loss = step(self.batch)

    def replay(self) -> None:
        self._graph.replay()


class Capture:
    """The captured steps of a run.

    `shapes` holds what the batch of every planned step looks like; one is captured if `least` more follow.
    `seed` sets the generators for the step at hand, `state` lists all tensors that a step changes.
    """

    def __init__(
        self,
        step: Step,
        state: Callable[[], Iterable[torch.Tensor]],
        seed: Callable[[], None],
        shapes: Sequence[Hashable],
        least: int,
        graph: type[Graph] = CudaGraph,
    ) -> None:
        self._step, self._state, self._seed, self._graph = step, state, seed, graph
        self._shapes, self._left, self._least = shapes, Counter(shapes), least
        self._graphs: dict[Hashable, Graph] = {}  # of the current stage
        self._exact: set[Graph] = set()  # those that gave the bits of an eager step
        self._key: Hashable = None
        self._stage: Hashable = None
        self._pool = torch.cuda.graph_pool_handle() if graph is CudaGraph else None
        self.replayed, self.seconds = 0, 0.0
        self.reason: str | None = None  # why no more steps are captured

    def covers(self, number: int, stage: Hashable, batch: Batch) -> bool:
        """Whether `step` shall make step `number`: there is a graph for its batch, or one pays.

        `stage` names the parameters that train. Its first step is eager: that makes the optimizer's state.
        """
        shape = self._shapes[number]
        self._left[shape] -= 1
        if stage != self._stage:
            self._stage = stage
            self._graphs.clear()
            return False
        self._key = tuple((name, values.shape, values.dtype) for name, values in batch.items())
        if self._key in self._graphs:
            return True
        pays = self._left[shape] >= self._least and len(self._graphs) < MOST
        return pays and self.reason is None

    def step(self, batch: Batch) -> torch.Tensor:
        """Make the step of the `batch` that was shown to `covers`, and return its loss, ()."""
        graph = self._graphs.get(self._key)
        if graph is None:
            return self._captured(batch)
        if graph not in self._exact:
            return self._checked(graph, batch)
        self.replayed += 1
        return _replay(graph, batch)

    def facts(self) -> dict[str, Any]:
        """For the record: captured graphs, replayed steps, seconds of capturing, and why it ended early."""
        return {
            "graphs": len(self._exact),
            "steps": self.replayed,
            "seconds": self.seconds,
            "reason": self.reason,
        }

    def _captured(self, batch: Batch) -> torch.Tensor:
        """Make this step eagerly and capture a graph for its shape, which computes nothing."""
        started = time.perf_counter()
        loss = self._step(batch).clone()
        try:
            self._graphs[self._key] = self._graph(self._step, batch, self._pool)
        except RuntimeError as error:
            self._refuse(f"a step cannot be captured ({str(error).splitlines()[0]})")
        self.seconds += time.perf_counter() - started
        return loss

    def _checked(self, graph: Graph, batch: Batch) -> torch.Tensor:
        """Make this step eagerly, then again with the graph: whether the bits are the same decides."""
        started = time.perf_counter()
        loss = None
        try:
            before = self._copy()
            loss = self._step(batch).clone()
            eager = self._copy()
        except torch.OutOfMemoryError:
            self._refuse("there is not enough memory to check a captured step")
            return self._step(batch) if loss is None else loss
        self._put(before)
        self._seed()
        replayed = (_replay(graph, batch), *self._state())
        if all(equal_bits(*pair) for pair in zip(replayed, (loss, *eager), strict=True)):
            self._exact.add(graph)
            self.replayed += 1
        else:
            self._refuse("a replayed step differs from the eager one")
            self._put(eager)
        self.seconds += time.perf_counter() - started
        return loss

    def _refuse(self, reason: str) -> None:
        self.reason = reason
        self._graphs.clear()
        self._exact.clear()
        log.warning("headstart: %s: the steps of this run are made eagerly, with the same result", reason)

    def _copy(self) -> list[torch.Tensor]:
        return [tensor.detach().clone() for tensor in self._state()]

    def _put(self, values: Sequence[torch.Tensor]) -> None:
        with torch.no_grad():
            for tensor, value in zip(self._state(), values, strict=True):
                tensor.copy_(value)


def _replay(graph: Graph, batch: Batch) -> torch.Tensor:
    """The loss of `batch`, (), after the graph made its step."""
    for name, values in batch.items():
        graph.batch[name].copy_(values, non_blocking=True)
    graph.replay()
    return graph.loss.clone()


def equal_bits(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two tensors hold the same bits: a NaN equals itself."""
    return torch.equal(
        *(tensor.detach().contiguous().flatten().view(torch.uint8) for tensor in (first, second))
    )

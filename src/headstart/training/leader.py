"""Leader: rank 0 of a run, which starts the processes of the other ranks and ends them.

They are not started again by Lightning from the command line, so a study may have any number of such runs.
The one that fails ends the run: rank 0 says which and why, and no process is left.
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any

import torch.distributed as dist

from headstart.errors import HeadstartError
from headstart.plugins import kept_code
from headstart.run import Run
from headstart.training import silence
from headstart.training.follower import Failure, Order, follow, join_group
from headstart.training.rank import Outputs, Rank, in_order

CLOSE = 2.0  # seconds between the ends of two ranks of which one ended the other


class RankError(Exception):
    """Another rank raised an exception; its traceback is a note."""


class Leader(Rank):
    """Rank 0 with the processes of the other ranks, which end with it; alone where there is one device."""

    def __init__(self, run: Run, folder: Path, run_id: str, resumed: bool) -> None:
        super().__init__(0, run.hardware.devices)
        self._run, self._place = run, (folder, run_id, resumed)
        self._others: dict[int, tuple[BaseProcess, Connection]] = {}
        self._meeting: tempfile.TemporaryDirectory[str] | None = None  # of the file by which the ranks meet
        self._store = ""
        self._ending = threading.Event()
        self.silence = silence.Silence(self._kill)

    def __enter__(self) -> Leader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self.silence.close()
        self._kill()
        for process, link in self._others.values():
            process.join()
            link.close()
        if self._meeting is not None:
            if dist.is_initialized():
                _end_group()
            self._meeting.cleanup()

    def start(self) -> None:
        """Start the other ranks, which load what this one loads meanwhile."""
        if self.size == 1:
            return
        self._meeting = tempfile.TemporaryDirectory(prefix="headstart-ranks-")
        self._store = str(Path(self._meeting.name, "store"))
        with _without_signals():
            for number in range(1, self.size):
                here, there = multiprocessing.Pipe(duplex=False)
                order = Order(self._run.config(), kept_code(), *self._place, number, self._store)
                # A new Python: a forked one could not use CUDA.
                process = multiprocessing.get_context("spawn").Process(
                    target=follow, args=(order, there), name=f"headstart rank {number}"
                )
                process.start()
                there.close()
                self._others[number] = process, here

    def meet(self) -> None:
        """Wait until all ranks are ready, and join them."""
        if self.size == 1:
            return
        for number in self._others:
            self._receive(number)
        join_group(self._run, self, self._store)
        if dist.get_backend() == "nccl":
            threading.Thread(target=self._watch, daemon=True, name="headstart-ranks").start()

    def gather(self, outputs: Outputs, batches: int) -> Outputs:
        return in_order([outputs, *map(self._receive, self._others)], batches)

    def cause(self, error: BaseException) -> BaseException:
        """What ended the run: where another rank ended, the operations of this one fail as well."""
        if self.silence.waited is not None:
            return self._silent(self.silence.waited)
        if self._others and isinstance(error, RuntimeError):
            wait([process.sentinel for process, _ in self._others.values()], CLOSE)
            for number in self._others:
                if (fault := self._fault(number)) is not None:
                    return fault
        return error

    def _receive(self, number: int) -> Any:
        """The next message of a rank; raises what ended it."""
        _, link = self._others[number]
        if not link.poll(silence.LEAST):
            raise self._silent(silence.LEAST)
        try:
            message = link.recv()
        except EOFError:
            raise self._fault(number) or RankError(f"rank {number} of {self.size} ended too early") from None
        if isinstance(message, Failure):
            raise self._error(number, message)
        return message

    def _fault(self, number: int) -> Exception | None:
        """Why a rank ended; None while it goes on, or did all that it had to do."""
        process, link = self._others[number]
        while link.poll():
            try:
                if isinstance(message := link.recv(), Failure):
                    return self._error(number, message)
            except EOFError:
                process.join(CLOSE)
                break
        if not (code := process.exitcode):
            return None
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        memory = ", as the system does when memory is full" if code == -signal.SIGKILL else ""
        return HeadstartError(
            f"rank {number} of {self.size} (process {process.pid}) {how}{memory}; "
            "the same command continues this run"
        )

    def _kill(self) -> None:
        for process, _ in self._others.values():
            process.kill()

    def _silent(self, seconds: float) -> HeadstartError:
        return HeadstartError(
            f"another of the {self.size} ranks did nothing for {seconds:.0f} s, so all were ended: "
            "look at the devices; the same command continues this run"
        )

    def _error(self, number: int, failure: Failure) -> Exception:
        error = RankError(f"rank {number} of {self.size}: {failure.kind}: {failure.message}".strip(": "))
        error.add_note(failure.traceback)
        return error

    def _watch(self) -> None:
        """NCCL waits for a rank that has ended; gloo does not. Ending the group ends the waiting."""
        left = {process.sentinel: process for process, _ in self._others.values()}
        while left:
            ended = [left.pop(sentinel) for sentinel in wait([*left])]  # pyright: ignore[reportArgumentType]
            if self._ending.is_set():
                return
            if any(process.exitcode for process in ended):
                _end_group()
                return


def _end_group() -> None:
    """Leave the other ranks, without waiting for those that have ended."""
    if dist.get_backend() == "nccl":
        dist.distributed_c10d._abort_process_group()  # pyright: ignore[reportPrivateUsage]
    else:
        dist.destroy_process_group()


@contextmanager
def _without_signals() -> Iterator[None]:
    """Processes that start within never get signals: Ctrl-C in a terminal is sent to all of them, and rank 0
    still has to write its record."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

"""Engines: start and stop the workers of a frozen study: processes of this machine, or an array on Slurm."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from headstart.config import Config, nearest
from headstart.errors import ConfigError, HeadstartError
from headstart.hardware import gpu_names, processors
from headstart.run import Run
from headstart.studies.config_search import ENGINES, config_folders
from headstart.studies.frozen import FrozenStudy, read_frozen
from headstart.studies.scheduler import check_devices, same_devices
from headstart.studies.status import WORKERS, mark_cancelled, status_of
from headstart.wandb_server import try_again

JOBS = "slurm-jobs"  # file of the numbers of the arrays that were submitted, one a line


class Local(Config):
    """Processes of this machine that live on when the shell ends."""

    kind: Literal["local"]
    workers: int | None = Field(default=None, ge=1)
    threads: int | None = Field(default=None, ge=1)

    def check(self, runs: Sequence[Run]) -> None:
        """ConfigError when a worker cannot have the devices of a run."""
        check_devices(runs)

    def start(self, folder: Path, study: FrozenStudy) -> list[str]:
        """Start the workers; returns what was started, one line each."""
        hardware = [run.config["hardware"] for run in study.runs.values()]
        size = max(settings.get("devices", 1) for settings in hardware)
        names = gpu_names() if any(settings["accelerator"] != "cpu" for settings in hardware) else []
        gpus = [
            ",".join(names[at : at + size]) for at in range(0, len(names) - size + 1, size)
        ]  # of a worker
        number = self.workers or len(gpus) or 1
        threads = self.threads or max(1, (processors() // number))
        started: list[str] = []
        for index in range(number):
            log = _free(folder / WORKERS)
            more = {"OMP_NUM_THREADS": str(threads), "PYTHONUNBUFFERED": "1"}
            if gpus:
                more["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
            with log.open("ab") as file:
                process = subprocess.Popen(  # noqa: S603 - this Python
                    _command(folder, study),
                    stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                    env=os.environ | more, start_new_session=True,
                )  # fmt: skip
            gpu = f", GPU {more['CUDA_VISIBLE_DEVICES']}" if gpus else ""
            started.append(f"process {process.pid} ({threads} threads{gpu}): {log}")
        return started


class Slurm(Config):
    """An array of workers, put into Slurm's queue again on preemption and at the time limit."""

    kind: Literal["slurm"]
    workers: int = Field(default=4, ge=1)
    time: str | None = None
    grace: int = Field(default=120, ge=10)
    cpus: int = Field(default=1, ge=1)
    memory: str | None = None
    gpus: int = Field(default=0, ge=0)
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    options: tuple[str, ...] = Field(default=(), strict=False)
    setup: tuple[str, ...] = Field(default=(), strict=False)

    def check(self, runs: Sequence[Run]) -> None:
        """ConfigError when a worker does not get the devices of a run."""
        devices = same_devices(runs)
        if 0 < self.gpus < devices:
            raise ConfigError(
                f"engine.gpus={self.gpus}: a run has hardware.devices={devices}; use engine.gpus={devices}"
            )

    def start(self, folder: Path, study: FrozenStudy) -> list[str]:
        """Submit the array; returns its number in one line."""
        if shutil.which("sbatch") is None:
            raise ConfigError("on=slurm: this machine has no sbatch; submit from a login node, or on=local")
        script = folder / WORKERS / "slurm.sh"
        script.write_text(self.script(folder, study), "utf8")
        ended = subprocess.run(  # noqa: S603
            ["sbatch", "--parsable", str(script)],  # noqa: S607
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if ended.returncode:
            raise HeadstartError(f"sbatch refused {script}: {' '.join(ended.stderr.split())}")
        job = ended.stdout.strip().partition(";")[0]
        with (folder / WORKERS / JOBS).open("a", encoding="utf8") as file:
            file.write(f"{job}\n")
        return [f"Slurm job {job}, {self.workers} workers: {folder / WORKERS}/slurm-{job}_*.log"]

    def script(self, folder: Path, study: FrozenStudy) -> str:
        """The job: the worker gets a signal before the time limit, and the job goes back to the queue."""
        wanted = {
            "job-name": f"headstart-{folder.name}",
            "array": f"0-{self.workers - 1}",
            "output": f"{folder / WORKERS}/slurm-%A_%a.log",
            "open-mode": "append",
            "signal": f"B:USR1@{self.grace}",
            "nodes": 1,
            "ntasks": 1,
            "cpus-per-task": self.cpus,
            "time": self.time,
            "mem": self.memory,
            "gpus-per-node": self.gpus or None,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
        }
        options = [f"--{name}={value}" for name, value in wanted.items() if value is not None]
        lines = [f"#SBATCH {option}" for option in ("--requeue", *options, *self.options)]
        return "\n".join([
            "#!/bin/bash",
            *lines,
            f"export OMP_NUM_THREADS={self.cpus} PYTHONUNBUFFERED=1",
            *self.setup,
            "again() {",
            '  kill -TERM "$worker" 2>/dev/null; wait "$worker"',
            '  scontrol requeue "$SLURM_JOB_ID"; exit 0',
            "}",
            "trap again USR1",
            f"{shlex.join(_command(folder, study))} &",
            "worker=$!",
            'wait "$worker"',
            "",
        ])  # fmt: skip


Engine = Local | Slurm


def start_workers(engine: Engine, folder: Path, study: FrozenStudy) -> list[str]:
    """Start the workers of a study; returns what was started, one line each."""
    try_again(folder)
    (folder / WORKERS).mkdir(parents=True, exist_ok=True)
    return engine.start(folder, study)


def engine_of(words: Sequence[str]) -> Engine:
    """The engine of `on=NAME engine.setting=value ...`; without `on`, local."""
    settings = dict(word.split("=", 1) for word in words)
    name = settings.pop("on", "local")
    files = {path.stem: path for folder in config_folders() for path in folder.glob(f"{ENGINES}/*.yaml")}
    if name not in files:
        raise ConfigError(f"on={name}: no such engine; {nearest(name, files)}")
    content: dict[str, Any] = yaml.safe_load(files[name].read_text("utf8")) or {}
    for key, value in settings.items():
        setting = key.removeprefix(f"{ENGINES}.")
        if setting not in content:
            raise ConfigError(f"{key}: {name} has no such setting; {nearest(setting, content)}")
        content[setting] = (
            value if re.match(r"[\d-]+:", value) else yaml.safe_load(value)
        )  # 10:00:00 is a text
    kinds = {"local": Local, "slurm": Slurm}
    if content.get("kind") not in kinds:
        raise ConfigError(f"{files[name]}: kind: is {content.get('kind')!r}; known: {', '.join(kinds)}")
    try:
        return kinds[content["kind"]].read(content)
    except ConfigError as error:
        raise ConfigError(f"{ENGINES}.{line}" for line in error.lines) from None


def is_of_engine(word: str) -> bool:
    """Is the word of a command about the engine and not about the study?"""
    return re.match(rf"(on|{ENGINES}\.\w+)=", word) is not None


def _command(folder: Path, study: FrozenStudy) -> list[str]:
    """What a worker runs; who submits a study has asked for the code of its models."""
    trust = ["--trust-remote-code"] if study.with_code() else []
    return [sys.executable, "-m", "headstart", "work", str(folder), *trust]


def _free(folder: Path) -> Path:
    """A log that no other worker has, created."""
    number = 1
    while True:
        log = folder / f"worker-{number}.log"
        try:
            log.touch(exist_ok=False)
            return log
        except FileExistsError:
            number += 1


def cancel(folder: Path) -> Iterator[str]:
    """Stop all workers; yields what was done, one line each."""
    read_frozen(folder)  # so that a wrong folder is named
    mark_cancelled(folder)
    numbers = folder / WORKERS / JOBS
    jobs = numbers.read_text("utf8").split() if numbers.exists() else []
    if jobs and shutil.which("scancel"):
        subprocess.run(["scancel", *jobs], capture_output=True, check=False)  # noqa: S603, S607
        yield f"Slurm jobs {', '.join(jobs)} are cancelled"
    elif jobs:
        yield f"this machine has no scancel: on a login node, type scancel {' '.join(jobs)}"
    workers = status_of(folder).workers
    for worker in workers:
        if worker.here:
            os.kill(worker.pid, signal.SIGTERM)
            yield f"process {worker.pid} on this machine: writes its record and ends"
        else:
            yield f"process {worker.pid} on {worker.host}: ends after the pair that it trains now"
    if not workers and not jobs:
        yield f"{folder}: no worker is alive"

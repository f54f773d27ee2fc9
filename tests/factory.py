"""Synthetic studies: run folders as the trainer leaves them, with a gain planted in the predictions.

A test example has a difficulty that all runs share; a run has the skill of its arm and the luck of its seed.
The model is right where skill + luck - difficulty + noise > 0, so predictions correlate as real ones do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from headstart.metrics import higher_is_better
from headstart.randomness import stream
from headstart.records.curve import append_point
from headstart.records.fingerprint import digest, fingerprint
from headstart.records.predictions import read_predictions, write_predictions
from headstart.records.record import SCHEMA, Record
from headstart.records.sections import Section
from headstart.records.store import write_record
from headstart.records.whole_file import file_digest

SKILL = {"scratch": -0.9, "pretrained": 0.4}  # in probit units; other arms as their kind below
CLASSES = ("numpy", "pandas", "python", "scipy", "sklearn", "torch")
FLOPS_PER_STEP, SAMPLES_PER_STEP, TOKENS_PER_SAMPLE = 3_000_000_000, 16, 48
PARAMETERS, HEAD = 22_700_000, 2_310


@dataclass(frozen=True)
class Family:
    """A family of task that is not one class per row: how a run of it answers, and what that scores.

    `answers` takes the run's skill (probit units), its own generator and the number of examples, and gives
    `labels`, `predictions`, `statistics`, and `texts` where they matter. `scores` is an independent check.
    """

    kind: str
    metrics: tuple[str, ...]  # headline first
    answers: Callable[[float, np.random.Generator, int], dict[str, Any]]
    scores: Callable[[Mapping[str, Any]], dict[str, float]]


def make_study(
    folder: Path,
    arms: Sequence[str] = ("scratch", "pretrained"),
    seeds: Sequence[int] = range(3),
    *,
    study: str = "synthetic",
    rows: Sequence[int] = (512,),
    skill: Mapping[str, float] | None = None,
    seed_sd: float = 0.1,
    examples: int = 300,
    classes: Sequence[str] = CLASSES,
    evaluations: int = 8,
    energy: str = "estimated",
    twins: bool = False,
    status: Mapping[tuple[str, int], str] | None = None,
    predictions: bool = True,
    curve: bool = True,
    margin: float = 0.01,
    family: Family | None = None,
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write one run folder per arm, seed and number of rows, and return `folder`.

    An arm whose name starts with `pretrained` pours a checkpoint. `twins` gives arms of one kind the same
    luck and noise, as a deterministic machine does. `status` names runs that did not finish. `energy` is
    estimated, measured or none. `family` is what the runs answer, one class per row without it. `change` may
    alter a record before it is fingerprinted and written.
    """
    skills = {**{arm: SKILL[_kind(arm)] for arm in arms}, **(skill or {})}
    for size in rows:
        for arm in arms:
            for seed in seeds:
                record = make_record(
                    arm, seed, arms=arms, study=study, rows=size, classes=classes, examples=examples,
                    energy=energy, margin=margin, steps=evaluations * 16,
                )  # fmt: skip
                record["status"] = (status or {}).get((arm, seed), "finished")
                grown = skills[arm] + 0.5 * np.log2(size / 512)
                luck = _generator("luck", _kind(arm) if twins else arm, seed, size)
                grown += seed_sd * luck.standard_normal()
                if family:
                    answers = _answers_of(family, grown, luck, examples)
                    _rename(record, family)
                else:
                    answers = _answers(grown, luck, examples, classes)
                _fill(record, answers, family.scores if family else _scores, change)
                _write(folder / f"{arm}-{size}-{seed}", record, answers, evaluations, predictions, curve)
    return folder


def make_record(arm: str, seed: int, *, arms: Sequence[str], study: str = "synthetic", rows: int = 512,
                classes: Sequence[str] = CLASSES, examples: int = 300, energy: str = "estimated",
                margin: float = 0.01, steps: int = 128) -> dict[str, Any]:  # fmt: skip
    """A record that is valid against the schema, scores and fingerprints still to be filled in."""
    poured = _kind(arm) == "pretrained"
    return {
        "schema": SCHEMA,
        "run_id": "0" * 16,
        "pair_id": "0" * 16,
        "fingerprint": {"version": 1, "defaults": {}, "config": "0" * 16},
        "study": study,
        "arm": arm,
        "seed": seed,
        "status": "finished",
        "scores": {"validation": None, "test": None, "reason": None, "predictions": None},
        "cost": _cost(arm, seed, steps, examples, energy),
        "init": _init(seed, poured),
        "data": _data(seed, rows, classes, examples),
        "environment": _environment(),
        "config": _config(arm, arms, seed, study, rows, margin),
        "argv": ["headstart", f"study={study}", f"study.name={study}"],
    }


def _kind(arm: str) -> str:
    return "pretrained" if arm.startswith("pretrained") else "scratch"


def _generator(*names: object) -> np.random.Generator:
    return np.random.default_rng(int(digest([str(name) for name in names]), 16))


def _hex(*names: object) -> str:
    return hashlib.sha256(repr(names).encode()).hexdigest()[:16]


def _answers(
    skill: float, luck: np.random.Generator, examples: int, classes: Sequence[str]
) -> dict[str, Any]:
    """Predictions of one run: `right` follows the latent margin, errors go mostly to the next class."""
    shared = _generator("test set", examples, len(classes))
    labels = shared.integers(len(classes), size=examples)
    latent = skill - shared.standard_normal(examples) + 0.7 * luck.standard_normal(examples)
    shift = np.where(luck.random(examples) < 0.6, 1, luck.integers(1, len(classes), size=examples))
    predictions = np.where(latent > 0, labels, (labels + shift) % len(classes))
    scores = 1 / (1 + np.exp(-(2 * latent + np.log(1.2))))
    names = np.array(classes)
    return {
        **_rows(examples),
        "labels": names[labels].tolist(),
        "predictions": names[predictions].tolist(),
        "statistics": {"score": scores.astype(np.float32)},
    }


def _answers_of(family: Family, skill: float, luck: np.random.Generator, examples: int) -> dict[str, Any]:
    return {**_rows(examples), **family.answers(skill, luck, examples)}


def _rows(examples: int) -> dict[str, list[str]]:
    return {
        "ids": [f"test-{i:05d}" for i in range(examples)],
        "texts": [f"Return the {i}th element of a made-up array, or None." for i in range(examples)],
    }


def _rename(record: dict[str, Any], family: Family) -> None:
    """The record says which family it is of, and has no classes."""
    names = {"kind": family.kind, "name": family.kind, "headline": family.metrics[0]}
    record["config"]["task"] |= {**names, "metrics": list(family.metrics)}
    record["data"]["classes"] = []


def _fill(
    record: dict[str, Any], answers: Mapping[str, Any], scores: Callable, change: Callable | None
) -> None:
    """Scores of the answers (none for a run that did not finish), the change, then the fingerprints."""
    if record["status"] == "finished":
        test = scores(answers)
        record["scores"]["test"] = test
        better = {"accuracy": min(1.0, test["accuracy"] + 0.005)} if "accuracy" in test else {}
        record["scores"]["validation"] = {**test, **better}
    else:
        record["scores"]["reason"] = f"{record['status']} at step 17"
    if change:
        change(record)
    _add_up(record["cost"])
    name(record)


def _add_up(cost: dict[str, Any]) -> None:
    """Totals are those of their phases, whatever a change did to one of these."""
    for phases in (cost["flops"], cost["seconds"], cost["energy"]["joules"]):
        if phases is not None:
            phases["total"] = sum(v for phase, v in phases.items() if phase not in ("total", "lower_bound"))


def altered(record: Record, **changes: Any) -> Record:
    """A record that was read, with other fields; of a section, a mapping of what is different in it."""
    for name, value in changes.items():
        section = getattr(record, name)
        if isinstance(section, Section):
            changes[name] = section.model_validate({**section.model_dump(exclude_unset=True), **value})
    return record.model_copy(update=changes)


def name(record: dict[str, Any]) -> None:
    """Fingerprint a record by what it says now."""
    checkpoint = record["init"]["checkpoint"]
    weights = checkpoint and checkpoint["sha256"]
    built_from = record["init"]["built_from"]
    names = fingerprint(record["config"], record["data"]["source"], built_from, weights, version=1)
    record["fingerprint"] = names.section()
    record["pair_id"], record["run_id"] = names.pair_id, names.run_id


def _scores(answers: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of the demo."""
    loss = -np.log(np.clip(np.array(answers["statistics"]["score"], dtype=np.float64), 1e-12, 1))
    agreement = _agreement(tuple(answers["labels"]), tuple(answers["predictions"]))
    return {**agreement, "log_loss": float(loss.mean())}


@cache  # many tests have the same runs
def _agreement(labels: Sequence[str], predictions: Sequence[str]) -> dict[str, float]:
    """From scikit-learn: an independent check of our own metrics."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    return {
        "accuracy": float(accuracy_score(labels, predictions)),
        "macro_f1": float(f1_score(labels, predictions, average="macro")),
        "matthews": float(matthews_corrcoef(labels, predictions)),
    }


def write_run(folder: Path, record: dict[str, Any], evaluations: int = 4) -> None:
    """Name and write a record that has its scores, with a curve that leads to them and no predictions."""
    name(record)
    _write(folder, record, {}, evaluations, predictions=False, curve=True)


def _write(folder: Path, record: dict[str, Any], answers: Mapping[str, Any], evaluations: int,
           predictions: bool, curve: bool) -> None:  # fmt: skip
    finished = record["status"] == "finished"
    if curve:
        for point in _points(record, evaluations if finished else max(1, evaluations // 2)):
            append_point(folder / "curve.jsonl", point)
    if predictions and finished:
        write_predictions(folder, **answers)
        record["scores"]["predictions"] = file_digest(folder / "predictions.parquet")
    write_record(folder, record)


def edit_record(folder: Path, alter: Callable[[dict[str, Any]], object]) -> None:
    """Alter a record that is written, and fingerprint it anew."""
    record = json.loads((folder / "record.json").read_text("utf8"))
    alter(record)
    name(record)
    write_record(folder, record)


def edit_predictions(folder: Path, alter: Callable[[dict[str, Any]], object], stamp: bool = True) -> None:
    """Alter the columns of a run's predictions; with `stamp`, its record names the new file."""
    found = read_predictions(folder / "predictions.parquet")
    columns = {**asdict(found), "statistics": dict(found.statistics)}
    alter(columns)
    write_predictions(folder, **columns)
    if stamp:
        digest = file_digest(folder / "predictions.parquet")
        edit_record(folder, lambda record: record["scores"].update(predictions=digest))


def _points(record: Mapping[str, Any], evaluations: int) -> list[dict[str, Any]]:
    """An exponential approach from chance to the final validation scores."""
    cost, steps = record["cost"], record["cost"]["steps"]
    final = record["scores"]["validation"] or {"accuracy": 0.2, "log_loss": 1.7}
    chance = {"accuracy": 1 / 6, "macro_f1": 0.05, "matthews": 0.0, "log_loss": 1.8}
    start = {n: chance.get(n, value * (0.3 if higher_is_better(n) else 2.0)) for n, value in final.items()}
    loss = next((name for name in ("log_loss", "token_loss", "mse") if name in final), "loss")
    energy = cost["energy"]["joules"]
    points: list[dict[str, Any]] = []
    for number in range(evaluations + 1):
        part = number / evaluations
        grown = (1 - np.exp(-4 * part)) / (1 - np.exp(-4))
        metrics = {n: value + (1 - grown) * (start[n] - value) for n, value in final.items()}
        told = metrics.get(loss, 1.0)
        points.append({
            "step": round(steps * part),
            "samples": round(steps * part) * SAMPLES_PER_STEP,
            "tokens": round(cost["tokens"]["train"]["real"] * part),
            "tokens_padded": round(cost["tokens"]["train"]["padded"] * part),
            "flops": round(cost["flops"]["train"] * part),
            "seconds": cost["seconds"]["train"] * part,
            "joules": energy["train"] * part if energy else None,
            "train_loss": None if number == 0 else told + 0.02,
            "validation": {"loss": told, **metrics},
        })  # fmt: skip
    return points


def _cost(arm: str, seed: int, steps: int, examples: int, energy: str) -> dict[str, Any]:
    """Costs: the same FLOPs in every arm, seconds that wobble with the run."""
    samples = {"train": steps * SAMPLES_PER_STEP, "eval": 9 * 200, "test": examples}
    flops = {"train": steps * FLOPS_PER_STEP, "eval": 9 * FLOPS_PER_STEP, "test": FLOPS_PER_STEP}
    wobble = _generator("seconds", arm, seed).normal(1.0, 0.02)
    seconds = {"prepare": 2.0, "count": 0.4, "train": 20.0 * wobble, "eval": 3.0, "test": 1.0, "other": 0.5}
    tokens = {k: {"real": n * TOKENS_PER_SAMPLE, "padded": n * 56} for k, n in samples.items()}
    return {
        "flops": {**flops, "total": sum(flops.values()), "lower_bound": []},
        "tokens": tokens,
        "samples": samples,
        "steps": steps,
        "seconds": {**seconds, "total": sum(seconds.values())},
        "samples_per_second": samples["train"] / seconds["train"],
        "parameters": {"all": PARAMETERS + HEAD, "trainable": PARAMETERS + HEAD},
        "peak_memory_bytes": {"host": 1_400_000_000, "device": None},
        "energy": _energy(energy, seconds),
    }


def _energy(method: str, seconds: Mapping[str, float]) -> dict[str, Any]:
    if method == "none":
        return {"method": "none", "backend": None, "boundary": None, "exclusive": None, "joules": None,
                "devices": None, "reason": "no energy counter on this machine"}  # fmt: skip
    joules = {phase: 28.0 * value for phase, value in seconds.items()}
    total = sum(joules.values())
    backend, boundary = ("codecarbon", "cpu+ram") if method == "estimated" else ("rapl", "cpu package + dram")
    return {"method": method, "backend": backend, "boundary": boundary, "exclusive": True,
            "joules": {**joules, "total": total}, "devices": {"cpu": total}, "reason": None}  # fmt: skip


def _init(seed: int, poured: bool) -> dict[str, Any]:
    body = [f"backbone.layer.{i}.{part}.weight" for i in range(6) for part in ("attention", "mlp")]
    norms = [f"backbone.layer.{i}.norm.bias" for i in range(6)]
    head = ["classifier.weight", "classifier.bias"]
    delivered = {**{n: _hex("published", n) for n in body}, **{n: _hex("zeros") for n in norms}}
    fresh = {**{name: _hex(seed, name) for name in body}, **{name: _hex("zeros") for name in norms}}
    heads = {"classifier.weight": _hex(seed, "head"), "classifier.bias": _hex("zeros 6")}
    checkpoint = {"source": "demo/minilm", "sha256": _hex("minilm") * 4, "tensors": delivered}
    checkpoint |= {"dtypes": {"F32": len(delivered)}}
    return {
        "streams": {name: stream(seed, name) for name in ("weights", "order", "noise")} | {"subset": 0},
        "seeded": {**fresh, **heads},
        "changed": {name: delivered[name] for name in body} if poured else {},
        "constant": [*norms, "classifier.bias"],
        "checkpoint": checkpoint if poured else None,
        "loaded": {"tensors": len(delivered) * poured, "parameters": PARAMETERS * poured},
        "newly_initialised": {"tensors": 2, "parameters": HEAD, "names": head}
        if poured
        else {"tensors": len(fresh) + 2, "parameters": PARAMETERS + HEAD, "names": [*fresh, *head]},
        "added": {"tensors": 0, "parameters": 0},
        "head": _hex(seed, "head"),
        "architecture": _hex("6 x 384"),
        "built_from": {"config.json": _hex("config"), "tokenizer/tokenizer.json": _hex("wordpiece")},
        "dtypes": {"float32": PARAMETERS + HEAD},
        "not_float32": {},
    }


def _data(seed: int, rows: int, classes: Sequence[str], examples: int) -> dict[str, Any]:
    return {
        "source": _hex("docs"),
        "rows": {
            "train": _hex("train", rows),
            "validation": _hex("validation"),
            "test": _hex("test", examples),
        },
        "counts": {"train": rows, "available": 6000, "validation": 200, "test": examples},
        "classes": list(classes),
        "tokenizer": _hex("wordpiece"),
        "truncated": {"train": 31, "validation": 12, "test": 20},
        "special_tokens": {"train": 0, "validation": 0, "test": 0},
        "max_length": 128,
        "order": _hex("order", seed, rows),
        "notes": ["43 rows were dropped: empty after masking"],
    }


def _environment() -> dict[str, Any]:
    return {
        "python": "3.11.9", "platform": "Linux-6.1-x86_64", "machine": "0a1b2c3d4e5f6071", "cpu": "a CPU",
        "threads": 2, "device": "cpu", "precision": "bf16", "versions": {"torch": "2.13.0", "numpy": "2.3.0"},
        "code": {"version": "0.1.0", "digest": "c" * 16, "commit": "0" * 40, "dirty": False},
        "started": "2026-01-05T10:00:00+00:00", "finished": "2026-01-05T10:00:27+00:00",
    }  # fmt: skip


def _config(arm: str, arms: Sequence[str], seed: int, study: str, rows: int, margin: float) -> dict[str, Any]:
    return {
        "seed": seed,
        "precision": "bf16",
        "task": {
            "kind": "text_classification", "name": "docs_library", "text": "text", "pair": None,
            "label": "library", "docs": {"libraries": list(CLASSES)}, "files": None, "hub": None,
            "metrics": ["accuracy", "macro_f1", "matthews", "log_loss"], "headline": "accuracy",
        },
        "model": {"name": "sentence-transformers/all-MiniLM-L6-v2", "folder": None, "distribution": "demo"},
        "arm": {"kind": _kind(arm), "name": arm},
        "size": {"kind": "rows", "rows": rows, "seed": 0},
        "optim": {"lr": 3e-4, "weight_decay": 0.01, "warmup": 0.1},
        "budget": {"epochs": 4, "steps": None, "evaluations": 8, "keep": "last"},
        "hardware": {"device": "cpu", "threads": 2},
        "meter": {"energy": "auto"},
        "tracker": {"kind": "none"},
        "study": {"name": study, "question": "What do pretrained weights buy on this task?",
                  "baseline": arms[0], "margin": margin, "scale": ""},
        "runs": "runs",
        "keep_weights": False,
    }  # fmt: skip

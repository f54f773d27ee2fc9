"""Finished: the folder that a command of many runs would leave, written without training.

The records have the names of the command's own runs, so plan, status and report take them for what they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tests import factory

from headstart.records.environment import machine
from headstart.records.predictions import PREDICTIONS, write_predictions
from headstart.records.store import sealed
from headstart.records.whole_file import file_digest
from headstart.studies.compose import plan_study
from headstart.studies.frozen import freeze
from headstart.studies.run_folder import identify
from headstart.studies.sweep_points import SweepPoint

VARIANTS = 16  # different answers per arm, so that seeds differ


def finish(words: Sequence[str], examples: int = 100, evaluations: int = 4) -> Path:
    """Freeze the study of this command and write its runs as finished ones; returns its folder."""
    points = plan_study(words).points
    freeze(points, words)
    answers = {arm: _answers(arm, examples) for arm in {point.run.arm.name for point in points}}
    for number, point in enumerate(points):
        scores, predictions = answers[point.run.arm.name][number // len(answers) % VARIANTS]
        _write(point, scores, predictions, evaluations, examples)
    return points[0].run.study_folder


def _answers(arm: str, examples: int) -> list[tuple[dict[str, float], bytes]]:
    """Scores and the file of predictions of each variant."""
    made: list[tuple[dict[str, float], bytes]] = []
    with TemporaryDirectory() as folder:
        for variant in range(VARIANTS):
            luck = np.random.default_rng([variant, len(arm)])
            skill = factory.SKILL.get(arm, 0.0) + 0.1 * luck.standard_normal()
            answers = factory._answers(skill, luck, examples, factory.CLASSES)
            write_predictions(Path(folder), **answers)
            made.append((factory._scores(answers), Path(folder, PREDICTIONS).read_bytes()))
    return made


def _write(
    point: SweepPoint, scores: dict[str, float], predictions: bytes, evaluations: int, examples: int
) -> None:
    run, names = point.run, identify(point.run)
    folder = run.study_folder / f"{run.arm.name}-seed{run.seed}-{names.run_id[:8]}"
    folder.mkdir(parents=True)
    record = factory.make_record(
        run.arm.name, run.seed, arms=["scratch", "pretrained"], study=run.study.name, steps=16 * evaluations,
        examples=examples,
    )  # fmt: skip
    record |= {"config": run.config(), "run_id": names.run_id, "pair_id": names.pair_id}
    record["fingerprint"] = names.section()
    record["scores"] |= {"test": scores, "validation": scores}
    record["data"]["source"] = run.task.source.digest()
    record["init"]["built_from"] = run.model.built_from()
    if record["init"]["checkpoint"]:
        record["init"]["checkpoint"]["sha256"] = run.arm.weights_digest(run.model, False)
    record["environment"] |= {"machine": machine(), "precision": run.precision}
    factory._add_up(record["cost"])
    folder.joinpath(PREDICTIONS).write_bytes(predictions)
    record["scores"]["predictions"] = file_digest(folder / PREDICTIONS)
    lines = "".join(f"{json.dumps(point)}\n" for point in factory._points(record, evaluations))
    folder.joinpath("curve.jsonl").write_text(lines, "utf8")
    record["curve_digest"] = file_digest(folder / "curve.jsonl")
    folder.joinpath("record.json").write_text(json.dumps(sealed(record), indent=1) + "\n", "utf8")

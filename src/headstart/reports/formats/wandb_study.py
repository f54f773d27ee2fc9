"""The W&B run of a study: its gains and pairs, their difference along training, report and records."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compare.findings import Comparison, Findings
from headstart.compare.statistics.bootstrap import student_interval
from headstart.metrics import orient
from headstart.records.curve import CURVE, read_curve
from headstart.records.fingerprint import digest
from headstart.records.record import RECORD
from headstart.reports.build import Built
from headstart.wandb_server import begin, no_server, off, unusable, without_malformed

log = logging.getLogger(__name__)
JOB = "study"  # its job_type; those of runs are arms
STEP = "trainer/global_step"
PAIRS = ("condition", "arm", "baseline", "seed", "baseline_score", "arm_score", "gain", "pair_id")
GAINS = ("condition", "arm", "baseline", "metric", "gain", "low", "high", "level", "pairs", "verdict")


def log_study(built: Built, folder: Path) -> None:
    """Log the study as its runs were logged: nowhere, offline, or online; a failure of W&B is a warning."""
    findings = built.findings
    tracker = findings.config.get("tracker") or {"mode": "none"}  # imported results have none
    if tracker["mode"] == "none" or off():
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        with without_malformed() as malformed:
            online = tracker["mode"] == "online" and not (malformed or unusable(folder) or no_server())
            _log(built, folder, tracker, "online" if online else "offline")
    except Exception as error:  # noqa: BLE001 a mirror must not take the study down
        reason = " ".join(str(error).split()) or type(error).__name__
        log.warning("headstart: W&B did not take the run of the study (%s): its report is whole", reason)


def _log(built: Built, folder: Path, tracker: dict[str, Any], mode: Any) -> None:
    import wandb

    findings, study = built.findings, folder.resolve()
    run_id = digest({"study": findings.study, "job": JOB})
    with begin(
        study, run_id, mode, tracker["finish_timeout"],
        project=tracker["project"], entity=tracker["entity"], name=f"{findings.study}: pairs",
        group=findings.study, job_type=JOB, tags=[findings.task, JOB], notes=findings.question or None,
        config={"study": findings.study, "runs": findings.fingerprint},
    ) as run:  # fmt: skip
        run.define_metric(STEP)
        run.define_metric("difference/*", step_metric=STEP)
        for item in findings.comparisons:
            for row in differences(item, study):
                run.log(row)
        for name, columns, rows in (
            ("pairs", PAIRS, pair_rows(findings)),
            ("gains", GAINS, gain_rows(findings)),
        ):
            run.log({name: wandb.Table(columns=list(columns), data=rows)})
        run.log({"report": wandb.Html(built.html.read_text("utf8"), inject=False)})
        run.summary.update(_summary(findings))
        artifact = wandb.Artifact(f"study-{findings.study}", type=JOB, description=findings.sentence)
        artifact.add_file(str(built.html), name=built.html.name)
        for record in sorted(study.glob(f"*/{RECORD}")):
            artifact.add_file(str(record), name=f"{record.parent.name}/{RECORD}")
        run.log_artifact(artifact)


def differences(item: Comparison, study: Path) -> Iterator[dict[str, float]]:
    """A row per step that all pairs were evaluated at: the mean of the arm's advantage on validation rows and
    the ends of its 95 % t interval over pairs; none for one pair."""
    sign = orient(item.headline)
    curves = [
        [_validation(study / name, item.headline) for name in (pair.baseline_folder, pair.arm_folder)]
        for pair in item.pairs
    ]
    steps = set.intersection(*(set(curve) for pair in curves for curve in pair)) if curves else set[int]()
    for step in sorted(steps):
        gains = np.array([sign * (arm[step] - baseline[step]) for baseline, arm in curves])
        row = {STEP: step, _key("difference", item): float(gains.mean())}
        if interval := student_interval(gains):
            row |= {f"{_key('difference', item)}/{end}": getattr(interval, end) for end in ("low", "high")}
        yield row


def pair_rows(findings: Findings) -> list[Any]:
    """PAIRS of every pair that was compared."""
    return [
        [{**asdict(pair), **_place(item)}[name] for name in PAIRS]
        for item in findings.comparisons
        for pair in item.pairs
    ]


def gain_rows(findings: Findings) -> list[Any]:
    """GAINS of every comparison and metric; the ends are None where there is no interval."""
    unknown = dict.fromkeys(("low", "high", "level"))
    rows = [
        {**asdict(gain), **(asdict(gain)["interval"] or unknown), **_place(item)}
        for item in findings.comparisons
        for gain in item.gains.values()
    ]
    return [[row[name] for name in GAINS] for row in rows]


def _summary(findings: Findings) -> dict[str, Any]:
    """The gain on the headline metric of every comparison, and the answer."""
    values: dict[str, Any] = {"answer": findings.sentence}
    for item in findings.comparisons:
        if gain := item.gain:
            ends = {end: getattr(gain.interval, end) for end in ("low", "high")} if gain.interval else {}
            named = {"gain": gain.gain, **ends, "verdict": gain.verdict, "pairs": gain.pairs}
            values |= {f"{_key('gain', item)}/{name}": value for name, value in named.items()}
    return values


def _place(item: Comparison) -> dict[str, str]:
    return {"condition": item.condition.name, "arm": item.arm, "baseline": item.baseline}


def _key(kind: str, item: Comparison) -> str:
    return "/".join(part for part in (kind, item.arm, item.condition.name) if part)


def _validation(folder: Path, metric: str) -> dict[int, float]:
    """The validation score by step, where it is known."""
    scores = {point["step"]: point["validation"].get(metric) for point in read_curve(folder / CURVE)[0]}
    return {step: score for step, score in scores.items() if score is not None}

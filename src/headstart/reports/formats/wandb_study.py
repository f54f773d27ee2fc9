"""The W&B run of a study: its gains and pairs, their difference along training, report and records."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compare.factors import table_of
from headstart.compare.findings import Comparison, Findings
from headstart.compare.statistics.bootstrap import student_interval
from headstart.metrics import orient
from headstart.records.curve import CURVE, read_curve
from headstart.records.fingerprint import digest
from headstart.records.record import RECORD
from headstart.wandb_server import begin, mark_unusable, no_server, off, unusable, without_malformed

log = logging.getLogger(__name__)
JOB = "study"  # its job_type; those of runs are arms
STEP = "trainer/global_step"
PAIRS = ("condition", "arm", "baseline", "seed", "baseline_score", "arm_score", "gain", "pair_id")
EXAMPLES = ("condition", "arm", "baseline", "better", "id", "text", "label", "baseline_prediction",
            "arm_prediction", "baseline_right", "arm_right", "pairs")  # fmt: skip
GAINS = ("condition", "arm", "baseline", "metric", "gain", "low", "high", "level", "pairs", "verdict")


def log_study(findings: Findings, folder: Path, report: Path | None = None) -> None:
    """Log the study as its runs were logged: nowhere, offline, or online; a failure of W&B is a warning.

    Everything is logged again, so the newest state replaces an older one. Without a `report` (html), the
    study still runs.
    """
    tracker = findings.config.get("tracker") or {"mode": "none"}  # imported results have none
    if tracker["mode"] == "none" or off():
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        with without_malformed() as malformed:
            if tracker["mode"] == "online" and not (malformed or unusable(folder) or no_server()):
                try:
                    _log(findings, folder, tracker, report, "online")
                    return
                except Exception as error:  # noqa: BLE001 the server is not asked again
                    import wandb

                    wandb.teardown()
                    mark_unusable(folder, _said(error))
                    log.warning(
                        "headstart: the W&B server did not take the run of the study (%s): it is in files, "
                        "`headstart sync %s` sends it later", _said(error), folder,
                    )  # fmt: skip
            _log(findings, folder, tracker, report, "offline")
    except Exception as error:  # noqa: BLE001 a mirror must not take the study down
        log.warning(
            "headstart: W&B did not take the run of the study (%s): its report is whole", _said(error)
        )


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _log(
    findings: Findings, folder: Path, tracker: Mapping[str, Any], report: Path | None, mode: str
) -> None:
    import wandb

    study, run_id = folder.resolve(), digest({"study": findings.study, "job": JOB})
    with begin(
        study, run_id, mode, tracker["finish_timeout"],
        project=tracker["project"], entity=tracker["entity"], name=f"{findings.study}: pairs",
        group=findings.study, job_type=JOB, tags=[findings.task, JOB],
        notes="\n\n".join(filter(None, [findings.question, shlex.join(findings.command)])),
        config={"study": findings.study, "job": JOB, "runs": findings.fingerprint},
    ) as run:  # fmt: skip
        run.define_metric(STEP)
        run.define_metric("difference/*", step_metric=STEP)
        for item in findings.comparisons:
            for row in differences(item, study):
                run.log(row)
        for name, columns, rows in (
            ("pairs", PAIRS, pair_rows(findings)),
            ("gains", GAINS, gain_rows(findings)),
            ("rows_right_in_one_arm", EXAMPLES, example_rows(findings)),
        ):
            run.log({name: wandb.Table(columns=list(columns), data=rows)})
        run.summary.update(summary_of(findings) | {"status": "finished" if report else "running"})
        if report:
            run.log({"report": wandb.Html(report.read_text("utf8"), inject=False)})
            artifact = wandb.Artifact(f"study-{findings.study}", type=JOB, description=findings.sentence)
            artifact.add_file(str(report), name=report.name)
            for record in sorted(study.glob(f"*/{RECORD}")):
                artifact.add_file(str(record), name=f"{record.parent.name}/{RECORD}")
            run.log_artifact(artifact)


def differences(item: Comparison, study: Path) -> Iterator[dict[str, float]]:
    """A row per step that all pairs were evaluated at: the mean of the arm's advantage on validation rows and
    the ends of its 95 % t interval over pairs; none for one pair.

    Pairs that share pretrainings or draws of the rows count as in the report, whose gain is one of test rows
    and whose interval covers these, too.
    """
    table = table_of([pair.levels for pair in item.pairs])
    sign = orient(item.headline)
    curves: list[list[dict[int, float]]] = []  # of both runs of each pair, by step, where it is known
    for pair in item.pairs:
        points = [read_curve(study / name / CURVE)[0] for name in (pair.baseline_folder, pair.arm_folder)]
        known = [{p["step"]: p["validation"].get(item.headline) for p in run} for run in points]
        curves.append([{step: s for step, s in run.items() if s is not None} for run in known])
    steps = set.intersection(*(set(curve) for pair in curves for curve in pair)) if curves else set[int]()
    for step in sorted(steps):
        gains = np.array([sign * (arm[step] - baseline[step]) for baseline, arm in curves])
        row = {STEP: step, difference_key(item): float(gains.mean())}
        if interval := student_interval(gains, table=table):
            row |= {f"{difference_key(item)}/{end}": getattr(interval, end) for end in ("low", "high")}
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


def example_rows(findings: Findings) -> list[Any]:
    """EXAMPLES of test rows that only one of two arms gets right; as many as the report shows."""
    return [
        [({**asdict(example), **_place(item), "better": better})[name] for name in EXAMPLES]
        for item in findings.comparisons
        for better, examples in ((item.arm, item.only_arm), (item.baseline, item.only_baseline))
        for example in examples
    ]


def difference_key(item: Comparison) -> str:
    """The metric of an arm's advantage along training; `/low` and `/high` are the ends of its interval."""
    return _key("difference", item)


def summary_of(findings: Findings) -> dict[str, Any]:
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

"""Words: what the terminal and the page say of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.metrics import metric_name
from headstart.reports import numbers
from headstart.watch.frame import Frame, Gain

if TYPE_CHECKING:
    from headstart.studies.claims import Holder
    from headstart.studies.status import RunStatus, StudyStatus

NOT_FINAL = "not final: more pairs are to come, and no verdict is given before"
ORDER = ("training", "failed", "diverged", "interrupted", "to do", "finished")  # of runs in a table


def pairs(study: StudyStatus) -> str:
    """'2 of 3 pairs done, 1 training'."""
    counts = study.pairs
    others = [f"{counts[state]} {state}" for state in counts if state != "done" and counts[state]]
    total = sum(counts.values())
    return ", ".join([f"{counts['done']} of {numbers.plural(total, 'pair')} done", *others])


def runs(study: StudyStatus) -> str:
    """'6 runs: 4 finished, 1 failed, 1 to do'."""
    others = [f"{study.count(state)} {state}" for state in ORDER[:-1] if study.count(state)]
    total = numbers.plural(len(study.runs), "run")
    return ", ".join([f"{total}: {study.count('finished')} finished", *others])


def gain(item: Gain) -> str:
    """'pretrained over scratch, 512 rows: accuracy +0.454 (95 % interval +0.364 to +0.541), 3 pairs'."""
    about = ", ".join(part for part in (f"{item.arm} over {item.baseline}", item.condition) if part)
    return f"{about}: {metric_name(item.metric)} {numbers.signed(item.gain)} {interval(item)}"


def interval(item: Gain) -> str:
    """'(95 % interval +0.364 to +0.541), 3 pairs'; one pair has none."""
    known = item.low is not None and item.level is not None
    ends = numbers.span(item.low, item.high, numbers.signed)
    bracket = f"({numbers.percent(item.level)} interval {ends})" if known else "(no interval)"
    return f"{bracket}, {numbers.plural(item.pairs, 'pair')}"


def process(claim: Holder) -> str:
    """'process 12 on this machine'."""
    return f"process {claim.pid} on {'this machine' if claim.here else claim.host}"


def who(study: StudyStatus) -> str:
    """Who works for the study now."""
    names = ", ".join(dict.fromkeys(map(process, study.processes)))
    return (
        f"{numbers.plural(len(study.processes), 'process', 'processes')} at work: {names}"
        if names
        else ("nobody is at work now")
    )


def left(study: StudyStatus) -> str:
    """'about 4 min 05 s left, by the runs that finished'; nothing where it is not known."""
    seconds = study.seconds_left
    if seconds is None or not study.processes:
        return ""
    return f"about {numbers.seconds(float(round(seconds)))} left, by the runs that finished"


def advice(frame: Frame) -> str:
    """What to type next; nothing while somebody trains."""
    study = frame.study
    if study.ended:
        return f"report: {frame.report}" if frame.report else f"report: headstart report {study.folder}"
    return "" if study.processes else f"go on: headstart work {study.folder}"


def run(item: RunStatus) -> str:
    """What is known of a run beside its status: who trains it, why it failed, its score."""
    if item.status == "training":
        of = f" of {item.steps}" if item.steps else ""
        return f"step {item.step}{of}, {item.note}" if item.step is not None else item.note or ""
    if item.status == "finished":
        rows = "validation" if item.planned.trial else "test"
        took = numbers.seconds(item.record.seconds) if item.record else ""
        return f"{metric_name(item.planned.headline)} {numbers.score(item.score)} on {rows} rows, {took}"
    return item.note or ""

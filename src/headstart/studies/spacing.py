"""Pace: what stands between the runs of a study, so that none profits or suffers from its place."""

from __future__ import annotations

import time

from headstart.run import Run
from headstart.studies.progress import StudyProgress

_trained = 0  # runs of this process


def paced(run: Run, progress: StudyProgress) -> int:
    """Warm up before the first run and cool down before the others; returns the run's place, from 0."""
    global _trained
    place, _trained = _trained, _trained + 1
    if place == 0 and run.study.warm_up:
        from headstart.training.warm_up import warm_up

        progress.say("warming up")
        warm_up(run, run.study.warm_up)
    elif place and run.study.cool_down:
        progress.say(f"cooling down for {run.study.cool_down:g} s")
        time.sleep(run.study.cool_down)
    return place

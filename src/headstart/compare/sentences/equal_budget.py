"""Of both arms at the same cost: curves that are cut, and curves that still rise."""

from __future__ import annotations

from headstart.compare import phrases

UNFAIR = "Unfair:"
NO_SPREAD = "all gains are exactly equal, so their spread is unknown"
LEVELS_OFF = "A learning rate that falls to nothing levels any curve off: a longer schedule may gain more."


def cut_short(arm: str, share: float) -> str:
    return (
        f"{arm} is read at {phrases.percent(share)} of its training, while its learning rate was to fall "
        "until the end: a run planned for that long would score higher."
    )


def still_gained(arm: str, gain: float) -> str:
    return f"{arm} still gained {phrases.number(gain)} in the last quarter of its steps"

"""Of settings: how the arms came to theirs, and whether that was equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.compare import phrases

ORDERS = "low and high hold the best of n in 95 of 100 orders of these trials"
SURE = "; the sure band is an exact 95 % interval, at each n, of the median best of n new random trials"
NOT_RANDOM = "; the trials were not drawn at random, so nothing is said of trials that were not run"
NOT_TUNED = "Not tuned: all arms use the same hyperparameters."


def tuning(counts: Mapping[str, int], space: Sequence[str], equal: bool, times: float | None) -> str:
    """How many trials, of what, and what they cost against the study's runs."""
    each = ", ".join(f"{number} for {arm}" for arm, number in counts.items())
    if len(set(counts.values())) == 1:
        each = f"{phrases.plural(next(iter(counts.values())), 'trial')} for each arm"
    cost = ""
    if times is not None:
        cost = f"; the trials cost {times:.2f} times the FLOPs of the runs that are compared"
    start = "Tuned equally" if equal else "Tuned unequally"
    return f"{start}, on validation: {each}, over {', '.join(space)}{cost}."


def unseen(trials: int | None) -> str:
    asked = f"{trials} trials per arm" if trials else "trials"
    return (
        f"Tuned, says the configuration ({asked}), but no trial lies beside this study: "
        "their number and their cost cannot be checked."
    )


def free_but_same(settings: Sequence[str]) -> str:
    return f"{NOT_TUNED[:-1]}, though the arms might have differed in {', '.join(settings)}."


def own_settings(settings: Mapping[str, tuple[str, str]], arms: tuple[str, str]) -> str:
    differing = "; ".join(
        f"{name}: {left} for {arms[0]}, {right} for {arms[1]}" for name, (left, right) in settings.items()
    )
    return f"Not tuned, but each arm has settings of its own ({differing}): nothing here chose them."


def chosen(arms: tuple[str, str], settings: Sequence[str]) -> str:
    if settings[0] == settings[1]:
        return f"both went on with {settings[0]}"
    return f"{arms[0]} went on with {settings[0]}, {arms[1]} with {settings[1]}"


def equally(trials: int, space: Sequence[str], went_on: str) -> str:
    efforts = f"{phrases.plural(trials, 'trial')} per arm over {', '.join(space)}, chosen on validation"
    return f"Tuned equally: {efforts}; {went_on}."


def unequally(
    arms: tuple[str, str], trials: Sequence[int], runs: Sequence[int], space: Sequence[str], went_on: str
) -> str:
    """Another number of trials, or of their runs, for each arm."""
    efforts = [
        f"{phrases.plural(n, 'trial')} ({phrases.plural(r, 'run')})"
        for n, r in zip(trials, runs, strict=True)
    ]
    had = f"{arms[0]} had {efforts[0]}, {arms[1]} {efforts[1]} over {', '.join(space)}"
    return f"Tuned unequally: {had}; {went_on}."


def not_the_best(arm: str, condition: str, used: str, better: str) -> str:
    where = f" ({condition})" if condition else ""
    return f"{arm}{where} went on with {used}, although {better} scored better on validation."


def strays(runs: int) -> str:
    text = phrases.plural(runs, "run")
    return f"{text} of another space or condition lie beside the trials: they count as cost alone."

"""Of the pairs under a verdict: pairs left out, differences, runs that collapsed, gains far from the rest."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare import phrases

MOST = 4  # things of one kind that a sentence names


def left_out(number: int, of: int, first: str, survivors_only: bool) -> str:
    """'1 of 3 pairs is left out (seed 1, ...).', over survivors only where that is so."""
    lead = "This is over survivors only: " if survivors_only else ""
    more = f"; and {number - 1} more" if number > 1 else ""
    verb = "is" if number == 1 else "are"
    return f"{lead}{number} of {phrases.plural(of, 'pair')} {verb} left out ({first}{more})."


def of_these(seeds: int | None, draws: int | None) -> str:
    """'It speaks of these weights (1 pretraining seed) and these rows (1 draw), not of others.'"""
    weights = f"these weights ({phrases.plural(seeds, 'pretraining seed')})" if seeds is not None else ""
    rows = f"these rows ({phrases.plural(draws, 'draw')})" if draws is not None else ""
    what = " and ".join(part for part in (weights, rows) if part)
    return f"It speaks of {what}, not of others." if what else ""


def besides(differences: Sequence[str]) -> str:
    return f"Besides the arm, pairs differ in {_few(differences)}."


def collapsed(runs: str, mixed: bool) -> str:
    """Runs that answer everything alike; where others of their arm do not, the mean is of neither kind."""
    mixture = " The mean gain mixes seeds that learn and seeds that collapse." if mixed else ""
    return f"Collapsed, with the same answer to every test example: {runs}.{mixture}"


def trivial(share: float, runs: str) -> str:
    return (
        f"No better than always giving the most frequent label, which is right in "
        f"{phrases.number(share)} of the test examples: {runs}."
    )


def far(gains: Sequence[tuple[int, float]], rest: tuple[float, float]) -> str:
    """Gains by seed that are far from the rest, whose lowest and highest are given."""
    named = [f"seed {seed} ({phrases.number(gain, '+')})" for seed, gain in gains]
    ends = " to ".join(dict.fromkeys(phrases.number(end, "+") for end in rest))
    return f"The gain of {_few(named)} is far from the rest ({ends}): look at that pair."


def runs_of(arm: str, seeds: Sequence[int], pairs: int) -> str:
    """'scratch (all 3 runs)', 'pretrained (seeds 1 and 2)'."""
    if len(seeds) == pairs > 1:
        return f"{arm} (all {pairs} runs)"
    return f"{arm} (seed{'s' * (len(seeds) > 1)} {phrases.joined([str(seed) for seed in seeds])})"


def _few(names: Sequence[str]) -> str:
    more = [f"{len(names) - MOST} more"] if len(names) > MOST else []
    return phrases.joined([*names[:MOST], *more])

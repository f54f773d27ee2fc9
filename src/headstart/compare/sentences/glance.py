"""Of a study at a glance: its gains, trivial rules and chance, the cost, and what was not tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.compare import phrases
from headstart.compare.sentences.costs import NOT_SAID

MOST = 4  # gains that are listed one by one
NO_RULES = "none stands beside these runs"
SIDES = {"above": "above", "below": "below", "not above": "not shown to be above"}


def gains(labelled: Mapping[str, str], verdicts: Sequence[str], ends: Sequence[str], lost: int) -> str:
    """'better, +0.388 (+0.360 to +0.410), 3 pairs' under the label of each; of many, how often, and the ends.

    `ends` are the lowest and the highest gain; `lost` of the verdicts do not survive Holm's correction.
    """
    holm = f" ({lost} of these not after Holm's correction)" if lost else ""
    if len(labelled) <= MOST:
        told = [f"{label}: {gain}" if len(labelled) > 1 else gain for label, gain in labelled.items()]
        return "; ".join(told) + holm
    counts = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    return f"{len(verdicts)} comparisons: {counts}{holm}; from {' to '.join(ends)}"


def against_levels(scores: Mapping[str, str], arms: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """'TF-IDF 0.401, chance 0.167; scratch is below TF-IDF, above chance', or in how many comparisons above.

    `arms` has for each arm, by the name of a level, on which side of it the arm is in each comparison.
    """
    parts = [", ".join(f"{name} {score}" for name, score in scores.items())] if scores else []
    for arm, levels in arms.items():
        told: list[str] = []
        for level, sides in levels.items():
            if len(sides) == 1:
                told.append(f"{SIDES[sides[0]]} {level}")
            else:
                told.append(f"above {level} under {sides.count('above')} of {len(sides)} conditions")
        if told:
            told.sort(key=lambda side: side.startswith("not"))  # what follows it would be read as "not", too
            parts.append(f"{arm} is {', '.join(told)}")
    return "; ".join(parts)


def pretraining(flops: str, origin: str, pays: str) -> str:
    """'pretraining (published in part): ≤ 265 PFLOPs, pays after ≤ 690,000 uses': one line of a terminal.

    `pays` is empty where no gain is shown.
    """
    other = {"unknown": "whether it pays is unknown", "": NOT_SAID}
    negated = {"never": "never pays", "not": "does not pay"}
    first, _, rest = pays.partition(" ")
    paid = other.get(pays) or f"{negated.get(first, f'pays {first}')} {rest}".rstrip()
    return f"pretraining ({origin}): {flops}, {paid}".replace("at most", "≤").replace("at least", "≥")


def not_tested(kinds: Sequence[str]) -> str:
    """'other hyperparameters, draws of the rows and models'."""
    return f"other {phrases.joined([*kinds])}" if kinds else ""

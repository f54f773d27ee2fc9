"""Simulated studies in which the true gain is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from tests.factory import make_study

from headstart.compare.aligned_predictions import Answers
from headstart.compare.statistics.crossed import Table
from headstart.metrics import score

SHARED, OWN, NOISE = 1.0, 0.4, 0.7  # latent sd of difficulty, of arm x example, of seed x example
TOTAL = np.sqrt(SHARED**2 + OWN**2 + NOISE**2)
WITHIN = 0.3  # intraclass correlation of each of them
BASE, GAIN = 0.70, 0.05
FACTORS = ("pretraining", "subset", "seed")


def scores_of(answers: Answers, metric: str) -> np.ndarray:
    """(2, pairs): the metric, computed from the answers."""
    pairs = range(answers.predictions.shape[1])
    return np.array([[score(metric, *answers.run(side, pair)) for pair in pairs] for side in (0, 1)], float)


def simulate(
    rng: np.random.Generator,
    pairs: int,
    examples: int,
    seed_sd: float,
    gain: float = GAIN,
    cluster: int = 1,
) -> tuple[Answers, float]:
    """A study's answers, two classes, and the gain that infinitely many seeds and examples would show.

    Examples come in clusters of this size; what a cluster shares of each latent variance is WITHIN.
    """
    groups = np.arange(examples) // cluster if cluster > 1 else None

    def latent_of(*shape: int) -> np.ndarray:
        own = rng.standard_normal((*shape, examples))
        if groups is None:
            return own
        shared = rng.standard_normal((*shape, groups[-1] + 1))[..., groups]
        return np.sqrt(WITHIN) * shared + np.sqrt(1 - WITHIN) * own

    difficulty, truth, right = SHARED * latent_of(), [], []
    for rate in (BASE, BASE + gain):
        skill = TOTAL * ndtri(rate)
        density = np.exp(-0.5 * ndtri(rate) ** 2) / np.sqrt(2 * np.pi)
        luck = seed_sd / np.sqrt(2) / density * TOTAL  # gives the gain a standard deviation of seed_sd
        truth.append(float(ndtr(skill / np.hypot(TOTAL, luck))))
        latent = skill + luck * rng.standard_normal((pairs, 1)) + difficulty
        latent = latent + OWN * latent_of() + NOISE * latent_of(pairs)
        right.append(latent > 0)
    labels = rng.integers(2, size=examples)
    predictions = np.where(np.array(right), labels, 1 - labels)
    ids = np.arange(examples).astype(str)
    scores = np.where(np.array(right), 0.9, 0.1).astype(np.float32)
    return Answers(("no", "yes"), ids, ids, labels, predictions, {"score": scores}, groups), truth[1] - truth[
        0
    ]


def arranged(shape: tuple[int, ...]) -> Table:
    """Every pretraining with every draw and every seed."""
    levels = np.indices(shape).reshape(3, -1)
    return Table.of(dict(zip(FACTORS, levels, strict=True)))


def effects(
    rng: np.random.Generator, shape: tuple[int, ...], spreads: Mapping[str, float], more: tuple[int, ...] = ()
) -> np.ndarray:
    """Sums of random effects: (*more, pretrainings * draws * seeds). Of a single level there is none."""
    total = np.zeros((*more, *shape))
    for of, sd in spreads.items():
        own = ["pds".index(name) for name in of]
        if all(shape[factor] > 1 for factor in own):
            at = [size if factor in own else 1 for factor, size in enumerate(shape)]
            total = total + sd * rng.standard_normal((*more, *at))
    return total.reshape(*more, -1)


def study(
    folder: Path, pretrainings: int, draws: int, seeds: int = 3, tied: bool = False, **settings: Any
) -> Path:
    """A study of weights that were pretrained with several seeds, on several draws of the rows.

    `tied`: every draw has one seed, its own.
    """
    rng = np.random.default_rng(0)
    luck, rows = 0.6 * rng.standard_normal(pretrainings), 0.1 * rng.standard_normal(draws)
    for p, d in np.ndindex(pretrainings, draws):

        def change(record: dict[str, Any], p: int = p, d: int = d) -> None:
            record["config"]["size"]["seed"] = d
            record["data"]["rows"]["train"] = f"{d:016x}"
            if record["arm"] != "scratch":
                record["config"]["arm"] |= {"pretraining": ["budget.steps=9"], "pretraining_seed": p}

        arms = ("scratch", "pretrained") if p == 0 else ("pretrained",)
        skill = {"scratch": -0.9 + rows[d], "pretrained": 0.4 + rows[d] + luck[p]}
        place = folder / f"{p}-{d}"
        make_study(
            place,
            arms,
            [d] if tied else range(seeds),
            skill=skill,
            examples=120,
            evaluations=2,
            change=change,
            **settings,
        )
    return folder

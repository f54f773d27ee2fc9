"""The arms of conf/arm, and models as they start."""

from __future__ import annotations

from typing import Any

from omegaconf import OmegaConf
from pydantic import TypeAdapter
from tests.arms.families import BARE, CLASSIFY, attested, published

from headstart.arms.arm import BaseArm
from headstart.arms.kinds import Arm
from headstart.studies.config_search import shipped


def arm(choice: str, **settings: Any) -> Any:
    """The arm of a shipped yaml, with some settings of one's own."""
    given = {"run": "unset"} if choice == "from_run" else {}
    loaded = OmegaConf.merge(OmegaConf.load(shipped() / "arm" / f"{choice}.yaml"), given, settings)
    return TypeAdapter(Arm).validate_python(OmegaConf.to_container(loaded, resolve=True))


YAMLS = {path.stem: OmegaConf.load(path) for path in (shipped() / "arm").glob("*.yaml")}
ALL = sorted(name for name, given in YAMLS.items() if name != "from_run" and "pretraining" not in given)


def started(start: BaseArm, family: str, task: str = CLASSIFY, seed: int = 0, source: str = BARE) -> Any:
    """A model at step 0 of an arm, its attestation, and the checkpoint's model."""
    return attested(start, published(family, source), task, seed, seed + 1)  # streams of their own

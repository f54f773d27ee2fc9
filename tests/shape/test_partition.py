"""Shape: every setting of a run is science, the arm or plumbing, and the yaml names no others."""

from __future__ import annotations

from headstart.records.fingerprint import ARM, PLUMBING, SCIENCE
from headstart.run import Run
from headstart.studies.compose import choices
from headstart.studies.config_search import shipped


def test_every_field_of_a_run_is_science_arm_or_plumbing() -> None:
    parts = [*SCIENCE, *ARM, *PLUMBING]
    assert len(parts) == len(set(parts)), "a field is in two parts"
    assert set(parts) == set(Run.model_fields)


def test_every_group_is_a_field_of_a_run() -> None:
    assert set(choices()) <= set(Run.model_fields)


def test_a_yaml_is_one_choice_of_three_to_fifteen_settings() -> None:
    for path in shipped().glob("*/*.yaml"):
        settings = [
            line for line in path.read_text("utf8").splitlines() if line.strip() and not line.startswith("#")
        ]
        assert len(settings) <= 20, f"{path.name} has {len(settings)} lines"

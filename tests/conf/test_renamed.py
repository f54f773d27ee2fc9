"""Renamed settings: an old name is answered with the new one, wherever it is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.studies.command import headstart

from headstart.config import NEW_NAMES, settings_at
from headstart.run import Run


@pytest.mark.parametrize(("old", "new"), NEW_NAMES.items())
def test_the_table_leads_from_settings_that_are_gone_to_settings_that_exist(old: str, new: str) -> None:
    for path, exists in ((old, False), (new, True)):
        *parents, last = path.split(".")
        assert (last in settings_at(Run, parents)) == exists


@pytest.mark.parametrize("sign", ["", "+", "++"])
@pytest.mark.parametrize(("old", "new"), NEW_NAMES.items())
def test_on_the_command_line(sign: str, old: str, new: str) -> None:
    typed = headstart("plan", "arm=pretrained", "seed=0", f"{sign}{old}=60")
    assert (typed.code, typed.err) == (2, f"headstart: {old}: is now {new}\n")


def test_in_a_yaml_of_ones_own_and_in_the_pretraining_of_an_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/arm").mkdir(parents=True)
    yaml = "kind: from_run\nname: old\nrun: {}\nage: 60\n"
    (tmp_path / "conf/arm/old.yaml").write_text(yaml.format("x"), "utf8")
    assert headstart("plan", "arm=old", "seed=0").err == "headstart: arm.age: is now arm.checkpoint_step\n"
    pretraining = "pretraining: [size=all, 'keep_at=[60]']\n"
    (tmp_path / "conf/arm/old.yaml").write_text(
        f"kind: from_run\nname: old\nrun: null\n{pretraining}", "utf8"
    )
    told = headstart("plan", "arm=old", "seed=0", "task=docs_mlm").err
    assert told == "headstart: arm=old: pretraining: keep_at: is now checkpoint_steps\n"

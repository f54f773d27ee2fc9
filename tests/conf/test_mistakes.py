"""Configuration: every mistake at once, each with its path and the nearest name; exit code 2, fast."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.studies.command import headstart

MISTAKES = [
    # misspelt settings
    ("optim.lrr=3", "optim.lrr: no such setting; did you mean optim.lr?"),
    ("sede=3", "sede: no such setting; did you mean seed?"),
    ("model.nmae=x", "model.nmae: no such setting; did you mean model.name?"),
    ("size.row=3", "size.row: no such setting; did you mean size.rows?"),
    ("task.docs.shortst=3", "task.docs.shortst: no such setting; did you mean task.docs.shortest?"),
    ("task.files.train=x", "task.files.train: not in the chosen task"),
    ("optm=adamw", "optm: no such setting; did you mean optim?"),
    # settings that nobody reads
    ("+made.up=1", "made: no such setting"),
    ("+optim.momentum=0.9", "optim.momentum: no such setting"),
    ("++optim.lrr=1", "optim.lrr: no such setting; did you mean optim.lr?"),
    ("+task.docs.sise=1", "task.docs.sise: no such setting"),
    ("+model.tokenizer={nme: x}", "model.tokenizer.nme: no such setting; did you mean model.tokenizer.name?"),
    # choices
    ("study=frist_look", "study=frist_look: no such choice; did you mean first_look?"),
    ("arm=pretraind", "arm=pretraind: no such choice; did you mean pretrained?"),
    ("size=n513", "size=n513: no such choice; did you mean n512?"),
    ("optim=sgd", "optim=sgd: no such choice; known: adamw"),
    ("arm=", "arm=: no such choice; known: embeddings_only, "),
    ("model=null", "model=null: no such choice; known: bart_base"),
    ("size.kind=row", "size.kind: no kind row; did you mean rows?"),
    ("~size.kind", "size.kind: is missing"),
    ("~model", "model: is missing"),
    # types and ranges
    ("seed=one", "seed: input should be a valid integer, got 'one'"),
    ("seed=-1", "seed: input should be greater than or equal to 0, got -1"),
    ("seed=1.0", "seed: input should be a valid integer, got 1.0"),
    ("seed=true", "seed: input should be a valid integer, got True"),
    ("seed=", "seed: input should be a valid integer, got ''"),
    ("optim.lr=0", "optim.lr: input should be greater than 0, got 0"),
    ("optim.lr=fast", "optim.lr: input should be a valid number, got 'fast'"),
    ("optim.lr=nan", "optim.lr: input should be a finite number, got nan"),
    ("optim.lr=1e999", "optim.lr: input should be a finite number, got inf"),
    ("optim.warmup=1.5", "optim.warmup: input should be less than or equal to 1, got 1.5"),
    ("optim.betas=[0.9]", "optim.betas.1: is missing"),
    ("precision=fp16", "precision: input should be 'auto', 'bf16' or 'fp32', got 'fp16'"),
    ("model.max_length=3", "model.max_length: input should be greater than or equal to 8, got 3"),
    ("size.rows=0", "size.rows: input should be greater than or equal to 1, got 0"),
    ("study.name='a b'", "study.name: string should match pattern"),
    ("study.name=../elsewhere", "study.name: string should match pattern"),
    ("study.margin=-1", "study.margin: input should be greater than or equal to 0, got -1"),
    ("runs=", "runs: must name a folder"),
    ("budget.steps=5", "budget: give exactly one of epochs and steps"),
    ("task.docs=null", "task: exactly one of docs, files and hub says where rows come from"),
    ("task.metrics=[accurcy]", "no metric accurcy; did you mean accuracy?"),
    ("task.headline=f1", "f1 is not among metrics"),
    ("runs=${nowhere}", "runs: Interpolation key 'nowhere' not found"),
    # left to the user
    ("task=files", "task.files.train: must be given"),
    ("model=hub", "model.name: must be given"),
    # Hydra's own
    ("hydra.mode=SOMETIMES", "hydra.mode: Invalid value 'SOMETIMES', expected one of [RUN, MULTIRUN]"),
    ("hydra.made=1", "hydra.made: Hydra has no such setting"),
    ("hydra/launcher=jobliv", "hydra/launcher=jobliv: no such choice; did you mean joblib?"),
    ("hydra.sweeper.params.seed=1,2", "hydra.sweeper.params.seed=1,2: Hydra's own settings take one value"),
    # sweeps
    ("seed=interval(0,1)", "seed=interval(0,1): a study needs listed values"),
    ("size=glob(x*)", "size: no choice fits the pattern"),
    ("arm=scratch,nothing", "arm=nothing: no such choice"),
    ("seed=0,1,x", "seed: input should be a valid integer, got 'x'"),
    ("model.max_length=32,4", "model.max_length: input should be greater than or equal to 8, got 4"),
    ("hardware.threads=1,2", "hardware: cannot change the answer, so it cannot be swept"),
    ("study.question=a,b", "study: cannot change the answer, so it cannot be swept"),
    # not of the form
    ("seed=0 seed=1", "seed=0 seed=1: not of the form setting=value"),
    ("study.question=why (not?", "not of the form setting=value"),
]


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command of this module may come as far as a run."""

    def refuse(*_: object) -> None:
        raise AssertionError("a run has begun")

    monkeypatch.setattr("headstart.studies.job._run", refuse)


@pytest.mark.parametrize(("override", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_and_exit_code_2(override: str, sentence: str) -> None:
    typed = headstart("arm=scratch", "seed=0", override)  # one point: composing six takes longer
    assert typed.code == 2
    assert sentence in typed.err
    assert all(line.startswith("headstart: ") for line in typed.err.splitlines())
    assert not typed.out


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("reprot", "no command 'reprot'; did you mean report?"),
        ("seed", "a setting is written seed=value"),
        ("first_look", "no command 'first_look'; known: "),
    ],
)
def test_an_unknown_command_is_refused(word: str, sentence: str) -> None:
    typed = headstart(word)
    assert typed.code == 2
    assert sentence in typed.err


def test_every_mistake_is_told_at_once() -> None:
    typed = headstart(
        "optim.lr=fast", "size=n999", "seed=-1", "model.nmae=x", "+made.up=1", "budget.keep=first", "a b"
    )
    told = typed.err.splitlines()
    assert typed.code == 2
    for path in ("optim.lr:", "size=n999:", "seed:", "model.nmae:", "made:", "budget.keep:", "a b:"):
        assert sum(line.startswith(f"headstart: {path}") for line in told) == 1, typed.err
    assert len(told) == 7


def test_one_bad_value_of_a_sweep_is_told_once_and_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = headstart("-m", "size=n128,n129", "seed=0,1,2")
    assert typed.code == 2
    assert typed.err.count("n129") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_single_run_takes_no_lists() -> None:
    typed = headstart("hydra.mode=RUN", "seed=1,2")
    assert typed.code == 2
    assert typed.err == "headstart: seed=1,2: one run takes one value; leave out hydra.mode=RUN\n"


@pytest.mark.parametrize("mode", ["RUN", "MULTIRUN"])
def test_hydras_own_flags_do_not_lead_around_the_check(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = headstart(f"--config-dir={tmp_path}", f"hydra.mode={mode}", "seed=-1")
    assert typed.code == 2
    assert typed.err == "headstart: seed: input should be greater than or equal to 0, got -1\n"


def test_plan_checks_like_the_study_itself() -> None:
    assert (
        headstart("plan", "optim.lrr=3").err
        == "headstart: optim.lrr: no such setting; did you mean optim.lr?\n"
    )
    assert headstart("plan", "--soon").code == 2


def test_a_mistake_is_answered_fast_and_without_the_heavy_libraries() -> None:
    program = (
        "import sys\nfrom headstart.cli import main\ncode = main(['optim.lrr=3', 'study=frist_look'])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'pandas', 'wandb', 'pytorch_lightning'}\n"
        "print(sorted(heavy & set(sys.modules)))\nsys.exit(code)\n"
    )
    start = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == "[]\n"
    assert len(ended.stderr.splitlines()) == 2
    assert time.monotonic() - start < 6  # 1 s on an idle machine, 2 promised

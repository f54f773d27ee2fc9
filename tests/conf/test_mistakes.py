"""Configuration: every mistake at once, each with its path and the nearest name; exit code 2, fast."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from tests.studies.command import headstart

from headstart.studies import compose as composing
from headstart.studies.compose import as_text, runs_of

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
    ("hydra.sweep.dir=x", "hydra.sweep.dir=x: is not used by headstart; a run's folder is RUNS/STUDY"),
    ("hydra.run.dir=x", "choose it with runs=... and study.name=..."),
    ("hydra.sweep.subdir=x", "hydra.sweep.subdir=x: is not used"),
    ("hydra.job.chdir=true", "hydra.job.chdir=True: is not used by headstart; runs stay"),
    ("hydra.output_subdir=.hydra", "record.json keeps the configuration"),
    ("hydra.sweeper.max_batch_size=2", "Hydra has no such setting"),
    # sweeps
    ("seed=interval(0,1)", "seed=interval(0,1): a study needs listed values"),
    ("size=glob(x*)", "size: no choice fits the pattern"),
    ("arm=scratch,nothing", "arm=nothing: no such choice"),
    ("tracker=[offline,cvs]", "tracker=cvs: no such choice; did you mean csv?"),
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

    monkeypatch.setattr("headstart.studies.job.train_claimed", refuse)


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


TEXTS = [
    "a=b.csv", "数据.csv", "étude", "it's.csv", "data(1).csv", "a[1].csv", "a#b.csv", 'a"b".csv', "a{b}.csv",
    "~/x.csv", "a;b.csv", "a&b.csv", "'q'.csv", "why (not?", "[0,1", "a, (b", "${x}(1).csv",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_the_quoting_that_a_mistake_shows_can_be_pasted(text: str) -> None:
    typed = headstart("plan", "arm=scratch", "seed=0", f"study.question={text}")
    assert typed.code == 2
    (line,) = typed.err.splitlines()
    told, _, pasted = line.partition("; as a text it is typed ")
    assert told == f"headstart: study.question={text}: not of the form setting=value"
    (run,) = runs_of(["arm=scratch", "seed=0", *shlex.split(pasted)])
    assert run.study.question == text


def test_the_name_of_a_study_may_have_any_letters() -> None:
    told = headstart("plan", "arm=scratch", "seed=0", "study.name=étude").err
    (run,) = runs_of(["arm=scratch", "seed=0", *shlex.split(told.partition(" it is typed ")[2])])
    assert run.study_folder == Path("runs/étude")


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_text_can_be_quoted(text: str) -> None:
    (pasted,) = shlex.split(as_text(f"study.question={text}").partition(" it is typed ")[2])
    (parsed,) = OverridesParser.create().parse_overrides([pasted])
    assert OmegaConf.create({"x": parsed.value()}).x == text


def test_a_file_whose_name_has_a_comma_is_not_two_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x,y.csv").write_text("", "utf8")
    typed = headstart("plan", "task=files", "task.files.train=x,y.csv")
    assert "task.files.train=x,y.csv: is read as several values; as a text it is typed " in typed.err
    assert shlex.split(typed.err.splitlines()[0])[-1] == 'task.files.train="x,y.csv"'


@pytest.mark.parametrize("value", ["2024", "1e3", "true", "null"])
def test_a_text_that_looks_like_a_number_can_be_pasted_too(value: str) -> None:
    typed = headstart("plan", "arm=scratch", "seed=0", f"study.question={value}")
    (line,) = typed.err.splitlines()
    assert "study.question: input should be a valid string, got " in line
    (run,) = runs_of(["arm=scratch", "seed=0", *shlex.split(line.partition(" it is typed ")[2])])
    assert run.study.question == value


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["arm=scratch,from_run", "arm.run=RUN"],
            "arm=scratch: arm.run: not in this arm; give it to one arm alone: from_run.arm.run=RUN",
        ),
        (["arm=scratch,lora", "arm.rank=4"], "give it to one arm alone: lora.arm.rank=4"),
        (["arm=lora,from_run"], "arm=from_run: arm.run: must be given, to this arm alone: from_run.arm.run="),
        (
            ["arm=lora,from_run", "from_run.arm.run=x", "from_run.arm.runn=x"],
            "no such setting; did you mean arm.run?",
        ),
        (
            ["arm=scratch,pretrained", "lora.arm.rank=4"],
            "the study has no arm lora; known: pretrained, scratch",
        ),
        (["arm=scratch,lora", "lora.arm.rank=none"], "arm=lora: arm.rank: input should be a valid integer"),
        (
            ["hydra.mode=RUN", "arm=lora", "lora.arm.rank=4"],
            "lora.arm.rank=4: one run has one arm: arm.rank=4",
        ),
        (["task=docs_library,digits", "arm=scratch"], "task=digits: "),
    ],
)
def test_a_mistake_of_some_arms_alone_names_them(arguments: list[str], sentence: str) -> None:
    typed = headstart("plan", *arguments, "seed=0")
    assert typed.code == 2
    assert sentence in typed.err
    assert len(typed.err.splitlines()) <= 1


@pytest.mark.parametrize("setting", ["from_run.arm.run=RUN", "from_run.optim.lr=0.5"])
def test_a_setting_of_one_arm_alone(setting: str) -> None:
    overrides = [
        "arm=scratch,from_run",
        "from_run.arm.run=RUN",
        setting,
        "seed=0",
        "study.free=[budget.epochs]",
    ]
    scratch, poured = runs_of(overrides)
    assert (scratch.arm.name, poured.arm.model_dump()["run"]) == ("scratch", "RUN")
    assert (poured.optim.lr == 0.5) == (scratch.optim.lr != poured.optim.lr) == ("lr" in setting)
    assert scratch.study.free == (("budget.epochs", "optim.lr") if "lr" in setting else ("budget.epochs",))


class TestHydrasFlags:
    """Flags of Hydra's own work with every command, or are refused in one sentence."""

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["--resolve"], "--resolve: needs --cfg job, hydra or all"),
            (["--package", "optim"], "--package: needs --cfg job, hydra or all"),
            (["--cfg", "job", "--package", "optm"], "--package: there are no settings called optm"),
            (["--cfg", "job", "optim.lrr=1"], "optim.lrr: no such setting; did you mean optim.lr?"),
            (["--cfg", "job", "size=n32,n64"], "size=n32,n64: --cfg shows one run; give one value"),
            (["--cfg", "job", "--resolve", "runs=${nowhere}"], "runs: Interpolation key 'nowhere' not found"),
            (["--cfg", "jobs"], "argument --cfg/-c: invalid choice: 'jobs'"),
            (["--info", "everything"], "argument --info/-i: invalid choice: 'everything'"),
            (["--config-name", "x"], "no --config-name here"),
            (["--config-path=x"], "no --config-path=x here"),
            (["--run"], "no --run here"),
            (["--experimental-rerun", "x"], "no --experimental-rerun here"),
            (["plan", "--cfg", "job"], "plan: no --cfg here"),
            (["fetch", "--multirn"], "fetch: no --multirn here; did you mean --multirun?"),
            (["plan", "--config-dir", "nowhere"], "--config-dir: there is no folder nowhere"),
            (["--stop-after", "20"], "needs a time such as 90s, 20m or 2h, got 20"),
            (["--stop-after", "20m", "--stop-after", "1h"], "--stop-after: is given twice"),
        ],
    )
    def test_refused(self, words: list[str], sentence: str) -> None:
        typed = headstart(*words)
        assert typed.code == 2
        assert typed.err.startswith("headstart: ") and sentence in typed.err
        assert len(typed.err.splitlines()) == 1 and not typed.out

    @pytest.mark.parametrize("words", [["--cfg", "job", "--package", "optim"], ["-c", "job", "--resolve"]])
    def test_shown(self, words: list[str]) -> None:
        typed = headstart(*words, "optim.lr=0.5", "task=files")  # an open value is shown as ???
        assert typed.code == 0
        assert "lr: 0.5" in typed.out

    @pytest.mark.parametrize("flag", [["--config-dir", "more"], ["-cd", "more"], ["--config-dir=more"]])
    def test_a_folder_of_yaml_for_every_command(
        self, flag: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "more/optim").mkdir(parents=True)
        (tmp_path / "more/optim/mine.yaml").write_text("kind: adamw\nlr: 0.25\nbatch_sise: 8\n", "utf8")
        for command in (["plan"], ["fetch"], []):
            typed = headstart(*command, *flag, "arm=scratch", "seed=0", "optim=mine")
            assert typed.code == 2
            assert "optim.batch_sise: no such setting; did you mean optim.batch_size?" in typed.err
        assert "lr: 0.25" in headstart("--cfg", "job", *flag, "optim=mine").out
        assert "optim=mine: no such choice" in headstart("plan", "optim=mine").err


def test_plan_checks_like_the_study_itself() -> None:
    assert (
        headstart("plan", "optim.lrr=3").err
        == "headstart: optim.lrr: no such setting; did you mean optim.lr?\n"
    )
    assert headstart("plan", "--soon").code == 2


def test_a_mistake_is_answered_without_the_heavy_libraries() -> None:
    runs_of(["seed=0"])  # the first command of a cache writes down what transformers knows
    program = (
        "import sys\nfrom headstart.cli import main\ncode = main(['optim.lrr=3', 'study=frist_look'])\n"
        "heavy = {'torch', 'transformers', 'datasets', 'evaluate', 'pandas', 'wandb', 'pytorch_lightning'}\n"
        "print(sorted(heavy & set(sys.modules)))\nsys.exit(code)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == "[]\n"
    assert sum(line.startswith("headstart: ") for line in ended.stderr.splitlines()) == 2


def test_a_mistake_in_a_large_sweep_composes_no_more_than_in_a_small_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    composed: list[Any] = []
    real = composing.compose

    def counted(*arguments: Any, **named: Any) -> Any:
        composed.append(named)
        return real(*arguments, **named)

    monkeypatch.setattr(composing, "compose", counted)
    counts = []
    for seeds in ("0,1", "range(100)"):
        composed.clear()
        assert headstart("plan", "optim.lrr=3", f"seed={seeds}").code == 2
        counts.append(len(composed))
    assert counts[0] == counts[1]

"""Results that others made: the same statistics as of our own runs, nothing presented as attested."""

from __future__ import annotations

import csv
import shlex
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from tests.claims import as_expectation
from tests.factory import make_study
from tests.rows import table

from headstart.api import open_study
from headstart.cli import main
from headstart.compare.claims import Claim, Expectation, check
from headstart.compare.findings import Findings
from headstart.compare.study import compare
from headstart.errors import RecordError
from headstart.records.predictions import read_predictions
from headstart.records.store import read_study
from headstart.reports import outline
from headstart.reports.formats import markdown

PUBLISHED = Path(__file__).parents[2] / "experiments/published"
Row = Sequence[object]
HEADER = ("arm", "seed", "data", "rows", "metric", "score", "seconds")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("headstart.commands.report.report_all", lambda folders: 0)
    return tmp_path


def gains_of(file: Path, where: str, arms: tuple[str, str], seed: str) -> dict[str, np.ndarray]:
    """The paired differences by condition, straight from a csv."""
    scores: defaultdict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    with file.open(encoding="utf8", newline="") as stream:
        for line in csv.DictReader(stream):
            scores[line[where]][line["arm"], line[seed]] = float(line["score"])
    return {
        name: np.array([own[arms[1], s] - own[arms[0], s] for arm, s in own if arm == arms[0]])
        for name, own in scores.items()
    }


def test_published_results_have_the_intervals_of_a_plain_t_test() -> None:
    file = PUBLISHED / "fresh_against_pretrained_xlmr.csv"
    words = "--base scratch --seed iteration --condition dataset --metric metric --headline mcc,micro_f1,f1"
    assert main(["import", str(file), *words.split()]) == 0
    findings = compare(Path("runs/fresh_against_pretrained_xlmr"))
    plain = gains_of(file, "dataset", ("scratch", "pretrained"), "iteration")
    assert len(findings.comparisons) == len(plain) == 14
    for item in findings.comparisons:
        gains, gain = plain[item.condition.name], item.gain
        low, high = stats.t.interval(0.95, 9, gains.mean(), stats.sem(gains))
        assert gain and gain.interval and gain.verdict == "better" and gain.pairs == 10
        assert gain.gain == pytest.approx(gains.mean())
        assert (gain.interval.low, gain.interval.high) == pytest.approx((low, high), abs=2e-3 * (high - low))
    halves = {
        item.condition.name: (item.gain.gain, item.gain.interval)
        for item in findings.comparisons
        if item.gain
    }
    for name, mean, half in (
        ("angry-tweets", 0.296, 0.052),
        ("dane", 0.639, 0.034),
        ("scala-nn", 0.344, 0.168),
    ):
        gain, interval = halves[name]
        assert interval and (gain, (interval.high - interval.low) / 2) == pytest.approx(
            (mean, half), abs=6e-4
        )


def test_a_published_crossing_is_found() -> None:
    with (PUBLISHED / "setfit_few_shot.csv").open(encoding="utf8", newline="") as stream:
        lines = [list(line.values()) for line in csv.DictReader(stream) if line["dataset"] == "ag_news"]
    header = ("dataset", "shots", "split", "arm", "metric", "score")
    table(Path("ag_news.csv"), header, lines)
    words = ["--base", "roberta-large fine-tuned", "--seed", "split", "--size", "shots", "--metric", "metric"]
    assert main(["import", "ag_news.csv", *words, "--scale", "0.01"]) == 0
    findings = compare(Path("runs/ag_news"))
    plain = gains_of(Path("ag_news.csv"), "shots", ("roberta-large fine-tuned", "setfit mpnet"), "split")
    for item in findings.comparisons:
        gains = plain[item.condition.name.removesuffix(" rows")] / 100
        low, high = stats.t.interval(0.95, 9, gains.mean(), stats.sem(gains))
        assert item.gain and item.gain.interval
        assert item.gain.gain == pytest.approx(gains.mean())
        assert (item.gain.interval.low, item.gain.interval.high) == pytest.approx((low, high), abs=1e-3)
    told = {item.condition.name: round(item.gain.gain, 3) for item in findings.comparisons if item.gain}
    assert (told["2 rows"], told["8 rows"], told["32 rows"]) == (0.150, 0.012, -0.006)
    crossing = findings.rows.first("crossing")
    assert crossing and crossing.value and 4 < crossing.value < 16 and crossing.low and crossing.high
    assert [line for line in findings.alerts if "the column 'shots'" in line]


def test_the_lines_of_the_page_run() -> None:
    text = (PUBLISHED / "README.md").read_text("utf8")
    lines = [line for line in text.splitlines() if line.startswith("headstart import ")]
    assert len(lines) == len(list(PUBLISHED.glob("*.csv"))) == 2
    for line in lines:
        _, *words = shlex.split(line.replace("experiments/published", str(PUBLISHED)))
        assert main(words) == 0
    found = compare(Path("runs/setfit_few_shot"))
    assert {each.arm for each in found.excluded} == {"setfit mpnet"} and len(found.comparisons) == 32


def results(change: Callable[[list[list[object]]], object] = lambda rows: None, header: Row = HEADER) -> Path:
    """Two arms x three seeds x two data sets, accuracy and loss, with a change; as results.csv."""
    draw = np.random.default_rng(0)
    rows: list[list[object]] = [
        [arm, seed, data, 64, metric, round(base + 0.1 * draw.random() + 0.2 * (arm == "warm"), 3), 10 + seed]
        for data in ("a", "b")
        for seed in range(3)
        for arm in ("cold", "warm")
        for metric, base in (("accuracy", 0.4), ("log_loss", 1.0))
    ]
    change(rows)
    return table(Path("results.csv"), [str(name) for name in header], [list(map(str, row)) for row in rows])


WORDS = [
    "--base",
    "cold",
    "--condition",
    "data",
    "--size",
    "rows",
    "--metric",
    "metric",
    "--seconds",
    "seconds",
]


def imported(*more: str) -> Findings:
    assert main(["import", "results.csv", *WORDS, *more]) == 0
    return compare(Path("runs/results"))


def test_what_is_unknown_is_null_and_said_in_the_first_lines() -> None:
    results()
    findings = imported()
    text = markdown.render(outline.page(findings))
    first = text.partition("## The result")[0]
    assert "Imported from results.csv (sha256 " in first and "No attestation: nobody here checked" in first
    assert "bit for bit" not in text and "What each arm held at step 0" not in text
    assert "Not tuned" not in text and "was not measured" not in text
    rows = findings.rows
    assert rows.value("train.flops", arm="warm") is None and rows.value("train.seconds", arm="warm") == 11
    assert rows.value("seconds_ratio", arm="warm") == pytest.approx(1)
    assert not rows.select("total.*", "joules_ratio", "met_before")
    assert findings.attestations == () and findings.sentence.startswith(
        "In results imported from results.csv"
    )


def test_a_notebook_and_the_exports_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    imported()
    study = open_study("runs/results")
    assert len(study.records) == 12 and {"arm", "seed", "test_accuracy", "flops"} <= set(study.records)
    assert len(study.pairs) == 6 and study.curves.empty
    assert set(study.gains.metric) == {"accuracy", "log_loss"}
    assert {path.name for path in study.report().html.parent.iterdir()} >= {"report.html", "report.md"}
    assert not list(Path("runs/results").glob("card_*"))
    for form in ("csv", "json", "latex", "md"):
        assert main(["report", "runs/results", "--export", form]) == 0
    assert main(["report", "runs/results", "runs/results"]) == 0
    assert "gain" in capsys.readouterr().out


def test_a_claim_can_be_checked_on_it() -> None:
    results()
    rows = imported().rows
    gain = rows.first("gain", condition="64 rows, a", arm="warm", metric="accuracy")
    assert gain is not None and gain.verdict == "better"
    expected = Expectation(**as_expectation(gain, than=0.0, tolerance=0.01))
    claim = Claim(Path(), "Warm is better.", True, {"laptop": ()}, (expected, replace(expected, than=0.9)))
    assert [checked.holds for checked in check(claim, rows)] == [True, False]


def test_examples_enter_the_interval_as_those_of_our_own_runs_do() -> None:
    folder = make_study(Path("own"), seeds=range(4))
    own = compare(folder).comparisons[0].gains["accuracy"]
    scores, examples = [], []
    for record in read_study(folder).records:
        found = read_predictions(record.folder / "predictions.parquet")
        scores.append((record.arm, record.seed, (record.scores.test or {})["accuracy"]))
        right = (found.labels == found.predictions).astype(int)
        examples += [(record.arm, record.seed, *pair) for pair in zip(found.ids, right, strict=True)]
    table(Path("results.csv"), ("arm", "seed", "score"), [list(map(str, row)) for row in scores])
    table(Path("each.csv"), ("arm", "seed", "id", "right"), [list(map(str, row)) for row in examples])
    flags = "--base scratch --headline accuracy --examples each.csv --example id --value right"
    assert main(["import", "results.csv", *flags.split()]) == 0
    gain = compare(Path("runs/results")).comparisons[0].gain
    assert gain and own.interval and gain.interval and gain.examples == own.examples
    ends = (gain.interval.low, gain.interval.high)
    assert ends == pytest.approx((own.interval.low, own.interval.high), abs=5e-3)
    assert gain.example_se == pytest.approx(own.example_se, rel=0.05)


Change = Callable[[list[list[object]]], object]
MISTAKES: dict[str, tuple[Change, list[str], str]] = {
    "column": (lambda rows: None, ["--arm", "armm"], "has no column 'armm' (--arm); did you mean arm?"),
    "doubled": (lambda rows: rows.append(rows[0]), [], "line 26 is a second accuracy of cold, seed 0"),
    "condition": (lambda rows: None, ["--condition", "rows"], "name the columns that tell them apart"),
    "number": (lambda rows: rows[2].__setitem__(5, "n/a"), [], "line 4 has 'n/a' in column 'score'"),
    "infinite": (lambda rows: rows[2].__setitem__(5, "inf"), [], "line 4 has 'inf' in column 'score'"),
    "empty": (lambda rows: rows[2].__setitem__(0, ""), [], "line 4 has nothing in column 'arm'"),
    "per cent": (
        lambda rows: rows[0].__setitem__(5, 41.5),
        [],
        "beyond 0 to 1; for per cent give --scale 0.01",
    ),
    "unpaired": (
        lambda rows: [rows.pop(), rows.pop()],
        [],
        "cold, seed 2 (size 64, b) has no partner of warm",
    ),
    "base": (lambda rows: None, ["--base", "colder"], "has no arm 'colder' (--base); did you mean cold?"),
    "headline": (lambda rows: None, ["--headline", "acc"], "has no scores of 'acc' (--headline)"),
    "seed": (lambda rows: rows[0].__setitem__(1, 0.5), [], "0.5 in column 'seed', where a whole number"),
    "size": (lambda rows: rows[0].__setitem__(3, 0), [], "0 in column 'rows' (--size): it must be above 0"),
    "cost": (
        lambda rows: rows[1].__setitem__(6, 99),
        [],
        "the seconds 99 of cold, seed 0 (size 64, a) is 10",
    ),
    "negative": (lambda rows: rows[0].__setitem__(6, -1), [], "(size 64, a) is negative"),
    "lacking": (lambda rows: rows.pop(2), [], "warm, seed 0 (size 64, a) has no accuracy"),
    "rows": (lambda rows: rows.clear(), [], "holds no results below its first line"),
    "one arm": (lambda rows: rows.__setitem__(slice(None), rows[::4]), [], "has one arm, cold"),
    "scale": (lambda rows: None, ["--scale", "zero"], "--scale zero: must be a number above 0"),
    "margin": (lambda rows: None, ["--margin", "-1"], "--margin -1: must be a number above 0"),
    "file": (lambda rows: None, ["--examples", "absent.csv"], "absent.csv: cannot be read: No such file"),
    "flag": (lambda rows: None, ["--value", "right"], "--example and --value are columns of --examples"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_sentence(mistake: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, words, said = MISTAKES[mistake]
    results(change)
    flags = [*WORDS, *words]
    for flag in words[::2]:  # the later one of a flag that is given once
        if flag in WORDS:
            place = flags.index(flag)
            del flags[place : place + 2]
    assert main(["import", "results.csv", *flags]) in (1, 2)
    told = capsys.readouterr().err.strip()
    assert said in told and told.startswith("headstart: ") and "\n" not in told
    assert not Path("runs").exists()


def test_the_base_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    assert main(["import", "results.csv", *WORDS[2:]]) == 1
    assert "has the arms cold, warm: say with --base which is the baseline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("cold", 0, "x", 1), ("cold", 0, "x", 0)], "example x of cold, seed 0 stands there twice"),
        ([("cold", 9, "x", 1)], "cold, seed 9 has no score in the results"),
        ([("cold", 0, "x", 1), ("warm", 0, "x", 1)], "have a mean of 1, and its accuracy is 0.5"),
        ([("cold", 0, "x", 1), ("cold", 0, "y", 0)], "of warm, seed 0 have no number"),
    ],
)
def test_examples_belong_to_the_scores(
    rows: list[Row], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = [("cold", 0, 0.5), ("warm", 0, 1.0)]
    table(Path("results.csv"), ("arm", "seed", "score"), [list(map(str, row)) for row in scores])
    table(Path("each.csv"), ("arm", "seed", "example", "value"), [list(map(str, row)) for row in rows])
    flags = "--base cold --headline accuracy --examples each.csv"
    assert main(["import", "results.csv", *flags.split()]) == 1
    assert said in capsys.readouterr().err


def test_a_folder_of_something_else_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    make_study(Path("runs/results"), seeds=[0])
    assert main(["import", "results.csv", *WORDS]) == 1
    assert "is not empty and holds no imported study: choose another --study" in capsys.readouterr().err
    assert main(["import", "results.csv", *WORDS, "--study", "runs/other"]) == 0
    assert main(["import", "results.csv", *WORDS, "--study", "runs/other"]) == 0  # again, in place of itself


def test_a_damaged_study_is_one_clear_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    results()
    imported()
    Path("runs/results/imported.json").write_text('{"schema": 2}', "utf8")
    assert main(["report", "runs/results", "--export", "csv"]) == 1
    told = capsys.readouterr().err
    assert "imported.json: breaks the schema" in told and "import the results again" in told


@pytest.mark.parametrize("file", ["imported.json", "examples.parquet"])
def test_numbers_that_were_changed_afterwards_are_not_believed(file: str) -> None:
    scores = [("cold", "0", "0.5"), ("warm", "0", "1.0"), ("cold", "1", "0.5"), ("warm", "1", "1.0")]
    table(Path("results.csv"), ("arm", "seed", "score"), scores)
    each = [(a, s, e, "1" if a == "warm" or e == "x" else "0") for a, s, _ in scores for e in ("x", "y")]
    table(Path("each.csv"), ("arm", "seed", "example", "value"), each)
    flags = "--base cold --headline accuracy --examples each.csv"
    assert main(["import", "results.csv", *flags.split()]) == 0
    assert compare(Path("runs/results")).comparisons
    path = Path("runs/results") / file
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6") if file.endswith("json") else b"PAR1")
    with pytest.raises(RecordError, match=f"{file}: is not what the import wrote; import the results again"):
        compare(Path("runs/results"))

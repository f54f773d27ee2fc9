"""A file of one's own becomes a task: family, columns and a yaml that runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from tests.studies.command import headstart

from headstart.cli import main
from headstart.studies.compose import runs_of
from headstart.tasks.guess import guess

TEXTS = [
    f"the {word} fox jumps over {n} lazy dogs" for n in range(30) for word in ("brown", "red", "grey", "old")
]


def jsonl(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf8")
    return path


KINDS = {
    "one class": (
        [{"review": t, "stars": n % 3, "id": n} for n, t in enumerate(TEXTS)],
        ("text_classification", {"text": "review", "label": "stars"}),
    ),
    "a pair": (
        [{"a": t, "b": t[::-1].replace("o", " o"), "label": "yn"[n % 2]} for n, t in enumerate(TEXTS)],
        ("text_classification", {"text": "a", "pair": "b", "label": "label"}),
    ),
    "several classes": (
        [{"text": t, "topics": "sport;news" if n % 2 else "news|war"} for n, t in enumerate(TEXTS)],
        ("text_classification", {"text": "text", "labels": "topics"}),
    ),
    "a number": (
        [{"text": t, "score": (n * 0.37) ** 1.5} for n, t in enumerate(TEXTS)],
        ("text_classification", {"text": "text", "number": "score"}),
    ),
    "tags": (
        [{"tokens": t.split(), "ner": ["O"] * (len(t.split()) - 1) + ["B-X"]} for t in TEXTS],
        ("token_classification", {"words": "tokens", "tags": "ner"}),
    ),
    "questions": (
        [
            {
                "question": "who jumps?",
                "context": t,
                "answers": {"text": ["fox"], "answer_start": [t.index("fox")]},
            }
            for t in TEXTS
        ],
        (
            "question_answering",
            {
                "question": "question",
                "context": "context",
                "answers": "answers.text",
                "starts": "answers.answer_start",
            },
        ),
    ),
    "two texts": (
        [{"document": t * 3, "summary": t} for t in TEXTS],
        ("text_to_text", {"text": "document", "output": "summary"}),
    ),
    "text alone": ([{"text": t} for t in TEXTS], ("masked_lm", {"text": "text"})),
    "pictures": (
        [{"file": f"a/{n}.png", "animal": "cd"[n % 2]} for n in range(120)],
        ("image_classification", {"image": "file", "label": "animal"}),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_family_is_guessed_and_the_yaml_is_one_that_runs(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, expected = KINDS[kind]
    monkeypatch.chdir(tmp_path)
    jsonl(tmp_path / "my rows.jsonl", rows)
    (tmp_path / "a").mkdir()
    for row in rows:
        if "file" in row:
            Image.new("L", (8, 8)).save(tmp_path / row["file"])
    assert main(["new", "task", "my rows.jsonl"]) == 0
    (command,) = [
        line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  headstart")
    ]
    found = guess(tmp_path / "my rows.jsonl")
    assert (found.reading.kind, found.reading.columns) == expected
    assert yaml.safe_load((tmp_path / "conf/task/my_rows.yaml").read_text("utf8"))["kind"] == expected[0]
    (run,) = runs_of([*command.split()[1:], "arm=scratch", "seed=0", "hydra.mode=RUN"])
    assert run.config()["task"]["kind"] == expected[0] and run.task.name == "my_rows"


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("".join(f"{t}\t{n % 2}\n" for n, t in enumerate(TEXTS)), "utf8")
    found = guess(tmp_path / "x.tsv")
    assert found.files["columns"] == ["column_1", "column_2"] and found.rows == len(TEXTS)
    assert found.reading.columns == {"text": "column_1", "label": "column_2"}


def test_a_word_per_row_becomes_a_sentence_per_row(tmp_path: Path) -> None:
    words = [
        (f"Sentence: {n}" if not place else "", w)
        for n, t in enumerate(TEXTS)
        for place, w in enumerate(t.split())
    ]
    lines = [
        "Sentence #,Word,Tag",
        *(f"{number},{word},{'O' if len(word) > 3 else 'B-X'}" for number, word in words),
    ]
    (tmp_path / "ner.csv").write_text("\n".join(lines), "utf8")
    found = guess(tmp_path / "ner.csv")
    assert found.rows == len(TEXTS) and found.files["sentence"] == "Sentence #"
    assert found.reading.columns == {"words": "Word", "tags": "Tag"}


def test_files_beside_train_are_said(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        jsonl(tmp_path / f"{split}.jsonl", [{"text": t, "label": n % 2} for n, t in enumerate(TEXTS)])
    assert f"validation: {tmp_path / 'dev.jsonl'}" in guess(tmp_path / "train.jsonl").notes


def test_a_sheet_may_have_columns_without_names(tmp_path: Path) -> None:
    lines = ["v1,v2,,,", *(f"{'ham' if n % 3 else 'spam'},{t},,," for n, t in enumerate(TEXTS))]
    (tmp_path / "spam.csv").write_text("\n".join(lines), "utf8")
    found = guess(tmp_path / "spam.csv")
    assert found.reading.columns == {"text": "v2", "label": "v1"} and "columns" not in found.files


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        ("a,b\n1,2\n3,4\n", "numbers.csv", "no column holds text"),
        (None, "absent.csv", "no such file or folder"),
        ("text,label\nx y z,1\n", "sst2.csv", "there is one already"),
    ],
)
def test_what_cannot_be_used_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content,
    name,
    sentence,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / name).write_text(content, "utf8")
    assert main(["new", "task", name]) in (1, 2)
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "conf").exists()


def yaml_of(name: str) -> dict[str, Any]:
    return yaml.safe_load(Path(f"conf/task/{name}.yaml").read_text("utf8"))


def test_settings_go_before_what_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(Path("a.jsonl"), [{"text": t, "big title": t[::-1], "stars": n % 3} for n, t in enumerate(TEXTS)])
    settings = ("task.number=stars", "task.text=big title", "task.files.holdout.test=0.4")
    assert headstart("new", "task", "a.jsonl", "mine", *settings).code == 0
    task = yaml_of("mine")
    assert (task["text"], task["label"], task["number"]) == ("big title", None, "stars")
    assert task["files"]["holdout"] == {"test": 0.4} and task["headline"] == "pearson"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["mine", "task.label=starz"], "has no column 'starz' (task.label): did you mean stars?"),
        (
            ["mine", "task.files.encodin=x"],
            "task.files.encodin: no such setting; did you mean task.files.enc",
        ),
        (["mine", "seed=1"], "seed=1: only settings of the task are known here: task.label=COLUMN"),
        (["mine", "other"], "other is one word too many"),
        (["mine", "task.label={"], "not of the form task.label=COLUMN; as a text it is typed"),
        (["mine", "task.text=a,b"], "is read as several values; as a text it is typed"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(Path("a.jsonl"), [{"text": t, "stars": n % 3} for n, t in enumerate(TEXTS)])
    typed = headstart("new", "task", "a.jsonl", *words)
    assert typed.code and said in typed.err and not Path("conf").exists()


def test_what_is_advised_works_as_it_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(Path("it's.jsonl"), [{"my, text": t, "a=b": n % 5} for n, t in enumerate(TEXTS)])
    typed = headstart("new", "task", "it's.jsonl")
    (other,) = [line.partition(": headstart ")[2] for line in typed.out.splitlines() if "  or " in line]
    assert headstart(*shlex.split(other)).code == 0
    assert yaml_of("it_s_2")["number"] == "a=b" and yaml_of("it_s")["text"] == "my, text"


@pytest.mark.parametrize(
    ("size", "mode", "model"),
    [
        ((8, 8), "L", "vit_tiny"),
        ((28, 28), "L", "cnn_tiny"),
        ((28, 28), "RGB", "resnet18"),
        ((300, 200), "L", "resnet18"),
    ],
)
def test_a_model_is_named_that_sees_such_images(
    size: tuple[int, int], mode: str, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in range(6):
        file = Path("pictures", "ab"[place % 2], f"{place}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, "red" if mode == "RGB" else place).save(file)
    typed = headstart("new", "task", "pictures")
    assert f"headstart task=pictures model={model} " in typed.out
    assert ("model=resnet18 come from the hub" in typed.out) == (model == "resnet18")
    assert (" arm=scratch " in typed.out) == (model != "resnet18")


def test_tags_that_are_numbers_need_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl(Path("a.jsonl"), [{"tokens": t.split(), "ner_tags": [0, 1, 2, 0, 0, 0, 0, 0]} for t in TEXTS])
    typed = headstart("new", "task", "a.jsonl", "open")
    assert "the tags are numbers (0, 1, 2)" in typed.out and yaml_of("open")["names"] == "???"
    assert "task.names: must be given" in headstart("plan", "task=open", "study.name=x").err
    assert headstart("new", "task", "a.jsonl", "named", "task.names=[O,B-PER,I-PER]").code == 0
    assert yaml_of("named")["names"] == ["O", "B-PER", "I-PER"]

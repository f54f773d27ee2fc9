"""A file of one's own becomes a task: family, columns and a yaml that runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

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
    assert main(["new", "task", "my rows.jsonl"]) == 0
    (command,) = [
        line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("  headstart")
    ]
    found = guess(tmp_path / "my rows.jsonl")
    assert (found.kind, found.columns) == expected
    assert yaml.safe_load((tmp_path / "conf/task/my_rows.yaml").read_text("utf8"))["kind"] == expected[0]
    (run,) = runs_of([*command.split()[1:], "arm=scratch", "seed=0", "hydra.mode=RUN"])
    assert run.task.kind == expected[0] and run.task.name == "my_rows"


def test_a_file_without_a_header_gets_names(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_text("".join(f"{t}\t{n % 2}\n" for n, t in enumerate(TEXTS)), "utf8")
    found = guess(tmp_path / "x.tsv")
    assert found.header == ("column_1", "column_2") and found.rows == len(TEXTS)
    assert found.columns == {"text": "column_1", "label": "column_2"}


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

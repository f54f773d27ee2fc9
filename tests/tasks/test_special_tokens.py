"""Rows with special tokens in their texts: counted by every kind of task, and read as letters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.conftest import WORDS
from tests.tasks.languages import MARKS, saved

from headstart.data.files import Files
from headstart.data.size import All
from headstart.models.model import Model
from headstart.tasks.causal_lm import CausalLM
from headstart.tasks.question_answering import QuestionAnswering
from headstart.tasks.text_classification import TextClassification
from headstart.tasks.text_to_text import TextToText
from headstart.tasks.token_classification import TokenClassification

LONG = " ".join(WORDS)
CELLS: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "a text": ("bert", TextClassification, {"text": "red {} blue", "label": "a"}),
    "the second text of a pair": ("bert", TextClassification, {"text": "red", "pair": "a {}", "label": "a"}),
    "a word with a tag": ("bert", TokenClassification, {"words": ["red", "{}"], "tags": ["O", "X"]}),
    "a question": ("bert", QuestionAnswering,
                   {"question": "old {}", "context": "red blue", "answers": ["red"], "starts": [0]}),
    "a context": ("bert", QuestionAnswering,
                  {"question": "old", "context": "red {} blue", "answers": ["blue"], "starts": [10]}),
    "running text": ("llama", CausalLM, {"text": f"{LONG} {{}} {LONG}"}),
    "the text of a generation": ("t5", TextToText, {"text": "red {}", "output": "blue"}),
    "the output of a generation": ("bart", TextToText, {"text": "red", "output": "blue {} cold"}),
}  # fmt: skip
OF_KIND: dict[Any, dict[str, Any]] = {QuestionAnswering: {"stride": 4}, TextToText: {"max_output": 8}}


def rows(path: Path, row: dict[str, Any], written: str) -> str:
    """Twelve rows: those of odd number hold `written` where the row has {}."""
    lines = [
        json.dumps(row).replace("{}", written if number % 2 else f"x{number}".ljust(5, "."))
        for number in range(12)
    ]
    if "label" in row:
        lines[::3] = [line.replace('"label": "a"', '"label": "b"') for line in lines[::3]]
    path.write_text("\n".join(lines) + "\n", "utf8")
    return str(path)


@pytest.mark.parametrize("where", CELLS)
def test_are_counted_and_read_as_letters(where: str, tmp_path: Path) -> None:
    architecture, kind, row = CELLS[where]
    marks, _ = MARKS[architecture]
    end = marks.get("sep_token") or marks["eos_token"]
    path = rows(tmp_path / "a.jsonl", row, end.ljust(5, "."))
    (name,) = get_args(kind.model_fields["kind"].annotation)
    more = {"pair": "pair"} if "pair" in row else OF_KIND.get(kind, {})
    task = kind(kind=name, name="mine", files=Files(train=path, validation=path, test=path), **more)
    model = Model(name=str(saved(tmp_path / architecture, architecture)), max_length=32)
    ready = task.prepare(model, All())
    assert ready.facts["special_tokens"] == {"train": 6, "validation": 6, "test": 6}
    assert "test: 6 rows hold special tokens" in "; ".join(ready.facts["notes"])
    number = model.load_tokenizer().convert_tokens_to_ids(end)
    examples: Any = ready.test
    if kind is CausalLM:
        assert (examples.stream.ids == number).sum() == 12  # one behind every text
    else:
        parts = [examples.tokens, *([examples.targets] if kind is TextToText else [])]
        assert all(len({list(ids).count(number) for ids in part.ids}) == 1 for part in parts)

"""What the tests of studies share."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import WORDS


@pytest.fixture
def masked(quick: list[str], tiny_model: Path, tmp_path: Path) -> tuple[list[str], Path]:
    """The settings of a small study, its model with a mask token, and a text to pretrain on."""
    from transformers import AutoTokenizer

    model = tmp_path / "masked-bert"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.add_special_tokens({"mask_token": "[UNK]"})
    tokenizer.save_pretrained(model)
    for name in ("config.json", "model.safetensors"):
        (model / name).write_bytes((tiny_model / name).read_bytes())
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{' '.join(WORDS[i % 7 :] + WORDS[: i % 5])}\n" for i in range(300)), "utf8")
    return [*quick, f"model.name={model}"], text

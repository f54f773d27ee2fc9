"""Tokens: where they stand in the text, windows of long contexts, and what comes from the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.conftest import WORDS
from tests.models.tokenizers import byte_level
from transformers import PreTrainedTokenizerFast

from headstart.cache import cache_dir
from headstart.errors import ConfigError
from headstart.models import tokens
from headstart.models.model import Model
from headstart.models.tokens import NOWHERE, LocatedTokens, Tokens, located_tokens_of, tokens_of, windows_of


def same(one: Tokens, other: Tokens) -> bool:
    """Are all columns equal?"""
    if type(one) is not type(other):
        return False
    pairs = list(zip(vars(one).values(), vars(other).values(), strict=True))
    return all((a is None) == (b is None) for a, b in pairs) and all(
        len(a) == len(b) and all(map(np.array_equal, a, b)) for a, b in pairs if a is not None
    )


@pytest.fixture
def tokenizer(tiny_model: Path) -> PreTrainedTokenizerFast:
    """One token per word of WORDS, [CLS] and [SEP] around them."""
    return Model(name=str(tiny_model)).load_tokenizer()  # pyright: ignore[reportReturnType]


def test_come_from_the_cache_the_second_time(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ways() -> list[Tokens]:
        texts = ["red green", "blue"]
        return [
            tokens_of(tokenizer, "cache", texts, None, 64),
            tokens_of(tokenizer, "cache", texts, texts, 64),
            located_tokens_of(tokenizer, "cache", texts, 64),
            windows_of(tokenizer, "cache", texts, ["cold " * 20, "warm"], 12, 1),
            windows_of(tokenizer, "cache", texts, ["cold " * 20, "warm"], 12, 2),
        ]

    made = ways()
    monkeypatch.setattr(type(tokenizer), "__call__", None)
    assert all(same(one, other) for one, other in zip(made, ways(), strict=True))
    assert not any(same(one, other) for i, one in enumerate(made) for other in made[:i])


def test_of_many_rows_are_made_by_blocks_and_lie_in_one_array(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "BLOCK", 3)
    texts = ["red " * (1 + row % 4) for row in range(8)]
    sizes: list[int] = []
    write = tokens._table

    def counted(block: Tokens) -> Any:
        sizes.append(len(block.ids))
        return write(block)

    monkeypatch.setattr(tokens, "_table", counted)
    found = tokens_of(tokenizer, "blocks", texts, None, 64)
    assert sizes == [3, 3, 2], "one block is in memory at a time"
    assert found.lengths.tolist() == [3 + row % 4 for row in range(8)]
    assert len({id(row.base) for row in found.ids}) == 1
    whole = [np.array(tokenizer(text)["input_ids"]) for text in texts]
    assert all(map(np.array_equal, found.ids, whole)) and np.array_equal(found.ids[-1], whole[-1])
    with pytest.raises(IndexError):
        found.ids[8]


def test_that_were_swapped_in_the_cache_are_made_again(
    tokenizer: PreTrainedTokenizerFast, caplog: pytest.LogCaptureFixture
) -> None:
    """A whole parquet file with other tokens: nothing but its digest can tell."""
    texts = ["red green", "blue"]
    first = tokens_of(tokenizer, "swapped", texts, None, 64)
    before = {*(cache_dir() / "tokens").iterdir()}
    tokens_of(tokenizer, "swapped", texts[::-1], None, 64)
    (other,) = {*(cache_dir() / "tokens").iterdir()} - before
    for path in before:
        path.write_bytes(other.read_bytes())
    assert same(tokens_of(tokenizer, "swapped", texts, None, 64), first)
    assert len(caplog.messages) == 1 and "is damaged: it is made again" in caplog.messages[0]


def test_know_their_characters(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = located_tokens_of(tokenizer, "characters", ["red  green", "blue"], 64)
    assert [row.tolist() for row in tokens.begins] == [[NOWHERE, 0, 5, NOWHERE], [NOWHERE, 0, NOWHERE]]
    assert [row.tolist() for row in tokens.ends] == [[NOWHERE, 3, 10, NOWHERE], [NOWHERE, 4, NOWHERE]]
    assert same(tokens.take([1]), located_tokens_of(tokenizer, "characters", ["blue"], 64))


def test_need_a_tokenizer_that_knows_where_they_are() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(ConfigError, match=r"Slow does not say where .* choose a model with a fast tokenizer"):
        located_tokens_of(Slow(), "slow", ["red"], 8)  # pyright: ignore[reportArgumentType]


class TestWindows:
    def test_overlap_and_cover_the_context(self, tokenizer: PreTrainedTokenizerFast) -> None:
        context = " ".join(WORDS[:12])
        found = windows_of(tokenizer, "cover", ["old new"], [context], 12, 2)  # 7 words of context in each
        pieces = [str(tokenizer.decode(ids)).split("[SEP]") for ids in found.ids]
        assert [piece[0].split() for piece in pieces] == [["[CLS]", "old", "new"]] * 2
        assert [piece[1].split() for piece in pieces] == [list(WORDS[:7]), list(WORDS[5:12])]
        assert found.source.tolist() == [0, 0]
        assert not found.truncated.any()

    def test_number_the_text_they_are_cut_from(self, tokenizer: PreTrainedTokenizerFast) -> None:
        contexts = ["red", " ".join(WORDS[:16]), "blue"]
        found = windows_of(tokenizer, "number", ["old"] * 3, contexts, 12, 0)
        assert found.source.tolist() == [0, 1, 1, 2]
        assert [len(row) for row in found.ids] == [5, 12, 12, 5]

    def test_a_long_question_is_cut_to_half_a_window(self, tokenizer: PreTrainedTokenizerFast) -> None:
        found = windows_of(tokenizer, "long", ["old " * 30, "new"], ["red green blue", "warm"], 16, 1)
        assert found.truncated.tolist() == [True, False]
        assert str(tokenizer.decode(found.ids[0])).split() == [
            "[CLS]",
            *["old"] * 8,
            "[SEP]",
            "red",
            "green",
            "blue",
            "[SEP]",
        ]

    def test_a_context_of_nothing_is_one_window(self, tokenizer: PreTrainedTokenizerFast) -> None:
        found = windows_of(tokenizer, "nothing", ["old"], [""], 16, 1)
        assert (found.begins[0] == NOWHERE).all() and len(found.ids) == 1

    def test_an_overlap_that_leaves_nothing_new_is_refused(self, tokenizer: PreTrainedTokenizerFast) -> None:
        windows_of(tokenizer, "new", ["old " * 30], ["red " * 30], 16, 4)
        with pytest.raises(ConfigError, match=r"task.stride: 5 tokens .* windows of 16 .* less than 5"):
            windows_of(tokenizer, "new", ["old"], ["red"], 16, 5)

    @settings(max_examples=60)
    @example("aéé", "b" * 50, 8, 3)  # two tokens for each é: the fourth is the half of one
    @given(
        st.text("ab é.,", max_size=60), st.text("ab é.,", max_size=200), st.integers(8, 24), st.integers(0, 3)
    )
    def test_of_any_text_lose_no_character(
        self, question: str, context: str, limit: int, stride: int
    ) -> None:
        found = windows_of(byte_level(), "any", [question], [context], limit, stride)
        assert max(map(len, found.ids)) <= limit
        seen = {
            place
            for begins, ends in zip(found.begins, found.ends, strict=True)
            for begin, end in zip(begins, ends, strict=True)
            for place in range(begin, end)
        }
        assert seen == set(range(len(context)))


def test_lengths_are_counted_once_however_many_batches_ask() -> None:
    tokens = Tokens([np.zeros(n, dtype=np.int32) for n in (3, 1, 2)], None, np.zeros(3, dtype=bool))
    assert tokens.lengths is tokens.lengths and tokens.lengths.tolist() == [3, 1, 2]
    assert tokens.take([2, 0]).lengths.tolist() == [2, 3]


@pytest.mark.parametrize("side", ["right", "left"])
def test_of_a_very_long_text_the_beginning_is_read_and_the_tokens_are_those_of_the_whole(
    tokenizer: PreTrainedTokenizerFast, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer.truncation_side = side
    texts = [
        "red green " * 20_000 + "blue",
        "blue " + "  " * 20_000 + "red " * 9,
        "warm cold",
        "red" * 30_000,
    ]
    ids = tokenizer(texts, truncation=True, max_length=8)["input_ids"]
    spans = tokenizer(texts, truncation=True, max_length=8, return_offsets_mapping=True)["offset_mapping"]
    read: list[int] = []
    call = type(tokenizer).__call__

    def counted(self: Any, text: list[str] | str, *given: Any, **named: Any) -> Any:
        read.append(len(text if isinstance(text, str) else text[0]))
        return call(self, text, *given, **named)

    monkeypatch.setattr(type(tokenizer), "__call__", counted)
    for made in (
        tokens_of(tokenizer, f"long {side}", texts, None, 8),
        located_tokens_of(tokenizer, f"long {side}", texts, 8),
    ):
        assert [row.tolist() for row in made.ids] == ids
        assert made.truncated.tolist() == [len(tokenizer(text)["input_ids"]) > 8 for text in texts]
    assert isinstance(made, LocatedTokens)
    assert made.begins[0].max() == max(begin for begin, _ in spans[0])
    if side == "right":
        assert read[0] < 1000


@pytest.mark.parametrize("paired", [False, True])
def test_only_texts_that_are_too_long_are_read_again(
    tokenizer: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch, paired: bool
) -> None:
    texts = ["red", "red " * 50, "blue", "blue " * 60]
    pairs = ["blue", "red", "red", "blue"] if paired else None
    rows = zip(texts, pairs or [None] * 4, strict=True)
    cut = [tokenizer(*row, truncation=True, max_length=8) for row in rows]
    again: list[int] = []
    call = type(tokenizer).__call__

    def counted(self: Any, text: Any, *others: Any, **settings: Any) -> Any:
        again.extend([len(text)] if settings.get("truncation") else [])
        return call(self, text, *others, **settings)

    monkeypatch.setattr(type(tokenizer), "__call__", counted)
    found = tokens_of(tokenizer, "longer", texts, pairs, 8)
    assert [row.tolist() for row in found.ids] == [each["input_ids"] for each in cut]
    assert not found.kinds or [row.tolist() for row in found.kinds] == [row["token_type_ids"] for row in cut]
    assert again == [2] and found.truncated.tolist() == [False, True, False, True]

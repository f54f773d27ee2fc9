"""Special tokens that are written in a text are letters, for every kind of tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import transformers as tf
from tests.models.text import lines
from tokenizers import Tokenizer, models, pre_tokenizers

from headstart.models.model import Model
from headstart.models.tokenizer import (
    rows_with_special_tokens,
    special_tokens,
    without_special_tokens_in_text,
)
from headstart.models.tokens import NOWHERE, located_tokens_of
from headstart.models.vocabulary import ALGORITHMS

BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
T5 = ("<pad>", "</s>", "<unk>")
BART = ("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>")


@cache
def trained(algorithm: str, special: tuple[str, ...]) -> Tokenizer:
    unknown = next(name for name in special if "unk" in name.lower())
    return ALGORITHMS[algorithm](lines(), 700, special, unknown)


def pieces(*special: str) -> list[tuple[str, float]]:
    known = json.loads(trained("unigram", T5).to_str())["model"]["vocab"][len(T5) :]
    return [*((name, 0.0) for name in special), *(tuple(piece) for piece in known)]


def merged(kind: Any) -> Any:
    model = json.loads(trained("bpe", BART).to_str())["model"]
    return kind(vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]])


def whole_words() -> Any:
    """Words between spaces, each a token: `[SEP]` between spaces is one of them."""
    words = Tokenizer(models.WordLevel({name: i for i, name in enumerate([*BERT, "ba", "ce"])}, "[UNK]"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tf.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", sep_token="[SEP]")  # noqa: S106


KINDS: dict[str, Callable[[], Any]] = {
    "bert": lambda: tf.BertTokenizer(vocab=trained("wordpiece", BERT).get_vocab()),
    "t5": lambda: tf.T5Tokenizer(vocab=pieces(*T5)),
    "albert": lambda: tf.AlbertTokenizer(vocab=pieces("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")),
    "xlm_roberta": lambda: tf.XLMRobertaTokenizer(vocab=pieces("<s>", "<pad>", "</s>", "<unk>", "<mask>")),
    "deberta_v2": lambda: tf.DebertaV2Tokenizer(vocab=pieces("[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]")),
    "gpt2": lambda: merged(tf.GPT2Tokenizer),
    "roberta": lambda: merged(tf.RobertaTokenizer),
    "byt5": tf.ByT5Tokenizer,
    "words": whole_words,
}


@pytest.mark.parametrize("kind", KINDS)
def test_letters_of_special_tokens_make_none(kind: str) -> None:
    before, tokenizer = KINDS[kind](), without_special_tokens_in_text(KINDS[kind]())
    names = special_tokens(tokenizer)
    special = set(tokenizer.convert_tokens_to_ids(names))
    if tokenizer.unk_token_id != tokenizer.eos_token_id:
        special -= {tokenizer.unk_token_id}
    for text in (" ".join(names), "".join(names), f"ba{names[0]}ce {names[-1]}."):
        assert special & set(before(text, add_special_tokens=False)["input_ids"])
        assert not special & set(tokenizer(text, add_special_tokens=False)["input_ids"])
        if tokenizer.is_fast:
            seen = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
            read = {place for begin, end in seen for place in range(begin, end)}
            assert read >= {place for place, letter in enumerate(text) if not letter.isspace()}
    usual = lines(3)
    assert before(usual, usual)["input_ids"] == tokenizer(usual, usual)["input_ids"]


def test_all_of_our_own_vocabularies_read_them_as_letters() -> None:
    for algorithm in ALGORITHMS:
        roles = {"unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"}
        made: Any = tf.PreTrainedTokenizerFast(tokenizer_object=trained(algorithm, BART), **roles)
        ids = without_special_tokens_in_text(made)("ba </s>ce<pad>", add_special_tokens=False)["input_ids"]
        assert not {made.eos_token_id, made.pad_token_id} & set(ids)


def test_a_saved_tokenizer_still_reads_them_as_letters(tmp_path: Any) -> None:
    tokenizer = without_special_tokens_in_text(KINDS["bert"]())
    tokenizer.save_pretrained(tmp_path)
    again = tf.AutoTokenizer.from_pretrained(tmp_path)
    assert again("ba [SEP] ce")["input_ids"] == tokenizer("ba [SEP] ce")["input_ids"]


def test_places_stay_right_behind_them(tiny_model: Any) -> None:
    tokenizer: Any = Model(name=str(tiny_model)).load_tokenizer()
    found = located_tokens_of(tokenizer, "behind", ["red [SEP] blue"], 64)
    assert found.ids[0].tolist().count(tokenizer.sep_token_id) == 1
    assert (found.begins[0][-2], found.ends[0][-2]) == (10, 14)  # blue
    assert (found.begins[0] != NOWHERE).sum() == len(["red", "[", "SEP", "]", "blue"])
    assert found.ids[0][found.begins[0] == 10] == tokenizer.convert_tokens_to_ids("blue")


def test_rows_are_counted_once_whatever_holds_them(tiny_model: Any) -> None:
    tokenizer = Model(name=str(tiny_model)).load_tokenizer()
    rows = [["a [SEP] [SEP]", "[CLS]"], ["a", "b[PAD]"], ["[sep]", "SEP"], ["", ""]]
    assert rows_with_special_tokens(tokenizer, rows) == 2
    assert rows_with_special_tokens(tokenizer, np.array(rows)) == 2

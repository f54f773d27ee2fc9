"""Literals: what Python, JSON, numpy and pandas write of a list is read as that list, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.literals import literal

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=80)
@given(st.lists(TEXTS | st.integers(0, 99), min_size=1, max_size=6))
def test_a_written_list_is_read_as_it_was(values: list[Any]):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    for written in (
        repr(values),
        json.dumps(values),
        str(array),
        repr(array),
        repr(tuple(values)),
        str(values),
    ):
        assert literal(written) == values, written
    mapping = {"text": values, "none": []}
    for written in (repr(mapping), json.dumps(mapping), repr(mapping | {"text": array})):
        assert literal(written) == mapping, written


@settings(max_examples=80)
@given(TEXTS)
def test_text_without_brackets_is_no_list(text: str):
    assert literal(text.translate(dict.fromkeys(map(ord, "[{("), " "))) is None


@pytest.mark.parametrize(
    "text",
    [
        "[laughs] hi",
        "(hello)",
        "[Ada, met]",
        "['a'",
        "['a' ... 'b']",
        "[",
        "[" * 100_000,
        "['don''t']",
        "[f(1)]",
    ],
)
def test_what_only_begins_like_a_list_is_none(text: str):
    assert literal(text) is None

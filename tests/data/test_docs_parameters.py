"""Sections: the parameters and return values of docstrings, in the styles that libraries use."""

from __future__ import annotations

import pytest

from headstart.data.docs.prose import (
    Parameter,
    first_sentence,
    parameters,
    plain,
    returned,
    short_signature,
    signature_names,
)

NUMPY = """Sum along an axis.

Parameters
----------
a, b : array_like
    What is *added*. See `where`
    for more.
axis : {0, 1}, optional
    The axis.

    .. versionadded:: 1.2
        Since then.
where
*args : tuple
    The rest.

Other Parameters
----------------
deep : bool
    Seldom used.

Returns
-------
total : ndarray
    The sum of ``a``.

Notes
-----
count : int
    Not a parameter.
"""
GOOGLE = """
    Loads it.

    Args:
        name (`str`, *optional*, defaults to `"x"`):
            The name of the
            model: a folder.
        size (Tuple[int, int]): how large. Default: ``3``
        - flag: a switch
    Returns:
        `torch.Tensor`: what was
        loaded.
    After it.
"""
SPHINX = """Adds.

:param int left: the left one
:param right: the right one
:returns: nothing that is looked for
"""


def test_numpy_style():
    assert parameters(NUMPY) == [
        Parameter("a", "array_like", "What is added. See where for more."),
        Parameter("b", "array_like", "What is added. See where for more."),
        Parameter("axis", "{0, 1}, optional", "The axis."),
        Parameter("where", "", ""),
        Parameter("args", "tuple", "The rest."),
        Parameter("deep", "bool", "Seldom used."),
    ]
    assert returned(NUMPY) == "The sum of a."


def test_google_style():
    assert parameters(GOOGLE) == [
        Parameter("name", 'str, optional, defaults to "x"', "The name of the model: a folder."),
        Parameter("size", "Tuple[int, int]", "how large. Default: 3"),
        Parameter("flag", "", "a switch"),
    ]
    assert returned(GOOGLE) == "what was loaded."


def test_sphinx_style():
    assert parameters(SPHINX) == [
        Parameter("left", "", "the left one"),
        Parameter("right", "", "the right one"),
    ]


@pytest.mark.parametrize("text", ["", "Only a summary.", "Returns\n-------\n", "Args:\n", "Parameters\n---"])
def test_a_docstring_without_sections_has_none(text: str):
    assert parameters(text) == []
    assert returned(text) == ""


def test_signatures_lose_self_annotations_and_long_defaults():
    signature = "(self, a: int, /, b: str='x', *rest, c=None, d=some.very_long(default, value, 3), **more)"
    assert signature_names(signature) == ["a", "b", "rest", "c", "d", "more"]
    assert short_signature(signature) == "(a, b='x', *rest, c=None, d=..., **more)"
    assert short_signature("(cls)") == "()"
    assert signature_names("(not python") == []


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("One thing. Another.", "One thing."),
        ("E.g. this, i.e. that. Then more.", "E.g. this, i.e. that."),
        ("See x.y for it", "See x.y for it"),
        ("Really? Yes.", "Really?"),
        ("", ""),
    ],
)
def test_the_first_sentence(line: str, first: str):
    assert first_sentence(line) == first


def test_plain_drops_markup_and_keeps_names():
    text = "The `x` of :class:`~numpy.ndarray`,\n    as in numpy [1]_.\n\n>>> code()\n"
    assert plain(text) == "The x of numpy.ndarray, as in numpy."

"""Literals: lists and mappings written as text, as in the cells of tables."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from typing import Any

OPENS = re.compile(r"[\"']?\s*(?:array)?[\[{(]")
NO_COMMA = re.compile(r"""["']\s*["']|["'\d.]\s+["'\d]|array\(""")  # numpy: ['a' 'b'], [0 1], array([0])
VALUES = (tokenize.STRING, tokenize.NUMBER)


def literal(text: str) -> list[Any] | dict[str, Any] | None:
    """The list or mapping written in a text; None for other texts.

    Reads JSON, Python literals (a tuple becomes a list), and numpy arrays as pandas writes them, without
    commas; also inside one pair of quotes, as in a quoted cell of a tsv.
    """
    text = text.strip()
    if not OPENS.match(text):
        return None
    if text[0] in "\"'":
        inside = text[1:-1]
        return literal(inside.replace(text[0] * 2, text[0])) if text[-1] == text[0] and inside else None
    # Without these, quotes can be replaced, and JSON is ten times faster.
    simple = '"' not in text and "\\" not in text
    try:
        value = json.loads(text.replace("'", '"') if simple else text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(_with_commas(text) if NO_COMMA.search(text) else text)
        except (ValueError, TypeError, SyntaxError, tokenize.TokenError, MemoryError, RecursionError):
            return None
    return list(value) if isinstance(value, tuple) else value if isinstance(value, list | dict) else None


def _with_commas(text: str) -> str:
    """The text with a comma between adjacent values (Python would join two strings), and with the list in
    place of `array([...], dtype=object)`."""
    tokens: list[str] = []
    before = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if before and token.type in VALUES and before.type in VALUES:
            if token.start == before.end:
                raise ValueError(text)  # 'don''t' is ambiguous: one word or two values
            tokens.append(",")
        if token.type not in (tokenize.NL, tokenize.NEWLINE):
            tokens.append(token.string)
            before = token
    return re.sub(r"array \( (\[.*?\]) (?:, dtype = [\w.]+ )?\)", r"\1", " ".join(tokens))

"""Literals: lists and mappings that a text spells out, as tables of text hold them."""

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
    """The list or mapping that a text spells out; None where it is neither.

    Read are JSON, Python literals (a tuple is a list), and numpy's arrays as pandas writes them, without
    commas; also inside one pair of quotes, as a tsv holds a quoted cell.
    """
    text = text.strip()
    if not OPENS.match(text):
        return None
    if text[0] in "\"'":
        inside = text[1:-1]
        return literal(inside.replace(text[0] * 2, text[0])) if text[-1] == text[0] and inside else None
    # Without these ' and " mean the same, and JSON is read ten times faster.
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
    """The text with a comma between two values side by side (Python would join two strings), and the list
    in place of `array([...], dtype=object)`."""
    parts: list[str] = []
    before = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if before and token.type in VALUES and before.type in VALUES:
            if token.start == before.end:
                raise ValueError(text)  # 'don''t' is one word to some writers, and two values to others
            parts.append(",")
        if token.type not in (tokenize.NL, tokenize.NEWLINE):
            parts.append(token.string)
            before = token
    return re.sub(r"array \( (\[.*?\]) (?:, dtype = [\w.]+ )?\)", r"\1", " ".join(parts))

"""Words: what sentences of several subjects share."""

from __future__ import annotations


def capitalised(text: str) -> str:
    """The text with its first letter as a capital one."""
    return text[:1].upper() + text[1:]

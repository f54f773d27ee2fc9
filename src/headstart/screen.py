"""Screen: a console that shows names, questions and messages of others, and never obeys them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from headstart.terminal import cleaned


class Screen(Console):
    """rich's console; control characters of a text, with which a file could change the terminal, are left
    out. Colours and movements are rich's own, which are no text."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """rich's own, with clean texts."""
        for segment in super().render(renderable, options):
            text = cleaned(segment.text)
            yield segment if segment.control or text == segment.text else Segment(text, segment.style)

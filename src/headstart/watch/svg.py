"""SVG: a graph as a picture whose colours are those of the page around it; words are escaped."""

from __future__ import annotations

import math
from collections.abc import Iterator

from markupsafe import Markup

from headstart.watch.graphs import Graph, Line

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 48, 430, 12, 206  # edges of the plot


def drawn(graph: Graph, colours: dict[str, int]) -> Markup:
    """The graph; `colours` has the number of the colour of every arm."""
    xs, ys = ([point[axis] for line in graph.lines for point in line.points] for axis in (0, 1))
    x, y = (
        _Scale(min(*xs, 0.0), max(xs), LEFT, RIGHT),
        _Scale(min(*ys, 0.0) if graph.from_zero else min(ys), max(ys), BOTTOM, TOP),
    )
    parts = [*_grid(x, y), *(_line(line, x, y, colours) for line in graph.lines)]
    parts.append(
        Markup('<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>').format(
            RIGHT, HEIGHT - 8, graph.x
        )
    )
    label = f"{graph.y}, by {graph.x}: {graph.title}"
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, label, Markup("").join(parts)
    )


class _Scale:
    """Values to places, with round numbers as ticks."""

    def __init__(self, low: float, high: float, first: float, last: float) -> None:
        if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):  # a single value stands in the middle
            low, high = low - (abs(low) / 10 or 0.5), high + (abs(high) / 10 or 0.5)
        self.low, self.high, self.first, self.last = low, high, first, last
        raw = (high - low) / 4
        power = 10.0 ** math.floor(math.log10(raw))
        self.step = power * next(round_one for round_one in (1, 2, 5, 10) if round_one * power >= raw)

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.first + share * (self.last - self.first), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Places and texts."""
        places = max(0, -math.floor(math.log10(self.step) + 1e-9))
        for number in range(
            math.ceil(self.low / self.step - 1e-9), math.floor(self.high / self.step + 1e-9) + 1
        ):
            value = number * self.step
            yield self(value), f"{value:,.{places}f}"


def _grid(x: _Scale, y: _Scale) -> Iterator[Markup]:
    for place, text in y.ticks():
        yield Markup('<path class="grid" d="M{} {}H{}"/>').format(LEFT, place, RIGHT)
        yield Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 6, place + 4, text)
    for place, text in x.ticks():
        yield Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(place, BOTTOM + 18, text)


def _line(line: Line, x: _Scale, y: _Scale, colours: dict[str, int]) -> Markup:
    """A line through the points, and a dot at the end of a run that trains now."""
    colour = colours.get(line.arm, 0)
    places = [(x(at), y(value)) for at, value in line.points]
    path = "M" + "L".join(f"{left} {top}" for left, top in places)
    dot = Markup('<circle class="dot-{}" cx="{}" cy="{}" r="{}"/>').format(
        colour, *places[-1], 5 if line.live else 2.5
    )
    return Markup('<g class="{}"><title>{}</title><path class="line-{}" d="{}"/>{}</g>').format(
        "live" if line.live else "ended", line.title, colour, path, dot
    )

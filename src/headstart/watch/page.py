"""Page: a frame as HTML that loads nothing but itself and asks for what is new every two seconds."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path

from markupsafe import Markup

from headstart.reports import numbers
from headstart.reports.charts.theme import DARK, LIGHT
from headstart.reports.formats.html import hashed, template
from headstart.watch import words
from headstart.watch.frame import Frame
from headstart.watch.svg import drawn

MOST_RUNS = 200  # in the table
MOST_CARDS = 4  # gains that are set large; more of them are a table


def fragment(frame: Frame) -> str:
    """The part of the page that changes; words of the study are escaped."""
    study = frame.study
    arms = dict.fromkeys([study.baseline, *(run.planned.arm for run in study.runs)])
    colours = {arm: place % len(LIGHT.arms) for place, arm in enumerate(arms)}
    order = {state: place for place, state in enumerate(words.ORDER)}
    runs = sorted(study.runs, key=lambda run: order[run.status])
    return template(_file("main.html.j2").removesuffix("\n")).render(
        frame=frame,
        study=study,
        words=words,
        numbers=numbers,
        colours=colours,
        graphs=[(graph, drawn(graph, colours)) for graph in frame.graphs],
        runs=runs[:MOST_RUNS],
        cards=len(frame.gains) <= MOST_CARDS,
    )


def gone(sentence: str) -> str:
    """The same part where there is nothing to show, and why."""
    return str(Markup('<p class="warning">{}</p>').format(sentence))


def whole(folder: Path, content: str) -> str:
    """The page around a fragment."""
    return template(_file("watch.html.j2").removesuffix("\n")).render(
        name=folder.name,
        folder=str(folder),
        main=Markup(content),  # noqa: S704 a fragment of this module, escaped
        style=Markup(_style()),  # noqa: S704 our own files, not a study's words
        script=Markup(_file("watch.js")),  # noqa: S704
    )


@functools.cache
def policy() -> str:
    """The content security policy: our script and our style by their hashes, questions to this server."""
    return (
        f"default-src 'none'; script-src {hashed(_file('watch.js'))}; style-src {hashed(_style())}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@functools.cache
def _style() -> str:
    light, dark = (
        "".join(f"--{name}:{value};" for name, value in theme.variables().items()) for theme in (LIGHT, DARK)
    )
    shared = resources.files("headstart.reports").joinpath("report.css").read_text("utf8")
    colours = f":root{{{light}}}@media (prefers-color-scheme: dark){{:root{{{dark}}}}}"
    return "\n".join((colours, shared, _file("watch.css")))


def _file(name: str) -> str:
    return resources.files("headstart.watch").joinpath(name).read_text("utf8")

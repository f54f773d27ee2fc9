"""A command: its word, its help, its arguments and the function that runs it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from headstart.config import nearest
from headstart.errors import ConfigError
from headstart.heartbeat import heartbeat
from headstart.studies.config_search import CONFIG_DIR

Argument = Callable[[Any], object]  # adds itself to a parser, or to a group of one


@dataclass(frozen=True)
class Command:
    """One command. `takes` are the arguments as the help page of headstart shows them."""

    word: str
    takes: str
    does: str
    example: str
    arguments: Sequence[Argument]
    run: Callable[[argparse.Namespace], int]

    def parser(self) -> Parser:
        """The parser of the command's arguments, which also writes its help."""
        parser = Parser(
            prog=f"headstart {self.word}".strip(),
            description=self.does[:1].upper() + self.does[1:],
            epilog=f"example\n  {self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for add in (*self.arguments, CONFIG_DIR_FLAG):
            add(parser)
        return parser

    def __call__(self, words: Sequence[str]) -> int:
        """Run the command with these arguments; returns the exit code."""
        parser = self.parser()
        options, unknown = parser.parse_known_intermixed_args(words)
        if unknown and unknown[0].startswith("-"):
            parser.error(f"no {unknown[0]} here; {nearest(unknown[0], parser.flags())}")
        if unknown:
            parser.error(f"{unknown[0]} is one word too many")
        options.typed = list(words)
        with _config_dir(options.config_dir), heartbeat.beat(f"headstart {self.word}".strip()):
            return self.run(options)


def command(
    word: str, takes: str, does: str, example: str, *arguments: Argument
) -> Callable[[Callable[[argparse.Namespace], int]], Command]:
    """Decorator: makes a Command of the function that runs it."""
    return lambda run: Command(word, takes, does, example, arguments, run)


def argument(*names: str, **options: Any) -> Argument:
    return lambda parser: parser.add_argument(*names, **options)


def once(*names: str, **options: Any) -> Argument:
    """An argument that may be given once."""
    return argument(*names, action=Once, **options)


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises a ConfigError for a mistake, like every other part of headstart."""

    def flags(self) -> list[str]:
        """Every flag by its longest name."""
        return [max(action.option_strings, key=len) for action in self._actions if action.option_strings]

    def error(self, message: str) -> NoReturn:
        """ConfigError with one sentence, and where to read more."""
        word = "".join(f"{word}: " for word in self.prog.split()[1:])
        raise ConfigError(f"{word}{message}; {self.prog} --help shows how it is used")


class Once(argparse.Action):
    """A flag that may be given once: argparse would silently drop the first of two values."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"argument {self.option_strings[0]}: is given twice")
        setattr(namespace, self.dest, values)


@contextmanager
def _config_dir(folder: str | None) -> Iterator[None]:
    """While the command runs, it and the processes that it starts also search this folder for yaml."""
    if folder is None:
        yield
        return
    if not Path(folder).is_dir():
        raise ConfigError(f"--config-dir: there is no folder {folder}")
    before = os.environ.get(CONFIG_DIR, "")
    os.environ[CONFIG_DIR] = str(Path(folder).resolve())
    try:
        yield
    finally:
        os.environ[CONFIG_DIR] = before


STUDY_FOLDER = argument(
    "folder", metavar="FOLDER", type=Path, help="a study's folder, such as runs/first_look"
)
STUDY_SETTINGS = (
    argument(
        "settings", nargs="*", metavar="setting=value", help="as for the study; headstart --help lists them"
    ),
    argument(
        "-m", "--multirun", action="store_true", help="sweep the arms although the study is a single run"
    ),
)
ROLES = {  # flags that name a column of the user's rows -> help
    "text": "the text to read",
    "pair": "the second text, where two are read",
    "label": "the class",
    "labels": "any number of classes; A,B,C: columns of 0 and 1",
    "number": "the number to predict",
    "output": "the text to write",
    "words": "lists of words",
    "tags": "lists of tags, one per word",
    "question": "the question",
    "context": "the text with the answer",
    "answers": "the answers",
    "starts": "the character at which each answer starts",
    "image": "the image",
}
READING = {  # flags that say how a file is read -> setting and help
    "separator": ("separator", "X", "between the cells of a csv"),
    "encoding": ("encoding", "NAME", "of a text file: utf-8, latin-1, cp1252, ..."),
    "sentence": ("sentence", "COLUMN", "where a row is one word: the number of its sentence"),
    "dev": ("validation", "FILE", "validation rows in a file of their own"),
    "test": ("test", "FILE", "test rows in a file of their own"),
}
ROW_FLAGS = (
    *(once(f"--{role}", metavar="COLUMN", help=text) for role, text in ROLES.items()),
    *(once(f"--{flag}", metavar=of, help=text) for flag, (_, of, text) in READING.items()),
)


def row_settings(options: argparse.Namespace) -> list[str]:
    """The settings of the task that ROW_FLAGS stand for."""
    from headstart.studies.new_task import settings_of

    given = {name: value for name, value in vars(options).items() if value is not None}
    files = {name: given[flag] for flag, (name, _, _) in READING.items() if flag in given}
    return settings_of({role: given[role] for role in ROLES if role in given}, files)


EXTEND = argument(
    "--extend", action="store_true", help="when its yaml has changed: train the new runs beside the old ones"
)
JSON = argument("--json", action="store_true", help="print everything as JSON")
TRUST = argument(
    "--trust-remote-code", action="store_true", help="run the code that a model or a packed study brings"
)
CONFIG_DIR_FLAG = once(
    "--config-dir",
    "-cd",
    metavar="DIR",
    help=f"a folder of yaml of your own, beside ./conf; the same as the variable {CONFIG_DIR}",
)


def runs(options: argparse.Namespace) -> list:
    from headstart.screen import waiting

    with waiting("reading the settings"):
        from headstart.studies.compose import runs_of  # importing it takes as long as reading

        return runs_of([*options.settings, *(["-m"] if options.multirun else [])])

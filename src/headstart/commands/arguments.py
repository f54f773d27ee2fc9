"""What a command is: its help, its arguments, and the function behind it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from headstart.node import ConfigError, nearest


@dataclass(frozen=True)
class Command:
    """One command word. `takes` is what may stand behind it, as the help page of headstart shows it."""

    word: str
    takes: str
    does: str
    example: str
    arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace], int]

    def parser(self) -> Parser:
        """The reader of the words behind the command, and its help."""
        parser = Parser(
            prog=f"headstart {self.word}",
            description=self.does[:1].upper() + self.does[1:],
            epilog=f"example\n  {self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self.arguments(parser)
        return parser

    def __call__(self, words: Sequence[str]) -> int:
        """Run the command with the words behind it; returns the exit code."""
        parser = self.parser()
        options, strange = parser.parse_known_intermixed_args(words)
        if strange and strange[0].startswith("-"):
            parser.error(f"no {strange[0]} here; {nearest(strange[0], parser.flags())}")
        if strange:
            parser.error(f"{strange[0]} is one word too many")
        return self.run(options)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose mistakes are a ConfigError, so that they end like all others."""

    def flags(self) -> list[str]:
        """Every flag by its long name."""
        return [action.option_strings[-1] for action in self._actions if action.option_strings]

    def error(self, message: str) -> NoReturn:
        """A wrong word: one sentence, and where to read more."""
        raise ConfigError(
            f"{self.prog.removeprefix('headstart ')}: {message}; {self.prog} --help shows how it is used"
        )


class Once(argparse.Action):
    """A flag with a value that may be given once: of two values, the first would be lost silently."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *_: Any) -> None:
        """Keep the value, or refuse the second one."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"argument {self.option_strings[0]}: is given twice")
        setattr(namespace, self.dest, values)


def study_settings(parser: Parser) -> None:
    """The arguments of a study itself."""
    parser.add_argument(
        "settings", nargs="*", metavar="setting=value", help="as for the study; headstart --help lists them"
    )
    parser.add_argument(
        "-m", "--multirun", action="store_true", help="sweep the arms although the study is a single run"
    )


def runs(options: argparse.Namespace) -> list:
    """The runs that these settings describe."""
    from headstart.studies.compose import runs_of

    return runs_of([*options.settings, *(["-m"] if options.multirun else [])])

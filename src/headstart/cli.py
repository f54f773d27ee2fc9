"""The command line: a command word, or Hydra overrides that describe a study."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import headstart
from headstart.commands.arguments import Command
from headstart.commands.registry import COMMANDS
from headstart.commands.report import report_all
from headstart.node import ConfigError, HeadstartError, nearest

HELP = """\
headstart: what do pretrained weights buy? The same transformer from random and from pretrained weights.

{commands}

examples
  headstart                                           the default study: two arms x three seeds
  headstart seed=7                                    one pair
  headstart -m size=n128,n512,n2048 seed=0,1,2        a sweep; the arms are swept unless named
  headstart arm=scratch hydra.mode=RUN seed=0         one run
  headstart study=same_arm                            a named study
  headstart --stop-after 20m                          as many whole pairs as fit; repeat it to go on
  headstart task=files task.files.train=my.csv task.text=sentence task.label=label study.name=mine

choices
{choices}

settings are written a.b=value; --cfg job shows all of them, --hydra-help Hydra's own flags.
headstart COMMAND --help says more about a command; eval "$(headstart -sc install=bash)" gives tab completion.
Exit code: 0 all is well; 1 a run, its rows, its weights or a record failed, or a check did not come out;
2 a wrong setting or word; 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(arguments)
    except HeadstartError as error:
        for line in str(error).splitlines():
            print(f"headstart: {line}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        return 0
    except OSError as error:  # a full disk, a folder that cannot be read
        print(f"headstart: {error.filename or 'the disk'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _interrupted(arguments)


def _dispatch(arguments: list[str]) -> int:
    word, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if word == "help" and rest:
        return _command(rest[0])(["--help"])
    if word in COMMANDS:
        return COMMANDS[word](rest)
    if word == "help" or {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    if word == "--version":
        print(f"headstart {headstart.__version__}")
        return 0
    if word and word[0] not in "-~+" and "=" not in word:
        _command(word)
    return _study(arguments)


def _command(word: str) -> Command:
    """The command of that name; ConfigError when there is none."""
    if word not in COMMANDS:
        raise ConfigError(
            f"no command {word!r}; {nearest(word, COMMANDS)}; a setting is written {word}=value"
        )
    return COMMANDS[word]


def _study(arguments: list[str]) -> int:
    """Let Hydra run the study, then say what came out."""
    from headstart.studies.compose import check
    from headstart.studies.launch import launch
    from headstart.studies.outcome import OUTCOMES, Interrupted, faults

    arguments = with_time_limit(arguments)
    check(arguments)
    OUTCOMES.clear()
    try:
        launch(arguments)
    except (Interrupted, KeyboardInterrupt):
        return _interrupted(arguments)
    report_all({outcome.study_folder for outcome in OUTCOMES if outcome.well and not outcome.trial})
    for sentence in faults(OUTCOMES):
        print(f"headstart: {sentence}", file=sys.stderr)
    return max((outcome.code for outcome in OUTCOMES), default=0)


def with_time_limit(arguments: list[str]) -> list[str]:
    """`--stop-after 20m` (or `--stop-after=20m`) as the setting that it stands for."""
    flag = next((word for word in arguments if word.split("=")[0] == "--stop-after"), None)
    if flag is None:
        return arguments
    place = arguments.index(flag)
    used = 1 if "=" in flag else 2
    value = "".join([flag.partition("=")[2], *arguments[place + 1 : place + used]])
    unit = {"s": 1, "m": 60, "h": 3600}.get(value[-1:])
    if unit is None or not value[:-1].replace(".", "", 1).isdigit():
        raise ConfigError(f"--stop-after: needs a time such as 90s, 20m or 2h, got {value or 'nothing'}")
    seconds = float(value[:-1]) * unit
    return [*arguments[:place], *arguments[place + used :], f"hydra.sweeper.stop_after={seconds:g}"]


def _interrupted(arguments: Sequence[str]) -> int:
    again = shlex.join(["headstart", *arguments])
    print(f"\nheadstart: interrupted; finished runs are kept. Continue with: {again}", file=sys.stderr)
    return 130


def help_text() -> str:
    """The help page, with the choices that exist here."""
    from headstart.studies.compose import choices

    usages = [("[setting=value ...]", "run a study; finished runs are kept")]
    usages += [(f"{command.word} {command.takes}", command.does) for command in COMMANDS.values()]
    groups = [(group, " ".join(names)) for group, names in choices().items()]
    return HELP.format(commands=_aligned(usages, "headstart ", "   "), choices=_aligned(groups, "", " = "))


def _aligned(rows: Sequence[tuple[str, str]], before: str, between: str) -> str:
    """Two columns of text."""
    width = max((len(left) for left, _ in rows), default=0)
    return "\n".join(f"  {before}{left:<{width}}{between}{right}" for left, right in rows)

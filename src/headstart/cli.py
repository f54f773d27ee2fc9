"""The command line: a command word, or Hydra overrides that describe a study."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import headstart
from headstart.cache import use_writable_caches
from headstart.commands import study
from headstart.commands.arguments import Command
from headstart.commands.registry import COMMANDS
from headstart.commands.run_study import interrupted
from headstart.config import nearest
from headstart.errors import ConfigError, HeadstartError
from headstart.terminal import cleaned, stop_writing, write_any_text

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
Exit code: 0 success; 1 a run, its rows, its weights or a record failed, or a check failed;
2 a wrong setting or word; 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    write_any_text()
    use_writable_caches()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except HeadstartError as error:
        for line in str(error).splitlines():
            print(f"headstart: {cleaned(line)}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        if stop_writing():
            return 0
        print("headstart: a process that it worked with has ended; the same command goes on", file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder that cannot be read
        print(f"headstart: {error.filename or 'the disk'}: {error.strerror or error}", file=sys.stderr)
        return 1
    except MemoryError:
        print("headstart: not enough memory for this; free some of it, or name fewer runs", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return interrupted(arguments)


def _dispatch(arguments: list[str]) -> int:
    word, further = (arguments[0], arguments[1:]) if arguments else ("", [])
    if word == "help" and further:
        return _command(further[0])(["--help"])
    if word in COMMANDS:
        return COMMANDS[word](further)
    if word == "help" or {"-h", "--help"} & set(arguments):
        print(help_text())
        return 0
    if word == "--version":
        print(f"headstart {headstart.__version__}")
        return 0
    if word and word[0] not in "-~+" and "=" not in word:
        _command(word)
    return study.study(arguments)


def _command(word: str) -> Command:
    """The command of that name; ConfigError when there is none."""
    if word not in COMMANDS:
        raise ConfigError(
            f"no command {word!r}; {nearest(word, COMMANDS)}; a setting is written {word}=value"
        )
    return COMMANDS[word]


def help_text() -> str:
    """The help page, with the choices that exist here."""
    from headstart.studies.config_search import choices

    commands = [study.study, *COMMANDS.values()]
    usages = [(f"{command.word} {command.takes}".lstrip(), command.does) for command in commands]
    groups = [(group, " ".join(names)) for group, names in choices().items()]
    return HELP.format(commands=_aligned(usages, "headstart ", "   "), choices=_aligned(groups, "", " = "))


def _aligned(rows: Sequence[tuple[str, str]], before: str, between: str) -> str:
    width = max((len(left) for left, _ in rows), default=0)
    return "\n".join(f"  {before}{left:<{width}}{between}{right}" for left, right in rows)

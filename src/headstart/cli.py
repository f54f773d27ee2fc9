"""The command line: a command word, or Hydra overrides that describe a study."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import headstart
from headstart.commands import COMMANDS, report_all
from headstart.node import HeadstartError

HELP = """\
headstart: what do pretrained weights buy? The same transformer from random and from pretrained weights.

  headstart [setting=value ...]        run a study (the default one without arguments); finished runs are kept
  headstart plan [setting=value ...]   what would run, what is done, expected FLOPs and time
  headstart fetch [setting=value ...]  bring everything that a study needs here; it then runs offline
  headstart report FOLDER [OTHER]      build a study's report again; with OTHER, say what changed between two
                                       [--export csv|latex|md|json [--to FILE]] [--wandb ENTITY/PROJECT]
  headstart models [--json|--plot F]   every model: parameters, year, published cost, cached or not
  headstart tasks [--json]             every task: family, rows, headline metric
  headstart new task FILE [NAME]       look at your rows and write the yaml of a task for them
  headstart reproduce FOLDER | --all   run a page of experiments/ again, or one run, and check it
  headstart energy FOLDER METER.csv    join the readings of a wall meter to the phases of finished runs
  headstart doctor [--json]            this machine: what can be measured here, and why not the rest

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
eval "$(headstart -sc install=bash)" gives tab completion. Exit: 0 well, 1 a run failed, 2 a wrong setting."""


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
    command = COMMANDS.get(arguments[0]) if arguments else None
    if arguments[:1] == ["help"] or (command is None and {"-h", "--help"} & set(arguments)):
        print(help_text())
        return 0
    if arguments[:1] == ["--version"]:
        print(f"headstart {headstart.__version__}")
        return 0
    if command is not None:
        return command(arguments[1:])
    if arguments and arguments[0][:1] not in ("-", "~", "+") and "=" not in arguments[0]:
        from headstart.node import ConfigError, nearest

        word = arguments[0]
        raise ConfigError(
            f"no command {word!r}; {nearest(word, COMMANDS)}; a setting is written {word}=value"
        )
    return _study(arguments)


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
    from headstart.node import ConfigError

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

    width = max(map(len, choices()), default=0)
    lines = (f"  {group:<{width}} = {' '.join(names)}" for group, names in choices().items())
    return HELP.format(choices="\n".join(lines))

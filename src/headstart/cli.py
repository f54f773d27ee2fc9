"""The command line: a command word, or Hydra overrides that describe a study."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence

import headstart
from headstart.node import HeadstartError

HELP = """\
headstart: what do pretrained weights buy? The same transformer from random and from pretrained weights.

  headstart [setting=value ...]        run a study (the default one without arguments); finished runs are kept
  headstart plan [setting=value ...]   what would run, what is done, expected FLOPs and time
  headstart report FOLDER              build the report of a study again from its records
  headstart energy FOLDER METER.csv    join the readings of a wall meter to the phases of finished runs
  headstart doctor [--json]            this machine: what can be measured here, and why not the rest

examples
  headstart                                           the default study: two arms x three seeds
  headstart seed=7                                    one pair
  headstart -m size=n128,n512,n2048 seed=0,1,2        a sweep; the arms are swept unless named
  headstart arm=scratch hydra.mode=RUN seed=0         one run
  headstart study=same_arm                            a named study
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

    check(arguments)
    OUTCOMES.clear()
    try:
        launch(arguments)
    except (Interrupted, KeyboardInterrupt):
        return _interrupted(arguments)
    _report_all({outcome.study_folder for outcome in OUTCOMES if outcome.well})
    for sentence in faults(OUTCOMES):
        print(f"headstart: {sentence}", file=sys.stderr)
    return max((outcome.code for outcome in OUTCOMES), default=0)


def _report(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(
            "usage: headstart report FOLDER    (a study's folder, such as runs/first_look)", file=sys.stderr
        )
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    _report_all(arguments)
    return 0


def _report_all(folders: Sequence[str] | set[str]) -> None:
    from pathlib import Path

    from headstart.reports.build import build
    from headstart.reports.terminal import show

    for folder in sorted(folders):
        built = build(Path(folder))
        show(built.findings, built.html)


def _plan(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print("usage: headstart plan [setting=value ...]    (the arguments of the study itself)")
        return 0
    strange = [word for word in arguments if word.startswith("-") and word not in ("-m", "--multirun")]
    if strange:
        from headstart.node import ConfigError

        raise ConfigError(f"plan: no flag {strange[0]}; plan takes the settings of a study, and -m")
    from rich.console import Console

    from headstart.reports.plan import show_plan
    from headstart.studies.compose import runs_of
    from headstart.studies.forecast import forecast

    runs = runs_of(arguments)
    with Console(stderr=True).status("loading rows and counting operations"):
        expected, basis = forecast(runs)
    show_plan(expected, basis)
    return 0


def _doctor(arguments: list[str]) -> int:
    if arguments not in ([], ["--json"]):
        print("usage: headstart doctor [--json]    (what this machine is and what can be measured on it)")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    import json

    from rich.console import Console

    from headstart.data.cache import cache_dir
    from headstart.meters.doctor import examine
    from headstart.records.environment import LIBRARIES
    from headstart.reports.doctor import render

    with Console(stderr=True).status("looking at this machine (about ten seconds)"):
        found = examine(LIBRARIES, {"headstart": cache_dir()})
    if arguments:
        print(json.dumps(found, indent=2))
    else:
        Console().print(render(found))
    return 0


def _energy(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print("usage: headstart energy FOLDER METER.csv    (join a wall meter's time,watts to the phases)")
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    from pathlib import Path

    from headstart.studies.wall_meter import import_energy

    number = import_energy(Path(arguments[0]), Path(arguments[1]))
    print(f"{number} runs now hold the joules of {arguments[1]}")
    return 0


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


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "report": _report,
    "plan": _plan,
    "doctor": _doctor,
    "energy": _energy,
}

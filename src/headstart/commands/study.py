"""`headstart` without a command word: a study is run by Hydra and reported, or its settings are shown."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace

from headstart.commands.arguments import EXTEND, STUDY_SETTINGS, argument, command, once
from headstart.commands.run_study import run_study
from headstart.errors import ConfigError


def _seconds(text: str) -> float:
    """`90s`, `20m` or `2h` in seconds."""
    time = re.fullmatch(r"(\d+\.?\d*|\.\d+)([smh])", text)
    if time is None:
        raise ArgumentTypeError(f"needs a time such as 90s, 20m or 2h, got {text or 'nothing'}")
    return float(time[1]) * {"s": 1, "m": 60, "h": 3600}[time[2]]


INFO = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]  # what Hydra can print


@command(
    "",
    "[setting=value ...]",
    "run a study; finished runs are kept",
    "headstart seed=7",
    *STUDY_SETTINGS,
    once("--stop-after", type=_seconds, metavar="20m", help="begin no pair that would end later"),
    EXTEND,
    once("--cfg", "-c", choices=["job", "hydra", "all"], help="print the settings"),
    argument("--resolve", action="store_true", help="with --cfg: with every ${...} filled in"),
    once("--package", "-p", metavar="NAME", help="with --cfg: this part alone"),
    argument("--info", "-i", nargs="?", const="all", choices=INFO, help="print what Hydra knows"),
    argument("--shell-completion", "-sc", action="store_true", help="with install=bash: for eval"),
    argument("--hydra-help", action="store_true", help="print Hydra's own help"),
)
def study(options: Namespace) -> int:
    if options.shell_completion:
        from headstart.commands.completion import complete
        from headstart.commands.registry import COMMANDS
        from headstart.heartbeat import heartbeat

        heartbeat.quiet()  # between the keys of somebody who types
        return complete(options.settings, COMMANDS, study)
    if options.cfg or options.info or options.hydra_help:
        from headstart.studies.compose import check_one
        from headstart.studies.launch import show

        if options.cfg:
            check_one(options.settings, options.resolve, options.package)
        show(options)  # Hydra prints settings, or what it knows
        return 0
    if options.resolve or options.package:
        raise ConfigError(f"{'--resolve' if options.resolve else '--package'}: needs --cfg job, hydra or all")
    typed = [word for word in options.typed if word != "--extend"]
    return run_study(arguments_of(options), typed, options.extend)


def arguments_of(options: Namespace) -> list[str]:
    """The study's settings, those that flags stand for included."""
    limit = [] if options.stop_after is None else [f"hydra.sweeper.stop_after={options.stop_after:g}"]
    return [*options.settings, *limit, *(["-m"] if options.multirun else [])]

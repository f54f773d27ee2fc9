"""The commands: one function each, from the words behind the command to an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.node import ConfigError

if TYPE_CHECKING:
    from headstart.compare.quantities.expected import Claim

Command = Callable[[list[str]], int]


def report(arguments: list[str]) -> int:
    """Build the report of a study again from its records, export its numbers, or compare it with another."""
    words, flags = _valued(arguments, ("--export", "--to", "--wandb"))
    usage = (
        "report FOLDER [OTHER] [--export csv|latex|md|json [--to FILE]] [--wandb ENTITY/PROJECT]"
        "    (a study's folder, such as runs/first_look; with OTHER, what changed between the two)"
    )
    if (code := _asked(usage, words, 2 if len(words) == 2 else 1)) is not None:
        return code
    if len(words) == 2 and flags:
        raise ConfigError(f"report: {next(iter(flags))} is about one folder, got two: {', '.join(words)}")
    if "--to" in flags and "--export" not in flags:
        raise ConfigError("report: --to needs --export csv|latex|md|json")
    if len(words) == 2:
        _report_two(*words)
    elif not flags:
        report_all(words)
    if "--export" in flags:
        _export(words[0], flags["--export"], flags.get("--to"))
    return _report_wandb(words[0], flags["--wandb"]) if "--wandb" in flags else 0


def report_all(folders: Sequence[str] | set[str]) -> None:
    """Build and show the report of every folder."""
    from headstart.opened import open_study
    from headstart.reports.terminal import show

    for folder in sorted(folders):
        built = open_study(folder).report()
        show(built.findings, built.html)


def _report_two(first: str, second: str) -> None:
    """Compare two studies, beside the first one's report."""
    from headstart.compare.two import two
    from headstart.opened import open_study
    from headstart.reports.two import show, write

    made = two(open_study(first).findings, open_study(second).findings)
    show(made, write(made, Path(first)))


def _export(folder: str, form: str, to: str | None) -> None:
    """Print the numbers of a study, or write them to a file."""
    from headstart.node import nearest
    from headstart.opened import open_study
    from headstart.reports.build import write_text
    from headstart.reports.export import FORMATS

    if form not in FORMATS:
        raise ConfigError(f"report: --export knows no {form!r}; {nearest(form, FORMATS)}")
    text = FORMATS[form](open_study(folder).findings)
    if to is None:
        sys.stdout.write(text)
    else:
        print(f"wrote {write_text(Path(to), text)}")


def _report_wandb(folder: str, place: str) -> int:
    """Write the W&B report and view as JSON, and save them where there is a server."""
    from headstart.opened import open_study
    from headstart.reports.wandb_report import send

    sent = send(open_study(folder).findings, Path(folder), place)
    for address in sent.addresses:
        print(f"saved: {address}")
    print(f"wrote {' and '.join(map(str, sent.files))}{f'; {sent.reason}' if sent.reason else ''}")
    return 1 if sent.refused else 0


def plan(arguments: list[str]) -> int:
    """What would run, what is done, expected FLOPs and time."""
    if (
        code := _asked("plan [setting=value ...]    (the arguments of the study itself)", arguments)
    ) is not None:
        return code
    from rich.console import Console

    from headstart.reports.plan import show_plan
    from headstart.studies.forecast import forecast

    runs = _runs("plan", arguments)
    with Console(stderr=True).status("loading rows and counting operations"):
        expected, basis = forecast(runs)
    show_plan(expected, basis)
    return 0


def fetch(arguments: list[str]) -> int:
    """Bring everything that a study needs into the local caches."""
    usage = "fetch [setting=value ...]    (what that study needs, so that it runs without a network)"
    if (code := _asked(usage, arguments)) is not None:
        return code
    from rich.console import Console

    from headstart.reports.fetched import show_fetched
    from headstart.studies import fetch as fetching

    wanted = fetching.needs(_runs("fetch", arguments))
    with Console(stderr=True).status("fetching") as status:
        items = fetching.fetch(wanted, lambda name: status.update(f"fetching {name}"))
    show_fetched(items)
    problems = [item.problem for item in items if item.problem]
    for problem in dict.fromkeys(problems):
        print(f"headstart: {problem}", file=sys.stderr)
    return 1 if problems else 0


def doctor(arguments: list[str]) -> int:
    """This machine: what can be measured here, and why not the rest."""
    usage = "doctor [--json]    (what this machine is and what can be measured on it)"
    if (code := _asked(usage, arguments, flags=("--json",))) is not None:
        return code
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


def energy(arguments: list[str]) -> int:
    """Join the readings of a wall meter to the phases of finished runs."""
    usage = "energy FOLDER METER.csv    (join a wall meter's time,watts to the phases)"
    if (code := _asked(usage, arguments, 2)) is not None:
        return code
    from headstart.studies.wall_meter import import_energy

    number = import_energy(Path(arguments[0]), Path(arguments[1]))
    print(f"{number} runs now hold the joules of {arguments[1]}")
    return 0


def tasks(arguments: list[str]) -> int:
    """The tasks that exist here."""
    if (
        code := _asked("tasks [--json]    (every choice of task=...)", arguments, flags=("--json",))
    ) is not None:
        return code
    from headstart.reports.tasks import show_tasks
    from headstart.studies.catalogue import tasks_here

    show_tasks(tasks_here(), as_json=bool(arguments))
    return 0


def models(arguments: list[str]) -> int:
    """The models that exist here, as a table, as data, or drawn."""
    usage = "models [--json | --plot FILE.svg]    (every choice of model=...; --plot draws sizes and carbon)"
    plotted = arguments[:1] == ["--plot"] and len(arguments) == 2
    if (code := _asked(usage, [] if plotted else arguments, flags=("--json",))) is not None:
        return code
    import json

    from rich.console import Console

    from headstart.models.listing import listed, yamls
    from headstart.reports import models as reporting
    from headstart.studies.search import places

    found = reporting.rows(listed(yamls(places())))
    console = Console()
    if plotted:
        from headstart.compare.published.emitted import emitted
        from headstart.reports.models_plot import save

        print(f"drawn: {save(found, emitted(Path('runs')), Path(arguments[1]))}")
    elif arguments:
        print(json.dumps(reporting.as_data(found), indent=2))
    else:
        console.print(reporting.table(found, plain=not console.is_terminal))
    return 0


def new(arguments: list[str]) -> int:
    """Look at a file of rows, write the yaml of a task for it, and say what to type."""
    usage = "new task FILE [NAME]    (writes conf/task/NAME.yaml for your own rows)"
    if arguments[:1] in (["-h"], ["--help"]) or arguments[:1] != ["task"] or len(arguments) not in (2, 3):
        return _asked(usage, arguments[:1], 2) or 0
    from headstart.studies.new_task import new_task

    made = new_task(Path(arguments[1]), *arguments[2:])
    columns = ", ".join(f"{role}={column}" for role, column in made.found.columns.items())
    print(f"{arguments[1]}: {made.found.rows} rows, read as {made.found.kind} ({columns})")
    for note in made.found.notes:
        print(f"  {note}")
    print(f"wrote {made.yaml}; look at it, then:\n  {made.command}")
    return 0


def reproduce(arguments: list[str]) -> int:
    """A notebook page run again and checked against its claim, all pages, or one run trained again."""
    usage = (
        "reproduce experiments/NAME [--scale laptop] [setting=value ...]   (again, against its claim)\n"
        "       headstart reproduce --all [--scale laptop]          (every page of ./experiments)\n"
        "       headstart reproduce runs/STUDY/RUN                  (train a run again, show what differs)"
    )
    if not arguments or arguments[0] in ("-h", "--help"):
        return _asked(usage, arguments, 1) or 0
    scale, arguments = _scale(arguments)
    if arguments[:1] == ["--all"]:
        return _every_page(arguments[1:], scale)
    if not arguments:
        raise ConfigError("reproduce: name a page such as experiments/first_look, a run's folder, or --all")
    if (Path(arguments[0]) / "record.json").is_file():
        return _run_again(Path(arguments[0]))
    from headstart.compare.quantities.expected import read_claim

    return 0 if _comes_out(read_claim(Path(arguments[0])), arguments[1:], scale) else 1


def _scale(arguments: list[str]) -> tuple[str, list[str]]:
    """The scale that is asked for, and the other arguments."""
    if "--scale" not in arguments:
        return "laptop", arguments
    place = arguments.index("--scale")
    if place + 1 == len(arguments):
        raise ConfigError("reproduce: --scale needs a word, such as laptop or full")
    return arguments[place + 1], arguments[:place] + arguments[place + 2 :]


def _run_again(folder: Path) -> int:
    from headstart.reports.again import show_again
    from headstart.studies.again import train_again

    again = train_again(folder)
    show_again(again)
    return 1 if again.differences else 0


def _comes_out(claim: Claim, settings: Sequence[str], scale: str) -> bool:
    """Run the study of a page, and show whether what it claims comes out again."""
    from headstart.compare.quantities.expected import check
    from headstart.compare.quantities.study import quantities
    from headstart.compare.study import compare
    from headstart.reports.claims import show_claim
    from headstart.studies.claim import rerun

    again = rerun(claim.command(scale), settings, scale)
    checked = check(claim, quantities(compare(again.folder)), scale)
    show_claim(claim, checked)
    if not again.trained:
        print(
            f"Nothing was trained: all {again.runs} runs were finished before. "
            f"To train them again, remove {again.folder}."
        )
    return all(one.holds for one in checked)


def _every_page(settings: Sequence[str], scale: str) -> int:
    from headstart.compare.quantities.expected import pages, read_claim
    from headstart.node import HeadstartError
    from headstart.reports.claims import show_all

    claims = [read_claim(folder) for folder in pages(Path("experiments"))]
    if not claims:
        raise ConfigError("reproduce --all: there is no page with a claim.json in ./experiments")
    results = []
    for number, claim in enumerate(claims, 1):
        print(f"\npage {number} of {len(claims)}: {claim.folder.name}: {claim.claim}", flush=True)
        try:
            results.append((claim, _comes_out(claim, settings, scale), ""))
        except HeadstartError as error:
            print(f"headstart: {error}", file=sys.stderr)
            results.append((claim, False, str(error)))
    show_all(results)
    return 0 if all(holds for _, holds, _ in results) else 1


def _runs(command: str, arguments: list[str]) -> list:
    """The runs that these settings describe."""
    from headstart.studies.compose import runs_of

    strange = [word for word in arguments if word.startswith("-") and word not in ("-m", "--multirun")]
    if strange:
        raise ConfigError(f"{command}: no flag {strange[0]}; {command} takes the settings of a study, and -m")
    return runs_of(arguments)


def _valued(arguments: Sequence[str], flags: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The words, and the value behind each of these flags (`--to FILE`, `--to=FILE`); each at most once."""
    words, found, rest = [], {}, iter(arguments)
    for word in rest:
        flag, equals, value = word.partition("=")
        if not word.startswith("--") or word == "--help":
            words.append(word)
            continue
        if flag not in flags or flag in found:
            raise ConfigError(f"{flag}: no such flag, or twice; there are {', '.join(flags)}")
        found[flag] = value if equals else next(rest, "")
        if not found[flag] or found[flag].startswith("--"):
            raise ConfigError(f"{flag}: needs a value behind it")
    return words, found


def _asked(
    usage: str, arguments: Sequence[str], number: int | None = None, flags: Sequence[str] | None = None
) -> int | None:
    """Print the usage when it is asked for (exit 0) or the number of words is wrong (2); else None.

    With `flags`, these are all the words that may come, each at most once.
    """
    asked = arguments[:1] in (["-h"], ["--help"])
    wrong = number is not None and len(arguments) != number
    wrong |= flags is not None and not (set(arguments) <= set(flags) and len(arguments) <= len(flags))
    if not asked and not wrong:
        return None
    print(f"usage: headstart {usage}", file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


COMMANDS: dict[str, Command] = {
    "report": report,
    "plan": plan,
    "fetch": fetch,
    "models": models,
    "tasks": tasks,
    "new": new,
    "reproduce": reproduce,
    "doctor": doctor,
    "energy": energy,
}

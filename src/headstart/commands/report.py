"""`headstart report`: a study's report from its records, its numbers as text, or two studies compared."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.arguments import argument, command, once
from headstart.errors import ConfigError
from headstart.terminal import write_data

if TYPE_CHECKING:
    from headstart.compare.findings import Findings

EXPORTS = "csv|latex|md|json|svg|claim"
CLAIM = "report"  # of the process that writes a study's report and its W&B run


@command(
    "report",
    "FOLDER [OTHER]",
    "a study's report from its records; with OTHER, what changed between two",
    "headstart report runs/first_look --export md --to numbers.md",
    argument("folder", metavar="FOLDER", help="a study's folder, such as runs/first_look"),
    argument("other", metavar="OTHER", nargs="?", help="another one: what changed between them"),
    once("--export", metavar=EXPORTS, help="print the numbers, or a picture; claim: see --to"),
    once("--checklist", metavar="neurips", help="answer a paper's checklist from the records"),
    once(
        "--to",
        metavar="FILE",
        help="write it to a file; --export claim puts the numbers into the claim.json of a notebook page",
    ),
    once("--wandb", metavar="ENTITY/PROJECT", help="write a W&B report, and save it there"),
)
def report(options: Namespace) -> int:
    flags = [
        f"--{name}" for name in ("export", "checklist", "to", "wandb") if getattr(options, name) is not None
    ]
    if options.other is not None and flags:
        raise ConfigError(f"report: {flags[0]} is about one folder; leave out {options.other}")
    texts = {"--export", "--checklist"} & {*flags}
    if "--to" in flags and not texts:
        raise ConfigError(f"report: --to needs --export {EXPORTS}, or --checklist neurips")
    if len(texts) > 1:
        raise ConfigError("report: --export and --checklist are two texts; ask for one at a time")
    code = 0
    if options.other is not None:
        from headstart.compare.diff import two
        from headstart.reports.sections.diff import show, write

        diff = two(_findings(options.folder), _findings(options.other))
        show(diff, write(diff, Path(options.folder)))
    elif not flags:
        code = report_all([options.folder])
    if options.export is not None:
        _export(options.folder, options.export, options.to)
    if options.checklist is not None:
        from headstart.reports.formats.checklist import neurips

        if options.checklist != "neurips":
            raise ConfigError(f"report: --checklist knows no {options.checklist!r}, only neurips")
        _give(neurips(_findings(options.folder)), options.to)
    return code if options.wandb is None else _report_wandb(options.folder, options.wandb)


def report_all(folders: Sequence[str] | set[str], trained: Sequence[str] | set[str] = ()) -> int:
    """Build and show the report of every folder; 1 when no run of one of them finished, else 0.

    A study in which something was `trained` is also logged in the trackers of its runs.
    """
    from headstart.screen import waiting

    code = 0
    for folder in sorted(folders):
        with _in_turn(Path(folder)) if folder in trained else nullcontext():
            with waiting(f"writing the report of {folder}"):
                from headstart.api import open_study  # importing them takes as long as comparing
                from headstart.reports.formats.terminal import show

                built = open_study(folder).report()
            show(built.findings, built.html)
            if folder in trained:
                from headstart.reports.formats.mlflow_study import log_in_mlflow
                from headstart.reports.formats.wandb_study import log_study

                with waiting(f"logging the study of {folder}"):
                    log_study(built.findings, Path(folder), built.html)
                    log_in_mlflow(built.findings, Path(folder))
        code = max(code, 0 if any(arm.finished for arm in built.findings.arms) else 1)
    return code


def log_so_far(folder: Path) -> None:
    """Log in W&B what a running study says, unless another process does so now."""
    from headstart.api import open_study
    from headstart.reports.formats.wandb_study import log_study
    from headstart.studies.claims import Claim

    claim = Claim(folder, CLAIM)
    if claim.acquire():
        with claim:
            log_study(open_study(folder).findings, folder)


@contextmanager
def _in_turn(folder: Path) -> Iterator[None]:
    """Processes that end together report one after the other, so that the last one knows all runs."""
    from headstart.studies.claims import Claim, wait

    claim = Claim(folder, CLAIM)
    while not claim.acquire():
        wait([claim], lambda sentence: None)
    with claim:
        yield


def _findings(folder: str) -> Findings:
    from headstart.screen import waiting

    with waiting(f"comparing the runs of {folder}"):
        from headstart.api import open_study

        return open_study(folder).findings


def _export(folder: str, form: str, to: str | None) -> None:
    from headstart.config import nearest
    from headstart.reports.formats.export import FORMATS

    if form == "claim":
        _fill_claim(folder, to)
        return
    if form not in FORMATS:
        raise ConfigError(f"report: --export knows no {form!r}; {nearest(form, EXPORTS.split('|'))}")
    _give(FORMATS[form](_findings(folder)), to)


def _fill_claim(folder: str, to: str | None) -> None:
    """Put the numbers of a study into the claim of its notebook page, and show whether it came out."""
    from headstart.compare.claims import FILE, filled, read_claim
    from headstart.reports.console.claims import show_claim
    from headstart.studies.status import check_finished

    if to is None or Path(to).name != FILE:
        raise ConfigError(f"report: --export claim fills a page's file; add --to experiments/PAGE/{FILE}")
    check_finished(Path(folder))
    claim, findings = read_claim(Path(to).parent), _findings(folder)
    text, checked = filled(claim, findings.study, findings.rows)
    _give(text, to)
    show_claim(claim, checked)


def _give(text: str, to: str | None) -> None:
    from headstart.reports.build import write_text

    if to is None:
        write_data(text)
    else:
        print(f"wrote {write_text(Path(to), text)}")


def _report_wandb(folder: str, project: str) -> int:
    """Write the W&B report and view as JSON, and save them where there is a server."""
    from headstart.reports.formats.wandb import send
    from headstart.screen import waiting

    findings = _findings(folder)
    with waiting(f"writing the W&B report of {folder}"):
        sent = send(findings, Path(folder), project)
    for address in sent.addresses:
        print(f"saved: {address}")
    print(f"wrote {' and '.join(map(str, sent.files))}{f'; {sent.reason}' if sent.reason else ''}")
    return 1 if sent.refused else 0

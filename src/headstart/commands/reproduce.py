"""`headstart reproduce`: a study, a zip of one, one run or a page is trained again and compared."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.commands.arguments import TRUST, argument, command, once
from headstart.errors import AbsentError, ConfigError, HeadstartError
from headstart.terminal import cleaned

if TYPE_CHECKING:
    from headstart.compare.claims import Claim

STUDY = ("study.json", "manifest.json")  # a study's folder, and one that was unpacked from a zip


@command(
    "reproduce",
    "ZIP | FOLDER | --all",
    "train a packed study again, or a study, one run, a page: is it the same?",
    "headstart reproduce first_look.zip",
    argument(
        "words",
        nargs="*",
        metavar="ZIP|FOLDER [setting=value ...]",
        help="a zip of headstart pack or a study's folder, where settings say where things lie here "
        "(task.files.train=PATH, model.folder=PATH) or are of the machine (hardware.threads=2); "
        "the folder of one run; or a page such as experiments/first_look, checked against its claim",
    ),
    argument("--all", action="store_true", help="every page of ./experiments"),
    once("--scale", metavar="WORD", help="of a page: laptop (the default), or full"),
    argument("--anyway", action="store_true", help="train although rows or weights are not the same"),
    TRUST,
)
def reproduce(options: Namespace) -> int:
    from headstart.commands.run_study import interrupted
    from headstart.studies.outcome import Interrupted

    try:
        return _reproduce(options)
    except Interrupted:
        return interrupted(["reproduce", *options.typed])


def _reproduce(options: Namespace) -> int:
    words, scale = options.words, options.scale or "laptop"
    if options.all:
        return _every_page(words, scale)
    if not words:
        raise ConfigError(
            "reproduce: name a zip of headstart pack, the folder of a study or of one run, a page such as "
            "experiments/first_look, or --all"
        )
    folder = Path(words[0])
    if folder.suffix == ".zip" and not folder.exists():
        raise ConfigError(f"reproduce: {folder}: there is no such file; `headstart pack FOLDER` writes one")
    if folder.is_file() or any((folder / name).is_file() for name in STUDY):
        if options.scale:
            raise ConfigError("reproduce: --scale is for pages; leave it out")
        return _study_again(folder, words[1:], options.trust_remote_code, options.anyway)
    if (folder / "record.json").is_file():
        if extra := [*words[1:], *(["--scale"] if options.scale else [])]:
            raise ConfigError(f"reproduce: a run is trained again as it was; leave out {' '.join(extra)}")
        return _train_again(folder, options.trust_remote_code)
    from headstart.compare.claims import read_claim

    return 0 if _claim_holds(read_claim(folder), words[1:], scale) else 1


def _study_again(path: Path, settings: Sequence[str], trusted: bool, anyway: bool) -> int:
    """Train a study again in a folder of its own, and say whether it is the same."""
    from headstart.commands.printed import show_reproduced
    from headstart.compare.reproduced import claimed, result
    from headstart.compare.study import compare
    from headstart.screen import waiting
    from headstart.studies.reproduction import open_original, reproduce, write_result

    original = open_original(path)
    repeated = reproduce(original, settings, trusted, anyway)
    with waiting("comparing both studies"):
        claims = claimed(compare(original.folder), compare(repeated.folder)) if repeated.runs else ()
    word = result(repeated.same, claims)
    show_reproduced(original.frozen.name, repeated, claims, word)
    if repeated.runs:
        gains = [
            {"gain": c.title, "before": c.before.verdict, "now": c.now and c.now.verdict} for c in claims
        ]
        print(f"wrote {write_result(repeated, {'result': word, 'claims': gains})}")
        if not repeated.trained:
            print(
                f"Nothing was trained: the runs in {repeated.folder} are finished. Remove it to train them."
            )
    return 1 if word == "differs" else 0


def _train_again(folder: Path, trusted: bool) -> int:
    from headstart.commands.printed import show_again
    from headstart.studies.rerun import train_again

    again = train_again(folder, trusted)
    show_again(again)
    return 1 if again.differences else 0


def _claim_holds(claim: Claim, settings: Sequence[str], scale: str) -> bool:
    """Run the study of a page again, and show whether its claim holds; AbsentError without its data."""
    from headstart.compare.claims import check
    from headstart.compare.study import compare
    from headstart.reports.console.claims import show_claim
    from headstart.studies.rerun import rerun

    try:
        repeated = rerun(claim.command(scale), settings, scale)
    except AbsentError as error:
        where = claim.folder / "README.md"
        raise AbsentError(f"its data are not here ({error}): {where} says where to get them") from None
    checked = check(claim, compare(repeated.folder).rows, scale)
    show_claim(claim, checked)
    if not repeated.trained:
        print(
            f"Nothing was trained: all {repeated.runs} runs were finished before. "
            f"To train them again, remove {repeated.folder}."
        )
    return all(expectation.holds for expectation in checked)


def _every_page(settings: Sequence[str], scale: str) -> int:
    from headstart.compare.claims import pages, read_claim
    from headstart.reports.console.claims import show_all
    from headstart.studies.rerun import check_settings

    claims = [read_claim(folder) for folder in pages(Path("experiments"))]
    if not claims:
        raise ConfigError("reproduce --all: there is no page with a claim.json in ./experiments")
    for claim in claims:
        if scale in claim.commands:
            check_settings(claim.commands[scale], settings)
    results: list[tuple[Claim, bool | None, str]] = []
    for number, claim in enumerate(claims, 1):
        print(cleaned(f"\npage {number} of {len(claims)}: {claim.folder.name}: {claim.claim}"), flush=True)
        try:
            results.append((claim, _claim_holds(claim, settings, scale), ""))
        except HeadstartError as error:
            print(f"headstart: {cleaned(error)}", file=sys.stderr)
            absent = isinstance(error, AbsentError)
            results.append((claim, None if absent else False, str(error)))
    show_all(results)
    ran = [holds for _, holds, _ in results if holds is not None]
    return 0 if ran and all(ran) else 1

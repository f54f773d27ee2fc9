"""Frozen: study.json, the runs of a study as they were composed when it was started.

Whatever happens to the yaml later, the runs are those of the file: for the same command, which continues
them, and for the processes that train them. A command whose yaml has changed is refused, line by line.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from headstart.errors import ConfigError, DamagedError, RecordError
from headstart.plugins import FOLDER as OWN
from headstart.plugins import OwnFile, keep_code
from headstart.records.environment import versions
from headstart.records.fingerprint import ARM, LOCATIONS, PLUMBING, SCIENCE, digest, leaves, without
from headstart.records.whole_file import write_whole
from headstart.studies.claims import Claim, wait
from headstart.studies.outcome import titled

if TYPE_CHECKING:  # imported where it is used: a study is also read to be watched
    from headstart.studies.sweep_points import SweepPoint

FILE = "study.json"
FORMAT = 1
SEAL = '{"digest":"'  # begins the file: a digest of everything after it, so that damage is seen
MOST = 12  # lines of what has changed
Words = frozenset[str]
Overrides = tuple[str, ...]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrozenRun:
    """One run: its overrides as Hydra reads them, and its whole configuration."""

    title: str
    overrides: tuple[str, ...]
    config: Mapping[str, Any]

    @cached_property
    def key(self) -> str:
        """The same for runs that must give the same result on the same data."""
        return digest(_result(self.config))

    def point(self) -> SweepPoint:
        """The run, read and checked again."""
        from headstart.run import Run
        from headstart.studies.sweep_points import SweepPoint

        return SweepPoint(self.overrides, Run.read(self.config))


@dataclass(frozen=True)
class FrozenStudy:
    """The content of study.json. Runs stand in their order, by their key."""

    runs: dict[str, FrozenRun] = field(default_factory=dict[str, FrozenRun])
    commands: dict[Words, list[str]] = field(default_factory=dict[Words, list[str]])  # -> keys of its runs
    argv: list[list[str]] = field(default_factory=list[list[str]])  # the same commands as they were typed
    chosen: list[FrozenRun] = field(default_factory=list[FrozenRun])  # trials, and runs with tuned settings
    pretrainings: dict[Overrides, Any] = field(default_factory=dict[Overrides, Any])
    own: dict[str, tuple[str, str]] = field(
        default_factory=dict[str, tuple[str, str]]
    )  # digest -> file, code
    choices: dict[str, Any] = field(default_factory=dict[str, Any])  # of a tuning: override -> its settings

    def points(self) -> list[SweepPoint]:
        """Every run, read and checked again."""
        return [run.point() for run in self.runs.values()]

    @property
    def every(self) -> tuple[FrozenRun, ...]:
        """Its runs, and those that a tuning chose."""
        return (*self.runs.values(), *self.chosen)

    @property
    def name(self) -> str:
        """The study's own name, which its folder had when it was started."""
        return str(next(iter(self.runs.values())).config["study"]["name"])

    def started_in(self, folder: Path) -> Path | None:
        """The folder in which the study was started, where its paths begin; None when it was moved."""
        relative = Path(next(iter(self.runs.values())).config["runs"], self.name)
        folder = folder.resolve()
        if not relative.is_absolute() and folder.parts[-len(relative.parts) :] == relative.parts:
            return folder.parents[len(relative.parts) - 1]
        return Path.cwd() if relative.resolve() == folder else None

    def with_code(self) -> list[str]:
        """The models of its runs whose own code would run."""
        configs = (*(run.config for run in self.every), *self.pretrainings.values())
        models = [config["model"] for config in configs]
        return sorted({str(model.get("name")) for model in models if model.get("trust_remote_code")})

    def use(self) -> None:
        """From now on this process composes pretrainings, and reads the user's code, as they were."""
        from headstart.studies.pretraining import keep_pretrainings

        keep_pretrainings(self.pretrainings)
        keep_code([(path, code.encode("utf8", "surrogateescape")) for path, code in self.own.values()])


def freeze(
    points: Sequence[SweepPoint],
    typed: Sequence[str],
    extend: bool = False,
    choices: Mapping[str, Any] = MappingProxyType({}),
) -> FrozenStudy:
    """Write study.json, or add to it; ConfigError when the same command describes other runs now.

    `extend`: then these are added. `choices`: those of a tuning.
    """
    folder = points[0].run.study_folder
    from headstart.studies.pretraining import composed_pretraining, pretraining_overrides

    runs = [_frozen(point) for point in points]
    words = frozenset(text for text in typed if _describes(text))
    sources = {overrides: p.run for p in points if (overrides := pretraining_overrides(p.run)) is not None}
    pretrainings = {overrides: composed_pretraining(run, overrides) for overrides, run in sources.items()}
    with _alone(folder):
        before = _read_or_set_aside(folder)
        lines = _changes(before, {run.key: run for run in runs}, words)
        lines += _changed_pretrainings(before.pretrainings, pretrainings)
        lines += _changed_devices([*before.runs.values()], runs)
        lines += [
            f"{choice}: its yaml was {_shown(before.choices, choice)}, is {_shown(choices, choice)} (tuning)"
            for choice in choices
            if before.choices.get(choice, choices[choice]) != choices[choice]
        ]
        if lines and not extend:
            more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
            raise ConfigError([
                *lines[:MOST], *more,
                f"study.name: the lines above say what changed since {folder} was started; change it back, "
                "choose another study.name, or train the new runs beside the old ones with --extend",
            ])  # fmt: skip
        before.runs.update({run.key: run for run in runs})
        before.commands[words] = [run.key for run in runs]
        if (command := ["headstart", *typed]) not in before.argv:
            before.argv.append(command)
        before.pretrainings.update(pretrainings)
        before.own.update(_own_code(runs))
        before.choices.update(choices)
        write_frozen(folder, before)
    return before


def freeze_chosen(points: Sequence[SweepPoint], folder: Path) -> None:
    """Add the trials of a tuning, or the runs with the settings that it chose, to study.json."""
    with _alone(folder):
        before = read_frozen(folder)
        known = {run.overrides for run in before.every}
        before.chosen.extend(_frozen(point) for point in points if point.overrides not in known)
        write_frozen(folder, before)


def read_frozen(folder: Path) -> FrozenStudy:
    """The content of a study's study.json; RecordError when there is none."""
    file = folder / FILE
    try:
        text = file.read_text("utf8")
        if text.startswith(SEAL) and text != _sealed("{" + text[len(SEAL) + 18 :]):
            raise ValueError("it is not what was written")
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise RecordError(f"{file}: has format {content['format']}; this headstart reads {FORMAT}")
        runs, chosen = (
            [FrozenRun(run["title"], tuple(run["overrides"]), run["config"]) for run in content[part]]
            for part in ("runs", "chosen")
        )
        return FrozenStudy(
            runs={run.key: run for run in runs},
            commands={frozenset(command["words"]): command["runs"] for command in content["commands"]},
            argv=content["argv"],
            chosen=chosen,
            pretrainings={tuple(item["overrides"]): item["config"] for item in content["pretrainings"]},
            own={item["sha256"]: (item["file"], item["code"]) for item in content["own"]},
            choices=content.get("choices", {}),
        )
    except FileNotFoundError:
        raise RecordError(
            f"{folder}: no {FILE} here; headstart submit, or the study's command, writes it"
        ) from None
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(
            f"{file}: is damaged ({type(error).__name__}: {error}); the study's command writes it again"
        ) from None


def _read_or_set_aside(folder: Path) -> FrozenStudy:
    """What study.json says so far. A damaged one keeps lying beside the new one: runs are found by content,
    so only whether a yaml has changed since then cannot be said any more."""
    file = folder / FILE
    if not file.exists():
        return FrozenStudy()
    try:
        return read_frozen(folder)
    except DamagedError as error:
        aside = file.with_name(f"{FILE}.damaged")
        os.replace(file, aside)
        log.warning("headstart: %s: this one does; the old one is %s", error, aside)
        return FrozenStudy()


def _sealed(text: str) -> str:
    """The text of a JSON mapping with its digest as the first entry."""
    return f'{SEAL}{hashlib.sha256(text[1:].encode()).hexdigest()[:16]}",{text[1:]}'


@cache
def run_of(file: Path, overrides: tuple[str, ...]) -> FrozenRun | None:
    """The run of these overrides in a study.json, which this process then uses; None: it has no such run."""
    study = read_frozen(file.parent)
    study.use()
    return next((run for run in study.every if run.overrides == overrides), None)


def write_frozen(folder: Path, study: FrozenStudy) -> None:
    """Write study.json, unless it says this already."""
    file = folder / FILE
    content = {
        "format": FORMAT,
        "headstart": version("headstart"),
        "versions": versions(),
        "argv": study.argv,
        "commands": [{"words": sorted(words), "runs": keys} for words, keys in study.commands.items()],
        "own": [{"file": file, "sha256": sha, "code": code} for sha, (file, code) in study.own.items()],
        "choices": study.choices,
        "pretrainings": [
            {"overrides": overrides, "config": config} for overrides, config in study.pretrainings.items()
        ],
        "runs": [_as_data(run) for run in study.runs.values()],
        "chosen": [_as_data(run) for run in study.chosen],
    }
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"
    text = _sealed(text)
    if not file.exists() or file.read_text("utf8") != text:
        write_whole(file, lambda path: path.write_text(text, "utf8"))


def _as_data(run: FrozenRun) -> dict[str, Any]:
    return {"title": run.title, "overrides": run.overrides, "config": run.config}


def _alone(folder: Path) -> Claim:
    """The claim on a study's file: two commands add to it one after the other."""
    claim = Claim(folder, FILE)
    while not claim.acquire():
        wait([claim], lambda sentence: None, 1.0)
    return claim


def _frozen(point: SweepPoint) -> FrozenRun:
    return FrozenRun(point.run.title, point.overrides, point.run.config())


def _own_code(runs: Sequence[FrozenRun]) -> dict[str, tuple[str, str]]:
    """The user's files whose kinds these runs have, by the digest of their code."""
    used = {run.config[part].get("code") for run in runs for part in ("task", "arm")} - {None}
    files = [OwnFile(path, path.read_bytes()) for path in Path.cwd().glob(f"{OWN}/*/*.py")] if used else []
    texts = {file.digest: (file.shown, file.code.decode("utf8", "surrogateescape")) for file in files}
    return {digest: text for digest, text in texts.items() if digest in used}


def _describes(word: str) -> bool:
    """Is the word of a command about what is compared, and not about where it runs?"""
    key = word.lstrip("+~").partition("=")[0]
    if word in ("-m", "--multirun"):
        return True
    group = key.replace("/", ".").split(".")[0]
    machine = group in {*PLUMBING} - {"study"} or key.startswith(("hydra/launcher", "hydra.launcher"))
    return "=" in word and not machine


def _changes(before: FrozenStudy, now: Mapping[str, FrozenRun], words: Words) -> list[str]:
    """One line per setting of a run that is not what it was, though nobody typed it; and per run too many
    or too few, where the command is the same."""
    command = before.commands.get(words)
    lines: dict[str, list[str]] = {}  # -> titles
    accounted: set[str] = set()
    for key, run in now.items():
        if key in before.runs:
            continue
        earlier = [old for k, old in before.runs.items() if old.title == run.title and k not in now]
        differing = [_typed_nowhere(before, old, run, words) for old in earlier]
        accounted |= {old.key for old in earlier}
        if differing and all(differing):
            for line in min(differing, key=len):
                lines.setdefault(line, []).append(run.title)
        elif command is not None and not earlier:
            lines.setdefault("is new", []).append(run.title)
    for key in command or ():
        if key not in now and key not in accounted:
            lines.setdefault("is no longer a run of this command", []).append(before.runs[key].title)
    return [
        f"{line} ({titled(titles)})" if ":" in line else f"{titled(titles)}: {line}"
        for line, titles in lines.items()
    ]


def _changed_pretrainings(before: Mapping[Overrides, Any], now: Mapping[Overrides, Any]) -> list[str]:
    pairs = [(before[overrides], now[overrides]) for overrides in now if overrides in before]
    lines = (line for pair in pairs for line in _differing(*pair).values())
    return [*dict.fromkeys(f"{line} (pretraining)" for line in lines)]


def _changed_devices(before: Sequence[FrozenRun], now: Sequence[FrozenRun]) -> list[str]:
    """The arms of a pair have the same number of devices, also when one of them is trained later."""
    then, new = (
        sorted({int(run.config["hardware"].get("devices", 1)) for run in runs}) for runs in (before, now)
    )
    if not then or then == new:
        return []
    return [f"hardware.devices: was {', '.join(map(str, then))}, is {', '.join(map(str, new))}"]


def _result(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that can change the result; without where a pretraining was found, which records say."""
    pretrained = {"arm.run"} if config["arm"].get("pretraining") else set[str]()
    return without({name: config[name] for name in (*SCIENCE, *ARM)}, {*LOCATIONS, *pretrained})


def _typed_nowhere(before: FrozenStudy, old: FrozenRun, new: FrozenRun, words: Words) -> list[str]:
    """Settings in which two runs of one title differ though neither command says so: `path: was, is`."""
    then = next((earlier for earlier, keys in before.commands.items() if old.key in keys), frozenset[str]())
    typed = [word.lstrip("+~").partition("=")[0] for word in words ^ then]
    if "study" in typed:
        return []
    differing = _differing(old.config, new.config).items()
    return [line for path, line in differing if not any(_sets(key, path) for key in typed)]


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """By path, `path: was, is` of the settings that can change the result."""
    then, new = (dict(leaves(_result(config))) for config in (before, now))
    return {
        path: f"{path}: was {_shown(then, path)}, is {_shown(new, path)}"
        for path in {**then, **new}
        if then.get(path) != new.get(path)
    }


def _shown(settings: Mapping[str, Any], path: str) -> str:
    return json.dumps(settings[path], ensure_ascii=False) if path in settings else "not set"


def _sets(key: str, path: str) -> bool:
    """May a word with this key (`optim`, `optim.lr`, `lora.optim.lr`) have set the setting at `path`?"""
    bare = key.removeprefix("hydra.sweeper.params.")
    return f"{path}.".startswith(f"{bare}.") or bare.endswith(f".{path}") or f"{bare}.".startswith(f"{path}.")

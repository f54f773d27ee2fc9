"""Sweep points: one list of overrides per run, from the axes of a sweep, and the order of the runs."""

from __future__ import annotations

import itertools
import shlex
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from headstart.arms.kinds import Arm
from headstart.config import nearest
from headstart.errors import ConfigError
from headstart.records.fingerprint import PLUMBING, as_mapping
from headstart.run import Run

DRAWN = ("arm.pretraining_seed", "size.seed")  # not of every arm, or size
AMOUNTS = ("size.rows", "size.fraction", "size.per_class")
TITLED = ("seed", "arm", "task", "model", "size", *AMOUNTS)  # always in a run's title


Settings = Callable[[Sequence[str]], tuple[Mapping[str, Any] | None, Any]]  # of overrides


@dataclass(frozen=True)
class SweepPoint:
    """One run of a study: its overrides as Hydra reads them, and the run that they describe."""

    overrides: tuple[str, ...]
    run: Run


def expand(
    params: Mapping[str, Any], per_arm: Sequence[str], arguments: Sequence[str], loader: ConfigLoader
) -> list[list[str]]:
    """The overrides of every point; axes of the command line replace those of the study.

    `per_arm`: settings of one arm, as `lora.optim.lr=1e-3`. They may differ between arms (study.free).
    """
    written = [f"{key}={value}" for key, value in params.items()]
    parsed = OverridesParser.create(loader).parse_overrides([*written, *arguments])
    axes = {override.get_key_element(): _values(override) for override in parsed}
    if empty := [key for key, values in axes.items() if not values]:
        raise ConfigError(f"{key}: no choice fits the pattern" for key in empty)
    points = [list(point) for point in itertools.product(*axes.values())]
    return _with_own(points, per_arm, axes) if per_arm else points


def _without_idle(
    points: Sequence[list[str]], settings_of: Settings, typed: Collection[str]
) -> list[list[str]]:
    """The points without settings that their arm or size does not have, each point once.

    So `arm.pretraining_seed=0,1,2` trains an arm without a pretraining once, and `size.seed=0,1,2` does so
    with all rows. Where no point has such a setting and somebody typed it, it stays, as a mistake.
    """
    drawn = {text for point in points for text in point if text.partition("=")[0] in DRAWN}
    if not drawn:
        return [*points]
    kept: dict[tuple[str, ...], None] = {}
    used: set[str] = set()
    for point in points:
        try:
            settings = settings_of([text for text in point if text not in drawn])[0] or {}
        except ConfigError:  # told where the points are read
            return [*points]
        own: list[str] = []
        for text in [text for text in point if text in drawn]:
            setting = text.partition("=")[0]
            group, _, name = setting.partition(".")
            chosen = as_mapping(settings.get(group))
            if chosen.get("pretraining") if group == "arm" else name in chosen:
                used.add(setting)
                own.append(text if name in chosen else f"+{text}")  # where the yaml of the arm leaves it out
        kept[(*(text for text in point if text not in drawn), *own)] = None
    idle = {text.partition("=")[0] for text in drawn} & {*typed} - used
    return [*points] if idle else [list(point) for point in kept]


def _values(override: Override) -> list[str]:
    """One override per value of an axis; a plain override is an axis of one value."""
    key = override.get_key_element()
    if override.is_delete():
        return [override.input_line or key]
    if not override.is_sweep_override():
        return [f"{key}={override.get_value_element_as_str()}"]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: a study needs listed values, such as {key}=1,2,3")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _with_own(
    points: Sequence[list[str]], per_arm: Sequence[str], axes: Mapping[str, Sequence[str]]
) -> list[list[str]]:
    """The points, each with the settings of its arm."""
    arms = [value.partition("=")[2] for value in axes.get("arm", ())]
    settings_of: dict[str, list[str]] = {f"arm={arm}": [] for arm in arms}
    for setting in per_arm:
        arm, _, override = setting.partition(".")
        if arm not in arms:
            raise ConfigError(f"{setting}: the study has no arm {arm}; {nearest(arm, arms)}")
        settings_of[f"arm={arm}"].append(override)
    changed = [text.lstrip("+~").partition("=")[0] for settings in settings_of.values() for text in settings]
    freed = dict.fromkeys(key for key in changed if not key.startswith("arm."))  # an arm's own always differ
    typed = axes.get("study.free", ["study.free=[]"])[0].partition("=")[2].strip("[]").split(",")
    free = [f"study.free=[{','.join([*filter(None, typed), *freed])}]"] if freed else []
    return [
        [*point, *next(settings_of[text] for text in point if text in settings_of), *free] for point in points
    ]


def named_axes(
    points: Sequence[list[str]], settings_of: Settings, typed: Collection[str] = ()
) -> list[list[str]]:
    """The points, each with `study.axes`: its values of the axes that are not in TITLED.

    Settings that an arm or a size does not have are left out: `settings_of` tells it, and `typed` which
    were typed and are not of the study's yaml.

    An override or a choice that has different values at different points is an axis.
    """
    points = _without_idle(points, settings_of, typed)
    values: dict[str, set[str]] = defaultdict(set)
    for key, _, value in (text.partition("=") for text in itertools.chain(*points)):
        values[key].add(value)
    axes = [
        key
        for key, own in values.items()
        if len(own) > 1 and key not in TITLED and key.lstrip("+")[:4] != "arm."
    ]
    named: list[list[str]] = []
    for point in points:
        pairs: list[str] = []
        for key, _, value in (text.partition("=") for text in point):
            if key in axes:  # its value as a quoted text for Hydra
                bare = value.strip("'\"").replace("\\", "/").replace("$", "").replace("'", "")
                pairs.append(f"{key.lstrip('+')}: '{bare}'")
        named.append([*point, f"study.axes={{{', '.join(pairs)}}}"] if pairs else list(point))
    return named


def located(mistake: str, numbers: Sequence[int], points: Sequence[Sequence[str]]) -> str:
    """The mistake, after the values of an axis if it occurs only at these: `arm=lora: ...`."""
    prefixes: list[str] = []
    for axis in zip(*points, strict=False):
        keys, _, values = zip(*(text.partition("=") for text in axis), strict=True)
        key, affected = keys[0], list(dict.fromkeys(values[number] for number in numbers))
        other_values = [value for value in dict.fromkeys(values) if value not in affected]
        if not other_values or {*keys} != {key} or mistake.startswith((f"{key}:", f"{key}=")):
            continue
        if key == "arm":
            mistake = _for_one_arm(mistake, affected, other_values, points[numbers[0]])
        prefixes.append(f"{key}={','.join(affected)}: ")
    return "".join([*prefixes, mistake])


def _for_one_arm(
    mistake: str, affected: Sequence[str], other_arms: Sequence[str], point: Sequence[str]
) -> str:
    """A mistake that occurs for some arms only, with what to type instead."""
    path, _, problem = mistake.partition(": ")
    override = next((text for text in point if text.partition("=")[0] == path), None)
    if path.startswith("arm.") and problem == "must be given":
        return f"{mistake}, to this arm alone: {affected[0]}.{path}=..."
    if override is None or not problem.startswith("not in the chosen arm"):
        return mistake
    return f"{path}: not in this arm; give it to one arm alone: {shlex.quote(f'{other_arms[0]}.{override}')}"


def contradictions(runs: Iterable[Run]) -> list[str]:
    """One sentence per reason why these runs, each of them valid, cannot be one study.

    An axis of PLUMBING does not change the result: its points would be one run in one folder. Two different
    arms of a study cannot share a name.
    """
    first_of: dict[tuple[str, ...], Run] = {}
    arms: dict[tuple[str, ...], Arm] = {}
    idle_axes: dict[str, None] = {}
    same_name: dict[str, None] = {}
    for run in runs:
        folder = run.runs, run.study.name
        first = first_of.setdefault((run.model_dump_json(exclude={*PLUMBING}), *folder), run)
        if first is not run:
            before, now = (each.model_dump(include={*PLUMBING}) for each in (first, run))
            del before["study"]["axes"], now["study"]["axes"]  # their names differ whenever an axis does
            idle_axes |= {name: None for name in PLUMBING if before[name] != now[name]}
        arm = arms.setdefault((*folder, run.arm.name), run.arm)
        without_seed = (each.model_dump(exclude={"pretraining_seed"}) for each in (arm, run.arm))
        if arm is not run.arm and next(without_seed) != next(without_seed):
            same_name[run.arm.name] = None
    return [
        *(
            f"{name}: cannot change the answer, so it cannot be swept; run it under two study.name"
            for name in idle_axes
        ),
        *(
            f"arm.name: two different arms are called {name}; give each a name of its own"
            for name in same_name
        ),
    ]


def pairs_of(points: Sequence[SweepPoint]) -> list[list[SweepPoint]]:
    """The points, one list per pair (or set of arms), every second list reversed: AB BA.

    A run that is listed twice (seed=1,1) is one run.
    """
    pairs: dict[str, dict[str, SweepPoint]] = {}
    for point in points:
        run = point.run.model_dump_json()
        pairs.setdefault(shared_settings(point.run), {}).setdefault(run, point)
    return [list(pair.values())[:: (-1) ** number] for number, pair in enumerate(pairs.values())]


def shared_settings(run: Run, *more: str) -> str:
    """The settings that the arms of a pair share, as text, without those named in `more`."""
    left_out: dict[str, Any] = {}
    for path in sorted({"arm", "study", *run.study.freed, *more}, reverse=True):  # a group after its settings
        *groups, name = path.split(".")
        at = left_out
        for group in groups:
            at = at.setdefault(group, {})
        at[name] = True
    return run.model_dump_json(exclude=left_out)

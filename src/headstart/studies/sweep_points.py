"""Points: what a sweep's axes stand for, one list of overrides per run, and the runs that they describe."""

from __future__ import annotations

import itertools
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from headstart.config import nearest
from headstart.errors import ConfigError
from headstart.records.fingerprint import PLUMBING
from headstart.run import Run

Point = list[str]  # overrides
TITLED = ("seed", "arm", "task", "model", "size")  # what a run's title names anyhow


def expand(
    params: Mapping[str, Any], per_arm: Sequence[str], arguments: Sequence[str], loader: ConfigLoader
) -> list[Point]:
    """Every point of the sweep; what the command line names replaces the study's own axes.

    `per_arm` gives settings of one arm alone, as `lora.optim.lr=1e-3`: they move with it, and are freed.
    """
    written = [f"{key}={value}" for key, value in params.items()]
    parsed = OverridesParser.create(loader).parse_overrides([*written, *arguments])
    axes = {override.get_key_element(): _values(override) for override in parsed}
    empty = [key for key, values in axes.items() if not values]
    if empty:
        raise ConfigError(f"{key}: no choice fits the pattern" for key in empty)
    points = [list(point) for point in itertools.product(*axes.values())]
    return _with_own(points, per_arm, axes) if per_arm else points


def named_axes(points: Sequence[Point]) -> list[Point]:
    """The points, each with its values of the axes that no other word of a run's title names.

    An override that is written in other points with another value is an axis; a group's choices are, too.
    """
    values: dict[str, set[str]] = defaultdict(set)
    for override in itertools.chain(*points):
        key, _, value = override.partition("=")
        values[key].add(value)
    axes = [key for key, own in values.items() if len(own) > 1 and key not in TITLED and key[:4] != "arm."]
    return [_with_axes(point, axes) for point in points]


def _with_axes(point: Point, axes: Sequence[str]) -> Point:
    chosen = [override.partition("=") for override in point if override.partition("=")[0] in axes]
    told = [f"{key.lstrip('+')}: {_quoted(value)}" for key, _, value in chosen]
    return [*point, f"study.axes={{{', '.join(told)}}}"] if told else list(point)


def _quoted(value: str) -> str:
    """A value of an override as a text for Hydra, whatever characters it has."""
    bare = value.strip("'\"").replace("\\", "/").replace("$", "").replace("'", "")
    return f"'{bare}'"


def _values(override: Override) -> list[str]:
    """One override per value of an axis; an override that is no axis is an axis of one."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [
            f"{key}={override.get_value_element_as_str()}" if "=" in (override.input_line or "=") else key
        ]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{override.input_line}: a study needs listed values, such as {key}=1,2,3")
    return [f"{key}={value}" for value in override.sweep_string_iterator()]


def _with_own(
    points: Sequence[Point], per_arm: Sequence[str], axes: Mapping[str, Sequence[str]]
) -> list[Point]:
    """The points, each with what belongs to its arm alone."""
    arms = [value.partition("=")[2] for value in axes.get("arm", ())]
    own: dict[str, list[str]] = {f"arm={arm}": [] for arm in arms}
    for setting in per_arm:
        arm, _, override = setting.partition(".")
        if arm not in arms:
            raise ConfigError(f"{setting}: the study has no arm {arm}; {nearest(arm, arms)}")
        own[f"arm={arm}"].append(override)
    changed = [override.lstrip("+~").partition("=")[0] for mine in own.values() for override in mine]
    freed = dict.fromkeys(key for key in changed if not key.startswith("arm."))  # an arm's own differ anyhow
    free = [f"study.free=[{','.join([*_freed(axes), *freed])}]"] if freed else []
    return [[*point, *next(own[part] for part in point if part in own), *free] for point in points]


def _freed(axes: Mapping[str, Sequence[str]]) -> list[str]:
    """What the command line frees itself."""
    given = axes.get("study.free", ["study.free=[]"])[0].partition("=")[2]
    return [name for name in given.strip("[]").split(",") if name]


def read_all(configs: Iterable[dict[str, Any]]) -> list[Run]:
    """All runs, or one ConfigError with every mistake of every run, each once."""
    runs: list[Run] = []
    mistakes: dict[str, None] = {}
    for config in configs:
        try:
            runs.append(Run.read(config))
        except ConfigError as error:
            mistakes |= dict.fromkeys(error.lines)
    mistakes |= dict.fromkeys(at_odds(runs))
    if mistakes:
        raise ConfigError(mistakes)
    return runs


def located(mistake: str, places: Sequence[int], points: Sequence[Point]) -> str:
    """The mistake, with the values of the axes at which alone it occurs: `arm=lora: ...`."""
    told = []
    for axis in zip(*points, strict=False):
        keys, values = zip(
            *(value.split("=", 1) if "=" in value else (value, "") for value in axis), strict=True
        )
        here = list(dict.fromkeys(values[place] for place in places))
        elsewhere = [value for value in dict.fromkeys(values) if value not in here]
        key = keys[0]
        if not elsewhere or {*keys} != {key} or mistake.startswith((f"{key}:", f"{key}=")):
            continue
        if key == "arm":
            mistake = _for_one_arm(mistake, here, elsewhere, points[places[0]])
        told.append(f"{key}={','.join(here)}: ")
    return "".join([*told, mistake])


def _for_one_arm(mistake: str, here: Sequence[str], elsewhere: Sequence[str], point: Point) -> str:
    """The mistake about a setting of some arms only, with what to type instead."""
    path, _, what = mistake.partition(": ")
    given = next((override for override in point if override.partition("=")[0] == path), None)
    if path.startswith("arm.") and what == "must be given":
        return f"{mistake}, to this arm alone: {here[0]}.{path}=..."
    if given is None or not what.startswith("not in the chosen arm"):
        return mistake
    return f"{path}: not in this arm; give it to one arm alone: {shlex.quote(f'{elsewhere[0]}.{given}')}"


def at_odds(runs: Sequence[Run]) -> list[str]:
    """A sentence per reason why these runs cannot be one study, though each of them could be trained."""
    return [*_idle_axes(runs), *_namesakes(runs)]


def _idle_axes(runs: Iterable[Run]) -> list[str]:
    """A sentence per axis that cannot change the answer: its points would be one run in one folder."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    idle: dict[str, None] = {}
    for run in runs:
        science = run.model_dump(mode="json")
        plumbing = {name: science.pop(name) for name in PLUMBING}
        plumbing["study"].pop("axes")  # they say what else differs
        known = first.setdefault((repr(science), str(run.study_folder)), plumbing)
        idle |= {name: None for name in PLUMBING if known[name] != plumbing[name]}
    return [
        f"{name}: cannot change the answer, so it cannot be swept; run it under two study.name"
        for name in idle
    ]


def _namesakes(runs: Iterable[Run]) -> list[str]:
    """A sentence per name that two different arms of a study share."""
    arms: dict[tuple[str, str], Any] = {}
    twice: dict[str, None] = {}
    for run in runs:
        first = arms.setdefault((str(run.study_folder), run.arm.name), run.arm)
        if first != run.arm:
            twice[run.arm.name] = None
    return [f"arm.name: two different arms are called {name}; give each a name of its own" for name in twice]


def pairs_of(runs: Sequence[Run]) -> list[list[int]]:
    """Positions of the runs, one list per pair (or per set of arms), every second one in reverse: AB BA.

    A run that is written twice (seed=1,1) is one run.
    """
    pairs: dict[str, dict[str, int]] = {}
    for position, run in enumerate(runs):
        pairs.setdefault(shared_settings(run), {}).setdefault(_own_settings(run), position)
    orders = [list(arms.values()) for arms in pairs.values()]
    return [arms[:: (-1) ** number] for number, arms in enumerate(orders)]


def shared_settings(run: Run, *more: str) -> str:
    """What the arms of a pair have in common, as text; `more` names settings to leave out as well."""
    return repr(_kept(run.model_dump(exclude={"arm", "study"}, mode="json"), {*run.study.freed, *more}))


def _own_settings(run: Run) -> str:
    """The arm, and what the study frees."""
    return repr(run.model_dump(mode="json"))


def _kept(value: Any, left_out: set[str], path: str = "") -> Any:
    if not isinstance(value, dict):
        return value
    below = {name: f"{path}.{name}".lstrip(".") for name in value}
    return {name: _kept(value[name], left_out, p) for name, p in below.items() if p not in left_out}

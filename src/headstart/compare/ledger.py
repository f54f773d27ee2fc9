"""The ledger of an arm: what its weights cost before it began, and after how many uses that is paid for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headstart.compare.break_even import break_even, reaches, saving
from headstart.compare.costs import ratio, train_cost
from headstart.compare.pairs import Match
from headstart.compare.phrases import short
from headstart.compare.published import pretraining as published
from headstart.compare.values.consumption import Resource
from headstart.compare.values.economics import Amount, BreakEven, Ledger, Stage, View
from headstart.compare.values.trials import Tuning, TuningCost
from headstart.records.record import Record

USES = (1, 10, 100, 1000)
_NOTHING = Amount(None, None)


def ledger(matches: Sequence[Match], metric: str, tuning: Tuning | None = None) -> Ledger | None:
    """The ledger of the arm in these pairs; None when it poured no checkpoint, or no pair is left."""
    arm = matches[0].arm if matches else None
    if arm is None or arm.init.checkpoint is None:
        return None
    found = pretraining(arm)
    runs = [train_cost(pair.arm, "flops") for pair in matches]
    bases = [train_cost(pair.baseline, "flops") for pair in matches]
    own, base = _mean(runs), _mean(bases)
    made = replace(
        found,
        baseline=matches[0].baseline.arm,
        per_run=own,
        views=views(found.flops, own, base, uses(arm.config)) if own is not None else (),
        break_evens=tuple(_break_evens(found, matches, metric)),
        tuning=_tuning_costs(tuning, (matches[0].baseline.arm, arm.arm)),
    )
    return replace(made, sentence=sentence(made))


def pretraining(arm: Record) -> Ledger:
    """What the weights of one run cost: measured here, else published, else unknown."""
    checkpoint, model = arm.init.checkpoint, str(arm.config["model"]["name"])
    carried = checkpoint.ledger if checkpoint else None
    stages, root, fault = (), model, ""
    if carried is not None:
        try:
            stages, root = chain(carried)
        except (KeyError, TypeError, ValueError) as error:
            fault, root = f"The cost that the record carries cannot be read ({error}).", None
    figures = published.figures(root) if root else ()
    rest, covers = published.flops(figures) if root else (Amount(0.0, 0.0), "")
    flops, covers = (_NOTHING, "") if fault else _summed(stages, rest, covers)
    joules, reason = _joules(stages, root)
    questions = published.questions(root) if root else ()
    return Ledger(
        arm=arm.arm, baseline="", model=root or model,
        origin="unknown" if fault else "measured" if stages else "published" if flops.known else "unknown",
        flops=flops, joules=joules, joules_reason=reason, covers=covers, stages=stages, figures=figures,
        open=tuple(line for line in (fault, *questions, _on_trust(arm, root)) if line),
        per_run=None, views=(), break_evens=(), sentence="",
    )  # fmt: skip


def chain(carried: Mapping[str, Any]) -> tuple[tuple[Stage, ...], str | None]:
    """The stages of a carried ledger, latest first, and the published model that the first one began with.

    Raises KeyError, TypeError or ValueError when it is not of the form that a record describes.
    """
    stages = [_stage(one) for one in _links(carried)]
    seen = [run for stage in stages for run in stage.runs]
    if len({*seen}) < len(seen):
        raise ValueError("a run occurs twice in its chain")
    *_, root = _links(carried)
    model = root.get("model")
    return tuple(stages), None if model is None else str(model)


def uses(config: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of uses that the study declares, or 1, 10, 100, 1000."""
    declared = config["study"].get("uses")
    if declared is None:
        return USES
    given = declared if isinstance(declared, list | tuple) else [declared]
    return tuple(dict.fromkeys(int(number) for number in given if int(number) > 0)) or USES


def views(pretrained: Amount, own: float, baseline: float | None, numbers: Sequence[int]) -> tuple[View, ...]:
    """Marginal, amortised over each number of uses, and full: always together."""
    asked = [("marginal", None), *(("amortised", number) for number in numbers if number > 1), ("full", 1)]
    return tuple(_view(name, number, pretrained, own, baseline) for name, number in asked)


def sentence(found: Ledger) -> str:
    """The cost of the pretraining against one run here, and when it has paid for itself."""
    part = f" ({found.covers} alone)" if found.covers else ""
    if not found.flops.known:
        return f"What it cost to pretrain the weights of {found.arm} is unknown."
    told = {"measured": "measured here", "published": "published, not measured here"}[found.origin]
    cost = f"the pretraining behind {found.arm}{part}"
    if found.per_run:
        times = found.flops.scaled(1 / found.per_run)
        cost = f"{cost} cost {amount_words(times)} times the training FLOPs of one run here ({told})"
    else:
        cost = f"the cost of {cost} is {told}"
    best = best_break_even(found.break_evens)
    after = f"; {payback_words(best, found)}" if best else ""
    return f"{cost[:1].upper()}{cost[1:]}{after}."


def payback_words(one: BreakEven, found: Ledger) -> str:
    """'it has paid for itself after at most 12 uses on the way to ...', 'it never pays for itself ...'."""
    goal = f"{one.target_of}'s final validation score"
    what = "that stage" if found.covers else "it"
    unit = "compute" if one.resource == "flops" else "energy"
    if one.payback == "never":
        return _nothing_saved(one, f"{what} {{}} for itself in {unit}", goal)
    if one.payback == "unknown":
        return f"whether {what} pays for itself in {unit} is unknown: {one.reason}"
    bound = "at most " if one.payback == "at most" else ""
    missed = f" ({found.baseline} did not reach it in {one.censored} of {one.pairs} pairs)" * bool(
        one.censored
    )
    whole = uses_words(one.uses if one.payback == "number" else Amount(one.uses.high, one.uses.high))
    if covers_both(one):
        lead = f"on average {what} has paid for itself in {unit} after {bound}{whole} on the way to {goal}"
        return f"{lead}{missed}, but may do so {first_use(one)} or never: the 95 % interval covers both"
    told = f"{bound}{whole}{interval_words(one)}"
    return f"{what} has paid for itself in {unit} after {told} on the way to {goal}{missed}"


def _nothing_saved(one: BreakEven, lead: str, goal: str) -> str:
    """What follows from pairs that save nothing on average; `lead` has a place for the verb."""
    if one.interval is None:
        where = "in the one pair" if one.pairs == 1 else "on average"
        return f"{lead.format('does not pay')}: nothing is saved {where} on the way to {goal}"
    if not one.may_pay:
        rest = f"nothing is saved on the way to {goal}, and the 95 % interval holds no saving"
        return f"{lead.format('never pays')}: {rest}"
    rest = f"nothing is saved on average on the way to {goal}, and the 95 % interval covers both"
    return f"{lead.format('may pay')} {first_use(one)} or never: {rest}"


def payback_word(one: BreakEven) -> str:
    """'number', 'at most', 'unknown'; 'never' only where the interval leaves nothing else."""
    if one.payback != "never" or not one.may_pay:
        return one.payback
    return "not in its one pair" if one.pairs == 1 else "not on average"


def covers_both(one: BreakEven) -> bool:
    """Whether the 95 % interval holds a saving and none."""
    return one.interval is not None and one.may_pay and one.may_never


def first_use(one: BreakEven) -> str:
    """'from the first use', 'from 12 uses on': the fewest that the interval allows."""
    low = one.interval.low if one.interval else None
    return "from the first use" if low is None or low <= 1 else f"from {uses_words(Amount(low, low))} on"


def interval_words(one: BreakEven) -> str:
    """' (95 % interval 12 to 30 uses)', ' (95 % interval: at most 12 uses)'; nothing without one."""
    found = one.interval
    if found is None or not found.known:
        return ""
    if found.low is not None and found.high is not None:
        return f" (95 % interval {uses_words(found)})"
    end = found.high if found.low is None else found.low
    told = uses_words(Amount(end, end))
    return f" (95 % interval: at {'most' if found.low is None else 'least'} {told})"


def uses_words(uses: Amount) -> str:
    """'1 use', '12 to 30 uses': whole uses, rounded up."""
    ends = [max(1, math.ceil(end)) for end in (uses.low, uses.high) if end is not None]
    low, high = f"{short(min(ends))}", f"{short(max(ends))}"
    return f"{low} use{'s' * (low != '1')}" if low == high else f"{low} to {high} uses"


def amount_words(amount: Amount) -> str:
    """'12', '12 to 30', 'at most 30', 'at least 12', three significant figures."""
    low, high = (None if end is None else short(end) for end in (amount.low, amount.high))
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return low if low == high else f"{low} to {high}"


def best_break_even(found: Sequence[BreakEven]) -> BreakEven | None:
    """The one to tell: in FLOPs, decided before undecided, the arm's own score before the baseline's."""
    order = {"number": 0, "at most": 0, "never": 1, "unknown": 2}
    counted = [one for one in found if one.resource == "flops"]
    return min(counted, key=lambda one: order[one.payback], default=None)


def _tuning_costs(tuning: Tuning | None, arms: Sequence[str]) -> tuple[TuningCost, ...]:
    """What tuning these arms cost, in their order: nobody may leave that out either."""
    costs = tuning.costs if tuning else ()
    return tuple(cost for arm in arms for cost in costs if cost.arm == arm)


def _break_evens(found: Ledger, matches: Sequence[Match], metric: str) -> Iterator[BreakEven]:
    """In FLOPs for both targets, the arm's final score first; then in joules where both sides have them."""
    joules = _NOTHING if found.joules is None else Amount(found.joules, found.joules)
    costs_of: tuple[tuple[Resource, Amount], ...] = (("flops", found.flops), ("joules", joules))
    for resource, cost in costs_of:
        refused = _refused(found, matches) if resource == "joules" else ""
        if refused and not found.stages:
            continue  # published energy is never compared: the ledger's reason says so once
        for target in (1, 0):
            name = matches[0].sides[target].arm
            costs = None if refused else reaches(matches, metric, target, resource)
            one = break_even(resource, name, cost, saving(costs) if costs else None)
            yield replace(one, reason=refused) if refused else one


def _refused(found: Ledger, matches: Sequence[Match]) -> str:
    """Why joules of the pretraining and of these runs cannot share a ratio: what differs, or is not known."""
    if found.joules is None:
        return found.joules_reason
    between = ratio(matches, "joules")
    if between.value is None:
        return str(between.reason)
    one = matches[0].arm
    here = {
        "method": one.cost.energy.method,
        "boundary": one.cost.energy.boundary,
        "machine": one.environment.machine,
    }
    there = found.stages[0]
    reasons = [
        f"the {name} of the pretraining's energy is {getattr(there, name) or 'not known'}, here {value}"
        for name, value in here.items()
        if getattr(there, name) != value
    ]
    if not all(stage.exclusive for stage in found.stages):
        reasons.append("it is not known that the pretraining was alone on its machine")
    return "; ".join(reasons)


def _view(name: str, number: int | None, pretrained: Amount, own: float, baseline: float | None) -> View:
    share = Amount(0.0, 0.0) if number is None else pretrained.scaled(1 / number)
    total = share.plus(Amount(own, own))
    return View(name, number, share, total, total.scaled(1 / baseline) if baseline else _NOTHING)


def _links(carried: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    link: Any = carried
    while link is not None:
        yield link
        link = link["parent"]


def _stage(link: Mapping[str, Any]) -> Stage:
    joules = link["joules"]
    stage = Stage(
        flops=int(link["flops"]),
        joules=None if joules is None else float(joules),
        method=str(link["method"]),
        seconds=float(link["seconds"]),
        runs=tuple(str(run) for run in link["runs"]),
        boundary=link.get("boundary"),
        machine=link.get("machine"),
        exclusive=link.get("exclusive"),
    )
    if stage.flops < 0 or stage.seconds < 0 or (stage.joules or 0) < 0:
        raise ValueError("a cost is negative")
    return stage


def _summed(stages: Sequence[Stage], rest: Amount, covers: str) -> tuple[Amount, str]:
    """FLOPs of what was trained here and of what came before it, and which part of the whole that is."""
    measured = float(sum(stage.flops for stage in stages))
    here = Amount(measured, measured)
    if not stages:
        return rest, covers
    if not rest.known:
        return here, "what was trained here"
    return here.plus(rest), f"{covers} and what was trained here" if covers else ""


def _joules(stages: Sequence[Stage], root: str | None) -> tuple[float | None, str]:
    """The measured joules of a whole chain, or why there is no such number."""
    if not stages:
        return None, "published energy has another boundary and method, so it is not compared"
    if root is not None:
        return None, f"the chain began with {root}, whose energy was not measured here"
    if any(stage.joules is None for stage in stages):
        return None, "the energy of a pretraining run was not measured"
    if len({(stage.method, stage.boundary, stage.machine) for stage in stages}) > 1:
        return None, "the energy of the chain comes from several methods, boundaries or machines"
    return float(sum(stage.joules or 0.0 for stage in stages)), ""


def _on_trust(arm: Record, root: str | None) -> str:
    """A folder can hold any weights; only a digest that was promised proves whose they are."""
    source = arm.init.checkpoint.source if arm.init.checkpoint else ""
    if root is None or not source.startswith("the folder ") or arm.config["model"].get("sha256"):
        return ""
    return f"The weights were read from a folder: that they are those of {root} is taken on trust."


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None

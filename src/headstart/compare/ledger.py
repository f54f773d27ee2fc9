"""The ledger of an arm: what its weights cost before it began, and after how many uses that is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, cast

from headstart.compare import factors
from headstart.compare.bounds import NOTHING_KNOWN, Bounded
from headstart.compare.break_even import BreakEven, Counted, break_even, reaches, saving
from headstart.compare.costs import mean_cost, ratio
from headstart.compare.pairs import Match
from headstart.compare.published import tables
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import costs as sentences
from headstart.records.record import Record

USES = (1, 10, 100, 1000)
Origin = Literal["measured", "published", "unknown"]


@dataclass(frozen=True)
class Stage:
    """One pretraining that headstart ran, as the record of a later run carries it."""

    flops: int
    joules: float | None
    method: str  # of the joules
    seconds: float
    runs: tuple[str, ...]  # run ids
    boundary: str | None = None  # of the joules; None: the record does not say
    machine: str | None = None
    exclusive: bool | None = None
    training_alone: bool = False  # FLOPs, joules and seconds are of training, as those of the uses are
    tokenizer_seconds: float | None = None  # that training its tokenizer took; None: published, or not known


class View(NamedTuple):
    """The cost of one run of the arm under one way of counting its pretraining."""

    key: str  # "marginal", "amortised_100", "full"
    share: Bounded  # FLOPs of the pretraining that this run answers for
    total: Bounded  # with the run's own training FLOPs
    ratio: Bounded  # total / the baseline's training FLOPs


@dataclass(frozen=True)
class Pretraining:
    """What the weights of an arm cost: measured here, else published, else unknown."""

    origin: Origin
    flops: Bounded
    joules: float | None  # measured here; published kWh never enter a sum or a ratio
    joules_reason: str
    covers: str  # the stage that the FLOPs cover; "" for all of the pretraining
    stages: tuple[Stage, ...]  # measured here, latest first
    figures: tuple[tables.Figure, ...]  # published, of the model that the chain began with
    open: tuple[str, ...]  # questions


@dataclass(frozen=True)
class Ledger(Pretraining):
    """What an arm's weights cost before it began, and what that means for one use and for many."""

    sentence: str
    rows: Rows  # its cost, the ratio of FLOPs with it, and the number of uses that pays for it


def ledger(template: Quantity, matches: Sequence[Match], metric: str, *, gain_shown: bool) -> Ledger | None:
    """The ledger of the arm in these pairs; None when it loaded no checkpoint, or no pair is left.

    Without a gain that is shown, no use is said to pay.
    """
    arm = matches[0].arm if matches else None
    if arm is None or arm.init.checkpoint is None:
        return None
    cost, baseline = pretraining(arm), matches[0].baseline.arm
    own = mean_cost([pair.arm for pair in matches], "flops")
    base = mean_cost([pair.baseline for pair in matches], "flops")
    counted = views(cost.flops, own, base, uses(arm.config)) if own is not None else ()
    results = list(_break_evens(cost, matches, metric))
    # For the sentence: in FLOPs, decided before undecided, the arm's score before the baseline's.
    order = {"number": 0, "at most": 0, "never": 1, "unknown": 2}
    in_flops = [result for result in results if result.resource == "flops"]
    best = min(in_flops, key=lambda result: order[result.payback], default=None)
    words = sentences.break_even(best, baseline, cost.covers) if best else ""
    if best and best.uses.known and not gain_shown:
        words = sentences.NOT_SAID
    return Ledger(
        **vars(cost),
        sentence=sentences.pretraining(arm.arm, cost.covers, cost.flops, cost.origin, own, words),
        rows=rows(template, cost, counted, results, "" if gain_shown else sentences.NO_GAIN),
    )


def rows(
    template: Quantity,
    cost: Pretraining,
    views: Sequence[View],
    break_evens: Sequence[BreakEven],
    no_gain: str,
) -> Rows:
    """The cost of the pretraining, the ratio of FLOPs with it, and the number of uses that pays for it."""
    part = f"covers {cost.covers} alone" if cost.covers else ""
    flops = template.named("pretraining.flops", verdict=cost.origin)
    numbers = [
        _range(flops, cost.flops).because(part),
        template.named("pretraining.joules").at(cost.joules).because(cost.joules_reason),
    ]
    for view in views:
        for name, bounds in (("flops_ratio", view.ratio), ("share", view.share), ("total", view.total)):
            row = template.named(f"ledger.{view.key}.{name}", verdict=cost.origin)
            numbers.append(_range(row, bounds).because(part))
    for result in break_evens:
        uses, *rest = break_even_rows(template, result)
        numbers += [uses.because(no_gain) if uses.known else uses, *rest]
    return Rows(numbers)


def pretraining(arm: Record) -> Pretraining:
    """What the weights of one run cost."""
    checkpoint = arm.init.checkpoint
    carried = checkpoint.ledger if checkpoint else None
    stages, root, fault = (), str(arm.config["model"]["name"]), ""
    if carried is not None:
        try:
            stages, root = chain(carried)
        except (KeyError, TypeError, ValueError) as error:
            fault, root = sentences.unreadable(str(error)), None
    figures = tables.figures(root) if root else ()
    flops, covers = tables.flops(figures) if root else (Bounded(0.0, 0.0), "")
    if stages:  # what was trained here, and what came before it
        measured = float(sum(stage.flops for stage in stages))
        measured_flops = Bounded(measured, measured)
        if not flops.known:
            flops, covers = measured_flops, "what was trained here"
        else:
            flops = measured_flops.plus(flops)
            covers = f"{covers} and what was trained here" if covers else ""
    if fault:
        flops, covers = NOTHING_KNOWN, ""
    joules, reason = _joules(stages, root)
    origin: Origin = "measured" if stages else "published" if flops.known else "unknown"
    questions = [fault, *(tables.questions(root) if root else ())]
    # What the cost of stages that were trained here has in it beside training, and what it lacks.
    if any(not stage.training_alone for stage in stages):
        questions.append(sentences.WHOLE_RUNS)
    if seconds := sum(stage.tokenizer_seconds or 0.0 for stage in stages):
        questions.append(sentences.tokenizer(seconds))
    # A folder can hold any weights; only a digest that was promised proves whose they are.
    folder = checkpoint is not None and checkpoint.source.startswith("the folder ")
    if root is not None and folder and not arm.config["model"].get("sha256"):
        questions.append(sentences.on_trust(root))
    return Pretraining(
        origin="unknown" if fault else origin,
        flops=flops,
        joules=joules,
        joules_reason=reason,
        covers=covers,
        stages=stages,
        figures=figures,
        open=tuple(filter(None, questions)),
    )


def chain(carried: Mapping[str, Any]) -> tuple[tuple[Stage, ...], str | None]:
    """The stages of a carried ledger, latest first, and the published model that the first one began with.

    Raises KeyError, TypeError or ValueError when it is not of the form that a record describes.
    """
    stages: list[Stage] = []
    link: Any = carried
    model = None
    while link is not None:
        stages.append(_stage(link))
        model, link = link.get("model"), link["parent"]
    runs = [run for stage in stages for run in stage.runs]
    if len({*runs}) < len(runs):
        raise ValueError("a run occurs twice in its chain")
    return tuple(stages), None if model is None else str(model)


def uses(config: Mapping[str, Any]) -> tuple[int, ...]:
    """The numbers of uses that the study declares, or 1, 10, 100, 1000."""
    declared = config["study"].get("uses")
    if declared is None:
        return USES
    numbers = cast(Sequence[Any], declared) if isinstance(declared, list | tuple) else [declared]
    return tuple(dict.fromkeys(int(number) for number in numbers if int(number) > 0)) or USES


def views(
    pretrained: Bounded, own: float, baseline: float | None, numbers: Sequence[int]
) -> tuple[View, ...]:
    """Marginal, amortised over each number of uses, and full: always together."""
    shares = {"marginal": Bounded(0.0, 0.0)}
    shares |= {f"amortised_{number}": pretrained.scaled(1 / number) for number in numbers if number > 1}
    counted: list[View] = []
    for key, share in (shares | {"full": pretrained}).items():
        total = share.plus(Bounded(own, own))
        counted.append(View(key, share, total, total.scaled(1 / baseline) if baseline else NOTHING_KNOWN))
    return tuple(counted)


def _range(row: Quantity, bounds: Bounded) -> Quantity:
    """A number, or the range of what is known."""
    return row.at(bounds.low) if bounds.value is not None else row.between(bounds.low, bounds.high)


def break_even_rows(template: Quantity, result: BreakEven) -> list[Quantity]:
    """The number of uses, or a bound, its interval, and what one use saves.

    "never" and "unknown" are words and no numbers. The interval says "never" where it holds no saving, and
    "or never" where it holds a saving and none.
    """
    side = "arm" if result.target_of == template.arm else "baseline"
    row = template.named(f"break_even.{result.resource}.{side}_score", n=result.pairs)
    if result.uses.known:
        ends = (result.interval.low, result.interval.high) if result.interval else (None, None)
        row = row.bounded(Bounded(result.uses.low, result.uses.high, *ends))
    else:
        row = replace(row, verdict=sentences.break_even_word(result))
    template = replace(template, n=result.pairs)
    saving = _range(template.named(f"{row.key}.saving"), result.saving).because(result.reason)
    interval = template.named(f"{row.key}.interval")
    both = missed = ""
    if result.interval is not None:
        word = "never" if not result.may_pay else "or never" if result.may_never else ""
        ends = replace(interval.between(result.interval.low, result.interval.high), verdict=word)
        interval = replace(ends, level=0.95 if result.interval.known else None)
    if result.interval and sentences.covers_both(result):
        both = f"95 % interval: {sentences.uses_or_never(result.interval.low)}"
    if result.censored:
        missed = f"{template.baseline} did not reach the target in {result.censored} of {result.pairs} pairs"
        saving = saving.because(missed, "the saving is a lower bound")
    return [row.because(result.reason, missed, both), saving, interval]


def _break_evens(cost: Pretraining, matches: Sequence[Match], metric: str) -> Iterator[BreakEven]:
    """In FLOPs for both targets, the arm's final score first; then in joules where both sides have them."""
    joules = Bounded(cost.joules, cost.joules)
    counted: tuple[tuple[Counted, Bounded], ...] = (("flops", cost.flops), ("joules", joules))
    for resource, amount in counted:
        refused = _refused(cost, matches) if resource == "joules" else ""
        if refused and not cost.stages:
            continue  # published energy is never compared: the ledger's reason says so once
        for target in (1, 0):
            name = matches[0].sides[target].arm
            spent = None if refused else reaches(matches, metric, target, resource)
            units = factors.units([pair.sides for pair in matches])
            result = break_even(resource, name, amount, saving(spent, units) if spent else None)
            yield replace(result, reason=refused) if refused else result


def _refused(cost: Pretraining, matches: Sequence[Match]) -> str:
    """Why joules of the pretraining and of these runs cannot share a ratio: what differs, or is not known."""
    if cost.joules is None:
        return cost.joules_reason
    of_energy, *_ = ratio(Quantity(""), matches, "joules")
    if of_energy.value is None:
        return of_energy.note
    arm = matches[0].arm
    of_runs = {
        "method": arm.cost.energy.method,
        "boundary": arm.cost.energy.boundary,
        "machine": arm.environment.machine,
    }
    reasons = [
        f"the {name} of the pretraining's energy is {getattr(cost.stages[0], name) or 'not known'}, "
        f"here {value}"
        for name, value in of_runs.items()
        if getattr(cost.stages[0], name) != value
    ]
    if not all(stage.exclusive for stage in cost.stages):
        reasons.append("it is not known that the pretraining was alone on its machine")
    return "; ".join(reasons)


def _stage(link: Mapping[str, Any]) -> Stage:
    trained = "train" in link  # older ledgers have the whole run alone
    part = link["train"] if trained else link
    joules, tokenizer = part["joules"], link.get("tokenizer_seconds")
    stage = Stage(
        flops=int(part["flops"]),
        joules=None if joules is None else float(joules),
        method=str(link["method"]),
        seconds=float(part["seconds"]),
        training_alone=trained,
        tokenizer_seconds=None if tokenizer is None else float(tokenizer),
        runs=tuple(str(run) for run in link["runs"]),
        boundary=link.get("boundary"),
        machine=link.get("machine"),
        exclusive=link.get("exclusive"),
    )
    if stage.flops < 0 or stage.seconds < 0 or (stage.joules or 0) < 0:
        raise ValueError("a cost is negative")
    return stage


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

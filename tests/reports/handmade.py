"""Findings made by hand: what the report rooms are tried on, without a folder of runs."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

from headstart.compare import findings as f
from headstart.compare import study as whole
from headstart.compare.bounds import NOTHING_KNOWN, Interval
from headstart.compare.comparison import rows as comparison_rows
from headstart.reports import outline
from headstart.reports.page import Page

CLASSES = ("numpy", "pandas", "python", "scipy", "sklearn", "torch")
HOSTILE = "</script><img src=x onerror=alert(1)> | `a` **b** [c](javascript:d) http://example.com/"


def study(**changes: Any) -> f.Findings:
    """A small study with everything in it: two arms, one condition, estimated energy."""
    item = changes.pop("comparison", None) or comparison()
    over_sizes = changes.pop("over_sizes", ())  # of data curves and laws
    extra = changes.pop("extra", ())  # numbers that no object holds: rankings, variances, stability
    made = f.Findings(
        study="docs",
        question="What do pretrained weights buy on this task?",
        baseline="scratch",
        headline="accuracy",
        higher_is_better=True,
        margin=0.01,
        task="docs_library",
        model="sentence-transformers/all-MiniLM-L6-v2",
        sentence=item.sentence,
        comparisons=(item,),
        arms=(summary("scratch"), summary("pretrained")),
        attestations=(attestation("scratch"), attestation("pretrained")),
        excluded=(),
        problems=(),
        notes=("untuned: both arms use the same learning rate",),
        data={
            "counts": {"train": 512, "available": 6000, "validation": 200, "test": 300},
            "classes": list(CLASSES),
            "truncated": {"train": 31, "validation": 12, "test": 20},
            "max_length": 128,
            "notes": ["43 rows were dropped: empty after masking"],
        },
        environments=(environment(),),
        total=f.Total(6, 2_400_000_000_000, 161.0, None, 4508.0, 0),
        config={"seed": 0, "task": {"name": "docs_library"}, "optim": {"lr": 3e-4}, "size": {"rows": 512}},
        command=("headstart", "study=docs", "study.question=What do they buy?"),
        fingerprint="0123456789abcdef",
    )
    made = replace(made, **changes)
    return replace(made, rows=f.Rows(whole.rows(made, over_sizes, extra)))


def sizes(rows: tuple[int, ...] = (64, 128, 256, 512, 1024)) -> f.Findings:
    """A study over numbers of rows: the gain shrinks as the labels grow."""
    items = [comparison(f"{size} rows", size, 0.45 - 0.06 * place) for place, size in enumerate(rows)]
    arms = [
        summary(arm, f"{size} rows", 0.15 + 0.1 * place + (0.45 - 0.06 * place) * (arm != "scratch"))
        for place, size in enumerate(rows)
        for arm in ("scratch", "pretrained")
    ]
    return study(comparison=items[0], comparisons=tuple(items), arms=tuple(arms))


def comparison(name: str = "", rows: int = 512, gain: float = 0.388, **changes: Any) -> f.Comparison:
    """Pretrained against scratch over three pairs; `numbers` replace the rows that follow from them."""
    numbers = changes.pop("numbers", None)
    made = f.Comparison(
        sentence=f"With {rows} training rows of docs_library, pretrained weights score {0.17 + gain:.3f} "
        f"against 0.170 (gain {gain:.3f}, 95 % interval {gain - 0.028:.2f} to {gain + 0.022:.2f}, 3 pairs); "
        f"scratch did not reach {0.17 + gain:.3f} within this budget; training cost the same FLOPs "
        "(ratio 1.00). Energy on this machine is estimated, not measured.",
        condition=f.Condition(id="c0", name=name, settings={"size": name} if name else {}, train_rows=rows),
        baseline="scratch",
        arm="pretrained",
        task="docs_library",
        headline="accuracy",
        pairs=tuple(pair(seed, gain) for seed in range(3)),
        gains={metric: one_gain(metric, gain) for metric in ("accuracy", "macro_f1", "matthews", "log_loss")},
        rows=f.Rows(),
        curves=tuple(
            curve(arm, axis, metric, gain)
            for arm in ("scratch", "pretrained")
            for axis in ("step", "flops", "seconds")
            for metric in ("accuracy", "loss")
        ),
        classes=(*(class_gain(place) for place in range(5)), f.ClassGain("torch", 50, 0.42, 0.36, -0.06)),
        confusions=(confusion("scratch", 14), confusion("pretrained", 34)),
        only_arm=tuple(example(number) for number in range(5)),
        only_baseline=(replace(example(9), arm_right=0, baseline_right=3),),
        only_arm_count=112,
        only_baseline_count=1,
        differences=(),
        survivors_only=False,
        energy="estimated",
        excluded=(),
        ledger=ledger(),
    )
    made = replace(made, **changes)
    if numbers is not None:
        return replace(made, rows=f.Rows(numbers))
    folders = tuple(name for each in made.pairs for name in (each.baseline_folder, each.arm_folder))
    here = f.Quantity("", name, made.arm, made.baseline, n=len(made.pairs), provenance=folders)
    costs = [row for resource in ("flops", "seconds", "joules", "tokens") for row in ratio(here, resource)]
    if made.ledger:
        own = f.Rows(replace(row, condition=name, provenance=folders) for row in made.ledger.rows)
        made = replace(made, ledger=replace(made.ledger, rows=own))
    reached = [*to_target(here, "pretrained", "scratch", 3), *to_target(here, "scratch", "pretrained", 0)]
    return replace(made, rows=comparison_rows(made, here, [*costs, *reached]))


def ledger(**changes: Any) -> f.Ledger:
    """A published cost, a range, of the whole pretraining."""
    cost, own = f.Bounded(2e19, 8e19), 4e11
    here = f.Quantity("", arm="pretrained", baseline="scratch", n=3)
    made = f.Ledger(
        origin="published",
        flops=cost,
        joules=None,
        joules_reason="published energy has another boundary",
        covers="",
        stages=(),
        figures=(
            f.Figure("flops", cost, "", "derived: by hand", "the encoder", "A paper 2020, Table 1", True),
            f.Figure("kwh", f.Bounded(1507, 1507), "", "reported", "with PUE 1.58", "B 2019, Table 3", False),
        ),
        open=("The energy of the published weights is not known.",),
        rows=f.Rows(
            [
                here.named("pretraining.flops", verdict="published").between(cost.low, cost.high),
                *view(here, "marginal", f.Bounded(0.0, 0.0), own),
                *view(here, "amortised_100", cost.scaled(0.01), own),
                *view(here, "full", cost, own),
                *pays(here, "arm", uses=f.Bounded(None, 8e8), missed=3),
                *pays(here, "baseline", uses=f.Bounded(1e8, 4e8)),
            ]
        ),
        sentence="The pretraining behind pretrained cost a lot; it pays for itself after at most many uses.",
    )
    return replace(made, **changes)


def view(here: f.Quantity, name: str, share: f.Bounded, own: float) -> list[f.Quantity]:
    """One way of counting the pretraining."""
    total = share.plus(f.Bounded(own, own))
    bounds = {"flops_ratio": total.scaled(1 / own), "share": share, "total": total}
    rows = {part: here.named(f"ledger.{name}.{part}", verdict="published") for part in bounds}
    exact = {part: (ends.low, None, None) for part, ends in bounds.items() if ends.value is not None}
    return [
        row.at(exact[part][0]) if part in exact else row.between(bounds[part].low, bounds[part].high)
        for part, row in rows.items()
    ]


def pays(
    here: f.Quantity,
    side: str,
    resource: str = "flops",
    uses: f.Bounded = NOTHING_KNOWN,
    missed: int = 0,
    **interval: Any,
) -> list[f.Quantity]:
    """When the pretraining has paid for itself on the way to the final score of `side`."""
    key = f"break_even.{resource}.{side}_score"
    row = here.named(key).bounded(uses)
    note = f"{here.baseline} did not reach the target in {missed} of 3 pairs" * bool(missed)
    saving = here.named(f"{key}.saving").between(1e11 if missed else 2e11, None if missed else 2e11)
    bound = "the saving is a lower bound" * bool(missed)
    return [
        row.because(note),
        saving.because(note, bound),
        replace(here.named(f"{key}.interval"), **interval),
    ]


def class_gain(place: int) -> f.ClassGain:
    before, gain = 0.1 + 0.03 * place, 0.3 + 0.05 * place
    return f.ClassGain(CLASSES[place], 50, before, before + gain, gain)


def pair(seed: int, gain: float) -> f.Pair:
    score = 0.17 + 0.01 * (seed - 1)
    return f.Pair(
        f"{seed:016x}", seed, score, score + gain, gain, f"scratch-512-{seed}", f"pretrained-512-{seed}",
        head=f"aaaa000{seed}", order=f"bbbb000{seed}",
    )  # fmt: skip


def one_gain(metric: str, gain: float) -> f.Gain:
    higher = metric != "log_loss"
    return f.Gain(
        metric=metric,
        higher_is_better=higher,
        baseline_score=0.17 if higher else 1.7,
        arm_score=0.17 + gain if higher else 1.7 - gain,
        gain=gain,
        interval=f.Interval(gain - 0.028, gain + 0.022),
        probability_better=0.9998,
        verdict="better",
        margin=0.01 if metric == "accuracy" else None,
        pairs=3,
        examples=300,
        seed_sd=0.012,
        example_se=0.011,
        smallest_p=0.25,
        decide=None,
        notes=(),
    )


def ratio(here: f.Quantity, resource: str) -> list[f.Quantity]:
    cost = {"flops": 3.84e11, "seconds": 20.3, "joules": 751.0, "tokens": 114688.0}[resource]
    exact, estimated = resource in ("flops", "tokens"), resource == "joules"
    value, interval = (1.0, Interval(1.0, 1.0)) if exact else (1.02, Interval(0.98, 1.06))
    row = here.named(f"{resource}_ratio", verdict="estimated" if estimated else "").at(value, interval)
    return [
        row.because("energy follows time here, since it is estimated" if estimated else ""),
        here.named(f"{resource}_ratio.baseline").at(cost),
        here.named(f"{resource}_ratio.arm", note="ratio of each pair: 1, 1.02, 1.04").at(cost * value),
    ]


def to_target(here: f.Quantity, runner: str, of: str, reached: int) -> list[f.Quantity]:
    hit = reached == 3
    word = "reached" if hit else "did not reach"
    note = f"{runner} {word} the final score of {of} in {reached} of 3 pairs."
    place = replace(here, arm=runner, baseline=of, metric="accuracy")
    costs = {"steps": 16.0, "flops": 4.8e10, "seconds": 2.6}
    return [
        place.named("to_target.score").at(0.17 if hit else 0.558).because(note),
        place.named("to_target.reached").at(reached).because(note),
        *(
            place.named(f"to_target.{key}", verdict="" if hit else "not reached")
            .at(value if hit else None)
            .because(note)
            for key, value in costs.items()
        ),
        place.named("to_target.flops_share").at(0.125 if hit else None),
    ]  # fmt: skip


def curve(arm: str, axis: Any, metric: str, gain: float) -> f.Curve:
    scale = {"step": 128.0, "flops": 3.84e11, "seconds": 20.0}[axis]
    end = 0.17 + gain * (arm != "scratch")
    parts = [number / 8 for number in range(9)]
    rise = [1 - math.exp(-4 * part) for part in parts]
    first = 0.1 if metric == "accuracy" else 1.8
    last = end if metric == "accuracy" else 1.8 - end
    mean = tuple(first + (last - first) * part for part in rise)
    spread = [0.002 + 0.02 * part for part in parts]
    return f.Curve(
        arm=arm,
        axis=axis,
        metric=metric,
        x=tuple(scale * part for part in parts),
        mean=mean,
        low=tuple(value - wide for value, wide in zip(mean, spread, strict=True)),
        high=tuple(value + wide for value, wide in zip(mean, spread, strict=True)),
        runs=(3,) * 9,
    )


def confusion(arm: str, right: int) -> f.Confusion:
    counts = tuple(
        tuple(float(right) if row == column else (50 - right) / 5 for column in range(6)) for row in range(6)
    )
    return f.Confusion(arm, CLASSES, counts)


def example(number: int, text: str = "") -> f.Example:
    text = text or f"Return the {number}th element of a made-up array, along the given axis."
    return f.Example(f"test-{number:05d}", text, "numpy", "torch", "numpy", 0, 3, 3)


def summary(arm: str, condition: str = "", score: float | None = None, **changes: Any) -> f.ArmSummary:
    score = (0.17 if arm == "scratch" else 0.558) if score is None else score
    made = f.ArmSummary(
        condition=condition,
        arm=arm,
        is_baseline=arm == "scratch",
        runs=3,
        finished=3,
        diverged=0,
        failed=0,
        interrupted=0,
        metric="accuracy",
        score_mean=score,
        score_sd=0.012,
        score_low=score - 0.013,
        score_high=score + 0.011,
        flops=4.14e11,
        seconds=26.9 if arm == "scratch" else 27.4,
        tokens=216_000,
        joules=751.0 if arm == "scratch" else 768.0,
        energy_method="estimated",
        energy_reason=None,
        samples_per_second=102.4,
        peak_memory_bytes=1_400_000_000,
        survivors_only=False,
    )
    return replace(made, **changes)


def carbon(arm: str, condition: str = "", grams: float = 12.345, **changes: Any) -> f.Rows:
    """What the electricity of an arm's three runs emitted, all resting on the same."""
    has = {"region": "FRA", "source": "a table of the world", "year": 2023, "pue": None}
    has |= {"method": "estimated"} | changes
    place = f.Quantity("", condition, arm, n=3, verdict=has["method"]).at(grams)
    quiet = replace(place, verdict="")
    return f.Rows([
        place.named("carbon").because(f"{has['region']}, 56 g/kWh ({has['source']})"),
        place.named("carbon.1.grams", note=has["region"]),
        quiet.named("carbon.1.intensity", note=has["source"]).at(56.0),
        quiet.named("carbon.1.year").at(has["year"]),
        quiet.named("carbon.1.pue").at(has["pue"]),
    ])  # fmt: skip


def money(arm: str, **changes: Any) -> f.Rows:
    """What the runs of an arm cost at stated prices."""
    has = {"currency": "EUR", "electricity": 0.0123, "device": 0.456, "per_kwh": 0.25, "per_device_hour": 2.0}
    has |= {"method": "estimated"} | changes
    here = f.Quantity("", arm=arm, n=3)
    rows = [
        here.named(f"money.{name}", unit=has["currency"]).at(has[name])
        for name in ("electricity", "per_kwh", "device", "per_device_hour")
    ]
    return f.Rows([replace(rows[0], verdict=has["method"], note="at a price"), *rows[1:]])


def attestation(arm: str) -> f.Attestation:
    poured = arm != "scratch"
    return f.Attestation(
        arm=arm,
        poured_tensors=101 if poured else 0,
        poured_parameters=22_700_000 if poured else 0,
        all_parameters=22_702_310,
        trainable_parameters=22_702_310,
        fresh_tensors=2 if poured else 103,
        fresh_parameters=2_310 if poured else 22_702_310,
        fresh_names=("classifier.weight", "classifier.bias"),
        checkpoint="demo/minilm" if poured else None,
        checkpoint_sha256="ab" * 32 if poured else None,
        same=True,
    )


def environment() -> dict[str, Any]:
    return {
        "runs": 6,
        "python": "3.11.9",
        "platform": "Linux-6.1-x86_64",
        "machine": "0a1b2c3d4e5f6071",
        "cpu": "a CPU",
        "threads": 2,
        "device": "cpu",
        "precision": "bf16",
        "versions": {"torch": "2.13.0", "numpy": "2.3.0"},
        "code": {"version": "0.1.0", "digest": "c" * 16, "commit": "0" * 40, "dirty": False},
    }


@cache
def page() -> Page:
    """The page of the study as it is without changes."""
    return outline.page(study())

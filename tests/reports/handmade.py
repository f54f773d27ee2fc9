"""Findings made by hand: what the report rooms are tried on, without a folder of runs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from headstart.compare import findings as f
from headstart.compare.quantities.study import quantities
from headstart.compare.values import economics as e

CLASSES = ("numpy", "pandas", "python", "scipy", "sklearn", "torch")
HOSTILE = "</script><img src=x onerror=alert(1)> | `a` **b** [c](javascript:d) http://example.com/"


def study(**changes: Any) -> f.Findings:
    """A small study with everything in it: two arms, one condition, estimated energy."""
    item = changes.pop("comparison", None) or comparison()
    made = f.Findings(
        study="docs",
        question="What do pretrained weights buy on this task?",
        scale="",
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
    return replace(made, rows=quantities(made))


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
    """Pretrained against scratch over three pairs."""
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
        ratios={resource: ratio(resource) for resource in ("flops", "seconds", "joules", "tokens")},
        arm_to_baseline=target("pretrained", "scratch", 3),
        baseline_to_arm=target("scratch", "pretrained", 0),
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
    return replace(made, **changes)


def ledger(**changes: Any) -> e.Ledger:
    """A published cost, a range, of the whole pretraining."""
    cost, own = e.Amount(2e19, 8e19), 4e11
    made = e.Ledger(
        arm="pretrained",
        baseline="scratch",
        model="bert-base-uncased",
        origin="published",
        flops=cost,
        joules=None,
        joules_reason="published energy has another boundary",
        covers="",
        stages=(),
        figures=(
            e.Figure("flops", cost, "", "derived: by hand", "the encoder", "A paper 2020, Table 1", True),
            e.Figure("kwh", e.Amount(1507, 1507), "", "reported", "with PUE 1.58", "B 2019, Table 3", False),
        ),
        open=("The energy of the published weights is not known.",),
        per_run=own,
        views=(
            view("marginal", None, e.Amount(0.0, 0.0), own),
            view("amortised", 100, cost.scaled(0.01), own),
            view("full", 1, cost, own),
        ),
        break_evens=(
            e.BreakEven(
                "flops", "pretrained", "at most", e.Amount(None, 8e8), e.Amount(1e11, None), 3, 3, ""
            ),
            e.BreakEven("flops", "scratch", "number", e.Amount(1e8, 4e8), e.Amount(2e11, 2e11), 3, 0, ""),
        ),
        sentence="The pretraining behind pretrained cost a lot; it pays for itself after at most many uses.",
    )
    return replace(made, **changes)


def view(name: str, uses: int | None, share: e.Amount, own: float) -> e.View:
    total = share.plus(e.Amount(own, own))
    return e.View(name, uses, share, total, total.scaled(1 / own))


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
        word="better",
        margin=0.01 if metric == "accuracy" else None,
        pairs=3,
        examples=300,
        seed_sd=0.012,
        example_se=0.011,
        smallest_p=0.25,
        decide=None,
        notes=(),
    )


def ratio(resource: Any) -> f.Ratio:
    cost = {"flops": 3.84e11, "seconds": 20.3, "joules": 751.0, "tokens": 114688.0}[resource]
    exact = resource in ("flops", "tokens")
    return f.Ratio(
        resource=resource,
        value=1.0 if exact else 1.02,
        interval=f.Interval(1.0, 1.0) if exact else f.Interval(0.98, 1.06),
        per_pair=(1.0, 1.0, 1.0) if exact else (1.0, 1.02, 1.04),
        baseline=cost,
        arm=cost if exact else cost * 1.02,
        estimated=resource == "joules",
        reason=None,
        notes=("energy follows time here, since it is estimated",) if resource == "joules" else (),
    )


def target(runner: str, of: str, reached: int) -> f.ToTarget:
    hit = reached == 3
    told = "reached" if hit else "did not reach"
    return f.ToTarget(
        runner=runner,
        target_of=of,
        metric="accuracy",
        target=0.17 if hit else 0.558,
        pairs=3,
        reached=reached,
        steps=(16, 16, 32) if hit else (None, None, None),
        flops=(4.8e10, 4.8e10, 9.6e10) if hit else (None, None, None),
        seconds=(2.5, 2.6, 5.1) if hit else (None, None, None),
        median_steps=16 if hit else None,
        median_flops=4.8e10 if hit else None,
        median_seconds=2.6 if hit else math.inf,
        flops_share=0.125 if hit else None,
        seconds_share=0.13 if hit else None,
        sentence=f"{runner} {told} the final score of {of} in {reached} of 3 pairs.",
    )


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
        sd=tuple(spread),
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

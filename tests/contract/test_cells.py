"""The contract: every architecture with every kind of task trains, pairs, scores, counts and resumes.

What makes no sense is refused with the reason and what to use. The README's table is written from this list:
python -m tests.contract.cells
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tests.contract.cells import ARCHITECTURES, CELLS, KINDS, REFUSED, VARIANTS, pair_of, run_of, table
from tests.contract.kept import check_the_kept_weights
from tests.training.runs import lasting, stopped_at
from torch.utils.flop_counter import FlopCounterMode

from headstart.compare.aligned_predictions import align
from headstart.compare.study import compare
from headstart.compare.trusted import contradictions
from headstart.errors import ConfigError
from headstart.records.store import read_record
from headstart.run import Run
from headstart.studies.compose import choices
from headstart.studies.run_folder import identify, run_folder
from headstart.tasks.family import Prepared
from headstart.training.plan import plan_of
from headstart.training.train import train

README = Path(__file__).parents[2] / "conf/README.md"
QUICK = {  # every architecture and every column once or more
    ("BERT", "one text"), ("MiniLM", "pair"), ("DistilBERT", "many labels"), ("DeBERTa-v2", "regression"),
    ("RoBERTa", "tags"), ("ModernBERT", "questions"), ("ELECTRA", "masked"), ("GPT-2", "text to text"),
    ("Llama", "causal"), ("T5", "denoising"), ("BART", "one text"),
    ("ViT", "images"), ("ResNet", "images"),
}  # fmt: skip
BY_RANK = {"spearman"}  # no sum over examples, so the report cannot recompute it


def test_the_quick_cells_meet_every_architecture_and_every_column() -> None:
    assert set(CELLS) > QUICK
    assert {name for name, _ in QUICK} == set(ARCHITECTURES)
    assert {variant for _, variant in QUICK} == set(VARIANTS)


@pytest.mark.parametrize(
    ("name", "variant"),
    [pytest.param(*cell, marks=() if cell in QUICK else pytest.mark.slow) for cell in CELLS],
)
def test_a_cell_keeps_the_contract(
    name: str, variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scratch, pretrained = pair_of(name, variant)
    folders = [run_folder(run, identify(run)) for run in (scratch, pretrained)]
    records = [
        train(run, folder, identify(run)) for run, folder in zip((scratch, pretrained), folders, strict=True)
    ]
    check_the_pair(records, folders)
    check_the_scores(records, folders)
    check_the_rules(records)
    check_the_kept_weights(pretrained, variant, records[1], folders[1])
    check_the_flops(pretrained, records, folders[1])
    check_that_it_resumes(pretrained, records[1], folders[1], tmp_path / "stopped")


def check_the_pair(records: list[dict[str, Any]], folders: list[Path]) -> None:
    """The report finds one pair that differs in its weights alone, and the scores that the runs told."""
    found = compare(folders[0].parent)
    (comparison,) = found.comparisons
    assert len(comparison.pairs) == 1 and not found.excluded and not found.problems
    assert comparison.differences == ()
    first, second = records
    assert first["init"]["head"] == second["init"]["head"] and first["data"] == second["data"]
    assert first["init"]["loaded"]["parameters"] == 0 < second["init"]["loaded"]["parameters"]
    assert set(comparison.gains) == set(first["config"]["task"]["metrics"])


def check_the_scores(records: list[dict[str, Any]], folders: list[Path]) -> None:
    """Every metric has a number, and the report finds the same one in the stored predictions."""
    scratch, pretrained = (read_record(folder) for folder in folders)
    answers, missing = align([(scratch, pretrained)])
    assert answers is not None, missing
    metrics = records[0]["config"]["task"]["metrics"]
    for split in ("validation", "test"):
        table = [[record["scores"][split][metric] for metric in metrics] for record in records]
        assert np.isfinite(table).all()
        assert all(record["scores"][split].keys() == set(metrics) for record in records)
    assert all(answers.recomputes(metric) for metric in set(metrics) - BY_RANK)
    assert [*contradictions(scratch), *contradictions(pretrained)] == []


def check_the_rules(records: list[dict[str, Any]]) -> None:
    """Trivial rules of every family are scored by its metrics, on the same test rows, once for both arms."""
    first, second = (record["rules"] for record in records)
    assert first == second and first["reason"] is None and first["rules"]
    test = records[0]["scores"]["test"]
    for rule in first["rules"]:
        assert rule["scores"].keys() <= test.keys() and rule["seconds"] > 0
        assert rule["train_rows"] == records[0]["data"]["counts"]["train"]
        if "bits_per_byte" in test:  # the same tokens and bytes are predicted
            for scores in (rule["scores"], first["chance"]):
                bytes_per_token = [own["token_loss"] / own["bits_per_byte"] for own in (scores, test)]
                assert bytes_per_token[0] == pytest.approx(bytes_per_token[1])
                assert scores["token_loss"] == pytest.approx(np.log(scores["perplexity"]))
    headline = records[0]["config"]["task"]["headline"]
    assert any(headline in rule["scores"] for rule in first["rules"])


def check_the_flops(run: Run, records: list[dict[str, Any]], folder: Path) -> None:
    """The records tell what torch counts when every batch of training, and of the test, is really computed.

    With the kept weights, so that what the model writes is as long as it was; torch does not count its fused
    attention on the CPU (pytorch/pytorch#195460), so the products are computed one by one.
    """
    prepared = run.task.prepare(run.model, run.size)
    plan = plan_of(run, prepared)
    auto: Any = getattr(transformers, run.task.auto_class_for(run.model))
    model = auto.from_pretrained(folder / "model", attn_implementation="eager")
    (stage,) = run.arm.stages(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in stage.trainable)
    with FlopCounterMode(display=False) as training:
        for step, rows in enumerate(plan.orders["train"]):
            batch = prepared.train.batch(rows.tolist(), np.random.default_rng(step))
            run.task.loss(model.train(), batch).backward()
    with FlopCounterMode(display=False) as testing, torch.no_grad():
        for rows in plan.orders["test"]:
            run.task.observe(model.eval().requires_grad_(False), prepared.test.batch(rows.tolist(), None))
    told = [record["cost"]["flops"] for record in records]
    assert told[0]["train"] == told[1]["train"] == training.get_total_flops() > 0
    assert told[1]["test"] == testing.get_total_flops() > 0
    assert told[0]["lower_bound"] == told[1]["lower_bound"] == []


def check_that_it_resumes(run: Run, whole: dict[str, Any], first: Path, second: Path) -> None:
    """Stopped after its first state and started again, the run ends with the same bits."""
    names = identify(run)
    with stopped_at(3), pytest.raises(KeyError):
        train(run, second, names)
    assert [*second.glob("resume-*.pt")]
    assert lasting(train(run, second, names)) == lasting(whole)
    for path in ("predictions.parquet", "model/model.safetensors"):
        assert (first / path).read_bytes() == (second / path).read_bytes(), path


@pytest.mark.parametrize(("name", "kind"), REFUSED)
def test_what_makes_no_sense_is_refused(name: str, kind: str) -> None:
    variant = next(variant for variant, given in VARIANTS.items() if given.kind == kind)
    with pytest.raises(ConfigError) as refusal:
        ready(name, variant)
    said = str(refusal.value)
    assert re.fullmatch(r"model: .*(reads|has no|is not made for).*: (use|choose) .+", said), said
    named = re.findall(r"(task|model)=(\w+)", said)
    assert all(choice in choices()[group] for group, choice in named)
    assert named or "a task of kind" in said


def ready(name: str, variant: str) -> Prepared:
    """What a run of the cell would train on."""
    run = run_of(name, variant)
    return run.task.prepare(run.model, run.size)


def test_the_table_of_the_readme_is_this_list() -> None:
    found = re.findall(r"<!-- cells -->\n(.*?)\n?<!-- /cells -->", README.read_text("utf8"), flags=re.S)
    assert [part.strip() for part in found] in ([], [table()])
    assert table().count("yes") == len({(name, VARIANTS[variant].kind) for name, variant in CELLS})
    assert table().count("–") == len(REFUSED) == len(ARCHITECTURES) * len(KINDS) - table().count("yes")

"""Siblings: files of validation and test rows that lie beside those of training."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.files import Files
from headstart.data.rows import Splits
from headstart.errors import DataError

LABELLED = "text\tlabel\n" + "".join(f"text number {number}\t{number % 2}\n" for number in range(20))


def load(folder: Path, names: dict[str, str], train: str, **settings: object) -> Splits:
    for name, content in names.items():
        (folder / name).write_text(content)
    return Files.read({"train": str(folder / train), **settings}).load(
        {"text": "text", "label": "label"}, "label"
    )


def counts(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.validation), len(splits.test)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train.tsv", "dev.tsv", "test.tsv"),
        ("Train.TSV", "VALID.tsv", "Test.tsv"),
        ("mine_train.tsv", "mine_val.tsv", "mine_test.tsv"),
        ("training-1.of-2.tsv", "validation-1.of-2.tsv", "eval-1.of-2.tsv"),
    ],
)
def test_files_beside_train_are_used_and_said(train: str, validation: str, test: str, tmp_path: Path):
    rows = LABELLED.splitlines(keepends=True)
    names = {train: LABELLED, validation: "".join(rows[:5]), test: "".join(rows[:9]), "other.tsv": "x"}
    splits = load(tmp_path, names, train)
    assert counts(splits) == (20, 4, 8)
    said = (f"validation: {validation}, beside train", f"test: {test}, beside train")
    assert splits.notes[:2] == said
    digest = splits.source
    assert load(tmp_path, {test: "".join(rows[:7])}, train).source != digest
    assert counts(load(tmp_path, {}, train, siblings=False)) == (14, 2, 4)
    assert counts(load(tmp_path, {}, train, test=str(tmp_path / validation))) == (18, 2, 4)


def test_other_names_are_no_siblings(tmp_path: Path):
    names = {"train.tsv": LABELLED, "dev.csv": "x", "my_test.tsv": "x", "test_2.tsv": "x", "latest.tsv": "x"}
    assert counts(load(tmp_path, names, "train.tsv")) == (14, 2, 4)
    assert counts(load(tmp_path, {"rows.tsv": LABELLED, "test.tsv": "x"}, "rows.tsv")) == (14, 2, 4)


def test_an_unlabelled_sibling_is_named_and_not_used(tmp_path: Path):
    names = {"train.tsv": LABELLED, "test.tsv": "index\ttext\n0\tso\n", "dev.tsv": "text\tlabel\nso\t\n"}
    splits = load(tmp_path, names, "train.tsv")
    assert counts(splits) == (14, 2, 4)
    first, second = splits.notes[:2]
    assert first.startswith("validation: dev.tsv, beside train, is not used (") and "has no labels" in first
    assert second.startswith("test: test.tsv, beside train, is not used (") and "no column 'label'" in second
    with pytest.raises(DataError, match=r"test.tsv has no column 'label' \(task.label\)"):
        load(tmp_path, {}, "train.tsv", test=str(tmp_path / "test.tsv"))


def test_two_candidates_are_a_question(tmp_path: Path):
    names = {"train.tsv": LABELLED, "dev.tsv": LABELLED, "val.tsv": LABELLED}
    with pytest.raises(DataError, match=r"train.tsv lie dev.tsv and val.tsv: name .* task.files.validation"):
        load(tmp_path, names, "train.tsv")

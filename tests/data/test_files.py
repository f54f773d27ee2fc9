"""Files: every format, every way in which one can be wrong, and what is held out of train."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from headstart.data.files import Files
from headstart.data.rows import Splits, rows_digest
from headstart.errors import ConfigError, DataError

COLUMNS = {"text": "text", "label": "label"}
ROWS = [(f"text number {number}", "ab"[number % 2]) for number in range(40)]


def written(path: Path, rows: list[tuple[str, str]] = ROWS) -> Path:
    """The rows in the format that the suffix says."""
    objects = [{"text": text, "label": label} for text, label in rows]
    if path.suffix == ".json":
        path.write_text(json.dumps(objects))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    elif path.suffix == ".parquet":
        import pandas

        pandas.DataFrame(objects).to_parquet(path)
    else:
        separator = "," if path.suffix == ".csv" else "\t"
        path.write_text("".join(separator.join(row) + "\n" for row in [("text", "label"), *rows]))
    return path


def load(path: Path, **settings: object) -> Splits:
    return Files.read({"train": str(path), **settings}).load(COLUMNS, "label")


def refusal(path: Path, text: str | bytes, **settings: object) -> str:
    """What is said about a file with this content, its folder left out."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataError) as error:
        load(path, **settings)
    return str(error.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(suffix: str, tmp_path: Path):
    expected = load(written(tmp_path / "expected.csv"))
    splits = load(written(tmp_path / f"train.{suffix}"))
    assert splits.train.column_names == ["id", "text", "label"]
    assert rows_digest(splits.train) == rows_digest(expected.train)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (28, 4, 8)
    assert splits.notes == (
        "validation: 4 rows held out of train (share 0.1, split seed 0)",
        "test: 8 rows held out of train (share 0.2, split seed 0)",
    )


def test_what_is_held_out_depends_on_content_and_seed_only(tmp_path: Path):
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    one = load(written(tmp_path / "one.csv"))
    other = load(written(tmp_path / "other.csv", shuffled))
    assert set(one.test["id"]) == set(other.test["id"])
    assert set(one.test["id"]) != set(load(tmp_path / "one.csv", split_seed=1).test["id"])
    assert sorted(one.test["label"]) == list("aaaabbbb")


def test_copies_of_a_text_are_held_out_together(tmp_path: Path):
    doubled = [*ROWS, *((text.upper(), label) for text, label in ROWS)]
    splits = load(written(tmp_path / "train.csv", doubled))
    assert not {t.casefold() for t in splits.train["text"]} & {t.casefold() for t in splits.test["text"]}
    assert len(splits.test) == 16


def test_test_rows_that_occur_in_train_are_counted(tmp_path: Path):
    files = {split: str(written(tmp_path / f"{split}.csv")) for split in ("train", "validation")}
    test = written(tmp_path / "test.csv", [*ROWS[:2], ("new", "a")])
    splits = Files.read({**files, "test": str(test)}).load(COLUMNS, "label")
    assert "test: 2 of 3 rows also occur in train (same text)" in splits.notes
    assert len(splits.train) == 40


def test_files_without_a_header_line_name_their_columns(tmp_path: Path):
    path = tmp_path / "train.tsv"
    path.write_text("".join(f"{text}\t{label}\n" for text, label in ROWS))
    named = Files.read({"train": str(path), "columns": ["text", "label"]})
    splits = named.load(COLUMNS, "label")
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 40
    with pytest.raises(DataError, match=r"has no column 'text' .*no header line.*task.files.columns="):
        load(path)


def test_quotes_in_a_tsv_swallow_nothing(tmp_path: Path):
    path = tmp_path / "train.tsv"
    rows = [(f'"it number {number} said', "ab"[number % 2]) for number in range(20)]
    splits = load(written(path, rows))
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 20
    assert splits.train["text"][0].startswith('"it')


def test_a_quoted_csv_cell_may_hold_commas_and_line_ends(tmp_path: Path):
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + "".join(f'"one, {n}\ntwo ""{n}""",{"ab"[n % 2]}\n' for n in range(20)))
    assert all(text.startswith("one, ") and '\ntwo "' in text for text in load(path).train["text"])


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("t.csv", "", "t.csv is empty: give a file with a header line and rows"),
        ("t.csv", "text,label\n", "t.csv holds no rows: give a file or split with at least one row"),
        (
            "t.csv",
            "text,label\na,1\nb,c,2\n",
            "t.csv line 3 has 3 cells where 2 columns are expected (text, label): "
            "correct the line, task.files.separator or task.files.columns",
        ),
        (
            "t.tsv",
            "text\tlabel\na\t1\n\nb\n",
            "t.tsv line 4 has 1 cells where 2 columns are expected (text, label): "
            "correct the line, task.files.separator or task.files.columns",
        ),
        ("t.csv", 'text,label\n"a,1\nb,2\n', "t.csv line 2: unexpected end of data: close the quote"),
        ("t.csv", "text,text\na,1\n", "t.csv: two columns are called 'text': rename one of them"),
        ("t.csv", "text,label\na,1\n,0\n", "t.csv line 3 has nothing in column 'text' (1 of 2): fill"),
        ("t.json", "[{", "t.json line 1 is not JSON ("),
        ("t.json", '{"text": 1}', "t.json holds one JSON dict: a list of objects, one per row, is needed"),
        ("t.json", '{"a": 1}\n{"a": 2}', "if every line is an object of its own, call it .jsonl"),
        ("t.json", "[]", "t.json holds no rows"),
        ("t.jsonl", '{"text": "a", "label": 1}\n{"text"\n', "t.jsonl line 2 is not JSON ("),
        (
            "t.jsonl",
            '{"text": "a", "label": 1}\n3\n',
            "t.jsonl line 2 is a JSON int: every row must be an object",
        ),
        (
            "t.jsonl",
            '{"text": "a", "label": 1}\n{"label": 0}\n',
            "t.jsonl line 2 has nothing in column 'text'",
        ),
        ("t.jsonl", '{"text": 7, "label": 1}\n', "t.jsonl line 1 holds int 7 in column 'text', not text"),
        ("t.json", "[" * 100_000, "t.json is nested too deeply to be rows"),
        ("t.jsonl", "[" * 100_000, "t.jsonl line 1 is nested too deeply to be a row"),
        ("t.parquet", "no parquet at all", "t.parquet: not a whole parquet file ("),
        ("t.xlsx", "PK", "t.xlsx: not a whole Excel workbook: save it again, or save the sheet as csv"),
        (
            "t.xls",
            "PK",
            "task.files.train=t.xls: suffix '.xls' is not one that can be read: rename or convert",
        ),
        (
            "t.csv",
            "text,label\na,1\nb,1\nc,1\nd,1\ne,1\nf,1\n",
            "train has one label only ('1'): there is nothing",
        ),
        (
            "t.csv",
            "text,label\na,1\nb,0\n",
            "train has 2 different rows, too few to hold out validation and test",
        ),
    ],
)
def test_a_bad_file_is_answered_with_one_sentence(name: str, content: str, sentence: str, tmp_path: Path):
    said = refusal(tmp_path / name, content)
    assert sentence in said
    assert "\n" not in said


def test_a_class_that_train_lacks_is_refused(tmp_path: Path):
    test = written(tmp_path / "test.csv", [("x", "c")])
    with pytest.raises(DataError, match=r"^test has the label 'c', which no train row has: correct it"):
        load(written(tmp_path / "train.csv"), test=str(test))


def test_a_path_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path):
    written(tmp_path / "train.csv")
    with pytest.raises(DataError, match=r"no such file or folder \(did you mean train.csv\?\)"):
        load(tmp_path / "trian.csv")
    with pytest.raises(DataError, match=r"no such file or folder \(relative paths start at"):
        load(tmp_path / "nowhere" / "train.csv")


def test_settings_of_text_files_are_refused_elsewhere(tmp_path: Path):
    with pytest.raises(DataError, match=r"separator is for csv and tsv, .* for these and \.conll"):
        load(written(tmp_path / "train.json"), separator=";")


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(ConfigError, match=r"holdout: validation and test together must leave some of train"):
        Files.read({"train": "t.csv", "holdout": {"validation": 0.5, "test": 0.5}})


def test_saved_folders_give_their_splits_and_the_names_of_their_classes(tmp_path: Path):
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = {"text": [text for text, _ in ROWS], "label": [number % 2 for number in range(40)]}
    whole = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": whole, "test": whole.select([0, 1])}).save_to_disk(str(tmp_path / "both"))
    whole.save_to_disk(str(tmp_path / "one"))
    splits = load(tmp_path / "both")
    assert set(splits.train["label"]) == {"no", "yes"}
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (36, 4, 2)
    assert len(load(tmp_path / "one").test) == 8
    assert len(load(tmp_path / "one", test=str(tmp_path / "one")).test) == 40
    with pytest.raises(DataError, match=r"no split 'validation'"):
        load(tmp_path / "one", validation=str(tmp_path / "both"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"not a folder that `save_to_disk` made"):
        load(tmp_path / "empty")


def test_the_digest_is_of_the_bytes_and_their_place(tmp_path: Path):
    one, other = written(tmp_path / "one.csv"), written(tmp_path / "other.csv")
    digest = Files(train=str(one)).digest()
    assert digest == Files(train=str(other)).digest()
    assert digest != Files(train=str(one), test=str(other)).digest()
    other.write_text(other.read_text() + "more,a\n")
    assert digest != Files(train=str(other)).digest()
    assert load(one).source == digest

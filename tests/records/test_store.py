"""The store: written whole or not at all, read with every doubt named."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.factory import edit_record, make_record, make_study

from headstart.errors import RecordError
from headstart.records.attestation import contradictions
from headstart.records.curve import append_point
from headstart.records.fingerprint import fingerprint
from headstart.records.predictions import read_predictions, write_predictions
from headstart.records.record import faults, schema
from headstart.records.store import read_contents, read_record, read_study, same_run, sealed, write_record
from headstart.records.whole_file import file_digest


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", seeds=range(2), examples=40, evaluations=3)


def edit(folder, **changes):
    file = folder / "record.json"
    file.write_text(json.dumps(sealed({**json.loads(file.read_text()), **changes})))


def only_problem(study):
    problems = read_study(study).problems
    assert len(problems) == 1
    return problems[0].sentence


def test_a_study_reads_back(study):
    stored = read_study(study)
    assert stored.problems == ()
    assert [(r.arm, r.seed) for r in stored.records] == [
        ("pretrained", 0),
        ("pretrained", 1),
        ("scratch", 0),
        ("scratch", 1),
    ]
    pretrained, _, scratch, _ = stored.records
    assert pretrained.pair_id == scratch.pair_id
    assert pretrained.run_id != scratch.run_id
    assert len(pretrained.curve()) == 4
    answers = pretrained.predictions()
    assert answers is not None
    assert len(answers) == 40
    accuracy = np.mean(answers.labels == answers.predictions)
    assert accuracy == pytest.approx((pretrained.scores.test or {})["accuracy"])


def test_factory_records_are_valid_json_schema(study):
    validator = jsonschema.Draft202012Validator(schema())
    validator.check_schema(schema())
    for file in study.glob("*/record.json"):
        validator.validate(json.loads(file.read_text()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("extra",), 1),
        (("cost", "extra"), 1),
        (("scores", "extra"), 1),
        (("init", "extra"), 1),
        (("data", "extra"), 1),
        (("status",), "done"),
        (("schema",), 1),
        (("seed",), "1"),
        (("seed",), True),
        (("cost", "steps"), -1),
        (("init", "head"), "not hex"),
        (("init", "seeded"), {"a": 3}),
        (("init", "checkpoint"), {"source": "a"}),
        (("init", "checkpoint"), 3),
        (("cost", "energy", "method"), "guessed"),
        (("cost", "energy", "doubts"), "one"),
        (("data", "classes"), [1]),
        (("scores", "test"), {"accuracy": None}),
        (("study",), ""),
    ],
)
def test_a_faulty_record_is_named_as_the_published_schema_names_it(path, value):
    record = make_record("scratch", 0, arms=("scratch",))
    assert faults(record) == []
    place = record
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not jsonschema.Draft202012Validator(schema()).is_valid(record)
    assert any(fault.startswith(".".join(path)) for fault in faults(record))


def test_missing_keys_are_named():
    record = make_record("scratch", 0, arms=("scratch",))
    del record["cost"]["flops"]["train"]
    assert faults(record) == ["cost.flops.train: is missing"]


def test_nan_is_refused_and_the_old_record_stays(tmp_path):
    record = make_record("scratch", 0, arms=("scratch",))
    write_record(tmp_path, record)
    before = (tmp_path / "record.json").read_bytes()
    record["scores"]["test"] = {"accuracy": math.nan}
    with pytest.raises(RecordError, match="write null and a reason"):
        write_record(tmp_path, record)
    assert (tmp_path / "record.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["record.json"]


def test_a_failed_replace_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headstart.records.store.os.replace", fail)
    with pytest.raises(RecordError, match="No space left"):
        write_record(tmp_path, make_record("scratch", 0, arms=("scratch",)))
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda _: done.append("synced"))
    monkeypatch.setattr(os, "replace", lambda *paths: (done.append("named"), replace(*paths)))
    append_point(tmp_path / "curve.jsonl", {"step": 0})
    assert done == ["synced"]
    write_record(tmp_path, make_record("scratch", 0, arms=("scratch",)))
    assert done == ["synced", "synced", "named"]


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        write_record(tmp_path / "file", make_record("scratch", 0, arms=("scratch",)))
    with pytest.raises(RecordError, match="no such folder"):
        read_study(tmp_path / "nowhere")


def test_another_schema_version_is_a_problem(study):
    edit(study / "scratch-512-0", schema=7)
    assert "has schema 7" in only_problem(study)


def test_broken_json_is_a_problem(study):
    (study / "scratch-512-0" / "record.json").write_text('{"schema": 1, ')
    assert "is not JSON" in only_problem(study)
    (study / "scratch-512-0" / "record.json").write_text('{"schema": NaN}')
    assert "is not JSON: expected value at line 1 column 12" in only_problem(study)


def test_a_fingerprint_is_recomputed_and_never_trusted(study):
    edit(study / "scratch-512-0", pair_id="0" * 16)
    assert "pair_id is 0000000000000000 but its config gives" in only_problem(study)
    assert len(read_study(study).records) == 3


def test_runs_of_another_study_are_left_out(study, tmp_path):
    make_study(study, arms=("pretrained",), seeds=[9], study="other", examples=40)
    assert "holds runs of another study, other" in only_problem(study)
    assert {record.study for record in read_study(study).records} == {"synthetic"}


def test_a_killed_run_is_named(study):
    (study / "scratch-512-0" / "record.json").unlink()
    assert "killed, or still running" in only_problem(study)


def test_missing_siblings_are_named_and_the_record_kept(study):
    (study / "scratch-512-0" / "curve.jsonl").unlink()
    (study / "scratch-512-1" / "predictions.parquet").unlink()
    edit_record(study / "scratch-512-1", lambda record: record["scores"].update(predictions=None))
    stored = read_study(study)
    assert len(stored.records) == 4
    assert ["curve.jsonl is missing" in p.sentence for p in stored.problems] == [True, False]
    assert "it left no predictions.parquet" in stored.problems[1].sentence


RUN = "pretrained-512-1"


def broken_json(folder):
    (folder / "record.json").write_text("[" * 100_000)


def another_number(folder):
    """JSON of the right form, in which one digit of a cost is another."""
    file = folder / "record.json"
    file.write_text(file.read_text().replace('"device": null', '"device": 7', 1))


def swapped_lines(folder):
    file = folder / "curve.jsonl"
    first, second, *rest = file.read_text().splitlines(keepends=True)
    file.write_text("".join([second, first, *rest]))


def doubled(folder):
    file = folder / "curve.jsonl"
    file.write_text(file.read_text() * 2)


def other_predictions(folder):
    file = folder / "predictions.parquet"
    table = pq.read_table(file)
    pq.write_table(table.take(list(range(len(table)))[::-1]), file)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (broken_json, "record.json is not JSON"),
        (another_number, "record.json is not what its run wrote"),
        (lambda folder: (folder / "record.json").write_text("[]"), "record.json is not a mapping"),
        (lambda folder: (folder / "record.json").write_bytes(b"\xff\xfe"), "record.json is not JSON"),
        (swapped_lines, "curve.jsonl is not what its run left"),
        (doubled, "curve.jsonl is not what its run left"),
        (lambda folder: (folder / "curve.jsonl").write_text(""), "curve.jsonl is not what its run left"),
        (lambda folder: (folder / "curve.jsonl").unlink(), "curve.jsonl is missing"),
        (other_predictions, "predictions.parquet is not what its run left"),
        (lambda folder: (folder / "predictions.parquet").write_bytes(b""), "predictions.parquet is not what"),
        (lambda folder: (folder / "predictions.parquet").unlink(), "predictions.parquet is missing"),
    ],
)
def test_a_run_with_a_damaged_file_is_left_out_and_named(study, damage, words):
    for folder in study.iterdir():
        stamp = file_digest(folder / "curve.jsonl")
        edit_record(folder, lambda record, stamp=stamp: record.update(curve_digest=stamp))
    assert read_study(study).problems == ()
    damage(study / RUN)
    assert only_problem(study).startswith(f"{RUN}: left out: {words}")
    assert len(read_study(study).records) == 3


@pytest.mark.parametrize(
    ("damage", "words"),
    [(swapped_lines, "after step"), (doubled, "after step"),
     (lambda folder: (folder / "curve.jsonl").write_text('{"step": 0}\n'), "is no evaluation"),
     (lambda folder: (folder / "curve.jsonl").write_text("3\n"), "is no evaluation")],
)  # fmt: skip
def test_a_curve_that_no_record_names_is_checked_by_itself(study, damage, words):
    """The records of earlier versions, and of the factory, hold no digest of it."""
    damage(study / RUN)
    assert words in only_problem(study) and "left out" in only_problem(study)


def test_a_half_written_last_point_is_dropped_and_then_cut_off(study):
    file = study / "scratch-512-0" / "curve.jsonl"
    file.write_text(file.read_text() + '{"step": 64, "samp')
    assert "half written" in only_problem(study)
    record = next(r for r in read_study(study).records if r.folder.name == "scratch-512-0")
    assert len(record.curve()) == 4
    append_point(file, record.curve()[-1] | {"step": 64})
    assert [p["step"] for p in record.curve()] == [0, 16, 32, 48, 64]


def test_a_broken_line_inside_a_curve_is_no_curve(study):
    file = study / "scratch-512-0" / "curve.jsonl"
    file.write_text("{nonsense\n" + file.read_text())
    assert "line 1 is not JSON" in only_problem(study)


def test_points_and_columns_are_checked(tmp_path):
    with pytest.raises(RecordError, match="write null"):
        append_point(tmp_path / "curve.jsonl", {"joules": math.inf})
    with pytest.raises(RecordError, match="columns of"):
        write_predictions(tmp_path, ["1"], ["text"], ["a"], ["a", "b"], {"score": [0.5]})
    with pytest.raises(RecordError, match="columns of"):
        write_predictions(tmp_path, ["1"], ["text"], ["a"], ["b"], {"score": [0.5], "exact": []})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["label", "F1", "rouge-l", "", "score\n", "group"])
def test_a_statistic_has_a_name_of_its_own(tmp_path, name):
    with pytest.raises(RecordError, match="cannot name a statistic"):
        write_predictions(tmp_path, ["1"], ["text"], ["a"], ["b"], {name: [0.5]})
    assert list(tmp_path.iterdir()) == []


def test_texts_are_cut(tmp_path):
    found = read_predictions(write_predictions(tmp_path, ["1"], ["x" * 900], ["a"], ["b"], {"score": [0.25]}))
    assert len(found.texts[0]) == 400


def test_statistics_of_any_family_come_back(tmp_path):
    given = {"bleu_correct_1": [3, 0], "loss": np.array([1.5, 2.0]), "exact": [True, False]}
    found = read_predictions(write_predictions(tmp_path, "ab", ["t"] * 2, ["x"] * 2, ["y"] * 2, given))
    assert list(found.statistics) == ["bleu_correct_1", "loss", "exact"]
    assert [values.tolist() for values in found.statistics.values()] == [[3, 0], [1.5, 2], [1, 0]]
    assert {values.dtype for values in found.statistics.values()} == {np.dtype(np.float32)}
    assert len(read_predictions(write_predictions(tmp_path, [], [], [], [], {})).statistics) == 0


def test_groups_come_back_and_may_be_missing(tmp_path):
    told = (["1", "2", "3"], ["t"] * 3, ["x"] * 3, ["y"] * 3, {"score": [0, 1, 1]})
    found = read_predictions(write_predictions(tmp_path, *told, groups=["page 1", None, "page 1"]))
    assert found.groups is not None and found.groups.tolist() == ["page 1", None, "page 1"]
    assert list(found.statistics) == ["score"]
    assert read_predictions(write_predictions(tmp_path, *told)).groups is None
    with pytest.raises(RecordError, match="columns of"):
        write_predictions(tmp_path, *told, groups=["page 1"])


def columns(**changes):
    told = {name: ["a", "b"] for name in ("id", "text", "label", "prediction")}
    return {**told, "score": np.array([0.5, 1.0], dtype=np.float32), **changes}


def test_a_file_with_a_score_is_one_with_a_statistic(tmp_path):
    pq.write_table(pa.table(columns()), tmp_path / "predictions.parquet")
    found = read_predictions(tmp_path / "predictions.parquet")
    assert list(found.statistics) == ["score"]
    assert found.statistics["score"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"score": ["high", "low"]}, "cannot be read"),
        ({"label": ["a", None]}, "cells without a value"),
        ({"score": [0.5, None]}, "cells without a value"),
    ],
)
def test_predictions_that_hold_something_else_are_a_sentence(tmp_path, changes, words):
    pq.write_table(pa.table(columns(**changes)), tmp_path / "predictions.parquet")
    with pytest.raises(RecordError, match=words):
        read_predictions(tmp_path / "predictions.parquet")


def test_a_missing_column_is_named(tmp_path):
    table = pa.table({name: values for name, values in columns().items() if name != "prediction"})
    pq.write_table(table, tmp_path / "predictions.parquet")
    with pytest.raises(RecordError, match="prediction"):
        read_predictions(tmp_path / "predictions.parquet")


def test_a_ledger_is_a_mapping():
    record = make_record("pretrained", 0, arms=("scratch", "pretrained"))
    record["init"]["checkpoint"]["ledger"] = "text"
    (fault,) = faults(record)
    assert fault == "init.checkpoint.ledger: must be a mapping, got 'text'"


SCHEMA_2 = Path(__file__).with_name("schema_2.json")


def test_a_record_of_schema_2_is_read_under_the_names_of_today(tmp_path):
    written = json.loads(SCHEMA_2.read_text("utf8"))
    (tmp_path / "record.json").write_text(SCHEMA_2.read_text("utf8"))
    record = read_record(tmp_path)
    assert (record.run_id, record.pair_id) == (written["run_id"], written["pair_id"])
    assert record.fingerprint.version == 1
    assert record.init.loaded.tensors == written["init"]["poured"]["tensors"]
    assert list(record.init.newly_initialised.names) == written["init"]["fresh"]["names"]
    assert record.init.checkpoint is not None
    assert record.init.checkpoint.contamination == written["init"]["checkpoint"]["met_before"]
    evidence = record.cost.energy.evidence or {}
    assert evidence["device_lock"] == {"held": True} and evidence["contention"]["limit"] == 0.05
    assert record.config["checkpoint_steps"] == [60] and "keep_at" not in record.config
    assert list(contradictions(record.init)) == []


def test_a_record_of_schema_2_that_is_written_again_keeps_its_names(tmp_path):
    (tmp_path / "record.json").write_text(SCHEMA_2.read_text("utf8"))
    before = read_record(tmp_path)
    write_record(tmp_path, read_contents(tmp_path))
    assert json.loads((tmp_path / "record.json").read_text())["schema"] == 3
    now = read_record(tmp_path)
    assert now.digest and now.model_copy(update={"digest": None}) == before


@pytest.mark.parametrize("path", [("optim", "weight_decay"), ("optim", "lr"), ("arm", "kind")])
def test_a_record_of_schema_2_whose_settings_were_edited_is_refused(tmp_path, path):
    written = json.loads(SCHEMA_2.read_text("utf8"))
    written["config"][path[0]][path[1]] = "another"
    (tmp_path / "record.json").write_text(json.dumps(written))
    with pytest.raises(RecordError, match="but its config gives"):
        read_record(tmp_path)


def named(record, defaults, version=2):
    """The record with its names made by this version, under these defaults."""
    checkpoint = record["init"]["checkpoint"]
    names = fingerprint(
        record["config"],
        record["data"]["source"],
        record["init"]["built_from"],
        checkpoint and checkpoint["sha256"],
        defaults,
        version,
    )
    record |= {"pair_id": names.pair_id, "run_id": names.run_id, "fingerprint": names.section()}
    return names


def rename(study, defaults_of, version=2, change=None):
    """Name every run of a study again; `defaults_of` and `change` are given the record."""
    for file in study.glob("*/record.json"):
        record = json.loads(file.read_text())
        if change:
            change(record)
        named(record, defaults_of(record), version)
        write_record(file.parent, record)


def pair_ids(study):
    stored = read_study(study)
    assert stored.problems == ()
    ids = {}
    for record in stored.records:
        ids.setdefault(record.seed, []).append(record.pair_id)
    return ids


DEFAULTS = {"optim.weight_decay": 0.01, "optim.warmup": 0.1, "task.pair": None}


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record["config"]["optim"].update(weight_decay=0.5),
        lambda record: record["config"]["optim"].update(lr=0.5),
        lambda record: record["fingerprint"]["defaults"].update({"optim.weight_decay": 0.5}),
        lambda record: record["fingerprint"]["defaults"].clear(),
        lambda record: record["fingerprint"]["defaults"].update({"optim.lr": 3e-4}),
        lambda record: record["fingerprint"].update(version=1),
        lambda record: (
            record["config"]["optim"].update(weight_decay=0.5),
            record["fingerprint"]["defaults"].update({"optim.weight_decay": 0.5}),
        ),
    ],
)
def test_names_are_computed_from_the_configuration_and_never_trusted(study, edit):
    rename(study, lambda record: DEFAULTS)
    file = study / "scratch-512-0" / "record.json"
    record = json.loads(file.read_text())
    edit(record)
    file.write_text(json.dumps(sealed(record)))
    assert "but its config gives" in only_problem(study)


def test_pairs_match_across_versions_and_across_a_new_setting(study):
    def changed(record):
        if record["arm"] == "scratch":  # trained later, when there was one more setting
            record["config"]["optim"]["new"] = 7

    rename(
        study,
        lambda record: {**DEFAULTS, "optim.new": 7} if record["arm"] == "scratch" else DEFAULTS,
        2,
        changed,
    )
    assert all(len(ids) == 2 and len({*ids}) == 1 for ids in pair_ids(study).values())
    for file in study.glob("pretrained*/record.json"):
        record = json.loads(file.read_text())
        named(record, {}, version=1)
        write_record(file.parent, record)
    assert all(len(ids) == 2 and len({*ids}) == 1 for ids in pair_ids(study).values())


def test_runs_under_a_default_that_changed_are_no_pair(study):
    """Both leave the setting out of their names, which are then the same; the settings are not."""

    def changed(record):
        record["config"]["optim"]["weight_decay"] = 0.01 if record["arm"] == "scratch" else 0.02

    rename(
        study, lambda record: {"optim.weight_decay": record["config"]["optim"]["weight_decay"]}, 2, changed
    )
    written = {json.loads(file.read_text())["pair_id"] for file in study.glob("*-0/record.json")}
    assert len(written) == 1
    assert all(len({*ids}) == 2 for ids in pair_ids(study).values())


def test_records_of_one_version_and_the_same_defaults_keep_their_names(study):
    written = {file.parent: json.loads(file.read_text())["pair_id"] for file in study.glob("*/record.json")}
    assert {record.folder: record.pair_id for record in read_study(study).records} == written


def test_a_run_is_found_whichever_version_named_it(tmp_path):
    (tmp_path / "record.json").write_text(SCHEMA_2.read_text("utf8"))
    record = read_record(tmp_path)
    again = {**json.loads(SCHEMA_2.read_text("utf8")), "config": {**record.config}}
    assert same_run(record, named(again, DEFAULTS))
    again["config"]["optim"] = {**record.config["optim"], "new": 7}
    assert same_run(record, named(again, {**DEFAULTS, "optim.new": 7}))
    assert not same_run(record, named(again, {**DEFAULTS, "optim.new": 8}))
    again["config"]["optim"] = {**record.config["optim"], "weight_decay": 0.5}
    assert not same_run(record, named(again, {**DEFAULTS, "optim.weight_decay": 0.5}))

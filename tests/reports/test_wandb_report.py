"""The W&B report: made of the study's numbers, read by W&B's own library, saved on a server on loopback."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.factory import make_study
from tests.loopback_wandb import LoopbackWandb, serving
from tests.reports import handmade

from headstart.api import open_study
from headstart.cli import main
from headstart.commands import report
from headstart.compare.findings import Condition
from headstart.errors import ConfigError
from headstart.reports.formats import export, markdown, wandb
from headstart.reports.formats.wandb_study import log_study


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's key is used, and no file of wandb lands in a home."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "absent"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))


def spec(findings: Any = None) -> dict[str, Any]:
    return json.loads(wandb.report_json(findings or handmade.study(), "team", "project"))


def grids(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Of the study's own run, then of its runs."""
    return [block["metadata"] for block in told["spec"]["blocks"] if block["type"] == "panel-grid"]


def grid(told: dict[str, Any]) -> dict[str, Any]:
    return grids(told)[-1]


def panels(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel["config"] for panel in grid(told)["panelBankSectionConfig"]["panels"]]


def test_one_run_set_per_arm_filtered_by_flat_keys_in_the_colours_of_the_report() -> None:
    sets = grid(spec())["runSets"]
    assert [each["name"] for each in sets] == ["scratch", "pretrained"]
    for each in sets:
        asked = {leaf["key"]["name"]: leaf["value"] for leaf in each["filters"]["filters"]}
        assert asked == {"arm": each["name"], "study": "docs"}
    assert list(grid(spec())["customRunColors"].values()) == ["#c9570a", "#0068a8"]


def test_the_panels_are_those_of_the_question() -> None:
    lines = [one for one in panels(spec()) if "xAxis" in one]
    assert [one["xAxis"] for one in lines] == ["trainer/global_step", "cost/flops", "cost/seconds"]
    assert {tuple(one["metrics"]) for one in lines} == {("validation/accuracy",)}
    bars = [one["metrics"] for one in panels(spec()) if "xAxis" not in one]
    assert bars == [
        ["test/accuracy"],
        ["cost/flops_train"],
        ["cost/seconds_train"],
        ["energy/estimated_joules"],
    ]


def test_the_first_panel_is_the_paired_gain_with_its_interval() -> None:
    first, _ = grids(spec())
    (own,) = first["runSets"]
    asked = {leaf["key"]["name"]: leaf["value"] for leaf in own["filters"]["filters"]}
    assert asked == {"job": "study", "study": "docs"}
    (panel,) = [panel["config"] for panel in first["panelBankSectionConfig"]["panels"]]
    key = "difference/pretrained"
    assert panel["metrics"] == [key, f"{key}/low", f"{key}/high"]
    assert panel["xAxis"] == "trainer/global_step"
    assert "Paired gain" in panel["chartTitle"] and "pretrained against scratch" in panel["chartTitle"]


def test_several_sizes_are_an_axis_and_the_main_columns_are_pinned() -> None:
    (scatter,) = [panel for panel in panels(spec(handmade.sizes())) if "n_train" in json.dumps(panel)]
    assert scatter["yAxis"] == "summary:test/accuracy" and scatter["xAxisLogScale"]
    assert not [panel for panel in panels(spec()) if "n_train" in json.dumps(panel)]
    view = json.loads(wandb.workspace_json(handmade.study(), "team", "project"))["spec"]
    pinned = view["section"]["runSets"][0]["runFeed"]["columnPinned"]
    assert {"config:arm", "config:seed", "summary:test/accuracy", "summary:energy/estimated_joules"} <= {
        *pinned
    }


def test_answer_and_table_are_those_of_the_report() -> None:
    findings = handmade.study()
    words = [block["content"] for block in spec()["spec"]["blocks"] if block["type"] == "markdown-block"]
    assert words[0] == f"**{markdown.escape(findings.sentence)}**\n\n{export.markdown_text(findings)}"
    assert findings.fingerprint in words[-1]


def test_the_library_reads_it_back() -> None:
    from wandb_workspaces.reports.v2 import interface as wr
    from wandb_workspaces.reports.v2 import internal

    told = spec()
    place = internal.Project(name=told["project"], entity_name=told["entity"])
    view = internal.ReportViewspec(
        display_name=told["title"], description=told["description"], project=place, id="x",
        created_at=None, updated_at=None, spec=internal.Spec.model_validate(told["spec"]),
    )  # fmt: skip
    back = wr.Report._from_model(view)
    kinds = ["MarkdownBlock", "PanelGrid", "PanelGrid", "MarkdownBlock"]
    assert [type(block).__name__ for block in back.blocks] == kinds
    assert len(back.blocks[2].panels) == 7  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["it's", 'a "b"', "a = 1", "x\\", "a b"])
def test_a_name_that_no_filter_can_say_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be filtered in W&B"):
        wandb.send(handmade.study(study=name), tmp_path, "team/project")
    assert list(tmp_path.iterdir()) == []


def test_words_of_a_study_stay_words() -> None:
    told = spec(handmade.study(comparison=handmade.comparison(sentence=handmade.HOSTILE)))
    assert "<img" not in json.dumps(told)
    assert "[c](javascript" not in json.dumps(told)


def test_the_same_records_give_the_same_files() -> None:
    findings = handmade.sizes()
    for write in (wandb.report_json, wandb.workspace_json):
        assert write(findings, "e", "p") == write(findings, "e", "p")


def test_what_varies_tells_the_lines_apart() -> None:
    settings = {"size": "64 rows", "lr": "0.001", "draw": "1"}
    item = handmade.comparison()
    item = handmade.comparison(condition=Condition("c", "64 rows", settings, 64), gains=item.gains)
    findings = handmade.study(comparison=item, config={"optim": {"lr": 1e-3}, "budget": {}})
    assert wandb.grouping(findings) == ("arm", "size", "optim_lr")
    assert wandb.grouping(handmade.study()) == ("arm",)
    assert grid(spec(findings)).get("customRunColors") == {}


@pytest.mark.parametrize("place", ["", "team", "team/", "/project", "a/b/c"])
def test_a_place_is_entity_and_project(place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--wandb: needs ENTITY/PROJECT"):
        wandb.send(handmade.study(), tmp_path, place)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_one_sentence_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    with pytest.raises(ConfigError, match=r"is not installed; pip install -e .*wandb-report\]'"):
        wandb.send(handmade.study(), tmp_path, "team/project")


def test_offline_it_is_json_beside_the_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = make_study(tmp_path / "study", seeds=[0], examples=40)
    assert report.report([str(study), "--wandb", "team/project"]) == 0
    told = capsys.readouterr().out
    assert "WANDB_MODE is offline" in told
    for name in ("report.wandb.json", "workspace.wandb.json"):
        assert json.loads((study / name).read_text("utf8"))["entity"] == "team"
        assert name in told


def test_without_a_key_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    sent = wandb.send(handmade.study(), tmp_path, "team/project")
    assert sent.addresses == ()
    assert not sent.refused
    assert re.match(r"no API key for \S+: set WANDB_API_KEY", sent.reason)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackWandb]:
    """A server that also keeps views: reports and workspaces."""
    import wandb

    with serving() as backend:
        answer = backend.answer
        monkeypatch.setattr(
            backend,
            "answer",
            lambda query, variables: view(backend, query, variables) or answer(query, variables),
        )
        backend.views = []  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setenv("WANDB_BASE_URL", backend.address)
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        monkeypatch.setattr("headstart.wandb_server.INIT_SECONDS", 60)  # a busy machine answers late
        monkeypatch.setattr("headstart.training.wandb_mirror.SLOW", 60)
        wandb.teardown()
        yield backend
        wandb.teardown()


def view(backend: Any, query: str, variables: dict[str, Any]) -> dict[str, Any] | None:
    """The answers that saving a view asks for; the project "absent" does not exist."""
    named = re.search(r"\b(?:query|mutation)\s+(\w+)", query)
    name = named[1] if named else ""
    if name == "ProjectInternalId":
        known = variables["projectName"] != "absent"
        return {"project": {"id": "UTE=", "internalId": "UHJvamVjdDox"} if known else None}
    if name == "GetProjects":
        node = {"__typename": "Project", "id": "UTE=", "name": "p", "entityName": "local", "user": None,
                "createdAt": "2026-01-01T00:00:00", "isBenchmark": False}  # fmt: skip
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"pageInfo": page, "edges": [{"node": node, "cursor": "x"}]}}
    if name.lower() not in ("upsertview", "upsertview2"):
        return None
    backend.views.append(variables)
    kept = {key: variables[key] for key in ("name", "type", "displayName", "description", "spec")}
    project = {"id": "UTE=", "name": variables["projectName"], "entityName": variables["entityName"]}
    return {
        "upsertView": {
            "view": {**kept, "id": "Vmlldzox", "project": project, "updatedAt": None},
            "inserted": True,
        }
    }


@pytest.mark.usefixtures("unreported")
def test_what_the_tracker_logs_is_what_the_report_draws(
    quick: list[str], server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    online = ["tracker=wandb", "tracker.entity=local", "tracker.project=p"]
    assert main([*quick, *online, "keep_weights=true", "seed=0,1"]) == 0
    page = Path("report.html")
    page.write_text("<p>the report</p>", "utf8")
    log_study(open_study("runs/quick").findings, Path("runs/quick"), page)
    assert report.report(["runs/quick", "--wandb", "local/p"]) == 0
    told = capsys.readouterr().out
    assert told.count(f"saved: {server.address}/local/p") == 2
    saved, workspace = server.views
    assert (saved["type"], workspace["type"]) == ("runs", "project-view")
    logged = {key for run in server.runs.values() for row in [*run["history"], run["summary"]] for key in row}
    configs = [run["config"] for run in server.runs.values()]
    drawn = [b["metadata"] for b in json.loads(saved["spec"])["blocks"] if b["type"] == "panel-grid"]
    for metadata in drawn:
        for panel in metadata["panelBankSectionConfig"]["panels"]:
            config = panel["config"]
            assert {*config["metrics"], config.get("xAxis", "_step")} <= logged
        for each in metadata["runSets"]:
            asked = {leaf["key"]["name"]: leaf["value"] for leaf in each["filters"]["filters"]}
            hit = [c for c in configs if all(c.get(key, {}).get("value") == v for key, v in asked.items())]
            assert len(hit) == (1 if each["name"] == "pairs" else 2), each["name"]
    (arm,) = Path("runs/quick").glob("*-pretrained-seed0-*")
    start = ["arm=from_run", f"arm.run={arm}", "study.name=next", "seed=0", "hydra.mode=RUN"]
    assert main([*quick, *online, *start]) == 0
    check_the_lineage(server, arm)


def check_the_lineage(server: LoopbackWandb, arm: Path) -> None:
    """Rows → runs → weights → a run of another study; report and records of a study, and no other file."""
    artifacts: dict[str, list[Any]] = {artifact.kind: [] for artifact in server.artifacts.values()}
    for artifact in server.artifacts.values():
        assert artifact.committed, artifact
        artifacts[artifact.kind].append(artifact)
    (rows,) = artifacts["rows"]
    assert len({*rows.used_by}) == 5
    kept = [weights for weights in artifacts["weights"] if "run_id" in weights.metadata]
    (published,) = [weights for weights in artifacts["weights"] if weights not in kept]
    assert len({*published.used_by}) == 2 and len(kept) == 4
    (handed_on,) = [weights for weights in kept if weights.used_by]
    assert handed_on.metadata["run_id"] == json.loads((arm / "record.json").read_text("utf8"))["run_id"]
    assert [server.runs[name]["group"] for name in handed_on.used_by] == ["next"]
    (study,) = artifacts["study"]
    assert server.runs[study.logged_by]["jobType"] == "study"
    sent = [path for path in server.uploaded if not path.startswith("/upload/study-")]
    assert not [path for path in sent if "safetensors" in path or "csv" in path], sent


def test_a_project_that_is_not_there_is_said_and_the_json_stays(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = make_study(tmp_path / "study", seeds=[0], examples=40)
    assert report.report([str(study), "--wandb", "local/absent"]) == 1
    assert "W&B did not take it: Run set 'pairs' project 'local/absent' not found" in capsys.readouterr().out
    assert server.views == []
    assert (study / "report.wandb.json").exists()

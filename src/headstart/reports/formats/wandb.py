"""The W&B report: a study's answer, table and curves as a Weights & Biases Report, and as a workspace view.

Every arm is one run set, drawn from the runs that the tracker logged: flat keys (`arm`, `study`, `size`) tell
them apart. Words and tables are those of `report.md`. Without a server both are written as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.compare.findings import Findings
from headstart.config import NAME
from headstart.errors import ConfigError
from headstart.extras import install
from headstart.metrics import metric_name
from headstart.reports import build, outline
from headstart.reports.charts.theme import LIGHT
from headstart.reports.formats import export, markdown
from headstart.reports.formats.wandb_study import JOB, difference_key
from headstart.wandb_server import no_server, off, without_malformed

REPORT, WORKSPACE = "report.wandb.json", "workspace.wandb.json"
FLAT = ("task", "model", "size")  # keys of a condition that the tracker logs under their own name
GROUPS = ("optim", "budget")  # groups that it logs as `optim_lr`
TITLE = 128  # characters that a W&B title may have
AXES = {
    "by step": "trainer/global_step",
    "by training FLOPs": "cost/flops",
    "by training seconds": "cost/seconds",
}
# Ids are drawn at random; counted instead, the same records give the same file.
_IDS = re.compile(r'"(?:__id__|id)": "([0-9a-z]{6,12})"')


@dataclass(frozen=True)
class Sent:
    """What became of a W&B report: its files, its addresses, and why it was not saved on a server."""

    files: tuple[Path, ...]
    addresses: tuple[str, ...]  # empty when it was not saved
    reason: str  # why not; "" when it was saved
    refused: bool = False  # a server was asked and did not take it


def send(findings: Findings, folder: Path, place: str) -> Sent:
    """Write the report and the workspace as JSON beside the study's report; save them, if there is a server.

    `place` is ENTITY/PROJECT. Raises ConfigError when it is not, when wandb-workspaces is not
    installed, or when a name cannot be filtered in W&B (quotes, operators, spaces).
    """
    entity, slash, project = place.partition("/")
    if not (entity and slash and project) or "/" in project:
        raise ConfigError(f"--wandb: needs ENTITY/PROJECT such as my-team/headstart, got {place!r}")
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise ConfigError(f"--wandb: wandb-workspaces is not installed; {install('wandb-report')}")
    for name in (findings.study, *outline.arms_of(findings)):
        if not re.fullmatch(NAME, name):
            raise ConfigError(f"--wandb: {name!r} cannot be filtered in W&B; names there match {NAME}")
    files = (
        build.write_text(folder / REPORT, report_json(findings, entity, project)),
        build.write_text(folder / WORKSPACE, workspace_json(findings, entity, project)),
    )
    reason = off()  # why there is no server to save on
    if not reason:
        with without_malformed() as problems:
            reason = "; ".join(problems) or no_server()
    if reason:
        return Sent(files, (), reason)
    import wandb

    try:
        saved = report(findings, entity, project, lookup=True).save()
        view = workspace(findings, entity, project).save()
    except (wandb.Error, ValueError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Sent(files, (), f"W&B did not take it: {first}", refused=True)
    return Sent(files, (str(saved.url), str(view.url)), "")


def report(findings: Findings, entity: str, project: str, *, lookup: bool = False) -> Any:
    """The Report object. With `lookup`, run sets name their project, which a server must then know."""
    from wandb_workspaces.reports.v2 import interface as wr

    sentences = dict.fromkeys([item.sentence for item in findings.comparisons] or [findings.sentence])
    words = [f"**{markdown.escape(sentence)}**" for sentence in sentences]
    words += [export.markdown_text(findings)] if findings.rows.main else []
    return wr.Report(
        entity=entity,
        project=project,
        title=f"headstart: {findings.study}"[:TITLE],
        description=findings.question,
        width="fluid",
        blocks=[
            *(wr.P(text=warning) for warning in findings.warnings),
            wr.MarkdownBlock(text="\n\n".join(words)),
            *_grids(findings, entity if lookup else "", project if lookup else ""),
            wr.MarkdownBlock(text=f"Records {findings.fingerprint}."),
        ],
    )


def workspace(findings: Findings, entity: str, project: str) -> Any:
    """The saved view: the same panels over all runs of the study, grouped by arm; main columns are pinned."""
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"headstart: {findings.study}"[:TITLE],
        sections=[
            ws.Section(name="Paired gains", panels=_differences(findings), is_open=True),
            ws.Section(name="Learning curves", panels=_curves(findings), is_open=True),
            ws.Section(name="Scores and costs", panels=_bars(findings), is_open=True),
        ],
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Config("study") == findings.study),
            groupby=[expr.Config(key) for key in grouping(findings)],
            pinned_columns=[
                *(f"config:{key}" for key in (*grouping(findings), "seed")),
                *(f"summary:{key}" for key in ("status", *_shown(findings))),
            ],
        ),
    )


def report_json(findings: Findings, entity: str, project: str) -> str:
    """The report as W&B stores it; the same records give the same text."""
    model = report(findings, entity, project)._to_model()
    return _json(model, entity, project, title=model.display_name, description=model.description)


def workspace_json(findings: Findings, entity: str, project: str) -> str:
    """The workspace view as W&B stores it; the same records give the same text."""
    model = workspace(findings, entity, project)._to_model()
    return _json(model, entity, project, name=model.display_name)


def _json(model: Any, entity: str, project: str, **names: str) -> str:
    """A model of W&B's library as JSON, its random ids counted instead."""
    spec = json.loads(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    view = {"entity": entity, "project": project, **names, "spec": spec}
    text = json.dumps(view, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for number, name in enumerate(dict.fromkeys(_IDS.findall(text))):
        text = text.replace(name, f"headstart{number:03d}")
    return text


def grouping(findings: Findings) -> tuple[str, ...]:
    """Flat keys that tell the lines apart: the arm, and what varies between the study's conditions."""
    varying = dict.fromkeys(name for item in findings.comparisons for name in item.condition.settings)
    names = [name for name in varying if name in FLAT]
    for group in GROUPS:
        own = findings.config.get(group) or {}
        settings = [name.removeprefix(f"{group}.") for name in varying]
        names += [f"{group}_{name}" for name in settings if name in own]
    return ("arm", *names)


def _grids(findings: Findings, entity: str, project: str) -> list[Any]:
    """The panels of the study's own run, then those of its runs: a run set per arm."""
    from wandb_workspaces import expr
    from wandb_workspaces.reports.v2 import interface as wr

    arms, colours = outline.arms_of(findings), {}
    own = wr.Runset(
        entity=entity,
        project=project,
        name="pairs",
        filters=expr.And(expr.Config("job") == JOB, expr.Config("study") == findings.study),
    )
    runsets = [
        wr.Runset(
            entity=entity,
            project=project,
            name=arm,
            filters=expr.And(expr.Config("arm") == arm, expr.Config("study") == findings.study),
            groupby=[f"config.{key}" for key in grouping(findings)],
        )
        for arm in arms
    ]
    if len(grouping(findings)) == 1:  # one line per run set: it takes the arm's colour in the report
        for place, arm in enumerate(arms):
            key = wr.RunsetGroupKey(key=wr.Config("arm"), value=arm)
            colours[wr.RunsetGroup(runset_name=arm, keys=(key,))] = LIGHT.arms[place % len(LIGHT.arms)]
    panels = [*_curves(findings), *_bars(findings), *_sizes(findings)]
    grids = [wr.PanelGrid(runsets=runsets, panels=panels, custom_run_colors=colours)]
    differences = _differences(findings)
    return [wr.PanelGrid(runsets=[own], panels=differences), *grids] if differences else grids


def _differences(findings: Findings) -> list[Any]:
    """The arm's gain on validation rows along training: mean over pairs, ends of its interval."""
    from wandb_workspaces.reports.v2 import interface as wr

    panels: list[Any] = []
    for item in findings.comparisons:
        if not item.pairs:
            continue
        key, several = difference_key(item), len(item.pairs) > 1
        place = " · ".join(filter(None, [f"{item.arm} against {item.baseline}", item.condition.name]))
        panels.append(
            wr.LinePlot(
                title=f"Paired gain, validation {metric_name(item.headline)}: {place}"[:TITLE],
                x=AXES["by step"],
                y=[key, f"{key}/low", f"{key}/high"] if several else [key],
                title_y="mean over pairs, 95 % interval" if several else "one pair",
                smoothing_factor=0,
                layout=wr.Layout(x=12 * (len(panels) % 2), y=8 * (len(panels) // 2), w=12, h=8),
            )
        )
    return panels


def _sizes(findings: Findings) -> list[Any]:
    """The test score over the number of training rows, where there are several."""
    from wandb_workspaces.reports.v2 import interface as wr

    if len({item.condition.train_rows for item in findings.comparisons}) < 2:
        return []
    return [
        wr.ScatterPlot(
            title=f"Test {metric_name(findings.headline)} by training rows",
            x=wr.Config("n_train"),
            y=wr.SummaryMetric(f"test/{findings.headline}"),
            log_x=True,
            layout=wr.Layout(x=0, y=20, w=24, h=8),
        )
    ]


def _curves(findings: Findings) -> list[Any]:
    """The headline metric on validation over steps, FLOPs and seconds: mean, and range over seeds."""
    from wandb_workspaces.reports.v2 import interface as wr

    metric = metric_name(findings.headline)
    return [
        wr.LinePlot(
            title=f"Validation {metric} {name}",
            x=axis,
            y=[f"validation/{findings.headline}"],
            groupby_aggfunc="mean",
            groupby_rangefunc="minmax",
            smoothing_factor=0,
            max_runs_to_show=max(10, len(findings.arms)),
            layout=wr.Layout(x=8 * place, y=0, w=8, h=8),
        )
        for place, (name, axis) in enumerate(AXES.items())
    ]


def _bars(findings: Findings) -> list[Any]:
    """Test score and costs of training, means per arm."""
    from wandb_workspaces.reports.v2 import interface as wr

    return [
        wr.BarPlot(
            title=title,
            metrics=[metric],
            groupby_aggfunc="mean",
            groupby_rangefunc="minmax",
            layout=wr.Layout(x=6 * (place % 4), y=8 + 6 * (place // 4), w=6, h=6),
        )
        for place, (metric, title) in enumerate(_shown(findings).items())
    ]


def _shown(findings: Findings) -> dict[str, str]:
    """Titles of the main summary metrics; energy under the name of its method."""
    methods = dict.fromkeys(item.energy_method for item in findings.arms if item.joules is not None)
    shown = {f"test/{findings.headline}": f"Test {metric_name(findings.headline)}"}
    shown |= {"cost/flops_train": "Training FLOPs", "cost/seconds_train": "Training seconds"}
    return shown | {f"energy/{method}_joules": f"Energy of the whole run, {method} (J)" for method in methods}

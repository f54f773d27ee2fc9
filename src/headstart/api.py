"""Opened: a study as a notebook reads it, with tables as pandas frames and charts as Altair objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.errors import RecordError
from headstart.records.imported import is_imported, read_imported

if TYPE_CHECKING:
    import pandas as pd

    from headstart.compare.findings import Comparison, Findings, Rows
    from headstart.records.imported import ImportedRun
    from headstart.records.record import Record
    from headstart.reports.build import Built
    from headstart.reports.formats.notebook import Drawn

COSTS = ("flops", "seconds", "joules", "tokens")
SPENT = ("step", "samples", "tokens", "tokens_padded", "flops", "seconds", "joules", "train_loss")


def open_study(folder: str | Path) -> OpenedStudy:
    """The study in `folder`, such as runs/first_look, compared when something of it is first asked for.

    RecordError when there is no such folder.
    """
    if not Path(folder).is_dir():
        raise RecordError(f"{folder}: no such folder; name the folder of a study, such as runs/first_look")
    return OpenedStudy(Path(folder))


@dataclass(frozen=True)
class OpenedStudy:
    """A study that was run: its records, and everything that they say.

    Unknown is a missing value in every frame, never 0. Gains are positive when the arm is better.
    """

    folder: Path

    @cached_property
    def findings(self) -> Findings:
        """Everything that the study says, as plain values; what the report is written from."""
        from headstart.compare.study import compare

        return compare(self.folder)

    @property
    def sentence(self) -> str:
        """The answer, as the report's first lines say it."""
        return self.findings.sentence

    @cached_property
    def records(self) -> pd.DataFrame:
        """A row per run folder that can be read: arm, seed, status, scores (0..1 or as the metric is), costs.

        Costs are those of training: FLOPs, seconds, joules with their method, tokens padding included.
        """
        if is_imported(self.folder):
            return _frame(map(_imported, read_imported(self.folder).runs))
        return _frame(_record(record, self._conditions[record.condition_id]) for record in self._stored)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """A row per pair that entered a comparison: both test scores on the headline metric, and the gain."""
        return _frame(
            _place(item) | {"metric": item.headline} | asdict(pair)
            for item in self.findings.comparisons
            for pair in item.pairs
        )

    @cached_property
    def gains(self) -> pd.DataFrame:
        """A row per comparison and metric: the gain, `low` and `high` of its interval at `level`, verdict."""
        return _frame(
            _place(item) | _flat(asdict(gain))
            for item in self.findings.comparisons
            for gain in item.gains.values()
        )

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row per evaluation of every run: what it had spent, and `validation_METRIC` at that point."""
        return _frame(
            _run(record, self._conditions[record.condition_id])
            | {name: point.get(name) for name in SPENT}
            | {f"validation_{name}": value for name, value in (point["validation"] or {}).items()}
            for record in self._stored
            for point in record.curve()
        )

    @cached_property
    def costs(self) -> pd.DataFrame:
        """A row per arm and condition: means per run of training, and the ratio to the baseline in pairs."""
        return _frame(
            {name: getattr(arm, name) for name in ("condition", "arm", "finished", *COSTS, "energy_method")}
            | _ratios(self.findings.rows.select(condition=arm.condition, arm=arm.arm))
            for arm in self.findings.arms
        )

    @cached_property
    def quantities(self) -> pd.DataFrame:
        """Everything that the study says as a number, a row each; what `headstart report --export` writes."""
        return _frame(asdict(row) for row in self.findings.rows)

    @cached_property
    def charts(self) -> Mapping[str, Drawn]:
        """The report's charts by name ("gain", "curve-accuracy-flops"), in its colours, as Altair objects."""
        from headstart.reports.formats.notebook import altair_charts

        return altair_charts(self.findings)

    def report(self) -> Built:
        """Write report.html, report.md and the model cards into the folder, from these same findings."""
        from headstart.reports.build import build

        return build(self.folder, lambda: self.findings)

    @cached_property
    def _stored(self) -> Sequence[Record]:
        from headstart.compare.trusted import read_trusted

        return read_trusted(self.folder).records

    @cached_property
    def _conditions(self) -> Mapping[str, str]:
        from headstart.compare.conditions import conditions

        return {condition.id: condition.name for condition, _ in conditions(self._stored)}


def _frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame.from_records(list(rows))


def _place(item: Comparison) -> dict[str, str]:
    return {"condition": item.condition.name, "arm": item.arm, "baseline": item.baseline}


def _run(record: Record, condition: str) -> dict[str, Any]:
    return {"run": record.folder.name, "condition": condition, "arm": record.arm, "seed": record.seed}


def _record(record: Record, condition: str) -> dict[str, Any]:
    cost, energy = record.cost, record.cost.energy
    scores = {
        f"{split}_{name}": value
        for split in ("test", "validation")
        for name, value in (getattr(record.scores, split) or {}).items()
    }
    return {
        **_run(record, condition),
        "status": record.status,
        "train_rows": record.data.counts.train,
        **scores,
        "flops": cost.flops.train,
        "seconds": cost.seconds.train,
        "joules": energy.joules["train"] if energy.joules else None,
        "energy_method": energy.method,
        "tokens": cost.tokens.train.padded,
        "steps": cost.steps,
        "parameters": cost.parameters.all,
        "trainable": cost.parameters.trainable,
        "started": record.environment.started,
        "pair_id": record.pair_id,
        "run_id": record.run_id,
    }


def _imported(run: ImportedRun) -> dict[str, Any]:
    """A run that others made: what is not known of it has no column."""
    fields = run.model_dump(exclude={"scores"})
    return fields | {f"test_{name}": value for name, value in run.scores.items()}


def _flat(gain: Mapping[str, Any]) -> dict[str, Any]:
    """A gain on one level: its interval as three columns, its notes as one text."""
    ends = gain["interval"] or {"low": None, "high": None, "level": None}
    fields = {name: value for name, value in gain.items() if name not in ("interval", "notes", "tests")}
    return fields | ends | {"notes": "; ".join(gain["notes"])}


def _ratios(rows: Rows) -> dict[str, Any]:
    """Ratios to the baseline with their ends; all missing for the baseline itself."""
    cells: dict[str, Any] = {}
    for name in COSTS:
        ratio = rows.first(f"{name}_ratio")
        for end, field in (("", "value"), ("_low", "low"), ("_high", "high")):
            cells[f"{name}_ratio{end}"] = getattr(ratio, field, None)
    return cells

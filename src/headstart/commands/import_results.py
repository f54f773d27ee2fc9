"""`headstart import`: results that others made, as a study that is reported without training."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import argument, command, once
from headstart.errors import ConfigError


@command(
    "import",
    "RESULTS.csv",
    "a study from results that others made: gains, intervals, verdicts, curves",
    "headstart import results.csv --base scratch --seed iteration --condition dataset",
    argument("file", metavar="RESULTS.csv", type=Path, help="a line per run, or per run and metric"),
    once("--base", metavar="ARM", help="the arm that the others are compared with"),
    once("--arm", metavar="COLUMN", help="which arm a line is of (default: arm)"),
    once("--seed", metavar="COLUMN", help="what pairs the arms (default: seed)"),
    once("--score", metavar="COLUMN", help="the score (default: score)"),
    once("--metric", metavar="COLUMN", help="the metric of each line, if there are several"),
    once("--condition", metavar="COLUMN,...", help="what varies besides: a data set, a model"),
    once("--size", metavar="COLUMN", help="a number over which curves are drawn: training rows"),
    once("--headline", metavar="METRIC,...", help="what counts; the first that there is"),
    once("--scale", metavar="FACTOR", help="of all scores: 0.01 for per cent"),
    once("--margin", metavar="GAIN", help="gains within it do not matter (default: 0.01)"),
    once("--seconds", metavar="COLUMN", help="time of training"),
    once("--flops", metavar="COLUMN", help="FLOPs of training"),
    once("--joules", metavar="COLUMN", help="energy of training"),
    once("--examples", metavar="FILE.csv", help="a number per run and test example, whose mean is the score"),
    once("--example", metavar="COLUMN", help="the name of an example (default: example)"),
    once("--value", metavar="COLUMN", help="its number (default: value)"),
    once("--study", metavar="FOLDER", help="where to (default: runs/NAME of the file)"),
)
def import_command(options: Namespace) -> int:
    from headstart.commands.report import report_all
    from headstart.screen import waiting
    from headstart.studies.import_results import COSTS, Wanted, import_results

    file: Path = options.file
    if options.examples is None and (options.example or options.value):
        raise ConfigError("import: --example and --value are columns of --examples FILE.csv")
    wanted = Wanted(
        arm=options.arm or "arm",
        seed=options.seed or "seed",
        score=options.score or "score",
        metric=options.metric,
        conditions=_names(options.condition),
        size=options.size,
        costs={name: column for name in COSTS if (column := getattr(options, name))},
        baseline=options.base,
        metrics=_names(options.headline),
        margin=_number("margin", options.margin, 0.01),
        scale=_number("scale", options.scale, 1.0),
        example=(options.example or "example", options.value or "value"),
    )
    folder = Path(options.study) if options.study else Path("runs") / file.stem
    examples = Path(options.examples) if options.examples else None
    with waiting(f"reading {file}"):
        written = import_results(file, folder, wanted, examples, ["headstart", "import", *options.typed])
    print(f"wrote {written}")
    return report_all([str(folder)])


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip()) if text else ()


def _number(flag: str, text: str | None, default: float) -> float:
    try:
        value = default if text is None else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf") or (flag == "scale" and not value):
        raise ConfigError(f"import: --{flag} {text}: must be a number above 0")
    return value

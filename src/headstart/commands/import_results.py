"""`headstart import`: results that others made, as a study that is reported without training."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from headstart.commands.arguments import Once, argument, command
from headstart.errors import ConfigError


@command(
    "import",
    "RESULTS.csv",
    "a study from results that others made: gains, intervals, verdicts, curves",
    "headstart import results.csv --base scratch --seed iteration --condition dataset",
    argument("file", metavar="RESULTS.csv", type=Path, help="a line per run, or per run and metric"),
    argument("--base", metavar="ARM", action=Once, help="the arm that the others are compared with"),
    argument("--arm", metavar="COLUMN", action=Once, help="which arm a line is of (default: arm)"),
    argument("--seed", metavar="COLUMN", action=Once, help="what pairs the arms (default: seed)"),
    argument("--score", metavar="COLUMN", action=Once, help="the score (default: score)"),
    argument("--metric", metavar="COLUMN", action=Once, help="the metric of each line, if there are several"),
    argument(
        "--condition", metavar="COLUMN,...", action=Once, help="what varies besides: a data set, a model"
    ),
    argument(
        "--size", metavar="COLUMN", action=Once, help="a number over which curves are drawn: training rows"
    ),
    argument("--headline", metavar="METRIC,...", action=Once, help="what counts; the first that there is"),
    argument("--scale", metavar="FACTOR", action=Once, help="of all scores: 0.01 for per cent"),
    argument("--margin", metavar="GAIN", action=Once, help="gains within it do not matter (default: 0.01)"),
    argument("--seconds", metavar="COLUMN", action=Once, help="time of training"),
    argument("--flops", metavar="COLUMN", action=Once, help="FLOPs of training"),
    argument("--joules", metavar="COLUMN", action=Once, help="energy of training"),
    argument(
        "--examples", metavar="FILE.csv", action=Once,
        help="a number per run and test example, whose mean is the score",
    ),
    argument("--example", metavar="COLUMN", action=Once, help="the name of an example (default: example)"),
    argument("--value", metavar="COLUMN", action=Once, help="its number (default: value)"),
    argument("--study", metavar="FOLDER", action=Once, help="where to (default: runs/NAME of the file)"),
)  # fmt: skip
def import_command(options: Namespace) -> int:
    from headstart.commands.report import report_all
    from headstart.screen import waiting
    from headstart.studies.import_results import COSTS, Columns, Wanted, import_results

    file: Path = options.file
    if options.examples is None and (options.example or options.value):
        raise ConfigError("import: --example and --value are columns of --examples FILE.csv")
    columns = Columns(
        arm=options.arm or "arm",
        seed=options.seed or "seed",
        score=options.score or "score",
        metric=options.metric,
        conditions=_names(options.condition),
        size=options.size,
        costs={name: column for name in COSTS if (column := getattr(options, name))},
    )
    wanted = Wanted(
        columns=columns,
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

"""Shape: who may import whom, read from the source with `ast`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
SETTINGS = {
    "extras",
    "config",
    "errors",
    "plugins",
    "budget",
    "cache",
    "hardware",
    "metrics",
    "optim",
    "randomness",
    "study",
    "screen",
    "heartbeat",
}  # files for every room
ROWS_TO_ARMS = {"data", "models", "arms", "meters", "tasks"}

MAY_IMPORT = {
    "extras": set(),
    "errors": set(),
    "config": {"errors"},
    "plugins": {"config", "errors"},
    "budget": {"config", "errors"},
    "hardware": {"config", "errors"},
    "metrics": set(),
    "optim": {"config", "errors"},
    "randomness": {"config", "errors"},
    "study": {"config", "errors"},
    "resources": set(),
    "wandb_server": set(),
    "mlflow_store": set(),
    "terminal": set(),
    "heartbeat": set(),
    "screen": {"terminal", "heartbeat"},
    "cache": {"errors"},
    "data": SETTINGS,
    "meters": SETTINGS,
    "models": SETTINGS | {"data"},
    "arms": SETTINGS | {"models"},
    "tasks": SETTINGS | {"data", "models"},
    "run": SETTINGS | ROWS_TO_ARMS,
    "records": {"config", "errors"},
    "training": SETTINGS | ROWS_TO_ARMS | {"run", "records", "wandb_server", "mlflow_store"},
    "studies": SETTINGS | ROWS_TO_ARMS | {"run", "records", "compare", "training", "wandb_server"},
    "compare": {"errors", "config", "metrics", "records", "randomness", "resources"},
    "reports": {
        "extras",
        "errors",
        "config",
        "metrics",
        "records",
        "compare",
        "wandb_server",
        "mlflow_store",
        "resources",
        "cache",
        "screen",
    },
    "watch": {"errors", "metrics", "records", "studies", "compare", "reports", "screen"},
    "api": {"errors", "config", "records", "compare", "reports"},
    "commands": {
        "cache",
        "config",
        "errors",
        "studies",
        "reports",
        "watch",
        "compare",
        "meters",
        "data",
        "records",
        "models",
        "api",
        "run",
        "terminal",
        "screen",
        "heartbeat",
    },
    "cli": {"errors", "config", "studies", "commands", "terminal", "cache", ""},
    "__main__": {"cli"},
    "__init__": {"api"},
}
ONLY_IN = {  # distribution -> rooms
    "pytorch_lightning": {"training", "meters"},
    "lightning": {"training", "meters"},
    "wandb": {"training", "reports", "wandb_server"},
    "mlflow": {"mlflow_store"},
    "hydra": {"cli", "studies", "hydra_plugins"},
    "omegaconf": {"cli", "studies", "hydra_plugins"},
    "codecarbon": {"meters"},
    "evaluate": {"tasks"},
    "datasets": {"data", "tasks"},
    "altair": {"reports"},
    "jinja2": {"reports"},
    "pandas": {"api"},
    "wandb_workspaces": {"reports"},
}
HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "evaluate",
    "pandas",
    "pytorch_lightning",
    "wandb",
    "codecarbon",
}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module by its path below src, parsed."""
    return {
        p.relative_to(SOURCE).as_posix(): ast.parse(p.read_text("utf8")) for p in sorted(SOURCE.rglob("*.py"))
    }


def room(path: str) -> str:
    """`headstart/data/files.py` is in the room `data`, `headstart/run.py` is the room `run`."""
    parts = path.removesuffix(".py").split("/")
    return parts[1] if parts[0] == "headstart" else parts[0]


def names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Full names of the modules that import statements ask for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "headstart":
            yield from (f"headstart.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield node.module or ""


@cache
def asked(path: str) -> frozenset[str]:
    """The full names of all that a module imports, wherever it does."""
    return frozenset(names(ast.walk(modules()[path])))


@cache
def run_time(path: str) -> list[ast.Import | ast.ImportFrom]:
    """The import statements of a module but those that only a type checker reads."""
    nodes = [*ast.walk(modules()[path])]
    unseen = {id(below) for node in nodes if _for_types(node) for below in ast.walk(node)}
    return [n for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) and id(n) not in unseen]


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def first_level(tree: ast.Module) -> list[ast.stmt]:
    """Statements that run when the module is imported, those of `if` and `try` blocks included."""
    blocks = [node for node in tree.body if not _for_types(node)]
    return [
        inner
        for node in blocks
        for inner in (ast.walk(node) if isinstance(node, ast.If | ast.Try) else [node])
    ]  # pyright: ignore[reportReturnType]


def test_rooms_import_only_what_lies_before_them() -> None:
    ours = [path for path in modules() if path.startswith("headstart/")]
    assert not {path for path in ours if room(path) not in MAY_IMPORT}, "rooms that DESIGN does not know"
    found = {(path, *f"{name}.".split(".")[:2]) for path in ours for name in asked(path)}
    used = {(path, other) for path, package, other in found if package == "headstart"}
    assert not {(path, other) for path, other in used if other not in MAY_IMPORT[room(path)] | {room(path)}}


def test_no_two_modules_lean_on_each_other() -> None:
    known = {path.removesuffix(".py").replace("/", "."): path for path in modules()}
    leans = {name: set(_ours(path, known)) for name, path in known.items()}
    TopologicalSorter(leans).prepare()  # CycleError names the circle


def _ours(path: str, known: Mapping[str, str]) -> Iterator[str]:
    """The modules of this package that another one asks for, also inside its functions."""
    for node in run_time(path):
        if isinstance(node, ast.ImportFrom):
            imported = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (imported | {str(node.module)}) & known.keys()


def test_libraries_stay_in_their_rooms() -> None:
    used = {(path, name.split(".")[0]) for path in modules() for name in names(run_time(path))}
    assert not {(path, name) for path, name in used if room(path) not in ONLY_IN.get(name, {room(path)})}


def test_reporting_never_imports_torch() -> None:
    others = {"torch", "transformers", "datasets", "evaluate", "pytorch_lightning", "hydra"}
    light = [path for path in modules() if room(path) in {"records", "compare", "reports"}]
    assert not {(path, name) for path in light for name in asked(path) if name.split(".")[0] in others}


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    early = [(path, name.split(".")[0]) for path in modules() for name in names(first_level(modules()[path]))]
    assert not {(path, name) for path, name in early if room(path) != "training" and name in HEAVY}


def test_training_is_imported_late_by_studies() -> None:
    early = {path for path in modules() if room(path) == "studies" and _trains_at_import(modules()[path])}
    assert not early


def _trains_at_import(tree: ast.Module) -> bool:
    late = ("headstart.training.train", "headstart.training.module", "headstart.training.recorder")
    return any(name.startswith(late) for name in names(first_level(tree)))


def test_records_need_only_numpy_pyarrow_and_pydantic() -> None:
    allowed = {"headstart", "numpy", "pyarrow", "psutil", "pydantic", "pydantic_core"}
    used = {name.split(".")[0] for path in modules() if room(path) == "records" for name in asked(path)}
    assert used <= allowed | sys.stdlib_module_names


def test_a_module_says_what_it_is_and_stays_one_idea() -> None:
    assert not [path for path, tree in modules().items() if not ast.get_docstring(tree)]
    assert not [path for path in modules() if len((SOURCE / path).read_text("utf8").splitlines()) > 400]


def test_no_room_is_called_miscellaneous() -> None:
    words = {part.removesuffix(".py") for path in modules() for part in path.split("/")}
    assert not words & {"utils", "util", "common", "helpers", "base", "core", "misc"}

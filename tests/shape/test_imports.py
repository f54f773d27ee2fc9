"""Shape: who may import whom, read from the source with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

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


def names(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[str]:
    """Full names of the modules that import statements ask for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "headstart":
            yield from (f"headstart.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield node.module or ""


def run_time(tree: ast.Module) -> list[ast.AST]:
    """Every node but those that only a type checker reads."""
    unseen = {id(below) for node in ast.walk(tree) if _for_types(node) for below in ast.walk(node)}
    return [node for node in ast.walk(tree) if id(node) not in unseen]


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


@pytest.mark.parametrize("path", [path for path in modules() if path.startswith("headstart/")])
def test_rooms_import_only_what_lies_before_them(path: str) -> None:
    here = room(path)
    assert here in MAY_IMPORT, f"{path} is in a room that DESIGN does not know"
    used = {
        name.partition(".")[2].split(".")[0]
        for name in names(ast.walk(modules()[path]))
        if name.split(".")[0] == "headstart"
    }
    assert used - {here} <= MAY_IMPORT[here], f"{path} imports {sorted(used - {here} - MAY_IMPORT[here])}"


def test_no_two_modules_lean_on_each_other() -> None:
    known = {path.removesuffix(".py").replace("/", "."): tree for path, tree in modules().items()}
    leans = {name: set(_ours(tree, known)) for name, tree in known.items()}
    TopologicalSorter(leans).prepare()  # CycleError names the circle


def _ours(tree: ast.Module, known: Mapping[str, ast.Module]) -> Iterator[str]:
    """The modules of this package that another one asks for, also inside its functions."""
    for node in run_time(tree):
        if isinstance(node, ast.ImportFrom):
            asked = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from (asked | {str(node.module)}) & known.keys()


@pytest.mark.parametrize("path", modules())
def test_libraries_stay_in_their_rooms(path: str) -> None:
    used = {name.split(".")[0] for name in names(iter(run_time(modules()[path])))}
    strays = {name for name in used & ONLY_IN.keys() if room(path) not in ONLY_IN[name]}
    assert not strays


@pytest.mark.parametrize("path", [p for p in modules() if room(p) in {"records", "compare", "reports"}])
def test_reporting_never_imports_torch(path: str) -> None:
    used = {name.split(".")[0] for name in names(ast.walk(modules()[path]))}
    assert not used & {"torch", "transformers", "datasets", "evaluate", "pytorch_lightning", "hydra"}


@pytest.mark.parametrize("path", [p for p in modules() if room(p) != "training"])
def test_heavy_libraries_are_imported_where_they_are_used(path: str) -> None:
    used = {name.split(".")[0] for name in names(first_level(modules()[path]))}
    assert not used & HEAVY


def test_training_is_imported_late_by_studies() -> None:
    early = {path for path in modules() if room(path) == "studies" and _trains_at_import(modules()[path])}
    assert not early


def _trains_at_import(tree: ast.Module) -> bool:
    late = ("headstart.training.train", "headstart.training.module", "headstart.training.recorder")
    return any(name.startswith(late) for name in names(first_level(tree)))


@pytest.mark.parametrize("path", [p for p in modules() if room(p) == "records"])
def test_records_need_only_numpy_pyarrow_and_pydantic(path: str) -> None:
    import sys

    used = {name.split(".")[0] for name in names(ast.walk(modules()[path]))}
    allowed = {"headstart", "numpy", "pyarrow", "psutil", "pydantic", "pydantic_core"}
    assert used - set(sys.stdlib_module_names) <= allowed


@pytest.mark.parametrize("path", modules())
def test_a_module_says_what_it_is_and_stays_one_idea(path: str) -> None:
    assert ast.get_docstring(modules()[path]), "the first line of a module says what it is"
    assert len((SOURCE / path).read_text("utf8").splitlines()) <= 400


def test_no_room_is_called_miscellaneous() -> None:
    words = {part.removesuffix(".py") for path in modules() for part in path.split("/")}
    assert not words & {"utils", "util", "common", "helpers", "base", "core", "misc"}

"""Shape: what tests share is in a module that is no test."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]


def imported(tree: ast.Module) -> set[str]:
    """Full names of all modules that a module may import."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def test_nobody_imports_a_test_module() -> None:
    tests = {
        path.relative_to(TESTS.parent).with_suffix("").as_posix().replace("/", ".")
        for path in TESTS.rglob("test_*.py")
    }
    imports = {path: imported(ast.parse(path.read_text("utf8"))) & tests for path in TESTS.rglob("*.py")}
    assert {str(path): names for path, names in imports.items() if names} == {}

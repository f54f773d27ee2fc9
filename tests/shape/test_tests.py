"""Shape: what tests share is in a module that is no test, and warnings of our own code are errors."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("module", ["headstart.training.train", "hydra_plugins.headstart", "tests.conftest"])
@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning, UserWarning])
def test_a_warning_that_our_code_causes_is_an_error(
    module: str, category: type[Warning], pytestconfig: pytest.Config
) -> None:
    if not pytestconfig.pluginmanager.hasplugin("warnings"):
        pytest.skip("pytest was asked to leave warnings alone")
    with pytest.raises(category):
        warnings.warn_explicit("soon gone", category, "some.py", 1, module=module)

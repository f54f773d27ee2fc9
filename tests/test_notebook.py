"""The notebook for teachers: valid, without outputs, and it runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from tests.factory import make_study

NOTEBOOK = Path(__file__).parents[1] / "experiments" / "teaching" / "course.ipynb"


def test_it_is_valid_and_holds_no_output() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 10
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [(512,), (128, 512)], ids=["one size", "two sizes"])
def test_it_runs_on_a_study(rows: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nbclient import NotebookClient

    study = make_study(tmp_path / "course", rows=rows)
    monkeypatch.setenv("HEADSTART_STUDY", str(study))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    told = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "pretrained scores" in told
    assert "did not reach" in told
    kinds = [set(output.get("data", {})) for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/svg+xml" in each for each in kinds) == 3

"""`python -m tests.benchmarks.readme` writes the tables of the README here from the committed JSON."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.row import markdown

ROOT = Path(__file__).parents[2]
README = Path(__file__).with_name("README.md")
COMMITTED = ("benchmarks.json", "benchmarks-cuda.json")  # of `make bench` and `make bench-gpu`
BEGIN, END = "<!-- made from experiments/benchmarks*.json -->", "<!-- end -->"


def tables() -> str:
    """What was measured on what, and every row, for each committed file."""
    parts: list[str] = []
    for name in COMMITTED:
        path = ROOT / "experiments" / name
        if path.is_file():
            measured = json.loads(path.read_text("utf8"))
            parts += [_machine(measured), markdown(measured["rows"])]
    return "\n\n".join(parts)


def _machine(measured: dict[str, object]) -> str:
    versions = measured["versions"]
    assert isinstance(versions, dict)
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    gpu = f", {measured['gpu']}" if measured["gpu"] else ""
    return (
        f"Measured on {measured['date']}: {measured['cores']} cores of {measured['processor']}{gpu}; {shown}."
    )


def filled(text: str) -> str:
    """The README with these tables."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf8")), "utf8")

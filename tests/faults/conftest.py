"""What the tests of faults print at their end: how often what was tried."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Cases per file that passed, and the kills in them."""
    calls = [report for report in terminalreporter.stats.get("passed", ()) if report.when == "call"]
    passed = [report for report in calls if "faults/" in report.nodeid]
    cases = Counter(Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_") for report in passed)
    kills = sum(value for report in passed for name, value in report.user_properties if name == "kills")
    if cases:
        terminalreporter.write_sep("-", "faults")
        named = ", ".join(f"{name} {count}" for name, count in sorted(cases.items()))
        terminalreporter.write_line(f"cases that passed: {named}; kills: {kills}")

"""Write the frozen numbers anew: `python -m tests.goldens.freeze`."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

from tests.claims import as_expectation
from tests.goldens.studies import STUDIES

from headstart.compare.claims import Claim, Expectation, check
from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import markdown
from headstart.reports.formats.export import csv_text


def exported(findings: Any) -> str:
    """What `headstart report --export csv` writes."""
    return csv_text(findings)


def page(findings: Any) -> str:
    """What report.md says."""
    return markdown.render(outline.page(findings))


def claims(findings: Any) -> list[list[Any]]:
    """Key, direction and outcome of a claim that each known number is not 0."""
    found = findings.rows
    expects = [as_expectation(one, 0, 0.01) for one in found if one.known]
    claim = Claim(Path("page"), "", True, {"laptop": ()}, tuple(Expectation(**one) for one in expects))
    return [
        [c.expectation.quantity, c.expectation.condition, c.expectation.arm, c.expectation.direction, c.holds]
        for c in check(claim, found)
    ]


def _numbers(text: str) -> str:
    """The columns that are numbers, and what tells the rows apart."""
    rows = list(csv.reader(text.splitlines()))
    kept = [place for place, head in enumerate(rows[0]) if head not in ("verdict", "note", "provenance")]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([row[place] for place in kept] for row in rows)
    return stream.getvalue()


def _tables(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("| "))


if __name__ == "__main__":
    frozen = Path(__file__).parent / "frozen"
    frozen.mkdir(exist_ok=True)
    for name, make in STUDIES.items():
        with tempfile.TemporaryDirectory() as folder:
            findings = compare(make(Path(folder) / "s"))
        (frozen / f"{name}.csv").write_text(_numbers(exported(findings)), "utf8")
        (frozen / f"{name}.md").write_text(_tables(page(findings)), "utf8")
        (frozen / f"{name}.json").write_text(json.dumps(claims(findings)) + "\n", "utf8")

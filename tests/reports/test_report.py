"""The report on disk: it loads nothing, escapes everything, and is the same for the same records."""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from tests.drawing import ONE_PER_REPORT
from tests.factory import make_study
from tests.reports import handmade
from tests.reports.html_reader import Reader

from headstart.cli import main
from headstart.compare.findings import Bounded, Rows
from headstart.reports import outline
from headstart.reports.build import build, write
from headstart.reports.charts import renderer
from headstart.reports.charts.renderer import draw
from headstart.reports.formats import html, markdown, terminal
from headstart.reports.formats.pictures import FOLDER, pictures

ARMS = ("scratch", "pretrained")
BUNDLE = "window.vegaEmbed = () => {}; // stands for 0.9 MB"


def rendered(**changes) -> str:
    return html.render(outline.page(handmade.study(**changes)), BUNDLE)


def hostile() -> str:
    bad = handmade.HOSTILE
    item = handmade.comparison(
        only_arm=(handmade.example(0, bad),),
        confusions=(handmade.confusion(bad, 14), handmade.confusion("pretrained", 34)),
        sentence=f"{bad}. It holds.",
    )
    return rendered(
        comparison=item, study=bad, question=bad, notes=(bad,), problems=(bad,), config={"x": bad}
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("runs"), seeds=range(3), status={("scratch", 2): "diverged"})


def test_nothing_in_the_page_can_load_anything() -> None:
    page = Reader(rendered())
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form", "img", "video", "audio", "source")
        assert not {"src", "srcset", "action", "background", "poster"} & set(attributes)
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert not re.search(r"@import|url\(", rendered())


def test_the_policy_allows_the_two_scripts_by_hash_and_no_eval() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', rendered())
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert policy[1].count("sha256-") == 2
    assert "unsafe-eval" not in policy[1]


def test_hostile_words_stay_words() -> None:
    text = hostile()
    page = Reader(text)
    assert text.count("</script>") == 3
    assert {"img", "b", "i"} & {tag for tag, _ in page.tags} <= {"i"}
    assert "</script><img src=x onerror=alert(1)>" in "".join(page.text)


def test_chart_data_survives_its_escape() -> None:
    value = {"text": "</script><!-- & \u2028"}
    told = html.inline_json(value)
    assert not re.search("[<>&\u2028]", told)
    assert json.loads(told) == value
    with pytest.raises(ValueError, match="Out of range"):
        html.inline_json({"x": math.nan})


def test_vega_is_in_the_page_once_and_cannot_close_its_script() -> None:
    bundle = html.bundle_of_vega()
    assert "window.vegaEmbed=" in bundle
    assert "</script" not in bundle.lower()
    assert html.render(handmade.page(), bundle).count("window.vegaEmbed=") == 1


@pytest.mark.parametrize("damage", [b"", b"alert(1)", b"\xff"])
def test_a_damaged_copy_of_vega_is_made_again(
    damage: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    monkeypatch.setattr(html, "_bundle", lambda: "vega")
    assert html.bundle_of_vega.__wrapped__() == "vega"
    (copy,) = tmp_path.glob("vega-*.js")
    copy.write_bytes(damage)
    assert html.bundle_of_vega.__wrapped__() == "vega"
    assert copy.read_bytes() == b"vega"


def test_a_damaged_copy_that_cannot_be_deleted_costs_no_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(html, "_bundle", lambda: "vega")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(html, "cached", lambda name, make: tmp_path / "folder")  # neither read nor deleted
    assert html.bundle_of_vega.__wrapped__() == "vega"


def test_a_report_needs_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(html, "_bundle", lambda: "vega")
    assert html.bundle_of_vega.__wrapped__() == "vega"


def test_a_percentage_is_not_torn_apart_but_a_row_stays_as_it_is() -> None:
    row = handmade.example(0, "5 % of 3 MB")
    page = rendered(comparisons=(handmade.comparison(only_arm=(row,)),))
    assert "<blockquote>5 % of 3 MB</blockquote>" in page
    words = re.sub(r"<(script|style|blockquote|code)\b.*?</\1>|<[^>]*>", "", page, flags=re.DOTALL)
    assert "95\N{NO-BREAK SPACE}%" in words and not re.search(r"\d %", words)


def test_every_chart_has_a_place_and_a_description() -> None:
    figures = handmade.page().figures()
    places = {a["id"]: a["aria-label"] for tag, a in Reader(rendered()).tags if a.get("role") == "img"}
    assert places == {f"chart-{figure.key}": figure.description for figure in figures}


def test_markdown_keeps_pipes_and_markup_as_text() -> None:
    told = markdown.escape("a | b `c` <img> [x](y) *z* @someone http://host & more")
    assert told == (
        "a \\| b \\`c\\` &lt;img&gt; \\[x\\](y) \\*z\\* &#64;someone http:&#8203;//host &amp; more"
    )
    assert markdown.escape("1. first") == "1\\. first"
    assert markdown.escape("- item\n# head") == "\\- item \\# head"


def test_markdown_tables_have_one_width() -> None:
    item = handmade.comparison(only_arm=(handmade.example(0, handmade.HOSTILE),))
    page = outline.page(handmade.study(comparison=item, notes=(handmade.HOSTILE,)))
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", markdown.render(page), flags=re.MULTILINE)
    assert len(blocks) >= 8
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.strip().splitlines()}
        assert len(widths) == 1
    assert "<img" not in markdown.render(page)


def test_pictures_are_drawn_on_white_and_load_nothing(tmp_path: Path) -> None:
    drawn, reason = pictures(handmade.page(), tmp_path)
    assert reason == ""
    assert {"gain.svg", "curve-accuracy-flops.svg", "cost-joules.svg", "classes.svg"} <= set(drawn)
    for svg in drawn.values():
        assert svg.startswith("<svg")
        assert 'fill="#ffffff"' in svg
        assert not re.search(r'(href|src)="(?!#)', svg)


def test_only_what_changed_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = handmade.page()
    first, _ = pictures(page, tmp_path)
    for name, svg in first.items():
        (tmp_path / name).write_text(svg, "utf8")
    asked: list[str] = []
    monkeypatch.setattr(
        "headstart.reports.formats.pictures.draw", lambda specs: asked.extend(specs) or draw(specs)
    )
    assert pictures(page, tmp_path) == (first, "")
    assert asked == []
    cut, edited, binary, missing = (tmp_path / name for name in sorted(first)[:4])
    cut.write_text(cut.read_text("utf8")[:-20], "utf8")
    edited.write_text(edited.read_text("utf8").replace("<g", "<b", 1), "utf8")
    binary.write_bytes(b"\xff" * 90)
    missing.unlink()
    assert pictures(page, tmp_path) == (first, "")
    assert sorted(asked) == sorted(first)[:4]
    other_colours = replace(page, arms=page.arms[::-1])
    assert pictures(other_colours, tmp_path)[0]["gain.svg"] != first["gain.svg"]


@pytest.fixture
def one_per_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The renderer as users have it: a program per report."""
    monkeypatch.setattr(renderer, "_drawn", ONE_PER_REPORT)


@pytest.mark.usefixtures("one_per_report")
def test_a_label_that_no_picture_can_hold_is_drawn_without_it() -> None:
    (figure,) = [figure for figure in handmade.page().figures() if figure.key == "gain"]
    specs = {"again": figure.spec}
    for letter in ("\0", "\x1b", "\ufffe", "\uffff", "\u2028", "\ud800", "\x85"):
        label = f"re{letter}port"
        specs[ascii(letter)] = figure.spec | {"title": label, "data": {"values": [{"arm": label, label: 1}]}}
    drawn, reason = draw(specs)
    assert (drawn.keys(), reason) == (specs.keys(), "")
    for key in specs.keys() - {"again"}:
        assert "port" in drawn[key]
        ElementTree.fromstring(drawn[key])  # noqa: S314 - our own


def test_a_chart_that_ends_the_process_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    specs = {figure.key: figure.spec for figure in handmade.page().figures()[:3]}
    one, two, three = specs
    dies = "    if key == sys.argv[1]:\n        import os; os.abort()\n    svg ="
    program = renderer.PROGRAM.replace("    svg =", dies).replace("sys.argv[1]", repr(two))
    monkeypatch.setattr(renderer, "PROGRAM", program)
    drawn, reason = draw(specs)
    assert (list(drawn), reason) == ([one, three], "vl-convert ended with SIGABRT")


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import no_renderer", "ModuleNotFoundError: No module named 'no_renderer'"),
        ("import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 31, 1 << 31))\n" + renderer.PROGRAM, "SIG"),
    ],
)
def test_without_pictures_a_report_is_written_and_says_so(
    program: str, reason: str, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = build(study).findings
    shutil.rmtree(study / FOLDER)
    monkeypatch.setattr(renderer, "PROGRAM", program)
    built = write(findings, study, lambda: "")
    text = built.markdown.read_text("utf8")
    assert re.search(rf"charts could not be drawn as pictures .*{reason}", text.replace("\\", ""))
    assert "](report_files/" not in text and not [*(study / FOLDER).glob("*.svg")]
    assert "This page has no charts" in built.html.read_text("utf8")


def test_both_reports_are_built_and_rebuilt_to_the_same_bytes(study: Path) -> None:
    first = build(study)
    files = [first.html, first.markdown, *first.pictures, *first.cards]
    before = {path: path.read_bytes() for path in files}
    stale = study / FOLDER / "old.svg"
    stale.write_text("<svg/>")
    again = build(study)
    assert {path: path.read_bytes() for path in files} == before
    assert [path.name for path in again.cards] == ["card_scratch.md", "card_pretrained.md"]
    assert not stale.exists()
    assert not list(study.rglob("*.partial"))
    assert "1 diverged" in first.markdown.read_text()
    for picture in re.findall(r"\]\((report_files/[^)]*)\)", first.markdown.read_text()):
        assert (study / picture).is_file()


def test_no_path_of_the_machine_is_in_a_report(study: Path) -> None:
    built = write(build(study).findings, study, lambda: BUNDLE)
    files = (built.html, built.markdown, *built.cards)
    assert str(study.parent) not in "".join(path.read_text() for path in files)


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_study_of_which_no_run_finished_has_a_report_that_says_so(tmp_path, capsys, status) -> None:
    lost = {(arm, seed): status for arm in ARMS for seed in range(2)}
    make_study(tmp_path / "lost", seeds=range(2), status=lost)
    assert main(["report", str(tmp_path / "lost")]) == 1
    told = " ".join(capsys.readouterr().out.split())
    for seed in range(2):
        assert f"{'; '.join(f'{arm}, seed {seed} is {status}: {status} at step 17' for arm in ARMS)}" in told
    assert "Runs that diverged need other settings, such as a lower optim.lr" in told
    page = (tmp_path / "lost/report.md").read_text("utf8")
    assert f"2 {status}" in page
    assert (tmp_path / "lost/card_scratch.md").exists()


def test_a_folder_of_several_studies_is_refused_with_their_list(tmp_path, capsys) -> None:
    for name in ("one", "two"):
        make_study(tmp_path / name, seeds=[0], study=name, examples=20)
    make_study(tmp_path / "one.trials", seeds=[0], study="one.trials", examples=20)
    assert main(["report", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "holds several studies; name the folder of one: " in told
    assert all(f"{tmp_path / name} ({name}, 2 runs)" in told for name in ("one", "two", "one.trials"))


def test_a_folder_of_one_run_has_a_report(tmp_path, capsys) -> None:
    make_study(tmp_path, seeds=[0], examples=20)
    assert main(["report", str(tmp_path / "scratch-512-0")]) == 0
    assert "Nothing to compare: the only arm is scratch." in capsys.readouterr().out


@pytest.mark.parametrize("findings", [handmade.study(), handmade.sizes()])
def test_the_terminal_table_fits_eighty_columns_without_colour(findings, capsys) -> None:
    terminal.show(findings, Path("runs/docs/report.html"), Console(width=80))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "report: runs/docs/report.html"
    assert not re.search("[\x1b─│…]", "\n".join(lines))
    assert "751 J" in "\n".join(lines)
    assert "estimated" in "\n".join(lines)
    told = "Pretraining (published): 20.0 EFLOPs to 80.0 EFLOPs, pays after 100,000,000 to 400,000,000 uses"
    assert " ".join(lines).count(told.removesuffix("400,000,000 uses").strip()) == 1


def test_the_terminal_says_nothing_about_a_pretraining_that_nobody_knows(capsys) -> None:
    unknown = handmade.ledger(origin="unknown", flops=Bounded(None, None), rows=Rows())
    findings = handmade.study(comparison=handmade.comparison(ledger=unknown))
    terminal.show(findings, None, Console(width=80))
    assert "Pretraining" not in capsys.readouterr().out


def test_reporting_imports_no_torch_and_no_pandas_of_its_own() -> None:
    program = (
        "import sys, headstart.reports.build, headstart.reports.formats.terminal; "
        "print(sorted({'torch', 'transformers', 'pandas', 'datasets', 'vl_convert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

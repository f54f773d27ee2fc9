"""The reader: what a stranger would stumble over, on studies of several sizes and arms."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.factory import make_study
from tests.families import FAMILIES
from tests.reports import handmade

from headstart.compare import phrases
from headstart.compare.bounds import Bounded
from headstart.compare.caveats import caveats
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.study import compare
from headstart.reports import numbers, outline
from headstart.reports import tables as making
from headstart.reports.charts import style
from headstart.reports.charts.theme import painted
from headstart.reports.formats import html, terminal
from headstart.reports.page import LONG, SHORT, Cell, Gallery, Page, Table

SMALL: dict[str, Any] = {"seeds": range(2), "examples": 60, "evaluations": 3}


def tables(page: Page, key: str) -> list[Table]:
    return [
        part for each in page.sections if each.key == key for part in each.parts if isinstance(part, Table)
    ]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("sizes"), rows=(128, 512), **SMALL)


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("language")
    return outline.page(compare(make_study(folder, family=FAMILIES["language"], **SMALL)))


@pytest.mark.parametrize(
    ("value", "told", "gained"),
    [
        (0.5576, "0.558", "+0.558"), (999.4, "999.400", "+999.400"), (6679.652, "6,680", "+6,680"),
        (-5788.956, "−5,789", "−5,789"),
    ],
)  # fmt: skip
def test_decimals_of_large_scores_are_noise(value: float, told: str, gained: str) -> None:
    assert (numbers.score(value), numbers.signed(value)) == (told, gained)
    assert (phrases.number(value), phrases.number(value, "+")) == (told, gained)


def test_an_interval_of_a_size_is_the_same_in_every_table(sizes: Path) -> None:
    findings = compare(sizes)
    for row, one in zip(findings.rows.select("data.gain"), findings.comparisons, strict=True):
        assert one.gain is not None and one.gain.interval is not None
        assert row.interval == one.gain.interval
    page = outline.page(findings)
    (rows,) = tables(page, "rows")
    summary = [row for row in tables(page, "summary")[0].rows if row[1].text == "pretrained"]
    assert [row[4].text for row in rows.rows] == [row[4].text for row in summary]


def test_a_study_over_sizes_answers_with_its_curve_as_well(sizes: Path) -> None:
    findings = compare(sizes)
    page = outline.page(findings)
    (curve,) = findings.rows.select("data.sizes")
    assert page.sentence == findings.sentence == curve.note
    assert page.answer[0].startswith("With 128 rows, pretrained scores ")
    assert page.answer[0].endswith(".") and "data multiplier" in page.answer[0]
    assert page.answer[1].startswith(("From about ", "Within the data", "At no size"))
    assert tables(page, "data")[0].rows[0][1].text == "128; 512"


def test_an_interval_that_no_size_bounds_is_called_open(sizes: Path) -> None:
    findings = compare(sizes)
    numbers = {"data.rows_needed": 109.0, "data_multiplier": 3.41}

    def open_first(row: Quantity) -> Quantity:
        here = row.condition == "128 rows"
        return replace(row, low=None, high=None, level=None, value=numbers[row.key]) if here else row

    rows = [open_first(row) if row.key in numbers else row for row in findings.rows]
    opened = replace(findings, rows=Rows(rows))
    (shown,) = tables(outline.page(opened), "rows")
    assert [cell.text for cell in shown.rows[0][6:8]] == ["109 (open)", "3.41× (open)"]
    # its whisker reaches over all sizes: a point without one would look certain
    rows_section = next(each for each in outline.page(opened).sections if each.key == "rows")
    (chart,) = next(part for part in rows_section.parts if isinstance(part, Gallery)).figures
    drawn = next(layer for layer in chart.spec["layer"] if "tooltip" in layer["encoding"])
    first = chart.spec["datasets"][drawn["data"]["name"]][0]
    assert (first["low"], first["high"], first["interval"]) == (128, 512, "open")
    # one pair and no predictions: there is no interval at all
    alone = [row.at(row.value) if row.key == "data.gain" else row for row in rows]
    (shown,) = tables(outline.page(replace(findings, rows=Rows(alone))), "rows")
    assert shown.rows[0][6].text == "109"


def test_what_holds_for_every_comparison_is_said_once(sizes: Path) -> None:
    findings = compare(sizes)
    lines = caveats(findings)
    few = [line for line in lines if "exact two-sided test" in line]
    assert len(few) == 1
    assert few[0].startswith("In all 2 comparisons: with 2 pairs")
    ends = [line for line in lines if "the nearer end of the interval" in line]
    decided = [one for one in findings.comparisons if one.gain and one.gain.verdict in ("better", "worse")]
    assert [line.partition(":")[0] for line in ends] == [one.condition.name for one in decided]
    assert decided
    assert len(lines) == len(set(lines))


def test_the_loss_is_not_drawn_twice(language: Page) -> None:
    drawn = [part for each in language.sections if each.key == "curves" for part in each.parts]
    keys = [figure.key for part in drawn if isinstance(part, Gallery) for figure in part.figures]
    assert keys and not [key for key in keys if key.startswith("curve-loss-")]


def test_curves_of_accuracy_keep_their_loss() -> None:
    assert any(figure.key.startswith("curve-loss-") for figure in handmade.page().figures())


def test_matchings_that_say_the_same_are_one_row(sizes: Path) -> None:
    page = outline.page(compare(sizes))
    (matched,) = tables(page, "c0-matchings")
    assert matched.rows[0][0].text == "steps, samples, tokens, FLOPs"
    told = [tuple(cell.text for cell in row[1:]) for row in matched.rows if row[1].text]
    assert len(told) == len(set(told))


def test_what_is_refused_is_not_called_unknown(tmp_path: Path) -> None:
    def crowded(record: dict[str, Any]) -> None:
        record["cost"]["energy"]["exclusive"] = False

    (ratios,) = tables(outline.page(compare(make_study(tmp_path, change=crowded, **SMALL))), "ratios")
    energy = next(row for row in ratios.rows if row[0].text == "Energy")
    assert [cell.text for cell in energy[1:4]] == ["not compared", "not compared", "no ratio"]
    assert "was not alone" in energy[5].text


def test_a_model_without_a_head_does_not_show_the_digest_of_nothing(tmp_path: Path) -> None:
    import hashlib

    def headless(record: dict[str, Any]) -> None:
        record["init"]["head"] = hashlib.sha256().hexdigest()

    page = outline.page(compare(make_study(tmp_path, change=headless, **SMALL)))
    (pairs,) = tables(page, "pairs")
    assert {row[5].text for row in pairs.rows} == {"no head of its own"}
    assert all(row[6].text.startswith("both ") for row in pairs.rows)


def test_an_image_has_no_text_to_quote(tmp_path: Path) -> None:
    one = replace(handmade.example(0, "x"), text="0", id="0")
    page = outline.page(handmade.study(comparison=handmade.comparison(only_arm=(one,))))
    told = html.render(page, "")
    assert "<blockquote>example 0</blockquote>" in told


def test_legends_name_what_is_drawn_and_fit_a_narrow_chart() -> None:
    def legends(arms: tuple[str, ...], drawn: tuple[str, ...]) -> dict[str, Any]:
        """The encodings of the arms' colours and shapes in a chart of some of them."""
        points = style.chart([{"arm": arm, "x": 1.0} for arm in drawn]).mark("point")
        made = style.spec([points.encode(x="x:Q", color=style.ARM, shape=style.SHAPE)], 20)
        return painted(made, arms)["encoding"]

    arms = ("scratch", "near", "near_mean_var", "near_shuffled")
    few = legends(arms, arms[:2])
    assert few["color"]["scale"]["domain"] == list(arms)  # the colours stay those of the study
    assert few["color"]["legend"] == few["shape"]["legend"] == {"values": ["scratch", "near"]}
    assert legends(arms, arms)["color"]["legend"]["columns"] == 2
    long = ("an_arm_with_a_rather_long_name", "another_with_a_long_name")
    assert legends(long, long)["shape"]["legend"]["columns"] == 1
    quiet = style.spec(
        [style.chart([{"arm": "near"}]).mark("point").encode(color=style.ARM_WITHOUT_LEGEND)], 20
    )
    assert painted(quiet, arms)["encoding"]["color"]["legend"] is None


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("3 finished", "short"), ("0.433 (0.372 to 0.521)", "bracketed"), ("x" * SHORT, "short"),
        ("x" * (SHORT + 1), ""), ("x" * (LONG + 1), "long"), ("a (b) " * LONG, "long"),
    ],
)  # fmt: skip
def test_cells_say_how_much_room_they_need(text: str, length: str) -> None:
    assert Cell(text).length == length


def test_a_bracket_goes_on_below_as_a_whole() -> None:
    told = html.render(handmade.page(), "")
    assert "<span>0.558</span> <span>(0.545 to 0.569)</span>" in told
    assert Cell("at least 1.00× (at least 0.893×)").halves == ("at least 1.00×", "(at least 0.893×)")


def test_paybacks_that_say_the_same_are_one_row() -> None:
    here = Quantity("", arm="pretrained", baseline="scratch", n=3)
    paid = [
        *handmade.pays(here, "arm", uses=Bounded(None, 8e8)),
        *handmade.pays(here, "arm", "joules"),
        *handmade.pays(here, "baseline", "joules"),
    ]
    item = handmade.comparison(ledger=handmade.ledger(rows=Rows(paid)))
    rows = tables(outline.page(handmade.study(comparison=item)), "pretraining")[0].rows
    assert [row[2].text for row in rows] == ["pretrained", "pretrained, scratch"]


def test_ratios_that_hardly_differ_are_told_once(sizes: Path) -> None:
    findings = compare(sizes)
    item = findings.comparisons[0]
    for times, column in ((1.03, False), (1.3, True)):
        changed = replace(findings, comparisons=(replace(item, rows=_with_steps(item.rows, times)),))
        (made,) = tables(outline.page(changed), "targets")
        assert ("Ratio of steps" in [each.name for each in made.columns]) == column
        assert ("In steps, samples, tokens the ratios are within 5 %" in made.caption) == (not column)


def _with_steps(rows: Rows, times: float) -> Rows:
    """The ratios of steps to a target as those of the FLOPs, but for this factor."""
    kept = [row for row in rows if ".steps_ratio" not in row.key]
    for row in rows.select("target.*.flops_ratio", "target.*.flops_ratio.interval"):
        ends = {name: value and value * times for name in ("value", "low", "high")
                if (value := getattr(row, name)) is not None}  # fmt: skip
        kept.append(replace(row, key=row.key.replace("flops", "steps"), **ends))
    return Rows(kept)


def test_layers_of_a_chart_share_their_rows() -> None:
    rows = [{"x": 1.0}]
    made = style.chart(rows).mark("point").encode(x="x:Q")
    spec = style.spec([made, made.mark("line")], 20)
    (told,) = spec["datasets"].values()
    assert told is rows
    assert [layer["data"] for layer in spec["layer"]] == [{"name": name} for name in spec["datasets"]] * 2


def test_only_very_long_tables_scroll_downwards() -> None:
    page = handmade.page()
    assert 'class="scroll tall"' not in html.render(page, "")
    long = making.table(range(31), {"A": str, "B": lambda _: "x"})
    first = replace(page.sections[0], parts=long)
    assert 'class="scroll tall"' in html.render(replace(page, sections=(first,)), "")


def test_a_long_condition_leaves_room_for_the_numbers(tmp_path: Path) -> None:
    findings = compare(make_study(tmp_path, **SMALL))
    name = "docs_library_text, decoder-l2-h128, lr 0.001, epochs none, steps 200, evaluations 12"
    crowded = tuple(replace(item, condition=name) for item in findings.arms)
    shown = io.StringIO()
    terminal.show(replace(findings, arms=crowded), console=Console(file=shown, width=80))
    head, first = shown.getvalue().splitlines()[:2]
    assert head.split() == ["arm", "score", "gain", "FLOPs", "time", "energy", "finished"]
    assert numbers.score(findings.arms[0].score_mean) in first

"""The page: sections come with their evidence and go without it, and say what was left out."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from tests.reports import handmade

from headstart.compare.findings import Bounded, Excluded, Interval, MeterNotes, Quantity, Rows, Stage
from headstart.reports import outline
from headstart.reports.formats import html, markdown
from headstart.reports.page import Gallery, Page, Quotes, Section, Table

ORDER = [
    "arms", "summary", "gain", "metrics", "curves", "classes", "confusion", "examples", "ratios", "pairs",
    "costs", "pretraining", "differences", "start", "changers", "data", "environment", "reproduce",
]  # fmt: skip


def keys(page: Page) -> list[str]:
    return [section.key for section in page.sections]


def words(page: Page) -> str:
    """Everything that the page says, as Markdown without its escapes."""
    return markdown.render(page).replace("\\", "")


def section(page: Page, key: str) -> Section:
    return next(item for item in page.sections if item.key == key)


def test_a_whole_study_has_every_section_in_the_order_of_a_readers_questions() -> None:
    assert keys(handmade.page()) == ORDER


def test_sections_without_evidence_are_not_there() -> None:
    bare = handmade.comparison(
        gains={}, curves=(), classes=(), confusions=(), only_arm_count=0, only_baseline_count=0, numbers=(),
        pairs=(), ledger=None,
    )  # fmt: skip
    page = outline.page(handmade.study(comparison=bare, data={}, environments=(), attestations=(), notes=()))
    assert keys(page) == ["summary", "costs", "reproduce"]


def test_a_study_without_any_comparison_still_reports_its_runs() -> None:
    page = outline.page(handmade.study(comparisons=(), sentence="No pair is left."))
    assert keys(page)[0] == "summary"
    assert page.answer == ("No pair is left.", "")
    assert page.verdict == ""


def test_the_answer_comes_first_and_its_remarks_after() -> None:
    page = handmade.page()
    assert page.answer[0].endswith("(ratio 1.00).")
    assert page.answer[1] == "Energy on this machine is estimated, not measured."
    assert page.verdict == "better"


def test_several_conditions_give_a_block_each_and_an_overview() -> None:
    page = outline.page(handmade.sizes((64, 512)))
    assert keys(page)[:3] == ["summary", "gain", "c0"]
    blocks = [item for item in page.sections if re.fullmatch(r"c\d", item.key)]
    assert [item.title for item in blocks] == [
        "64 rows: pretrained against scratch",
        "512 rows: pretrained against scratch",
    ]
    assert dict(page.points)["Gain"].count("better") == 2
    assert ("Varied", "size: 64 rows, 512 rows; seed: 0, 1, 2") in page.facts
    assert len({figure.key for figure in page.figures()}) == len(page.figures())


def test_every_comparison_of_several_is_folded_and_their_sections_with_it() -> None:
    page = outline.page(handmade.sizes((64, 512)))
    chapters = {head.key: (head, inner) for head, inner in page.chapters}
    assert chapters["c0"][0].folded and chapters["c1"][0].folded
    assert [each.key for each in chapters["c1"][1]] == [key for key in keys(page) if key.startswith("c1-")]
    assert sum(1 + len(inner) for _, inner in page.chapters) == len(page.sections)
    text = html.render(page, "")
    folds = re.findall(r'<details class="fold" id="([\w-]+)">', text)
    assert folds == [head.key for head, _ in page.chapters if head.folded]
    links = re.findall(r'<a href="#([\w-]+)">', text)
    assert links == [head.key for head, _ in page.chapters if not head.folded]
    told = markdown.render(page)
    assert told.count("<details>") == told.count("</details>") == len(folds)
    assert "<summary><b>512 rows: pretrained against scratch</b></summary>" in told


def test_a_diverged_run_is_counted_and_the_mean_is_said_to_be_over_survivors() -> None:
    arm = handmade.summary("pretrained", finished=2, diverged=1, survivors_only=True)
    lost = Excluded("pretrained-512-2", "pretrained", 2, "diverged: loss became NaN at step 17")
    page = outline.page(handmade.study(arms=(handmade.summary("scratch"), arm), excluded=(lost,)))
    text = words(page)
    assert "2 finished, 1 diverged" in text
    assert "mean over survivors only: 2 finished, 1 diverged of 3 started" in text
    assert "Gains are over complete pairs only" in text
    assert "loss became NaN at step 17" in text
    assert "excluded" in keys(page)


def test_estimated_energy_is_labelled_everywhere_and_drawn_hollow() -> None:
    page = handmade.page()
    table = section(page, "summary").parts[0]
    assert isinstance(table, Table)
    assert table.rows[1][6].text == "768 J (estimated)"
    drawn = {figure.key: figure for figure in page.figures()}
    assert drawn["cost-joules"].spec["mark"]["fillOpacity"] == 0
    assert "estimated" in drawn["cost-joules"].title
    assert "fillOpacity" not in drawn["cost-flops"].spec["mark"]


def test_measured_energy_is_solid_and_different_methods_share_no_axis() -> None:
    measured = [handmade.summary(arm, energy_method="measured") for arm in ("scratch", "pretrained")]
    keyed = {f.key: f for f in outline.page(handmade.study(arms=tuple(measured))).figures()}
    assert "fillOpacity" not in keyed["cost-joules"].spec["mark"]
    mixed = (measured[0], handmade.summary("pretrained"))
    assert "cost-joules" not in {f.key for f in outline.page(handmade.study(arms=mixed)).figures()}


def test_no_meter_says_why_and_never_zero() -> None:
    blind = [
        handmade.summary(a, joules=None, energy_method="none", energy_reason="no counter here")
        for a in ("scratch", "pretrained")
    ]
    page = outline.page(handmade.study(arms=tuple(blind)))
    assert "Energy: no counter here" in words(page)
    assert "cost-joules" not in {figure.key for figure in page.figures()}


def test_a_refused_ratio_gives_its_reason() -> None:
    refused = Quantity("", arm="pretrained", baseline="scratch").named("joules_ratio", note="two machines")
    page = outline.page(handmade.study(comparison=handmade.comparison(numbers=[refused])))
    table = section(page, "ratios").parts[0]
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]][3:] == ["no ratio", "", "two machines"]


def test_an_undecided_answer_says_what_would_decide_it() -> None:
    gain = replace(
        handmade.one_gain("accuracy", 0.01),
        verdict="undecided",
        interval=Interval(-0.02, 0.04),
        decide="9 more pairs",
    )
    page = outline.page(handmade.study(comparison=handmade.comparison(gains={"accuracy": gain})))
    assert "To decide: 9 more pairs." in words(page)


def test_every_arm_keeps_its_colour_in_every_chart() -> None:
    page = handmade.page()
    text = json.dumps([figure.spec for figure in page.figures() if "confusion" not in figure.key])
    domains = set(re.findall(r'"domain": (\[[^\]]*"[^\]]*\])', text))
    assert domains == {'["scratch", "pretrained"]'}


def test_examples_are_cut_and_their_number_is_not() -> None:
    many = handmade.comparison(only_arm=tuple(handmade.example(n) for n in range(30)))
    part = section(outline.page(handmade.study(comparison=many)), "examples").parts[1]
    assert isinstance(part, Quotes)
    assert part.title == "Only pretrained is right: 112 examples; 8 shown"
    assert len(part.items) == 8


def test_curves_come_by_step_compute_and_time() -> None:
    gallery = section(handmade.page(), "curves").parts[0]
    assert isinstance(gallery, Gallery)
    assert [figure.key for figure in gallery.figures] == [
        f"curve-accuracy-{axis}" for axis in ("step", "flops", "seconds")
    ]
    assert "pretrained ends at 0.550 after 384 GFLOPs" in gallery.figures[1].description


def test_the_ledger_shows_three_views_and_tells_published_from_measured() -> None:
    views, pays, figures = [p for p in section(handmade.page(), "pretraining").parts
                            if isinstance(p, Table)]  # fmt: skip
    assert [row[1].text for row in views.rows] == [
        "pretraining cost excluded",
        "shared by 100 uses",
        "in full, by this one use",
    ]
    assert views.rows[0][2].text == "none"
    assert views.rows[2][2].text == "20.0 EFLOPs to 80.0 EFLOPs"
    assert "Pretraining is published, not measured here." in views.caption
    assert [row[4].text for row in pays.rows] == [
        "after at most 800,000,000 uses",
        "after 100,000,000 to 400,000,000 uses",
    ]
    assert [row[5].text for row in pays.rows] == ["no interval", "no interval"]
    assert "the saving is a lower bound" in pays.rows[0][6].text
    assert [row[5].text for row in figures.rows] == [
        "A paper 2020, Table 1",
        "B 2019, Table 3 (not yet read again at its source)",
    ]
    assert "Open questions" in words(handmade.page())


@pytest.mark.parametrize(
    ("interval", "may_never", "told"),
    [
        (Bounded(1e8, 4e8), False, "100,000,000 to 400,000,000 uses"),
        (Bounded(1e8, None), True, "from 100,000,000 uses to never"),
        (Bounded(None, 4e8), False, "at most 400,000,000 uses"),
        (Bounded(0.2, None), True, "from 1 use to never"),
        (Bounded(None, None), True, "from 1 use to never"),
        (None, False, "no interval"),
    ],
)
def test_a_payback_carries_its_interval(interval: Bounded | None, may_never: bool, told: str) -> None:
    ends: dict = {"verdict": "or never" if may_never else ""}
    if interval is not None and interval.known:
        ends |= {"low": interval.low, "high": interval.high, "level": 0.95}
    here = Quantity("", arm="pretrained", baseline="scratch", n=3)
    paid = handmade.pays(here, "baseline", uses=Bounded(1e8, 4e8), **ends)
    rows = [row for row in handmade.ledger().rows if not row.key.startswith("break_even")]
    item = handmade.comparison(ledger=handmade.ledger(rows=Rows([*rows, *paid])))
    _, pays, _ = [p for p in section(outline.page(handmade.study(comparison=item)), "pretraining").parts
                  if isinstance(p, Table)]  # fmt: skip
    assert pays.rows[0][5].text == told


def test_a_part_of_the_pretraining_is_never_shown_as_the_whole() -> None:
    part = handmade.ledger(covers="the contrastive stage", flops=Bounded(None, 8e19))
    page = outline.page(handmade.study(comparison=handmade.comparison(ledger=part)))
    table = next(p for p in section(page, "pretraining").parts if isinstance(p, Table))
    assert all(row[3].text.endswith(" + ?") for row in table.rows[1:])
    assert "the contrastive stage alone is known" in table.caption


def test_pretraining_that_was_measured_here_is_told_as_such() -> None:
    stage = Stage(10**15, 500.0, "measured", 60.0, ("ab" * 8,))
    exact = Bounded(1e15, 1e15)
    mine = handmade.ledger(origin="measured", stages=(stage,), figures=(), open=(), flops=exact)
    text = words(outline.page(handmade.study(comparison=handmade.comparison(ledger=mine))))
    assert "measured here (1 run)" in text
    assert "abababab" in text
    assert "Published figures" not in text


def test_pairs_show_the_digests_that_both_sides_share() -> None:
    table = section(handmade.page(), "pairs").parts[0]
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]][-2:] == ["both aaaa0000", "both bbbb0000"]


def test_a_lower_bound_of_flops_is_marked() -> None:
    arm = handmade.summary("pretrained", flops_lower_bound=True)
    findings = handmade.study(arms=(handmade.summary("scratch"), arm))
    table = section(outline.page(findings), "summary").parts[0]
    assert isinstance(table, Table)
    assert [row[4].text for row in table.rows] == ["414 GFLOPs", "≥ 414 GFLOPs"]


def test_total_and_dynamic_energy_stand_side_by_side_with_the_evidence() -> None:
    notes = MeterNotes(900.0, 600.0, 10.0, ("nothing else ran",), ("a short run",), ("rapl: no",), 1)
    arm = handmade.summary("pretrained", meter=notes)
    page = outline.page(handmade.study(arms=(handmade.summary("scratch"), arm)))
    table = [part for part in section(page, "costs").parts if isinstance(part, Table)][1]
    assert [cell.text for cell in table.rows[0]] == [
        "pretrained", "900 J", "600 J", "10.0 W", "nothing else ran", "estimated, not measured",
    ]  # fmt: skip
    for line in ("Energy: a short run", "Not used: rapl: no", "1 interrupted segment left no record"):
        assert line in words(page)


@pytest.mark.parametrize("study", [handmade.study(), handmade.sizes()])
def test_nothing_unknown_leaks_as_a_word_of_the_language(study) -> None:
    told = words(outline.page(study)).split("The resolved configuration")[0]
    assert not re.search(r"\b(None|nan|NaN|null|inf|Infinity|True|False)\b", told)

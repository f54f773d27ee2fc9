"""Sections across conditions: models, fronts, aggregates and variances, from findings made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.reports import handmade

from headstart.compare.bounds import Interval
from headstart.compare.findings import Aggregate, Front, Profile, Quantity, Rows
from headstart.compare.pareto import point_rows
from headstart.reports import outline
from headstart.reports.formats import html, markdown
from headstart.reports.page import Gallery, Table
from headstart.reports.sections import aggregates, scales, variance


def front(costs: tuple[float, float] = (50.0, 80.0), **changes: Any) -> Front:
    told: dict[str, Any] = {"resource": "joules", "task": "docs", "metric": "chrf", "estimated": True}
    cheap = Quantity("", "64 rows", "pretrained", metric="chrf", n=3).at(0.5, Interval(0.45, 0.55))
    dear = Quantity("", "512 rows", "scratch", metric="chrf", n=1).at(0.4)
    rows = Rows([*point(cheap, costs[0], None), *point(dear, costs[1], "pretrained, 64 rows")])
    return Front(**{**told, "rows": rows, **changes})


def point(score: Quantity, cost: float, beaten_by: str | None) -> tuple[Quantity, Quantity]:
    here = replace(score, value=None, low=None, high=None, level=None)
    return point_rows(here, "joules", cost, score, beaten_by, estimated=True)


def aggregate(**changes: Any) -> Aggregate:
    place = Quantity("", arm=changes.get("arm", "pretrained"), baseline="scratch", n=10)
    rows = [
        place.named("aggregate.baseline_iqm", note="unknown here"),
        place.named("aggregate.iqm_gain").at(0.25, Interval(0.2, 0.3)),
        place.named("aggregate.improvement").at(0.9),
    ]
    profile = Profile("pretrained", (0.0, 0.5, 1.0), (1.0, 0.5, 0.0), (1.0, None, 0.0), (1.0, None, 0.1))
    told: dict[str, Any] = {
        "arm": "pretrained", "baseline": "scratch", "conditions": ("a", "b", "c"), "scale": "accuracy",
        "pairs": (3, 3, 4), "rows": Rows(rows), "profiles": (profile,),
    }  # fmt: skip
    return Aggregate(**{**told, **changes})


def split(of: str = "gain of pretrained", condition: str = "") -> list[Quantity]:
    place = Quantity("", condition, of, metric="accuracy")
    return [
        place.named("variance.subset", n=4).at(0.0004, Interval(0.0001, 0.004)),
        place.named("variance.subset.sd", n=4).at(0.02),
        place.named("variance.subset.share", n=4).at(0.8),
        place.named("variance.seed", n=3).at(1e-4),
        place.named("variance.seed.sd", n=3).at(0.01),
        place.named("variance.seed.share", n=3).at(0.2),
    ]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def only_table(parts: tuple) -> Table:
    (found,) = [part for part in parts if isinstance(part, Table)]
    return found


def test_a_front_tells_who_is_worth_it_and_that_its_joules_are_estimated() -> None:
    parts = scales.fronts(handmade.study(fronts=(front(),)))
    assert texts(only_table(parts)) == [
        ["energy (estimated)", "pretrained", "64 rows", "0.500", "0.450 to 0.550", "50 J", "3",
         "on the front"],
        ["energy (estimated)", "scratch", "512 rows", "0.400", "no interval", "80 J", "1",
         "beaten by pretrained, 64 rows"],
    ]  # fmt: skip
    gallery = parts[0]
    assert isinstance(gallery, Gallery)
    figure = gallery.figures[0]
    assert figure.title == "docs: test chrF against energy (estimated, dashed)"
    assert '"strokeDash": [4, 3]' in json.dumps(figure.spec)
    assert '"strokeDash": [4, 3]' not in json.dumps(scales.front_chart(front(estimated=False)))


def test_a_front_over_one_cost_or_refused_is_not_there() -> None:
    assert scales.fronts(handmade.study(fronts=(front((50.0, 51.0)),))) == ()
    assert scales.fronts(handmade.study(fronts=(front(rows=Rows(), reason="no joules"),))) == ()


def test_models_stand_against_their_parameters() -> None:
    small = Quantity("", "mini", "scratch", metric="accuracy", n=3)
    large = replace(small, condition="base", n=1)
    extra = [
        small.named("model.parameters").at(11_000_000.0),
        small.named("model.score").at(0.2, Interval(0.1, 0.3)),
        small.named("model.joules", verdict="estimated").at(80.0),
        large.named("model.parameters").at(110_000_000.0),
        large.named("model.score").at(0.3),
        large.named("model.joules", verdict="none"),
    ]
    parts = scales.models(handmade.study(extra=extra))
    assert [row[-1] for row in texts(only_table(parts))] == ["80 J (estimated)", "not measured"]
    assert [row[4] for row in texts(only_table(parts))] == ["0.100 to 0.300", "no interval"]


def test_aggregates_carry_their_intervals_and_refusals() -> None:
    refused = aggregate(arm="frozen", reason="perplexity has no scale from 0 to 1")
    findings = handmade.study(aggregates=(aggregate(), refused))
    rows = {row[1]: row[2:] for row in texts(only_table(aggregates.parts(findings)))}
    assert rows["Gain of the interquartile means"] == ["+0.250", "+0.200 to +0.300", "10"]
    assert rows["Probability of improvement"] == ["90 %", "no interval", "10"]
    assert rows["Interquartile mean of the baseline"][0] == "unknown"
    assert "frozen: perplexity has no scale from 0 to 1." in markdown.render(outline.page(findings))
    assert aggregates.parts(handmade.study(aggregates=(refused,))) == ()


def test_the_spread_is_split_or_the_section_is_not_there() -> None:
    assert texts(only_table(variance.parts(handmade.study(extra=split())))) == [
        ["gain of pretrained", "all runs", "which rows were drawn", "0.020", "0.000400",
         "0.000100 to 0.00400", "80 %", "4"],
        ["gain of pretrained", "all runs", "seed", "0.010", "0.000100", "no interval", "20 %", "3"],
    ]  # fmt: skip
    assert variance.parts(handmade.study(extra=[Quantity("variance", note="one draw")])) == ()


def test_hostile_words_stay_words_in_every_new_section() -> None:
    bad = handmade.HOSTILE
    hostile = point(Quantity("", bad, "scratch", metric="chrf", n=3).at(0.5), 1e12, bad)
    findings = handmade.study(
        fronts=(front(task=bad, rows=Rows([*hostile, *front().rows[2:]])),),
        aggregates=(aggregate(scale=bad, notes=(bad,)),),
        extra=split(bad, bad),
    )
    page = outline.page(findings)
    assert {"fronts", "aggregates", "variances"} <= {each.key for each in page.sections}
    assert "<img" not in html.render(page, "") and "<img" not in markdown.render(page)

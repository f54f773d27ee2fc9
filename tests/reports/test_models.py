"""The models' table and plot: what is known is shown with its origin, what is not stays empty."""

from __future__ import annotations

import io
import itertools
import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from tests.compare.electricity import emits
from tests.factory import make_study

from headstart.compare.emissions import Emitted, emitted
from headstart.errors import ConfigError
from headstart.models.listing import Listed
from headstart.reports.charts.models import APART, HEIGHT, save
from headstart.reports.console.models import as_data, cost, rows, table

LISTED = [
    Listed("bert_base", "google-bert/bert-base-uncased", None, None, "on the hub"),
    Listed("minilm", "sentence-transformers/all-MiniLM-L6-v2", "encoder", 22_713_216, "cached"),
    Listed("encoder_l2_h128", "here/encoder-l2-h128", "encoder", 1_527_680, "none yet"),
    Listed("gpt2", "openai-community/gpt2", "decoder", None, "on the hub"),
    Listed("mine", "me/mine", None, None, "on the hub"),
    Listed("vit_tiny", "here/vit-tiny", "vision", 812_800, "none yet"),
]


def shown(width: int) -> str:
    """The table as it is printed."""
    text = io.StringIO()
    Console(file=text, width=width).print(table(rows(LISTED)))
    return text.getvalue()


def test_families_in_order_and_models_from_small_to_large() -> None:
    assert [row.choice for row in rows(LISTED)] == [
        "encoder_l2_h128",
        "minilm",
        "bert_base",
        "gpt2",
        "vit_tiny",
        "mine",
    ]


def test_counted_and_published_sizes_are_told_apart() -> None:
    by_choice = {row.choice: row for row in rows(LISTED)}
    assert (by_choice["minilm"].parameters, by_choice["minilm"].counted) == (22_713_216, True)
    assert (by_choice["bert_base"].parameters, by_choice["bert_base"].counted) == (110_000_000, False)
    assert by_choice["bert_base"].family == "encoder"
    mine = by_choice["mine"]
    assert (mine.parameters, mine.year, mine.paper, mine.family, mine.pretraining) == (None,) * 4 + ((),)


@pytest.mark.parametrize("width", [80, 140])
def test_the_table_fits_and_says_what_is_known(width: int) -> None:
    text = shown(width)
    assert max(map(len, text.splitlines())) <= width
    lines = {line.split()[0]: line for line in text.splitlines() if line.split()}
    assert "22.7 M" in lines["minilm"] and "cached" in lines["minilm"] and "2021" in lines["minilm"]
    assert "~110 M" in lines["bert_base"] and "2018" in lines["bert_base"]
    assert "1.53 M" in lines["encoder_l2_h128"] and "none yet" in lines["encoder_l2_h128"]
    assert "unknown" in lines["mine"]
    assert ("652 kg CO2e" in lines["bert_base"]) == (width == 140)
    rows_shown = [line for line in text.splitlines() if line.strip()]
    assert len(rows_shown) == 2 + 4 + len(LISTED), "a header, families, and one row per model"


def test_a_table_of_nothing_is_empty() -> None:
    text = io.StringIO()
    Console(file=text, width=80).print(table(rows([]), plain=True))
    assert "model=" in text.getvalue()


def test_json_holds_every_figure_with_its_source() -> None:
    data = json.loads(json.dumps(as_data(rows(LISTED))))
    bert = next(row for row in data if row["choice"] == "bert_base")
    assert {figure["quantity"] for figure in bert["pretraining"]} == {
        "flops",
        "kwh",
        "kg_co2e",
        "device_hours",
    }
    assert all(figure["source"] and figure["boundary"] for figure in bert["pretraining"])


def test_a_cost_of_a_part_says_so() -> None:
    minilm = next(row for row in rows(LISTED) if row.choice == "minilm")
    assert cost(minilm.pretraining) == "at most 2.65 EFLOPs (the contrastive stage alone)"
    assert cost(()) == ""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Emitted:
    """Published figures and two estimated ones."""
    runs = tmp_path_factory.mktemp("runs")
    make_study(runs / "one", seeds=[0], change=emits)
    return emitted(runs)


class TestThePlot:
    """Both charts, in either format."""

    def test_svg_names_models_stages_and_origins(self, measured: Emitted, tmp_path: Path) -> None:
        file = save(rows(LISTED), measured, tmp_path / "models.svg")
        text = re.sub(r"<[^>]*>", " ", file.read_text("utf8"))
        for word in ("Parameters over the years", "GPT-3", "BERT-base", "all-MiniLM-L6-v2", "T5-11B"):
            assert word in text
        for word in ("652 kg, published", "360 g, estimated here", "from scratch", "fine-tuning"):
            assert word in text

    def test_png_is_a_picture(self, measured: Emitted, tmp_path: Path) -> None:
        from PIL import Image

        file = save(rows(LISTED), measured, tmp_path / "models.png")
        with Image.open(file) as picture:
            assert min(picture.size) > 500
            assert len(picture.convert("RGB").resize((300, 300)).getcolors(90_000) or ()) > 20

    def test_runs_without_a_place_are_mentioned(self, tmp_path: Path) -> None:
        file = save(rows(LISTED), Emitted(emitted(tmp_path).emissions, 3), tmp_path / "models.svg")
        assert "3 runs with joules but no place left out" in file.read_text("utf8")

    def test_without_any_figure_the_sizes_remain(self, tmp_path: Path) -> None:
        file = save([], Emitted((), 0), tmp_path / "models.svg")
        assert "GPT-3" in file.read_text("utf8")

    @pytest.mark.parametrize(
        ("name", "told"),
        [("models.pdf", "must end in .svg or .png"), ("no/models.svg", "there is no folder")],
    )
    def test_a_file_that_cannot_be_written_is_refused(self, name: str, told: str, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=told):
            save(rows(LISTED), Emitted((), 0), tmp_path / name)

    def test_names_of_one_year_stay_apart_and_in_order(self) -> None:
        import math

        from headstart.reports.charts.models import _limits, _points, _spread

        points = _spread(_points(rows(LISTED)))
        step = APART / HEIGHT * math.log(_limits(points)[1] / _limits(points)[0])
        for year in {point["year"] for point in points}:
            column = [math.log(point["label"]) for point in points if point["year"] == year]
            assert all(above - below >= step * 0.999 for below, above in itertools.pairwise(column))
        alone = next(point for point in points if point["title"] == "GPT-3")
        assert alone["label"] == pytest.approx(alone["parameters"])

"""Text to text: encoder-decoders and decoders, what they are scored by, and whole runs."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import WORDS
from tests.rows import table
from tests.training.runs import curve, trained
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from headstart.data.size import All, Rows
from headstart.errors import ConfigError, DataError
from headstart.metrics import longest_common, rouge_l, text_statistics
from headstart.metrics import score as recomputed
from headstart.models.model import Model
from headstart.records.predictions import read_predictions
from headstart.studies.compose import runs_of
from headstart.studies.forecast import forecast
from headstart.tasks.family import Observed, Prepared
from headstart.tasks.scores import scores_of
from headstart.tasks.text_pairs import ended
from headstart.tasks.text_to_text import METRICS, TextToText

NAMES = ("<pad>", "</s>", "<unk>", ":", *WORDS)
PAD, END, UNKNOWN, COLON = range(4)
SPECIAL: dict[str, Any] = {"vocab_size": len(NAMES), "pad_token_id": PAD, "eos_token_id": END}
H, INNER = 32, 64
T5: dict[str, Any] = {"d_model": H, "d_kv": 8, "num_heads": 4, "d_ff": INNER, "num_layers": 1}
T5 |= {"decoder_start_token_id": PAD}
CONFIGS: dict[str, Any] = {
    "t5": tf.T5Config(**SPECIAL, **T5),
    "bart": tf.BartConfig(
        **SPECIAL, d_model=H, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=INNER, decoder_ffn_dim=INNER, max_position_embeddings=64,
        bos_token_id=END, decoder_start_token_id=END, forced_eos_token_id=COLON,
    ),
    "gpt2": tf.GPT2Config(
        **SPECIAL, n_embd=H, n_layer=1, n_head=2, n_inner=INNER, n_positions=64, bos_token_id=END
    ),
    "llama": tf.LlamaConfig(
        **SPECIAL, hidden_size=H, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1,
        intermediate_size=INNER, max_position_embeddings=64, bos_token_id=END,
    ),
}  # fmt: skip
KINDS = list(CONFIGS)
SIXTY_FOUR = Rows(rows=64)
COLUMNS = ("body", "title")


@pytest.fixture(scope="session")
def writers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one tiny checkpoint per architecture, as published: weights and a tokenizer of words."""
    folder = tmp_path_factory.mktemp("writers")
    torch.manual_seed(1)
    for name, config in CONFIGS.items():
        auto = tf.AutoModelForSeq2SeqLM if config.is_encoder_decoder else tf.AutoModelForCausalLM
        auto.from_config(config).save_pretrained(folder / name)
        save_tokenizer(folder / name, closes=config.is_encoder_decoder)
    return folder


def save_tokenizer(folder: Path, closes: bool, **tokens: str) -> None:
    """A tokenizer of whole words; with `closes` it puts the end token behind a text."""
    words = Tokenizer(models.WordLevel({name: i for i, name in enumerate(NAMES)}, unk_token="<unk>"))  # noqa: S106
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    if closes:
        words.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", END)])
    roles = tokens or {"eos_token": "</s>"}
    tf.PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=64, pad_token="<pad>", unk_token="<unk>", **roles  # noqa: S106
    ).save_pretrained(folder)  # fmt: skip


@pytest.fixture
def titles(tmp_path: Path) -> Path:
    """A csv of 240 sentences; what is to be written is the word that says how warm it is, and the last."""
    rng = random.Random(0)
    return table(tmp_path / "titles.csv", COLUMNS, [sentence(rng) for _ in range(240)])


def sentence(rng: random.Random) -> tuple[str, str]:
    words = rng.choices([word for word in WORDS if word not in ("warm", "cold")], k=rng.randint(3, 12))
    words.insert(rng.randrange(len(words)), warmth := rng.choice(["warm", "cold"]))
    return " ".join(words), f"{warmth} {warmth}" if len(words) > 6 else warmth


def task(path: Path, **more: Any) -> TextToText:
    said = {"kind": "text_to_text", "name": "titles", "text": "body", "output": "title", "separator": ":"}
    return TextToText.read({**said, "max_output": 4, "files": {"train": str(path)}, **more})


def model(writers: Path, kind: str, **more: Any) -> Model:
    return Model.read({"name": str(writers / kind), "max_length": 32, **more})


def ready(
    path: Path, writers: Path, kind: str, size: Any = SIXTY_FOUR, **more: Any
) -> tuple[TextToText, Prepared, Any]:
    """The task, its rows, and a seeded model in evaluation mode."""
    asked, reader = task(path, **more), model(writers, kind)
    prepared = asked.prepare(reader, size)
    config = reader.transformers_config(**prepared.head)
    return asked, prepared, reader.seeded(asked.auto_class_for(reader), config, 0).eval()


def looked_at(asked: TextToText, prepared: Prepared, writer: Any, batches: Sequence[list[int]]) -> Observed:
    """What an evaluation of the validation rows keeps, in these batches."""
    with torch.inference_mode():
        return [
            (np.array(rows), {name: values.numpy() for name, values in kept.items()})
            for rows in batches
            for kept in [asked.observe(writer, prepared.validation.batch(rows, None))]
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_architecture_decides_the_head(writers: Path, titles: Path, kind: str) -> None:
    asked, _, writer = ready(titles, writers, kind)
    decoder = kind in ("gpt2", "llama")
    expected = "AutoModelForCausalLM" if decoder else "AutoModelForSeq2SeqLM"
    assert asked.auto_class_for(model(writers, kind)) == expected
    assert writer.config.is_encoder_decoder is not decoder


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_is_transformers_own_over_the_outputs_alone(writers: Path, titles: Path, kind: str) -> None:
    """Each row by itself, without padding, with labels for its output and for nothing else."""
    asked, prepared, writer = ready(titles, writers, kind)
    train: Any = prepared.train
    rows, nats, tokens = [3, 7, 1, 12, 30], 0.0, 0
    for row in rows:
        text, target = (torch.tensor(part.ids[row][None]).long() for part in (train.tokens, train.targets))
        if writer.config.is_encoder_decoder:
            mean = writer(input_ids=text, labels=target).loss.item()
        else:
            hidden = torch.full_like(text, -100)
            mean = writer(torch.cat([text, target], 1), labels=torch.cat([hidden, target], 1)).loss.item()
        nats, tokens = nats + mean * target.shape[1], tokens + target.shape[1]
    for noise in (None, np.random.default_rng(0)):
        assert asked.loss(writer, train.batch(rows, noise)).item() == pytest.approx(nats / tokens, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(writers: Path, titles: Path, kind: str) -> None:
    """Rows of very different lengths in one batch are judged and continued as each of them alone."""
    asked, prepared, writer = ready(titles, writers, kind)
    rows = np.argsort(prepared.validation.lengths)[[0, -1, 1, -2, 5]].tolist()
    together = looked_at(asked, prepared, writer, [rows])[0][1]
    for place, row in enumerate(rows):
        alone = looked_at(asked, prepared, writer, [[row]])[0][1]
        steps = alone["generated"].shape[1]
        assert together["loss"][place] == pytest.approx(alone["loss"][0], rel=1e-4)
        assert together["tokens"][place] == alone["tokens"][0]
        assert together["correct"][place] == alone["correct"][0]
        assert (together["generated"][place, :steps] == alone["generated"][0]).all()
        assert (together["generated"][place, steps:] == PAD).all()


@pytest.mark.parametrize("kind", KINDS)
def test_generation_is_greedy_whatever_the_model_suggests(writers: Path, titles: Path, kind: str) -> None:
    """The next token is the likeliest, by hand, although the checkpoint forbids it in several ways."""
    asked, prepared, writer = ready(titles, writers, kind)
    writer.generation_config = tf.GenerationConfig(
        num_beams=3, no_repeat_ngram_size=1, min_new_tokens=4, forced_eos_token_id=COLON, max_length=40
    )
    batch = prepared.validation.batch([0], None)
    written = looked_at(asked, prepared, writer, [[0]])[0][1]["generated"][0].tolist()
    by_hand: list[int] = []
    with torch.inference_mode():
        while len(by_hand) < asked.max_output and by_hand[-1:] != [END]:
            if writer.config.is_encoder_decoder:
                read = torch.tensor([[writer.config.decoder_start_token_id, *by_hand]])
                scores = writer(batch["input_ids"], batch["attention_mask"], read).logits
            else:
                prompt = batch["prompt_ids"][:, batch["prompt_mask"][0].bool()]
                scores = writer(torch.cat([prompt, torch.tensor([by_hand]).long()], 1)).logits
            by_hand.append(int(scores[0, -1].argmax()))
    assert written == by_hand


@pytest.mark.parametrize("kind", ["t5", "gpt2"])
def test_a_batch_stops_when_its_last_row_has_ended(writers: Path, titles: Path, kind: str) -> None:
    asked, prepared, writer = ready(titles, writers, kind, max_output=8)
    with torch.no_grad():
        head = writer.get_output_embeddings()
        writer.lm_head = torch.nn.Linear(head.in_features, head.out_features)
        writer.lm_head.weight.zero_()
        writer.lm_head.bias.copy_(torch.arange(len(NAMES)) == END)
    rows = len(prepared.validation)
    observed = looked_at(asked, prepared, writer, [[0, 1], [*range(2, rows)]])
    assert asked.decoded(observed) == [1, 1]
    judged = asked.evaluate(prepared, "validation", observed)
    assert judged.predictions == [""] * rows and judged.scores["chrf"] == 0


@pytest.mark.parametrize("kind", ["t5", "gpt2"])
def test_answers_come_in_the_order_of_the_rows(writers: Path, titles: Path, kind: str) -> None:
    asked, prepared, writer = ready(titles, writers, kind)
    rows = len(prepared.validation)
    mixed = np.random.default_rng(0).permutation(rows).tolist()
    ways = [[[row] for row in range(rows)], [mixed[: rows // 2], mixed[rows // 2 :]]]
    one, other = (
        asked.evaluate(prepared, "validation", looked_at(asked, prepared, writer, way)) for way in ways
    )
    assert one.predictions == other.predictions and one.labels == other.labels
    assert one.scores == pytest.approx(other.scores, rel=1e-5)
    assert one.loss == pytest.approx(one.scores["token_loss"])


def test_long_texts_and_outputs_are_cut_and_counted(writers: Path, tmp_path: Path) -> None:
    long, short = "red green blue cold warm", "red green blue"
    rows = [(" ".join([a, b, *WORDS * 3]), long if a < b else short) for a in WORDS[:6] for b in WORDS[:6]]
    path = table(tmp_path / "long.csv", COLUMNS, rows)
    for kind, longest in (("t5", 32), ("gpt2", 28)):
        _, prepared, _ = ready(path, writers, kind, All())
        train: Any = prepared.train
        cut = train.outputs.count(long)
        assert prepared.facts["truncated"]["train"] == len(train) > cut > 0
        assert f"train: {cut} of {len(train)} outputs do not fit" in " ".join(prepared.facts["notes"])
        assert all(len(ids) == 4 and ids[-1] == END for ids in train.targets.ids)
        assert all(len(ids) == longest for ids in train.tokens.ids)
        assert all(ids[-1] == (END if kind == "t5" else COLON) for ids in train.tokens.ids)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_text_is_read_and_an_empty_output_is_none(writers: Path, tmp_path: Path, kind: str) -> None:
    rows = [{"body": "", "title": "red"}] * 3
    rows += [{"body": f"{a} {b}", "title": a} for a in WORDS[:4] for b in WORDS[:4]]
    path = tmp_path / "empty.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf8")
    asked, prepared, writer = ready(path, writers, kind, All())
    for split in ("train", "validation", "test"):
        part: Any = prepared.part(split)
        for row in (row for row in range(len(part)) if part.texts[row] == ""):
            found = asked.observe(writer, part.batch([row], None))
            assert torch.isfinite(found["loss"]).all()
            assert found["tokens"].item() == 2
    path.write_text("\n".join(map(json.dumps, [*rows, {"body": "red", "title": ""}])), "utf8")
    with pytest.raises(DataError, match="nothing in column 'title'"):
        ready(path, writers, kind, All())


# What outputs are scored by


def subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, cell by cell."""
    cells = np.zeros((len(one) + 1, len(other) + 1), dtype=int)
    for i, a in enumerate(one, 1):
        for j, b in enumerate(other, 1):
            cells[i, j] = cells[i - 1, j - 1] + 1 if a == b else max(cells[i - 1, j], cells[i, j - 1])
    return int(cells[-1, -1])


LETTERS = st.lists(st.sampled_from("abcd"), max_size=70)


@settings(max_examples=100)
@given(LETTERS, LETTERS)
def test_the_longest_common_subsequence(one: list[str], other: list[str]) -> None:
    assert longest_common(one, other) == subsequence(one, other) == longest_common(other, one)


def test_rouge_l_by_hand() -> None:
    """`police ... the gunman` is common: 3 of 4 words here, 3 of 4 there (Lin 2004, section 3.1)."""
    assert rouge_l("police kill the gunman", "Police killed the gunman.") == 0.75
    assert rouge_l("the gunman kill police", "police killed the gunman") == 0.5
    assert rouge_l("", "police") == rouge_l("police", "") == rouge_l("", "") == 0


def test_scores_are_those_of_the_whole_corpus() -> None:
    from sacrebleu.metrics import BLEU, CHRF  # pyright: ignore[reportPrivateImportUsage]

    rng = random.Random(0)
    references = [" ".join(rng.choices(WORDS, k=rng.randint(1, 12))) for _ in range(40)]
    written = [" ".join(word for word in text.split() if rng.random() < 0.9) for text in references]
    found = text_statistics(written, references)
    sums = {name: int(column.sum()) for name, column in found.items()}
    correct, total = ([sums[f"bleu_{part}_{n}"] for n in range(1, 5)] for part in ("correct", "total"))
    bleu = BLEU.compute_bleu(correct, total, sums["bleu_system"], sums["bleu_reference"])
    assert bleu.score == BLEU().corpus_score(written, [references]).score > 10
    assert found["chrf"][3] == CHRF().corpus_score([written[3]], [[references[3]]]).score
    assert found["exact"].sum() == sum(a == b for a, b in zip(written, references, strict=True)) > 0


def test_white_space_alone_is_no_difference() -> None:
    found = text_statistics(["a  b", " a", "A b"], ["a b", "a\n", "a b"])
    assert found["exact"].tolist() == [1, 1, 0]


def test_every_metric_has_its_statistics() -> None:
    sums = {"loss": np.array([2.0, 4.0]), "tokens": np.array([2.0, 2.0]), "correct": np.array([1.0, 2.0])}
    scores = scores_of(METRICS, text_statistics(["red", "green blue"], ["red", "blue"]) | sums)
    assert set(scores) == set(METRICS)
    assert (scores["exact_match"], scores["token_loss"], scores["token_accuracy"]) == (0.5, 1.5, 0.75)
    assert scores["rouge_l"] == pytest.approx((1 + 2 / 3) / 2)


# Whole runs


@pytest.fixture
def quick_titles(quick: list[str], titles: Path) -> list[str]:
    """Overrides of a study that writes titles."""
    plain = [one for one in quick if not one.startswith(("task", "model.name", "size", "budget"))]
    about = ["task=files_to_text", f"task.files.train={titles}", "task.text=body", "task.output=title"]
    return [*plain, *about, "task.max_output=4", "task.separator=':'", "size=n128", "optim.batch_size=16",
            "budget.epochs=5", "budget.evaluations=2", "optim.lr=1e-2"]  # fmt: skip


@pytest.mark.parametrize("kind", ["t5", "gpt2"])
def test_a_run_learns_costs_less_than_foreseen_and_its_scores_can_be_recomputed(
    quick_titles: list[str], writers: Path, tmp_path: Path, kind: str
) -> None:
    settings = [*quick_titles, f"model.name={writers / kind}"]
    record = trained(tmp_path / "run", [*settings, "arm=scratch"])
    first, *_, last = curve(tmp_path / "run")
    assert last["validation"]["loss"] < 0.5 * first["validation"]["loss"]
    assert last["validation"]["chrf"] > first["validation"]["chrf"] + 20
    check_recomputed(tmp_path / "run", record)
    check_foreseen(record["cost"]["flops"], settings)


def check_foreseen(flops: dict[str, Any], settings: list[str]) -> None:
    """Foreseen is the longest text for every row; those that were written ended earlier."""
    foreseen, _ = forecast(runs_of([*settings, "arm=scratch,pretrained", "seed=0", "runs=nothing_done"]))
    assert len({run.flops for run in foreseen}) == 1 and all(run.writes for run in foreseen)
    assert flops["train"] < flops["total"] < foreseen[0].flops < 2 * flops["total"]


def check_recomputed(folder: Path, record: dict[str, Any]) -> None:
    """The report's own arithmetic on the stored predictions finds the scores of the record."""
    told = read_predictions(folder / "predictions.parquet")
    nobody = np.zeros(len(told), dtype=int)
    assert set(record["scores"]["test"]) == set(METRICS)
    for name, value in record["scores"]["test"].items():
        again = recomputed(name, nobody, nobody, told.statistics, 0)
        assert float(again) == pytest.approx(value, rel=1e-4, abs=1e-6)


# What is refused


def test_a_separator_that_is_no_word_is_refused(writers: Path, titles: Path) -> None:
    for separator in ("\n", "sideways"):
        with pytest.raises(ConfigError, match=r"task.separator: .* is nothing that the model's token"):
            task(titles, separator=separator).prepare(model(writers, "gpt2"), SIXTY_FOUR)
    task(titles, separator="\n").prepare(model(writers, "t5"), SIXTY_FOUR)  # which has no use for it


def test_an_output_that_leaves_no_room_is_refused(writers: Path, titles: Path) -> None:
    with pytest.raises(ConfigError, match=r"30 tokens and the separator leave 1 of model.max_length=32"):
        task(titles, max_output=30).prepare(model(writers, "gpt2"), SIXTY_FOUR)


def test_an_output_longer_than_the_model_can_write_is_refused(writers: Path, titles: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.max_output: 65 tokens are more than the 64 that"):
        task(titles, max_output=65).prepare(model(writers, "bart"), SIXTY_FOUR)


def test_a_tokenizer_without_an_end_is_refused(writers: Path, titles: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "endless", closes=False, bos_token="<unk>")  # noqa: S106
    other = {"name": "endless", "folder": str(tmp_path / "endless")}
    (tmp_path / "endless/config.json").write_text((writers / "gpt2/config.json").read_text("utf8"), "utf8")
    with pytest.raises(ConfigError, match="has no end token, so nothing written would ever end"):
        task(titles).prepare(model(writers, "gpt2", tokenizer=other), SIXTY_FOUR)


def test_an_absent_column_is_named(writers: Path, titles: Path) -> None:
    with pytest.raises(DataError, match=r"no column 'titel' \(task.output\): did you mean title\?"):
        task(titles, output="titel").prepare(model(writers, "t5"), SIXTY_FOUR)


def test_an_encoder_is_refused_with_what_to_use_instead(tiny_model: Path, titles: Path) -> None:
    with pytest.raises(ConfigError, match="no text_to_text head: use task=docs_mlm, or an encoder-decoder"):
        task(titles).prepare(Model.read({"name": str(tiny_model)}), SIXTY_FOUR)


def test_a_misspelt_metric_is_found(titles: Path) -> None:
    with pytest.raises(ConfigError, match=r"no metric rougel; did you mean rouge_l\?"):
        task(titles, metrics=["rougel"], headline="rougel")


def test_the_end_is_put_where_it_is_missing() -> None:
    from headstart.models.tokens import Tokens

    rows = [np.array(ids, dtype=np.int32) for ids in ([5, 6], [5, END], [5, 6, 7], [])]
    closed = ended(Tokens(rows, None, np.zeros(4, dtype=bool)), END, 3)
    assert [ids.tolist() for ids in closed.ids] == [[5, 6, END], [5, END], [5, 6, END], [END]]
    assert closed.truncated.tolist() == [False, False, True, False]

"""Model: its architecture as a mapping, what follows the tokenizer, and clear words for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.text import write

from headstart.errors import ConfigError, WeightsError
from headstart.models.model import Model

SHAPE = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


def model(kind: str = "bert", **settings: Any) -> Model:
    """A model by its architecture alone."""
    return Model.read({"name": "mine", "architecture": {"model_type": kind, **settings}})


def trained(folder: Path, **settings: Any) -> Model:
    """The same, with a tokenizer of 601 tokens at most."""
    train = {"algorithm": "bpe", "size": 601, "files": write(folder)}
    architecture = {"model_type": "bert", **SHAPE, **settings}
    return Model.read({"name": "mine", "architecture": architecture, "tokenizer": {"train": train}})


def test_what_is_null_follows_the_tokenizer(tmp_path: Path) -> None:
    made = trained(tmp_path, vocab_size=None, pad_token_id=None, eos_token_id=None)
    config, tokenizer = made.transformers_config(num_labels=4), made.load_tokenizer()
    assert len(tokenizer) == 601
    assert config.vocab_size == 608
    assert config.pad_token_id == tokenizer.pad_token_id
    assert config.eos_token_id == tokenizer.sep_token_id
    assert config.num_labels == 4


def test_what_is_written_stays(tmp_path: Path) -> None:
    config = trained(tmp_path, vocab_size=700, pad_token_id=9).transformers_config()
    assert (config.vocab_size, config.pad_token_id) == (700, 9)


def test_what_a_head_needs_goes_before_the_tokenizer(tmp_path: Path) -> None:
    made = trained(tmp_path, vocab_size=None, pad_token_id=None)
    assert made.transformers_config(pad_token_id=5).pad_token_id == 5


@pytest.mark.parametrize("head", [{}, {"num_labels": 2}, {"num_labels": 5}, {"id2label": {0: "a", 1: "b"}}])
def test_classes_are_the_tasks_and_never_those_of_a_task_before_it(
    head: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    import transformers as tf

    former = {
        "id2label": {0: "NEG", 1: "POS"},
        "label2id": {"NEG": 0, "POS": 1},
        "problem_type": "regression",
    }
    config = tf.AutoConfig.from_pretrained(tiny_model, **former, standardised={"mean": 1.0, "deviation": 2.0})
    tf.AutoModel.from_config(config).save_pretrained(tmp_path)
    made = Model(name=str(tmp_path)).transformers_config(**head)
    names = head.get("id2label", {n: f"LABEL_{n}" for n in range(head.get("num_labels", 2))})
    assert made.id2label == names and made.label2id == {name: n for n, name in names.items()}
    assert made.problem_type is None and not hasattr(made, "standardised")


def test_the_decoder_of_an_encoder_decoder_begins_with_padding(tmp_path: Path) -> None:
    train = {"algorithm": "unigram", "size": 600, "files": write(tmp_path)}
    rung = {"family": "encoder_decoder", "layers": 1, "width": 64}
    made = Model.read({"ladder": rung, "tokenizer": {"train": train}})
    tokenizer, config = made.load_tokenizer(), made.transformers_config()
    assert config.decoder_start_token_id == tokenizer.pad_token_id
    assert config.eos_token_id == tokenizer.eos_token_id


def test_a_published_tokenizer_may_set_the_vocabulary_too(tiny_model: Path) -> None:
    architecture = {"model_type": "gpt2", "n_embd": 32, "n_layer": 1, "n_head": 2, "vocab_size": None}
    made = Model.read({"name": "mine", "architecture": architecture, "tokenizer": {"name": str(tiny_model)}})
    assert made.transformers_config().vocab_size == -(-len(made.load_tokenizer()) // 8) * 8


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "brt"}, r"model_type: transformers has no 'brt'; did you mean"),
        ({"hidden_sise": 3}, r"architecture.hidden_sise: bert has no such setting; did you mean hidden_size"),
        ({"foo_bar_baz": 3}, r"architecture.foo_bar_baz: bert has no such setting; see its class"),
        ({"hidden_size": "big"}, r"model.architecture: .*hidden_size.*expected int, got str"),
    ],
)
def test_a_setting_that_transformers_does_not_know_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        model(**settings).transformers_config()


def test_every_unknown_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        model(hidden_sise=3, num_layrs=2).transformers_config()
    assert len(refused.value.lines) == 2


def test_an_architecture_without_a_type_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model.architecture.model_type: is missing"):
        Model.read({"name": "mine", "architecture": {"hidden_size": 32}}).transformers_config()


def test_a_vocabulary_smaller_than_the_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"100 rows \(vocab_size\) and its tokenizer 601 tokens.* write null"
    ):
        trained(tmp_path, vocab_size=100).load_tokenizer()


def test_a_model_that_reads_images_has_no_tokenizer() -> None:
    for ask in (Model.load_tokenizer, Model.tokenizer_digest):
        with pytest.raises(ConfigError, match=r"mine reads images and has no tokenizer.*task=digits"):
            ask(model("vit"))


def test_a_model_that_is_defined_here_has_no_weights_to_find() -> None:
    rung = Model.read({"ladder": {"family": "encoder", "layers": 2, "width": 64}})
    for fetch in (True, False):
        with pytest.raises(WeightsError, match=r"is defined here and has no published weights; pretrain it"):
            rung.find(fetch)


def test_a_model_that_is_defined_here_may_have_weights_in_a_folder(tiny_model: Path) -> None:
    rung = {"family": "encoder", "layers": 2, "width": 64}
    found = Model.read({"ladder": rung, "folder": str(tiny_model)}).find(fetch=False)
    assert found.folder == tiny_model


def test_families_of_folders_are_read_from_their_config(tiny_model: Path) -> None:
    assert Model(name=str(tiny_model)).model_type() == "bert"
    assert Model(name=str(tiny_model)).family() == "encoder"
    assert Model(name="nobody/knows-this").family(fetch=False) is None


def test_the_digest_of_a_folder_changes_with_its_tokenizer(tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    before = Model(name=str(copy)).tokenizer_digest()
    assert before == Model(name=str(tiny_model)).tokenizer_digest()
    (copy / "spm.model").write_bytes(b"pieces")
    assert Model(name=str(copy)).tokenizer_digest() != before


@pytest.mark.parametrize(("pad", "kept"), [(2, False), (0, True)])
@pytest.mark.parametrize("head", ["AutoModelForCausalLM", "AutoModelForSequenceClassification"])
def test_a_padding_token_that_ends_texts_is_a_token_as_others(head: str, pad: int, kept: bool) -> None:
    """Of a text that begins with it, a deep Llama's gradient was not finite, and its row never trained."""
    shape = {**SHAPE, "num_hidden_layers": 32, "vocab_size": 24, "bos_token_id": 1, "eos_token_id": [2, 3]}
    made = model("llama", **shape, pad_token_id=pad, rms_norm_eps=1e-6)
    network: Any = made.seeded(head, made.transformers_config(), seed=0)
    embedding = network.get_input_embeddings()
    assert (embedding.weight[pad] == 0).all() == kept
    again: Any = made.seeded(head, made.transformers_config(), seed=0)
    assert torch.equal(again.get_input_embeddings().weight, embedding.weight)
    logits = network(torch.tensor([[2, 5, 6, 2, 7]])).logits
    logits.logsumexp(-1).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert embedding.weight.grad[2].abs().max() > 0
    others = embedding.weight[4:].std()
    assert kept or 0.3 * others < embedding.weight[pad].std() < 3 * others

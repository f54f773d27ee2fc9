"""Languages: a tiny model of every kind that reads text, with a tokenizer, saved like a published one."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import transformers as tf
from tests.conftest import WORDS
from tests.rows import jsonl
from tests.training.runs import curve, trained
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from headstart.tasks.family import EvalResult

H, INNER, LAYERS, POSITIONS = 32, 64, 1, 64
SENTINELS = [f"<extra_id_{number}>" for number in range(12)]
PIECES = [*WORDS, "##s", "."]

# What a tokenizer calls its marks, and what it puts around a text.
MARKS: dict[str, tuple[dict[str, str], str]] = {
    "bert": ({"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
              "mask_token": "[MASK]"}, "[CLS] $A [SEP]"),
    "gpt2": ({"unk_token": "<end>", "eos_token": "<end>"}, ""),
    "llama": ({"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, "<s> $A"),
    "t5": ({"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}, "$A </s>"),
    "bart": ({"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>",
              "mask_token": "<mask>"}, "<s> $A </s>"),
}  # fmt: skip
SHAPE: dict[str, Any] = {"hidden_size": H, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
SHAPE |= {"intermediate_size": INNER, "max_position_embeddings": POSITIONS}
SIDES: dict[str, Any] = {f"{side}_{what}": number for side in ("encoder", "decoder")
         for what, number in (("layers", LAYERS), ("attention_heads", 4), ("ffn_dim", INNER))}  # fmt: skip
DISTILLED = {"dim": H, "hidden_dim": INNER, "n_heads": 2, "n_layers": LAYERS}

# Whose marks, and the configuration without what follows the tokenizer.
ARCHITECTURES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "bert": ("bert", tf.BertConfig, SHAPE),
    "distilbert": ("bert", tf.DistilBertConfig, DISTILLED),
    "roberta": ("bart", tf.RobertaConfig, SHAPE | {"max_position_embeddings": POSITIONS + 2}),
    "electra": ("bert", tf.ElectraConfig, SHAPE | {"embedding_size": 16}),
    "modernbert": ("bert", tf.ModernBertConfig, SHAPE),
    "deberta": ("bert", tf.DebertaV2Config, SHAPE | {"relative_attention": True, "pos_att_type": ["c2p"]}),
    "gpt2": ("gpt2", tf.GPT2Config, {"n_embd": H, "n_layer": LAYERS, "n_head": 2, "n_inner": INNER}),
    "llama": ("llama", tf.LlamaConfig, SHAPE | {"num_key_value_heads": 1}),
    "t5": ("t5", tf.T5Config, {"d_model": H, "d_kv": 8, "num_heads": 4, "d_ff": INNER, "num_layers": LAYERS}),
    "bart": ("bart", tf.BartConfig, {"d_model": H, "max_position_embeddings": POSITIONS} | SIDES),
}  # fmt: skip


def saved(folder: Path, name: str, without: Sequence[str] = (), sentinels: Sequence[str] = ()) -> Path:
    """A folder with configuration and tokenizer of an architecture; `without` names marks to leave out."""
    whose, kind, shape = ARCHITECTURES[name]
    names, form = MARKS[whose]
    names = {role: token for role, token in names.items() if role not in without}
    tokens = list(dict.fromkeys([*names.values(), *sentinels, *PIECES]))
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token=names["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if form:
        special = [(token, numbers[token]) for token in form.split() if token in numbers]
        tokenizer.post_processor = processors.TemplateProcessing(form, special_tokens=special)
    wrapped = tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=POSITIONS, extra_special_tokens=list(sentinels), **names
    )
    wrapped.save_pretrained(folder)
    ids = {f"{role}_id": numbers[token] for role, token in names.items()}
    kind(vocab_size=len(tokens), **shape, **_marks(whose, ids)).save_pretrained(folder)
    return folder


def _marks(whose: str, ids: Mapping[str, int]) -> dict[str, int]:
    every = {f"{role}_token_id": ids.get(f"{role}_token_id", 0) for role in ("pad", "bos", "eos")}
    if whose == "bert":
        every |= {"cls_token_id": 0, "sep_token_id": 0}
    return every | ({"decoder_start_token_id": every["pad_token_id"]} if whose in ("t5", "bart") else {})


def round_and_round(count: int, seed: int = 0) -> list[str]:
    """Sentences in which every word but the first follows from the one before it."""
    rng = random.Random(seed)
    begins = [(rng.randrange(len(WORDS)), rng.randint(4, 16)) for _ in range(count)]
    return [" ".join(WORDS[(first + i) % len(WORDS)] for i in range(n)) for first, n in begins]


def written(path: Path, texts: Sequence[str]) -> Path:
    """The texts as jsonl."""
    return jsonl(path, ({"text": text} for text in texts))


# What every objective is tested with.


def judged(task: Any, prepared: Any, net: Any) -> EvalResult:
    """What an evaluation of the test blocks says, in batches of five, the last blocks first."""
    order = np.arange(len(prepared.test))[::-1]
    rows = [order[i : i + 5] for i in range(0, len(order), 5)]
    with torch.no_grad():
        kept = [task.observe(net, prepared.test.batch(some.tolist(), None)) for some in rows]
    arrays = [{name: values.numpy() for name, values in batch.items()} for batch in kept]
    return task.evaluate(prepared, "test", list(zip(rows, arrays, strict=True)))


def by_hand(net: Any, blocks: Any) -> dict[str, float]:
    """The same from the whole table of scores of each block, one label at a time."""
    loss, hits, tokens, size = 0.0, 0, 0, 0
    for row in range(len(blocks)):
        batch = blocks.batch([row], None)
        labels, widths = (batch.pop(name)[0].tolist() for name in ("labels", "bytes"))
        places = batch.pop("positions")[0].tolist() if "positions" in batch else range(len(labels))
        with torch.no_grad():
            scores = net(**batch).logits[0].double().log_softmax(-1)
        for place, label, width in zip(places, labels, widths, strict=True):
            if label != -100:
                loss, hits = loss - float(scores[place, label]), hits + int(scores[place].argmax() == label)
                tokens, size = tokens + 1, size + width
    per_token = loss / tokens
    scores = {"bits_per_byte": loss / size / np.log(2), "token_loss": per_token}
    return scores | {"perplexity": np.exp(per_token), "token_accuracy": hits / tokens}


LADDER = {
    "files_clm": ("decoder", "bpe"),
    "files_mlm": ("encoder", "wordpiece"),
    "files_denoise": ("encoder_decoder", "unigram"),
}


def toy_run(folder: Path, task: str) -> list[str]:
    """Overrides of a run of the ladder with a tokenizer of its own, on sentences that can be learnt.

    `folder` must be the current one.
    """
    train = written(folder / "corpus.jsonl", round_and_round(200))
    family, algorithm = LADDER[task]
    (folder / "conf/model").mkdir(parents=True, exist_ok=True)
    (folder / "conf/model/toy.yaml").write_text(
        f"# A toy.\nladder: {{family: {family}, layers: 1, width: 64}}\nmax_length: 16\n"
        f"tokenizer: {{train: {{algorithm: {algorithm}, size: 512, files: {{train: {train}}}}}}}\n",
        encoding="utf8",
    )
    plumbing = ["hardware=cpu", "tracker=none", "meter=none", "study.name=toy", "study.warm_up=0"]
    budget = ["budget.epochs=null", "budget.steps=40", "budget.evaluations=2", "optim.lr=1e-2"]
    return [f"task={task}", f"task.files.train={train}", "model=toy", "size=all", *budget, *plumbing]


def hands_over(folder: Path, given: list[str]) -> None:
    """A run that pretrains learns, and a run that takes its weights begins where it ended."""
    scratch = trained(folder / "a", [*given, "arm=scratch", "keep_weights=true"])
    points = validations(folder / "a")
    assert points[-1]["token_loss"] < points[0]["token_loss"] - 1
    assert scratch["cost"]["tokens"]["train"]["padded"] == scratch["cost"]["tokens"]["train"]["real"]

    poured = trained(folder / "b", [*given, "budget.steps=1", "arm=from_run", f"arm.run={folder / 'a'}"])
    assert poured["data"] | {"order": 0} == scratch["data"] | {"order": 0}
    assert poured["init"]["newly_initialised"]["parameters"] == 0 < poured["init"]["loaded"]["parameters"]
    start = validations(folder / "b")[0]["token_loss"]
    assert start == pytest.approx(points[-1]["token_loss"], rel=1e-4)

    table = pq.read_table(folder / "b/predictions.parquet").to_pydict()
    bits = sum(table["loss"]) / sum(table["bytes"]) / np.log(2)
    assert bits == pytest.approx(poured["scores"]["test"]["bits_per_byte"], rel=1e-5)
    assert max(map(len, table["label"] + table["prediction"])) < 400


def validations(folder: Path) -> list[dict[str, float]]:
    """Validation scores along the curve of a run."""
    return [point["validation"] for point in curve(folder)]

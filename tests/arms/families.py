"""Tiny architectures of every family, and checkpoints of them as their authors would publish them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers as tf

from headstart.arms.arm import BaseArm
from headstart.arms.attest import Attestation, dtypes
from headstart.arms.load import head_names
from headstart.models.model import Model

LAYERS, WIDTH, VOCABULARY = 2, 32, 50
CLASSIFY, TAG, ANSWER = (
    f"AutoModelFor{task}" for task in ("SequenceClassification", "TokenClassification", "QuestionAnswering")
)
MASKED, CAUSAL, SEQ2SEQ = "AutoModelForMaskedLM", "AutoModelForCausalLM", "AutoModelForSeq2SeqLM"
LOOK, BARE = "AutoModelForImageClassification", "AutoModel"

TEXT: dict[str, Any] = {"vocab_size": VOCABULARY, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
BERT: dict[str, Any] = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
BERT |= {"intermediate_size": 64, "max_position_embeddings": 64, **TEXT}
DISTIL: dict[str, Any] = {"dim": WIDTH, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": 64, **TEXT}
GPT2: dict[str, Any] = {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": 2, "n_inner": 64, "n_positions": 64}
LLAMA: dict[str, Any] = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": LAYERS, **TEXT}
LLAMA |= {"num_attention_heads": 4, "num_key_value_heads": 2}
T5: dict[str, Any] = {"d_model": WIDTH, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": LAYERS}
T5 |= {"vocab_size": VOCABULARY, "pad_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 0}
BART: dict[str, Any] = {"d_model": WIDTH, "decoder_start_token_id": 2, "max_position_embeddings": 64, **TEXT}
for _side in ("encoder", "decoder"):
    BART |= {f"{_side}_layers": LAYERS, f"{_side}_attention_heads": 4, f"{_side}_ffn_dim": 64}
VIT: dict[str, Any] = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2}
VIT |= {"intermediate_size": 64, "image_size": 16, "patch_size": 4}
MODERN: dict[str, Any] = {**BERT, "cls_token_id": 1, "sep_token_id": 2}
RELATIVE: dict[str, Any] = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]}


_folders: list[TemporaryDirectory[str]] = []  # removed when the process ends


@dataclass(frozen=True)
class Family:
    """An architecture: a tiny configuration, the tasks it is trained for, what publishes its weights."""

    kind: type
    shape: dict[str, Any]
    tasks: tuple[str, ...]
    pretraining: str
    fresh: tuple[str, ...] = ()  # what a checkpoint of `pretraining` lacks of the backbone
    layers: tuple[int, ...] = field(default=(LAYERS,))

    def config(self, **settings: Any) -> Any:
        """The tiny configuration."""
        return self.kind(**{**self.shape, **settings})


FAMILIES: dict[str, Family] = {
    # A masked language model has no pooler: named as fresh.
    "bert": Family(tf.BertConfig, BERT, (CLASSIFY, TAG, ANSWER, MASKED), MASKED, ("pooler",)),
    "distilbert": Family(tf.DistilBertConfig, DISTIL, (CLASSIFY, TAG, ANSWER, MASKED), MASKED),
    "roberta": Family(tf.RobertaConfig, BERT, (CLASSIFY, TAG, ANSWER, MASKED), MASKED),
    "electra": Family(
        tf.ElectraConfig, {**BERT, "embedding_size": 16}, (CLASSIFY, TAG, ANSWER, MASKED), MASKED
    ),
    "modernbert": Family(tf.ModernBertConfig, MODERN, (CLASSIFY, TAG, ANSWER, MASKED), MASKED),
    "deberta": Family(tf.DebertaV2Config, {**BERT, **RELATIVE}, (CLASSIFY, TAG, ANSWER, MASKED), MASKED),
    "gpt2": Family(tf.GPT2Config, {**GPT2, **TEXT}, (CLASSIFY, TAG, ANSWER, CAUSAL), CAUSAL),
    "llama": Family(tf.LlamaConfig, LLAMA, (CLASSIFY, TAG, CAUSAL), CAUSAL),
    "t5": Family(tf.T5Config, T5, (CLASSIFY, TAG, ANSWER, SEQ2SEQ), SEQ2SEQ, layers=(LAYERS, LAYERS)),
    "bart": Family(tf.BartConfig, BART, (CLASSIFY, ANSWER, SEQ2SEQ), SEQ2SEQ, layers=(LAYERS, LAYERS)),
    "vit": Family(tf.ViTConfig, VIT, (LOOK,), LOOK),
    "resnet": Family(
        tf.ResNetConfig, {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}, (LOOK,), LOOK
    ),
}
CELLS = [
    (name, source, task)
    for name, family in FAMILIES.items()
    for source in (BARE, family.pretraining)
    for task in family.tasks
]


def publish(family: str, source: str, folder: Path, seed: int = 99) -> Model:
    """Save a checkpoint of `family` as the class `source` writes it; no two of its tensors are constant."""
    torch.manual_seed(seed)
    model = getattr(tf, source).from_config(FAMILIES[family].config())
    with torch.no_grad():
        for parameter in model.parameters():  # a trained model has no zero biases, a new one does
            parameter.add_(0.02 * torch.randn(parameter.shape))
    model.save_pretrained(folder)
    return Model(name=str(folder))


@cache
def published(family: str, source: str) -> Model:
    """The same in a folder that all tests of a process read."""
    _folders.append(TemporaryDirectory(prefix=f"{family}-"))
    return publish(family, source, Path(_folders[-1].name))


def labels(task: str) -> dict[str, int]:
    """Settings of the head."""
    return {"num_labels": 3} if task in (CLASSIFY, TAG, LOOK) else {}


def attested(
    arm: BaseArm, model: Model, task: str, seed: int = 0, arm_seed: int = 0
) -> tuple[Any, dict[str, Any]]:
    """A model as `arm` starts it, before anything is added, and the attestation of that."""
    made = seeded(model, task, seed)
    attestation, head = Attestation(made), head_names(made)
    poured = arm.load_weights(made, model, arm_seed)
    known = {"streams": dict.fromkeys(("weights", "order", "noise", "subset"), seed), "built_from": {}}
    known |= {"architecture": "0" * 16, **dtypes(made)}
    return made, attestation.at_step_zero(head, poured.names, poured.checkpoint, poured.drawn_again) | known


def seeded(model: Model, task: str, seed: int = 0) -> Any:
    """The random model of a seed, for a task."""
    return model.seeded(task, model.transformers_config(**labels(task)), seed)

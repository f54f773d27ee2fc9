"""Cells: every architecture with every kind of task, which of them make sense, and what each is tried on."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import transformers as tf
from PIL import Image
from tests.arms import families
from tests.conftest import WORDS
from tests.tasks import languages
from tokenizers import processors

from headstart.run import Run
from headstart.studies.compose import runs_of

Row = dict[str, Any]

TEXT = ("text_classification", "token_classification", "question_answering")
ENCODER, DECODER = (*TEXT, "masked_lm"), (*TEXT, "causal_lm", "text_to_text")
VISION = ("image_classification",)
SEGMENTS = ("bert", "electra", "deberta")  # families whose tokenizers mark the second text of a pair


@dataclass(frozen=True)
class Architecture:
    """A row of the table: which tiny model stands for it, who publishes its weights, and what it can do."""

    family: str
    kinds: tuple[str, ...]
    published: str | None = None  # the class that writes the checkpoint; None: that of the family

    @property
    def source(self) -> str:
        """The class that writes the checkpoint."""
        return self.published or families.FAMILIES[self.family].pretraining

    @property
    def fresh(self) -> tuple[str, ...]:
        """What the checkpoint lacks of the backbone."""
        return () if self.published else families.FAMILIES[self.family].fresh


ARCHITECTURES = {
    "BERT": Architecture("bert", ENCODER),
    "DistilBERT": Architecture("distilbert", ENCODER),
    "RoBERTa": Architecture("roberta", ENCODER),
    "ELECTRA": Architecture("electra", ENCODER),
    "MiniLM": Architecture("bert", ENCODER, published=families.BARE),  # as sentence-transformers save it
    "ModernBERT": Architecture("modernbert", ENCODER),
    "DeBERTa-v2": Architecture("deberta", ENCODER),
    "GPT-2": Architecture("gpt2", DECODER),
    "Llama": Architecture("llama", DECODER),
    "T5": Architecture("t5", (*TEXT, "denoising", "text_to_text")),
    # transformers has no head that tags for BART, and its tokenizer has no sentinels to stand for spans.
    "BART": Architecture("bart", ("text_classification", "question_answering", "text_to_text")),
    "ViT": Architecture("vit", VISION),
    "ResNet": Architecture("resnet", VISION),
}


@dataclass(frozen=True)
class Variant:
    """A kind of task with its columns: the yaml, what is set in it, and how a row is made."""

    kind: str
    task: str
    row: Callable[[random.Random], Row]
    settings: tuple[str, ...] = ()


def _words(rng: random.Random, *more: str) -> list[str]:
    """Some words, among them those that are told."""
    words: list[str] = [*rng.choices(WORDS[2:], k=rng.randint(3, 12))]
    for word in more:
        words.insert(rng.randrange(len(words)), word)
    return words


def _classified(rng: random.Random) -> Row:
    label = rng.choice(WORDS[:2])
    return {"text": " ".join(_words(rng, label)), "label": label}


def _paired(rng: random.Random) -> Row:
    one, other = rng.choice(WORDS[:2]), rng.choice(WORDS[:2])
    texts = {"text": " ".join(_words(rng, one)), "pair": " ".join(_words(rng, other))}
    return texts | {"label": "same" if one == other else "other"}


def _labelled(rng: random.Random) -> Row:
    labels = sorted(rng.sample(WORDS[:3], rng.randint(1, 3)))
    return {"text": " ".join(_words(rng, *labels)), "labels": labels}


def _numbered(rng: random.Random) -> Row:
    number = rng.randint(0, 3)
    return {"text": " ".join(_words(rng, *number * WORDS[:1])), "number": number}


def _tagged(rng: random.Random) -> Row:
    words = _words(rng, *WORDS[:2])
    return {"words": words, "tags": [f"B-{word}" if word in WORDS[:2] else "O" for word in words]}


def _asked(rng: random.Random) -> Row:
    context = " ".join(_words(rng, WORDS[0]))
    return {"question": "colour", "context": context, "answers": ["red"], "starts": [context.index("red")]}


def _running(rng: random.Random) -> Row:
    return {"text": languages.round_and_round(1, rng.randrange(10**6))[0]}


def _rewritten(rng: random.Random) -> Row:
    words = _words(rng)
    return {"text": " ".join(words), "output": " ".join(words[:2])}


def _painted(rng: random.Random) -> Row:
    shade = rng.choice((40, 200))
    return {"image": [shade + rng.randrange(40) for _ in range(8 * 8)], "label": str(shade)}


BLOCKS, WRITTEN = ("model.max_length=16",), ("task.separator=.", "task.max_output=4")
VARIANTS = {
    "one text": Variant("text_classification", "files", _classified),
    "pair": Variant("text_classification", "files", _paired, ("task.pair=pair",)),
    "many labels": Variant("text_classification", "files", _labelled, ("task.labels=labels",)),
    "regression": Variant("text_classification", "files", _numbered, ("task.number=number",)),
    "tags": Variant("token_classification", "files_tags", _tagged),
    "questions": Variant("question_answering", "files_qa", _asked, ("task.stride=4",)),
    "causal": Variant("causal_lm", "files_clm", _running, BLOCKS),
    "masked": Variant("masked_lm", "files_mlm", _running, BLOCKS),
    "denoising": Variant("denoising", "files_denoise", _running, BLOCKS),
    "text to text": Variant("text_to_text", "files_to_text", _rewritten, WRITTEN),
    "images": Variant("image_classification", "files_images", _painted, ("task.image_size=16",)),
}
KINDS = tuple(dict.fromkeys(variant.kind for variant in VARIANTS.values()))
CELLS = [
    (name, variant)
    for name, architecture in ARCHITECTURES.items()
    for variant, given in VARIANTS.items()
    if given.kind in architecture.kinds
]
REFUSED = [
    (name, kind)
    for name, architecture in ARCHITECTURES.items()
    for kind in KINDS
    if kind not in architecture.kinds
]


def table() -> str:
    """The README's table: architectures, kinds of task, and which go together."""
    lines = [["", *(kind.replace("_", " ") for kind in KINDS)], ["---"] * (1 + len(KINDS))]
    for name, architecture in ARCHITECTURES.items():
        lines.append([name, *("yes" if kind in architecture.kinds else "–" for kind in KINDS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


_folders: list[TemporaryDirectory[str]] = []  # removed when the process ends


def _folder() -> Path:
    _folders.append(TemporaryDirectory(prefix="contract-"))
    return Path(_folders[-1].name)


@cache
def checkpoint(name: str) -> Path:
    """A folder as an architecture is published: weights of another seed than any run's, and a tokenizer."""
    given, folder = ARCHITECTURES[name], _folder() / name
    if given.kinds == VISION:
        families.publish(given.family, given.source, folder)
        return folder
    languages.saved(folder, given.family, sentinels=languages.SENTINELS if given.family == "t5" else ())
    _read_pairs(folder, given.family)
    torch.manual_seed(99)
    getattr(tf, given.source).from_config(tf.AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    return folder


def _read_pairs(folder: Path, family: str) -> None:
    """Teach the tokenizer in a folder what stands behind a second text, and BERT's kin to mark that text."""
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    if form := languages.MARKS[languages.ARCHITECTURES[family][0]][1]:
        after = [f"{mark}:1" for mark in form.partition("$A")[2].split()]
        special = [(mark, tokenizer.vocab[mark]) for mark in form.replace("$A", "").split()]
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            form, " ".join([form, "$B:1", *after]), special
        )
    if family in SEGMENTS:
        tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)


@cache
def rows(variant: str) -> Path:
    """A folder with train, validation and test rows as jsonl, the same in every cell of a column."""
    folder, rng = _folder(), random.Random(0)
    for split, number in (("train", 16), ("validation", 6), ("test", 9)):
        made = [VARIANTS[variant].row(rng) for _ in range(number)]
        lines = (json.dumps(_on_disk(row, folder / f"{split}-{i}.png")) for i, row in enumerate(made))
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", "utf8")
    return folder


def _on_disk(row: Row, path: Path) -> Row:
    """The row with its image, if it has one, as the path of a file."""
    if "image" not in row:
        return row
    Image.frombytes("L", (8, 8), bytes(row["image"])).save(path)
    return {**row, "image": str(path)}


def overrides(name: str, variant: str) -> Iterator[str]:
    """What a user says to train a few steps of a cell, and to keep a state at every evaluation."""
    given, folder = VARIANTS[variant], rows(variant)
    yield f"task={given.task}"
    yield from (f"task.files.{split}={folder / split}.jsonl" for split in ("train", "validation", "test"))
    yield from ("model=hub", f"model.name={checkpoint(name)}", "model.max_length=32", *given.settings)
    yield from ("size=all", "precision=fp32", "optim.lr=1e-3", "optim.batch_size=4", "keep_weights=true")
    yield from ("budget.epochs=null", "budget.steps=4", "budget.evaluations=2")
    yield from ("hardware=cpu", "hardware.save_every=0", "tracker=none", "meter=none")
    yield from ("study.name=cell", "study.warm_up=0", "hydra.mode=RUN")


@cache
def _composed(variant: str) -> dict[str, Any]:
    """The configuration of a column, as composed for the first architecture that can do it."""
    (run,) = runs_of([*overrides(next(name for name, other in CELLS if other == variant), variant)])
    return run.config()


def run_of(name: str, variant: str, **arm: Any) -> Run:
    """The run of a cell; ConfigError where that says it makes no sense."""
    given = _composed(variant)
    model = given["model"] | {"name": str(checkpoint(name))}
    return Run.read({**given, "model": model, "arm": arm or {"kind": "scratch"}})


def pair_of(name: str, variant: str) -> tuple[Run, Run]:
    """The two runs of a cell: scratch and pretrained."""
    fresh = ARCHITECTURES[name].fresh
    return run_of(name, variant), run_of(name, variant, kind="pretrained", newly_initialised=fresh)


if __name__ == "__main__":
    print(table())

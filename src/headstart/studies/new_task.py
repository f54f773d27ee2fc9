"""New task: a yaml for a file of one's own, with what was seen in it as comments."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from headstart.node import ConfigError
from headstart.studies.search import shipped
from headstart.tasks.guess import Guess, guess

TEMPLATES = {  # family -> the shipped yaml for files of one's own
    "text_classification": "files",
    "token_classification": "files_tags",
    "question_answering": "files_qa",
    "image_classification": "files_images",
    "masked_lm": "files_mlm",
    "text_to_text": "files_to_text",
}
MODELS = {"image_classification": "vit_tiny", "text_to_text": "encoder_decoder_l4_h256"}  # else minilm
ANSWERS = ("label", "labels", "number")  # of a text classification: one of them
SCORES = {
    "labels": (["micro_f1", "exact_match"], "micro_f1"),
    "number": (["pearson", "spearman", "mse", "mae"], "pearson"),
}


@dataclass(frozen=True)
class NewTask:
    """What was written, and what to type next."""

    yaml: Path
    found: Guess
    command: str


def new_task(path: Path, name: str | None = None) -> NewTask:
    """Write conf/task/<name>.yaml for the rows in `path`; ConfigError where that name is taken."""
    name = name or re.sub(r"[^a-z0-9_]+", "_", path.stem.lower()).strip("_") or "mine"
    file = Path("conf/task") / f"{name}.yaml"
    if file.exists() or (shipped() / "task" / f"{name}.yaml").exists():
        raise ConfigError(
            f"task={name}: there is one already; give another name: headstart new task {path} NAME"
        )
    found = guess(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_text(path, name, found), "utf8")
    model = MODELS.get(found.kind, "minilm")
    size = "size=all" if found.rows < 500 else "size=n256"
    return NewTask(
        file, found, shlex.join(["headstart", f"task={name}", f"model={model}", size, f"study.name={name}"])
    )


def _text(path: Path, name: str, found: Guess) -> str:
    """The template of the family with this file, its columns, and comments."""
    template = yaml.safe_load((shipped() / "task" / f"{TEMPLATES[found.kind]}.yaml").read_text("utf8"))
    settings = _filled(template, name, path, found)
    head = [
        f"# {found.rows} rows of {path.name}, read as {found.kind.replace('_', ' ')}; correct what is wrong."
    ]
    head += [f"# {note}" for note in found.notes]
    body = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
    told = "validation and test are held out of train unless they are given"
    return "\n".join(head) + "\n" + body.replace("\nfiles:", f"\n# {told}\nfiles:")


def _filled(template: dict[str, Any], name: str, path: Path, found: Guess) -> dict[str, Any]:
    settings = {**template, "name": name, **found.columns}
    settings["files"] = {**template["files"], "train": str(path)}
    if found.header:
        settings["files"]["columns"] = list(found.header)
    if found.kind != "text_classification":
        return settings
    (answer,) = [role for role in ANSWERS if role in found.columns]
    settings |= {role: found.columns.get(role) for role in ("pair", *ANSWERS)}
    if answer in SCORES:
        metrics, headline = SCORES[answer]
        settings |= {"metrics": metrics, "headline": headline}
    return settings

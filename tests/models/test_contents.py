"""Contents: whatever a model and its tokenizer are built from names the run, and nothing else does."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import transformers
from tests.models.text import write
from tests.studies.command import headstart, records

from headstart.errors import WeightsError
from headstart.models.contents import TOKENIZER_FILES
from headstart.models.model import Model
from headstart.models.tokens import tokens_of
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "Red", "green"]


def settings(name: str, **changed: Any) -> Callable[[Path], None]:
    """Change settings of a JSON file, made where it is not there."""

    def change(folder: Path) -> None:
        path = folder / name
        before = json.loads(path.read_text("utf8")) if path.exists() else {}
        path.write_text(json.dumps(before | changed), "utf8")

    return change


def text(name: str, content: str) -> Callable[[Path], None]:
    """Write a file."""

    def change(folder: Path) -> None:
        (folder / name).write_text(content, "utf8")

    return change


def rewritten(name: str) -> Callable[[Path], None]:
    """The same settings with other blanks, in another order."""

    def change(folder: Path) -> None:
        mapping = json.loads((folder / name).read_text("utf8"))
        turned = dict(reversed(mapping.items()))
        (folder / name).write_text(json.dumps(turned, indent=7) + "\n\n", "utf8")

    return change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published encoder with a tokenizer that minds letters in capitals."""
    made = tmp_path / "model"
    made.mkdir()
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    settings("config.json", model_type="bert", vocab_size=len(WORDS), **shape)(made)
    settings("tokenizer_config.json", tokenizer_class="BertTokenizer", do_lower_case=True)(made)
    text("vocab.txt", "\n".join(WORDS) + "\n")(made)
    return made


BUILT_FROM = {
    "fewer layers": settings("config.json", num_hidden_layers=1),
    "another activation": settings("config.json", hidden_act="relu"),
    "dropout": settings("config.json", hidden_dropout_prob=0.4),
    "a nested configuration": settings("config.json", text_config={"model_type": "bert", "num_layers": 1}),
    "generation": settings("generation_config.json", num_beams=4),
    "images": settings("preprocessor_config.json", image_mean=[0.1]),
    "lower case": settings("tokenizer_config.json", do_lower_case=False),
    "a special token": settings("special_tokens_map.json", sep_token="[CLS]"),  # noqa: S106
    "an added token": settings("added_tokens.json", word=8),
    "the longest input": settings("tokenizer_config.json", model_max_length=7),
    "a word": text("vocab.txt", "\n".join([*WORDS[:-1], "blue"])),
    "a tokenizer of another kind": settings("tokenizer.json", model={"type": "BPE"}),
    "merges": text("merges.txt", "a b"),
    "pieces": text("spiece.model", "pieces"),
    "a chat": text("chat_template.jinja", "{{ messages }}"),
}
BESIDE_IT = {
    "order and blanks": rewritten("config.json"),
    "order and blanks of the tokenizer": rewritten("tokenizer_config.json"),
    "who saved it": settings("config.json", transformers_version="9", _name_or_path="x", architectures=["Y"]),
    "the dtype of the weights": settings("config.json", dtype="bfloat16", torch_dtype="float16"),
    "where its tokenizer lay": settings("tokenizer_config.json", name_or_path="/x", is_local=True),
    "a page about it": text("README.md", "# About"),
    "scores": text("eval_results.json", "{}"),
    "code that is not trusted": text("modeling_mine.py", "import this"),
    "arguments": text("training_args.bin", "pickle"),
}


@pytest.mark.parametrize("change", BUILT_FROM.values(), ids=BUILT_FROM)
def test_what_a_model_is_built_from_names_it(change: Callable[[Path], None], folder: Path) -> None:
    before = Model(name=str(folder)).built_from()
    change(folder)
    assert Model(name=str(folder)).built_from() != before


@pytest.mark.parametrize("change", BESIDE_IT.values(), ids=BESIDE_IT)
def test_what_lies_beside_it_does_not(change: Callable[[Path], None], folder: Path) -> None:
    before = Model(name=str(folder)).built_from()
    change(folder)
    assert Model(name=str(folder)).built_from() == before


def test_every_file_that_a_tokenizer_of_transformers_reads_is_one_of_them() -> None:
    sources = [*Path(transformers.__file__).parent.glob("models/*/tokenization*.py")]
    sources += Path(transformers.__file__).parent.glob("tokenization*.py")
    code = "\n".join(path.read_text("utf8") for path in sources)
    tables = re.findall(r"FILES?_NAMES? = (\{.*?\})", code, re.DOTALL)
    names = {name for table in tables for name in re.findall(r':\s*"([^"/]+)"', table)}
    assert len(names) > 20
    assert [name for name in sorted(names) if not any(fnmatch(name, p) for p in TOKENIZER_FILES)] == []


def test_tokens_are_made_again_for_another_tokenizer(folder: Path) -> None:
    def tokens() -> list[int]:
        model = Model(name=str(folder))
        return tokens_of(model.load_tokenizer(), model.tokenizer_digest(), ["Red"], None, 8).ids[0].tolist()

    assert tokens() == [2, 5, 3]
    settings("tokenizer_config.json", do_lower_case=False)(folder)
    assert tokens() == [2, 6, 3]


def test_a_tokenizer_of_another_folder_counts_and_its_model_does_not(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    model = Model.read({"name": str(folder), "tokenizer": {"name": "words", "folder": str(other)}})
    before = model.built_from()
    settings("config.json", num_hidden_layers=7)(other)
    settings("tokenizer_config.json", do_lower_case=False)(folder)
    assert model.built_from() == before
    settings("config.json", model_type="gpt2")(other)
    assert model.built_from() != before


def test_a_tokenizer_that_is_trained_here_counts_by_what_it_became(tmp_path: Path) -> None:
    def built(folder: Path, lines: int) -> dict[str, str]:
        folder.mkdir()
        train = {"algorithm": "bpe", "size": 600, "files": write(folder, lines)}
        rung = {"family": "encoder", "layers": 1, "width": 64}
        return Model.read({"ladder": rung, "tokenizer": {"train": train}}).built_from()

    assert built(tmp_path / "a", 80) == built(tmp_path / "b", 80) != built(tmp_path / "c", 90)


class TestCodeThatIsTrusted:
    """Code that comes with a model is part of what it is built from, when it runs."""

    def test_names_the_model(self, folder: Path) -> None:
        (folder / "parts").mkdir()
        text("parts/attention.py", "SCALE = 1")(folder)
        before = Model(name=str(folder), trust_remote_code=True).built_from()
        text("parts/attention.py", "SCALE = 2")(folder)
        assert Model(name=str(folder), trust_remote_code=True).built_from() != before

    def test_of_another_repository_is_refused(self, folder: Path) -> None:
        settings("config.json", auto_map={"AutoModel": "somebody/else--modeling.Mine"})(folder)
        Model(name=str(folder)).built_from()
        with pytest.raises(
            WeightsError, match=r"auto_map takes code from another repository .*somebody/else"
        ):
            Model(name=str(folder), trust_remote_code=True).built_from()


def test_a_file_that_is_no_json_is_named(folder: Path) -> None:
    text("tokenizer_config.json", "{")(folder)
    with pytest.raises(WeightsError, match=r"tokenizer_config\.json: cannot be read as JSON"):
        Model(name=str(folder)).built_from()


@pytest.mark.usefixtures("unreported")
def test_a_finished_run_of_another_configuration_is_another_run(
    quick: list[str], tiny_model: Path, tmp_path: Path
) -> None:
    copy, moved = shutil.copytree(tiny_model, tmp_path / "copy"), tmp_path / "moved"
    study = [*quick, "model.name=mine", f"model.folder={copy}", "seed=0", "hydra.mode=RUN"]
    assert headstart(*study, "arm=scratch").code == 0
    (record,) = records(Path("runs/quick"))

    def names(folder: Path, arm: str = "scratch") -> Any:
        (run,) = runs_of([*study, f"arm={arm}", f"model.folder={folder}"])
        return identify(run)

    shutil.move(copy, moved)
    assert names(moved).run_id == record["run_id"]
    assert names(moved, "pretrained").pair_id == record["pair_id"]
    settings("config.json", attention_probs_dropout_prob=0.5)(moved)
    assert names(moved).run_id != record["run_id"]
    assert names(moved, "pretrained").pair_id == names(moved).pair_id

"""Tokenizers trained here: the same bytes everywhere, the right frame, and clear words when it cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.models.text import lines, write

from headstart.cache import cache_dir
from headstart.errors import ConfigError, DataError
from headstart.models.model import Model
from headstart.models.tokenizer import SENTINELS, Trained, roles

FAMILIES = ("encoder", "decoder", "encoder_decoder")
ALGORITHMS = ("wordpiece", "bpe", "unigram")
SIZE = 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Files to train on."""
    return write(tmp_path_factory.mktemp("text"))


def model(
    files: dict[str, Any] | None, family: str = "encoder", algorithm: str = "bpe", **train: Any
) -> Model:
    """A rung of the ladder with a tokenizer trained on the files."""
    settings = {"algorithm": algorithm, "size": SIZE, "files": files} | train
    rung = {"family": family, "layers": 2, "width": 64}
    return Model.read({"ladder": rung, "tokenizer": {"train": settings}})


class TestTheSameTextGivesTheSameTokenizer:
    """Byte for byte, in any process."""

    def test_in_two_processes(self, files: dict[str, Any], tmp_path: Path) -> None:
        """This one, and one that hashes texts in another order."""
        program = (
            "import sys, json\n"
            "from headstart.models.tokenizer import Trained\n"
            "for name in json.loads(sys.argv[1]):\n"
            "    made = Trained.read({'algorithm': name, 'size': 1024, 'files': json.loads(sys.argv[2])})\n"
            "    print(made.digest('encoder_decoder'))\n"
        )
        environment = {**os.environ, "HEADSTART_CACHE": str(tmp_path), "PYTHONHASHSEED": "1"}
        command = [sys.executable, "-c", program, json.dumps(ALGORITHMS), json.dumps(files)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        here = [Trained.read({"algorithm": name, "size": 1024, "files": files}) for name in ALGORITHMS]
        assert done.stdout.split() == [made.digest("encoder_decoder") for made in here]
        assert len(set(done.stdout.split())) == 3

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_ten_times_in_one(
        self, files: dict[str, Any], algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small = {**files, "train": write(tmp_path, 60)["train"]}
        found = set()
        for number in range(10):
            monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / str(number)))
            found.add(model(small, algorithm=algorithm, size=512).tokenizer_digest())
        assert len(found) == 1

    def test_another_text_size_or_family_gives_another(self, files: dict[str, Any], tmp_path: Path) -> None:
        shorter = {**files, "train": write(tmp_path, 300)["train"]}
        made = [
            model(files),
            model(shorter),
            model(files, size=600),
            model(files, "decoder"),
            model(files, algorithm="unigram"),
        ]
        assert len({each.tokenizer_digest() for each in made}) == len(made)

    def test_is_trained_once_and_then_read(self, files: dict[str, Any]) -> None:
        one = model(files, "decoder")
        digest = one.tokenizer_digest()
        kept = {path: path.stat().st_mtime_ns for path in (cache_dir() / "tokenizers").iterdir()}
        assert one.tokenizer_digest() == digest
        assert len(one.load_tokenizer()) == SIZE
        assert {path: path.stat().st_mtime_ns for path in (cache_dir() / "tokenizers").iterdir()} == kept
        seconds = one.tokenizer_seconds()
        assert seconds and one.tokenizer_seconds() == seconds  # of the training, not of reading it

    def test_an_interrupted_training_leaves_nothing(
        self, files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))

        def interrupted(*_: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Trained, "_trained", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model(files).tokenizer_digest()
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class TestWhatItDoes:
    """Round trips, frames, special tokens."""

    @pytest.mark.parametrize("family", FAMILIES)
    def test_bytes_come_back_exactly(self, files: dict[str, Any], family: str) -> None:
        tokenizer = model(files, family).load_tokenizer()
        for text in [*lines(5), "  two  spaces\n\ttab", "日本語 😀 \u0000", ""]:
            ids = tokenizer(text)["input_ids"]
            assert tokenizer.decode(ids, skip_special_tokens=True) == text

    @pytest.mark.parametrize("algorithm", ["wordpiece", "unigram"])
    def test_known_words_come_back(self, files: dict[str, Any], algorithm: str) -> None:
        tokenizer = model(files, algorithm=algorithm).load_tokenizer()
        text = " ".join(lines(1)[0].lower().partition(",")[0].split())
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
        assert tokenizer.unk_token_id in tokenizer("語")["input_ids"]

    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    @pytest.mark.parametrize("family", FAMILIES)
    def test_every_role_is_a_token_of_its_own_and_the_size_is_kept(
        self, files: dict[str, Any], family: Any, algorithm: str
    ) -> None:
        tokenizer = model(files, family, algorithm).load_tokenizer()
        assert len(tokenizer) == SIZE or (algorithm == "unigram" and 512 < len(tokenizer) < SIZE)
        assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))
        names = roles(family)
        for role, token in names.items():
            assert getattr(tokenizer, role) == token
            ids = tokenizer(token, add_special_tokens=False, split_special_tokens=False)["input_ids"]
            assert ids == [getattr(tokenizer, f"{role}_id")]
        assert len({names["pad_token"], names["unk_token"], names["eos_token"]}) == 3

    @pytest.mark.parametrize(
        ("family", "one", "two"),
        [
            ("encoder", "[CLS] a [SEP]", "[CLS] a [SEP] b [SEP]"),
            ("decoder", "a", "a"),
            ("encoder_decoder", "a </s>", "a </s> b </s>"),
        ],
    )
    @pytest.mark.parametrize("algorithm", ALGORITHMS)
    def test_frames_fit_the_family(
        self, files: dict[str, Any], algorithm: str, family: str, one: str, two: str
    ) -> None:
        tokenizer = model(files, family, algorithm).load_tokenizer()
        alone, pair = tokenizer("ba"), tokenizer("ba", "ce")
        assert _marks(tokenizer, alone["input_ids"]) == one.replace("a", "-").replace("b", "-").split()
        assert _marks(tokenizer, pair["input_ids"]) == two.replace("a", "-").replace("b", "-").split()
        if family == "encoder":
            assert pair["token_type_ids"][:2] == [0, 0]
            assert pair["token_type_ids"][-1] == 1
        else:  # GPT-2 would add an embedding for them, T5 does not take them
            assert "token_type_ids" not in pair

    def test_sentinels_stand_for_one_token_each_in_encoder_decoders_alone(
        self, files: dict[str, Any]
    ) -> None:
        tokenizer = model(files, "encoder_decoder").load_tokenizer()
        text = "ba".join(SENTINELS)
        ids = tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]
        marks = [tokenizer.convert_tokens_to_ids(name) for name in SENTINELS]
        assert [i for i in ids if i in marks] == marks
        assert len(set(marks)) == 100
        assert "<extra_id_0>" not in model(files, "decoder").load_tokenizer().get_vocab()

    def test_words_of_the_test_rows_are_not_learnt(self, files: dict[str, Any]) -> None:
        assert "zyzzyva" in Path(files["test"]).read_text("utf8")
        assert not [token for token in model(files).load_tokenizer().get_vocab() if "zyz" in token]

    def test_offsets_leave_out_the_space_before_a_word(self, files: dict[str, Any]) -> None:
        told = model(files).load_tokenizer()("ba ce", return_offsets_mapping=True)
        assert told["offset_mapping"] == [(0, 0), (0, 2), (3, 5), (0, 0)]

    @pytest.mark.parametrize("family", FAMILIES)
    def test_comes_back_from_the_folder_that_a_run_keeps(
        self, files: dict[str, Any], family: str, tmp_path: Path
    ) -> None:
        from transformers import AutoTokenizer

        tokenizer = model(files, family).load_tokenizer()
        tokenizer.save_pretrained(tmp_path)
        again = AutoTokenizer.from_pretrained(tmp_path)
        assert dict(again("Ba ce", "di")) == dict(tokenizer("Ba ce", "di"))
        assert again.all_special_ids == tokenizer.all_special_ids
        assert again.model_max_length == tokenizer.model_max_length

    def test_the_longest_input_is_the_architectures(self, files: dict[str, Any]) -> None:
        assert model(files).load_tokenizer().model_max_length == 512
        assert model(files, "encoder_decoder").load_tokenizer().model_max_length > 10_000


def _marks(tokenizer: Any, ids: list[int]) -> list[str]:
    """Special tokens by name, runs of others as one dash."""
    names = [t if t in tokenizer.all_special_tokens else "-" for t in tokenizer.convert_ids_to_tokens(ids)]
    return [name for place, name in enumerate(names) if name != "-" or names[place - 1 : place] != ["-"]]


class TestWhatCannotBe:
    """One sentence: what, where, what to do."""

    def test_no_such_algorithm(self, files: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=r"tokenizer.train.algorithm: input should be"):
            model(files, algorithm="word")

    def test_too_small_to_be_asked_for(self, files: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=r"tokenizer.train.size: .* greater than or equal to 512"):
            model(files, size=100)

    def test_too_small_for_the_characters_of_the_text(self, tmp_path: Path) -> None:
        path = tmp_path / "many.jsonl"
        path.write_text(
            "".join(f'{{"text": "{chr(0x4E00 + n)} {chr(0x4E00 + n)}"}}\n' for n in range(900)), "utf8"
        )
        with pytest.raises((ConfigError, DataError), match=r"model.tokenizer.train"):
            model({"train": str(path)}, algorithm="unigram", size=512).load_tokenizer()

    def test_both_or_no_source(self, files: dict[str, Any]) -> None:
        with pytest.raises(ConfigError, match=r"exactly one of docs, files and hub .* got docs and files"):
            model(files, docs={"view": "text"})
        with pytest.raises(ConfigError, match=r"exactly one of docs, files and hub .* got none"):
            model(None)

    def test_a_name_and_a_training(self, files: dict[str, Any]) -> None:
        train = {"algorithm": "bpe", "size": 512, "files": files}
        for given in ({"name": "bert-base-uncased", "train": train}, {}):
            with pytest.raises(ConfigError, match=r"tokenizer: give either name .* or train"):
                Model.read({"name": "x", "architecture": {"model_type": "bert"}, "tokenizer": given})

    def test_a_checkpoint_cannot_follow_another_tokenizer(self, files: dict[str, Any]) -> None:
        train = {"algorithm": "bpe", "size": 512, "files": files}
        with pytest.raises(ConfigError, match=r"tokenizer.train: needs an architecture or a ladder"):
            Model.read({"name": "bert-base-uncased", "tokenizer": {"train": train}})

    def test_a_missing_file_is_named_where_it_is_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"model.tokenizer.train.files.train=.*nowhere.csv: no such file"):
            model({"train": str(tmp_path / "nowhere.csv")}).load_tokenizer()

    def test_a_missing_column_is_named(self, files: dict[str, Any]) -> None:
        with pytest.raises(DataError, match=r"has no column 'body'"):
            model(files, text="body").load_tokenizer()


def test_docs_are_read_from_all_libraries_unless_some_are_named() -> None:
    from headstart.data.docs.docstrings import LIBRARIES

    made = Trained.read({"algorithm": "bpe", "size": 512, "docs": {"view": "text"}})
    assert made.docs is not None
    assert made.docs.libraries == LIBRARIES

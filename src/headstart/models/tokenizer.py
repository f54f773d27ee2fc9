"""Tokenizer: a published one, or one trained here; and special tokens in texts."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from headstart.cache import cached, is_cached
from headstart.config import Config
from headstart.data.docs.source import Docs
from headstart.data.files import Files
from headstart.data.hub import Hub
from headstart.errors import ConfigError, DataError
from headstart.models.weights import CheckpointSource

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend
    from transformers import PreTrainedTokenizerBase

Reader = Literal["encoder", "decoder", "encoder_decoder"]  # families of architecture that read text
VERSION = 1  # increase it when the same settings make another tokenizer
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(100))  # as in T5: one for each removed span
NO_LIMIT = 1_000_000  # tokens; for architectures without a maximum length


class Trained(Config):
    """A tokenizer trained on the training rows of a source; `size` counts every token, special ones too."""

    algorithm: Literal["wordpiece", "bpe", "unigram"]
    size: int = Field(ge=512, le=1_000_000)
    text: str = "text"  # column
    docs: Docs | None = None
    files: Files | None = None
    hub: Hub | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = [name for name in ("docs", "files", "hub") if getattr(self, name) is not None]
        if len(sources) != 1:
            raise ValueError(
                "exactly one of docs, files and hub says whose text the tokenizer is trained on, "
                f"got {' and '.join(sources) or 'none'}"
            )
        return self

    def digest(self, family: Reader) -> str:
        """sha256 (16 hex) of the tokenizer's file; settings with the same result have the same digest."""
        return hashlib.sha256(self.file(family).read_bytes()).hexdigest()[:16]

    def load(self, family: Reader, longest: int | None) -> PreTrainedTokenizerBase:
        """The transformers tokenizer; `longest` is in tokens, None: no limit."""
        from tokenizers import Tokenizer as Backend
        from transformers import PreTrainedTokenizerFast

        kinds = ["token_type_ids"] if family == "encoder" else []
        return PreTrainedTokenizerFast(
            tokenizer_object=Backend.from_file(str(self.file(family))),
            **roles(family),
            extra_special_tokens=list(_sentinels(family)),
            model_input_names=["input_ids", *kinds, "attention_mask"],
            model_max_length=longest or NO_LIMIT,
        )

    def file(self, family: Reader) -> Path:
        """The path of tokenizer.json; it is trained when it is not in the cache."""
        source = self.docs or self.files or self.hub
        assert source is not None  # noqa: S101  _one_source

        def write(path: Path) -> None:
            from headstart.screen import waiting

            texts = source.load({"text": self.text}).train["text"][:]
            message = f"training a tokenizer of {self.size:,} tokens on {len(texts):,} texts, once"
            begin = time.perf_counter()
            with waiting(message):
                tokenizer = self._trained(texts, family)
            seconds = time.perf_counter() - begin
            path.write_text(tokenizer.to_str(), "utf8")
            self._keep_seconds(family, seconds)

        try:
            return cached(f"tokenizers/{self._key(family)}.json", write)
        except DataError as error:  # sources name their settings as a task has them
            raise DataError(str(error).replace("task.", "model.tokenizer.train.")) from None

    def seconds(self, family: Reader) -> float | None:
        """How long its training took; None: it was trained before that was kept."""
        if not is_cached(f"tokenizer_seconds/{self._key(family)}.json"):
            return None
        return json.loads(self._keep_seconds(family, None).read_text("utf8"))

    def _keep_seconds(self, family: Reader, seconds: float | None) -> Path:
        """The file with the seconds that were kept first; with these where there is no whole file."""

        def write(path: Path) -> None:
            path.write_text(json.dumps(seconds), "utf8")

        return cached(f"tokenizer_seconds/{self._key(family)}.json", write)

    def _key(self, family: Reader) -> str:
        source = self.docs or self.files or self.hub
        assert source is not None  # noqa: S101  _one_source
        settings = [source.digest(), self.text, self.algorithm, self.size, family]
        facts = json.dumps([VERSION, version("tokenizers"), *settings])
        return hashlib.sha256(facts.encode()).hexdigest()[:32]

    def _trained(self, texts: list[str], family: Reader) -> Backend:
        from headstart.models.vocabulary import ALGORITHMS

        names = roles(family)
        special = [*dict.fromkeys(names.values()), *_sentinels(family)]
        try:
            tokenizer = ALGORITHMS[self.algorithm](texts, self.size, special, names["unk_token"])
        except Exception as error:  # noqa: BLE001 the trainers raise plain exceptions
            raise DataError(
                f"model.tokenizer.train: {self.algorithm} of {self.size} tokens cannot be trained on "
                f"{len(texts)} texts ({error}): give more text, or another size or algorithm"
            ) from None
        if tokenizer.get_vocab_size() > self.size:
            raise ConfigError(
                f"model.tokenizer.train.size: {self.size} is too small: the characters and special tokens "
                f"alone are {tokenizer.get_vocab_size()}; choose more"
            )
        template = _template(tokenizer, family, byte_level=self.algorithm == "bpe")
        tokenizer.post_processor = template  # pyright: ignore[reportAttributeAccessIssue]
        return tokenizer


class Tokenizer(CheckpointSource):
    """Files of a tokenizer by `name`, `folder` or `distribution`; or `train`: settings to train one here."""

    name: str = ""
    train: Trained | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        published = any((self.name, self.revision, self.folder, self.distribution, self.sha256))
        if published == (self.train is not None):
            raise ValueError("give either name (with folder or distribution) or train")
        if published and not self.name:
            raise ValueError("name: is missing")
        return self


def roles(family: Reader) -> dict[str, str]:
    """The special token of every role in transformers; encoders have those of BERT."""
    pad, unk, begin, end, mask = (
        ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
        if family == "encoder"
        else ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    )
    ends = {"bos_token": begin, "eos_token": end, "cls_token": begin, "sep_token": end}
    return {"pad_token": pad, "unk_token": unk, **ends, "mask_token": mask}


def _sentinels(family: Reader) -> tuple[str, ...]:
    return SENTINELS if family == "encoder_decoder" else ()


def _template(tokenizer: Backend, family: Reader, *, byte_level: bool) -> Any:
    """Adds special tokens: encoders [CLS] A [SEP] B [SEP], encoder-decoders A </s>, decoders none.

    `byte_level`: the space before a word is part of its token, but not of its offsets.
    """
    from tokenizers import processors

    names = roles(family)
    begin, end = names["cls_token"], names["sep_token"]
    forms = {
        "encoder": (f"{begin} $A {end}", f"{begin} $A {end} $B:1 {end}:1"),
        "encoder_decoder": (f"$A {end}", f"$A {end} $B {end}"),
    }
    steps: list[Any] = [processors.ByteLevel(trim_offsets=True)] if byte_level else []
    if family in forms:
        ids = [(token, tokenizer.token_to_id(token)) for token in (begin, end)]
        steps.append(processors.TemplateProcessing(*forms[family], special_tokens=ids))
    return processors.Sequence(steps) if steps else None


def special_tokens(tokenizer: Any) -> list[str]:
    """The spellings of all special tokens, with a role or added, sorted."""
    added = tokenizer.added_tokens_decoder.values()
    return sorted({*tokenizer.all_special_tokens, *(token.content for token in added if token.special)})


def without_special_tokens_in_text(tokenizer: Any) -> Any:
    """The tokenizer, changed so that no text becomes special tokens; it still adds its own around texts.

    A vocabulary with `</s>` among its pieces, as in unigram models, would still match the text: there the
    first character is split off before.
    """
    tokenizer.split_special_tokens = True
    tokenizer.init_kwargs["split_special_tokens"] = True  # for a saved tokenizer
    names = special_tokens(tokenizer)
    special = set(tokenizer.convert_tokens_to_ids(names))
    if tokenizer.is_fast and special & set(tokenizer(" ".join(names), add_special_tokens=False)["input_ids"]):
        from tokenizers import Regex, pre_tokenizers

        patterns = [f"{re.escape(name[0])}(?={re.escape(name[1:])})" for name in names if len(name) > 1]
        split = pre_tokenizers.Split(Regex("|".join(patterns)), "isolated")
        backend = tokenizer.backend_tokenizer
        before = backend.pre_tokenizer
        backend.pre_tokenizer = split if before is None else pre_tokenizers.Sequence([before, split])
    return tokenizer


def rows_with_special_tokens(tokenizer: Any, rows: Iterable[Iterable[str]]) -> int:
    """Number of rows that have the spelling of a special token in a text."""
    names = special_tokens(tokenizer)
    if not names:
        return 0
    search = re.compile("|".join(map(re.escape, names))).search
    return sum(any(search(text) for text in texts) for texts in rows)

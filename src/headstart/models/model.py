"""Model: an architecture and its tokenizer; weights come from an arm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from headstart.errors import ConfigError, WeightsError
from headstart.models import compatibility
from headstart.models.architecture import (
    check_sizes,
    configuration,
    for_task,
    from_tokenizer,
    left_open,
    refuse_other_dtypes,
    train_padding_that_ends_texts,
    without_labels,
)
from headstart.models.contents import (
    CONFIG,
    MODEL_FILES,
    code_digests,
    digests_of,
    joint_digest,
    read_json,
    tokenizer_digests,
)
from headstart.models.ladder import HERE, Ladder
from headstart.models.tokenizer import Reader, Tokenizer, Trained, without_special_tokens_in_text
from headstart.models.weights import Checkpoint, CheckpointSource

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase

POSITIONS = ("max_position_embeddings", "n_positions")  # names of the longest input in tokens


class Model(CheckpointSource):
    """A hub name, a folder, or a size of the ladder.

    `ladder` or `architecture` replaces the checkpoint's config; null values for the vocabulary and special
    tokens are set by the tokenizer. A model of the ladder is named after its size. `max_length` is in
    tokens; longer rows are cut, and the record counts them.
    """

    architecture: dict[str, Any] | None = None
    ladder: Ladder | None = None
    tokenizer: Tokenizer | None = None
    max_length: int = Field(default=128, ge=8)
    trust_remote_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _name_of_the_ladder(cls, mapping: Any) -> Any:
        ladder = mapping.get("ladder") if isinstance(mapping, Mapping) else None
        if ladder is None or mapping.get("name") is not None:
            return mapping
        try:
            name = (ladder if isinstance(ladder, Ladder) else Ladder.model_validate(ladder)).name
        except ValueError:
            name = HERE  # the mistakes in `ladder` are reported by that field
        return {**mapping, "name": name}

    @model_validator(mode="after")
    def _settings_agree(self) -> Self:
        if self.ladder and self.architecture is not None:
            raise ValueError("give either architecture or ladder")
        if self.ladder and self.name.startswith(HERE) and self.name != self.ladder.name:
            raise ValueError(f"name: the ladder says {self.ladder.name}, got {self.name}; leave name out")
        if self._training and self.settings() is None:
            raise ValueError("tokenizer.train: needs an architecture or a ladder that follows it")
        if self.longest is not None and self.max_length > self.longest:
            raise ValueError(f"max_length: {self.max_length} tokens do not fit {self.longest} positions")
        return self

    def settings(self) -> dict[str, Any] | None:
        """The architecture as a mapping of transformers' settings; None: the checkpoint's config.json."""
        if self.ladder:
            return self.ladder.architecture()
        return None if self.architecture is None else dict(self.architecture)

    @property
    def longest(self) -> int | None:
        """Number of positions in the settings of the architecture; None when it has none."""
        settings = self.settings() or {}
        return next((settings[name] for name in POSITIONS if isinstance(settings.get(name), int)), None)

    @property
    def trains_tokenizer(self) -> bool:
        """Is its tokenizer trained on text, instead of published? The first time can take minutes."""
        return self._training is not None

    def model_type(self, fetch: bool = True) -> str | None:
        """transformers' name of the architecture; None where config.json is not on this machine."""
        settings = self.settings()
        if settings is not None:
            if settings.get("model_type") is None:
                raise ConfigError("model.architecture.model_type: is missing (bert, roberta, ...)")
            return str(settings["model_type"])
        try:
            checkpoint = self.find(fetch)
        except WeightsError:
            if fetch:
                raise
            return None
        return read_json(checkpoint.folder / CONFIG).get("model_type")

    def family(self, fetch: bool = True) -> compatibility.Family | None:
        """encoder, decoder, encoder_decoder or vision; None if unknown (yet)."""
        kind = self.model_type(fetch)
        return None if kind is None else compatibility.family_of(kind)

    def check_head(self, auto_class: str) -> None:
        """ConfigError when the architecture cannot have this head; not checked without its config."""
        kind = None if self.trust_remote_code else self.model_type(fetch=False)
        if kind is not None:
            compatibility.check(kind, auto_class, is_decoder=bool((self.settings() or {}).get("is_decoder")))

    def transformers_config(self, **head: Any) -> PretrainedConfig:
        """The transformers configuration with this task's head settings (`num_labels`, ...)."""
        return self._config(head, None)

    def _config(self, head: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase | None) -> PretrainedConfig:
        settings = self.settings()
        if settings is None:
            return self._published_config(head)
        kind = self.model_type()
        del settings["model_type"]
        if left_open(settings):
            settings |= from_tokenizer(settings, self.load_tokenizer() if tokenizer is None else tokenizer)
        return configuration(str(kind), settings, head)

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, the same in every arm: published, or trained on the text of its source.

        The spelling of a special token in a text is plain text: only the tokenizer adds special tokens.
        """
        from transformers import AutoTokenizer

        reader = self._reader()
        if self._training:
            tokenizer = self._training.load(reader, self.longest)
        else:
            checkpoint = (self.tokenizer or self).find()
            try:
                tokenizer = AutoTokenizer.from_pretrained(
                    checkpoint.folder, trust_remote_code=self.trust_remote_code, local_files_only=True
                )
            except (ValueError, OSError, ImportError) as error:
                raise WeightsError(
                    f"{self.name}: no usable tokenizer in {checkpoint.origin}: {_first_line(error)}"
                ) from None
        tokenizer = without_special_tokens_in_text(tokenizer)
        check_sizes(self.name, self._config({}, tokenizer), tokenizer, self.max_length)
        return tokenizer

    def tokenizer_digest(self) -> str:
        """sha256 (16 hex) over the content of the tokenizer's files, which the arms share."""
        return joint_digest(self._tokenizer_files())

    def built_from(self) -> dict[str, str]:
        """Digests of the files of the model and its tokenizer, by name, without weights."""
        files: dict[str, str] = {}
        if self.settings() is None:
            folder = self.find().folder
            files |= digests_of(folder, MODEL_FILES) | self._code(folder)
        if self.family() == "vision":
            return files
        return files | {f"tokenizer/{name}": digest for name, digest in self._tokenizer_files().items()}

    def seeded(self, auto_class: str, config: PretrainedConfig, seed: int) -> nn.Module:
        """A model with random weights that depend only on `seed`; float32, on the CPU."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self._from_config(auto_class, config)

    def drawn_again(self, seeded: nn.Module, seed: int) -> nn.Module:
        """Another model like `seeded`, whose random weights depend only on this `seed`."""
        import torch

        config: Any = seeded.config
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            model = type(seeded)(config)
            train_padding_that_ends_texts(model, config)
            return model

    def skeleton(self, auto_class: str, config: PretrainedConfig) -> nn.Module:
        """The same model on the meta device, with shapes but no values, to count FLOPs."""
        import torch

        with torch.device("meta"):
            return self._from_config(auto_class, config)

    def find(self, fetch: bool = True) -> Checkpoint:
        """The files of the checkpoint; a model that is defined here has files only in `folder`."""
        if self.name.startswith(HERE) and self.folder is None:
            raise WeightsError(
                f"model.name: {self.name} is defined here and has no published weights; pretrain it "
                "(arm=scratch keep_weights=true on task=docs_mlm, docs_clm or docs_denoise), then use "
                "arm=from_run arm.run=..."
            )
        return super().find(fetch)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of the files to fetch; code only with `trust_remote_code`."""
        return (*super().patterns, "*.py") if self.trust_remote_code else super().patterns

    @property
    def _training(self) -> Trained | None:
        return self.tokenizer.train if self.tokenizer else None

    def tokenizer_seconds(self) -> float | None:
        """How long the training of its tokenizer took; None: a published one, or not known."""
        if self._training is None:
            return None
        return self._training.seconds(self._reader())

    def _tokenizer_files(self) -> dict[str, str]:
        reader = self._reader()
        if self._training:
            return {"tokenizer.json": self._training.digest(reader)}
        folder = (self.tokenizer or self).find().folder
        return tokenizer_digests(folder) | self._code(folder)

    def _code(self, folder: Path) -> dict[str, str]:
        return code_digests(folder) if self.trust_remote_code else {}

    def _reader(self) -> Reader:
        """The family of the architecture; ConfigError for one that reads images."""
        family = self.family()
        if family == "vision":
            raise ConfigError(
                f"model: {self.name} reads images and has no tokenizer: choose a task with images, such as "
                "task=digits, or a model that reads text, such as model=minilm"
            )
        return family or "encoder"

    def _from_config(self, auto_class: str, config: PretrainedConfig) -> nn.Module:
        import transformers

        kind = getattr(transformers, auto_class)
        model = kind.from_config(config, trust_remote_code=self.trust_remote_code)
        refuse_other_dtypes(model, self.name)
        train_padding_that_ends_texts(model, config)
        return model

    def _published_config(self, head: Mapping[str, Any]) -> PretrainedConfig:
        from huggingface_hub.errors import StrictDataclassError
        from transformers import AutoConfig

        checkpoint = self.find()
        if quantised := read_json(checkpoint.folder / CONFIG).get("quantization_config"):
            raise WeightsError(
                f"{self.name}: the weights in {checkpoint.origin} are quantised "
                f"({quantised.get('quant_method', 'no method is named')}), and headstart trains float32: "
                "choose the checkpoint that they were made from"
            )
        try:
            config = AutoConfig.from_pretrained(
                checkpoint.folder,
                trust_remote_code=self.trust_remote_code,
                local_files_only=True,
                **without_labels(head),
            )
        except (ValueError, OSError, AttributeError, TypeError, StrictDataclassError) as error:
            raise WeightsError(
                f"{self.name}: config.json is not one that transformers knows: {_first_line(error)}"
            ) from None
        return for_task(config, head)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__

"""Model: an architecture and its tokenizer; weights come from an arm."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from headstart.models.place import Found, Place
from headstart.node import ConfigError, WeightsError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PretrainedConfig, PreTrainedTokenizerBase


class Model(Place):
    """A hub name, a folder or a size of our own; `architecture` replaces the checkpoint's config.

    `max_length` is in tokens; longer rows are cut, and the record counts them.
    """

    architecture: dict[str, Any] | None = None
    tokenizer: Place | None = None
    max_length: int = Field(default=128, ge=8)
    trust_remote_code: bool = False

    def transformers_config(self, **head: Any) -> PretrainedConfig:
        """The transformers configuration with this task's head settings (`num_labels`, ...)."""
        from transformers import AutoConfig

        if self.architecture is not None:
            settings = dict(self.architecture)
            kind = settings.pop("model_type", None)
            if kind is None:
                raise ConfigError("model.architecture.model_type: is missing (bert, roberta, ...)")
            return AutoConfig.for_model(kind, **settings, **head)
        try:
            return AutoConfig.from_pretrained(
                self.find().folder, trust_remote_code=self.trust_remote_code, local_files_only=True, **head
            )
        except (ValueError, OSError) as error:
            raise WeightsError(
                f"{self.name}: config.json is not one that transformers knows: {_first_line(error)}"
            ) from None

    def load_tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer; it is the same, and pretrained, in every arm."""
        from transformers import AutoTokenizer

        place = self._tokenizer_place()
        try:
            return AutoTokenizer.from_pretrained(
                place.folder, trust_remote_code=self.trust_remote_code, local_files_only=True
            )
        except (ValueError, OSError) as error:
            raise WeightsError(
                f"{self.name}: no usable tokenizer in {place.origin}: {_first_line(error)}"
            ) from None

    def tokenizer_digest(self) -> str:
        """sha256 (16 hex) over the tokenizer's files: what the arms share, by content."""
        folder = self._tokenizer_place().folder
        names = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model", "tokenizer.model")
        digest = hashlib.sha256()
        for name in names:
            if (folder / name).is_file():
                digest.update(name.encode() + (folder / name).read_bytes())
        return digest.hexdigest()[:16]

    def seeded(self, auto_class: str, config: PretrainedConfig, seed: int) -> nn.Module:
        """A model with random weights that depend on `seed` and on nothing else; fp32, on the CPU."""
        import torch
        import transformers

        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return getattr(transformers, auto_class).from_config(
                config, trust_remote_code=self.trust_remote_code
            )

    def skeleton(self, auto_class: str, config: PretrainedConfig) -> nn.Module:
        """The same model with shapes and no numbers, for counting operations."""
        import torch
        import transformers

        with torch.device("meta"):
            return getattr(transformers, auto_class).from_config(
                config, trust_remote_code=self.trust_remote_code
            )

    def _tokenizer_place(self) -> Found:
        return (self.tokenizer or self).find()


def architecture_digest(config: PretrainedConfig) -> str:
    """sha256 (16 hex) of the settings that shape the model, without names and versions."""
    ignored = {"_name_or_path", "transformers_version", "architectures", "torch_dtype", "dtype"}
    settings = {k: v for k, v in config.to_dict().items() if k not in ignored}
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__

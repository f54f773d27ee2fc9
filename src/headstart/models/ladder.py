"""Ladder: architectures by layers and width, with the proportions of Turc et al. 2019 (arXiv 1908.08962)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headstart.config import Config

HERE = "here/"  # prefix of the names of models that are defined here and have no published weights


class Ladder(Config):
    """One size: heads of width 64, inner layers of four times the width, the tokenizer's vocabulary.

    encoder: BERT. decoder: GPT-2. encoder_decoder: T5, with `layers` in each half and no maximum length.
    """

    family: Literal["encoder", "decoder", "encoder_decoder"]
    layers: int = Field(ge=1, le=96)
    width: int = Field(ge=64, le=8192, multiple_of=64)
    positions: int = Field(default=512, ge=8)  # longest input in tokens

    @property
    def name(self) -> str:
        """`here/encoder-l2-h128`."""
        return f"{HERE}{self.family.replace('_', '-')}-l{self.layers}-h{self.width}"

    def architecture(self) -> dict[str, Any]:
        """A transformers configuration as a mapping; null values depend on the tokenizer."""
        heads, inner = self.width // 64, 4 * self.width
        shapes: dict[str, dict[str, Any]] = {
            "encoder": {
                "model_type": "bert",
                "num_hidden_layers": self.layers,
                "hidden_size": self.width,
                "num_attention_heads": heads,
                "intermediate_size": inner,
                "max_position_embeddings": self.positions,
                "bos_token_id": None,
            },
            "decoder": {
                "model_type": "gpt2",
                "n_layer": self.layers,
                "n_embd": self.width,
                "n_head": heads,
                "n_inner": inner,
                "n_positions": self.positions,
                "bos_token_id": None,
            },
            "encoder_decoder": {
                "model_type": "t5",
                "num_layers": self.layers,
                "num_decoder_layers": self.layers,
                "d_model": self.width,
                "num_heads": heads,
                "d_kv": 64,
                "d_ff": inner,
                "decoder_start_token_id": None,
            },
        }
        return {**shapes[self.family], "vocab_size": None, "pad_token_id": None, "eos_token_id": None}

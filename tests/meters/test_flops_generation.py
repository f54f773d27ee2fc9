"""FLOPs of generation against what transformers executes, as integers; and few counts for many shapes."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import transformers as tf
from torch.utils.flop_counter import FlopCounterMode

from headstart.meters.flops import FlopCounter
from headstart.meters.polynomial import outside_in
from headstart.models.model import Model

H, INNER, LAYERS, V, ROWS = 32, 64, 1, 50, 3
SPECIAL: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
GPT2 = tf.GPT2Config(n_embd=H, n_layer=LAYERS, n_head=2, n_inner=INNER, vocab_size=V, **SPECIAL)
LLAMA: dict[str, Any] = {"hidden_size": H, "intermediate_size": INNER, "num_hidden_layers": LAYERS} | SPECIAL
LLAMA |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": V}
T5: dict[str, Any] = {"d_model": H, "d_kv": 8, "num_heads": 4, "d_ff": INNER, "num_layers": LAYERS}
T5 |= {"vocab_size": V, "decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 2}
SIDES: dict[str, Any] = {f"{side}_{what}": n for side in ("encoder", "decoder")
         for what, n in (("layers", LAYERS), ("attention_heads", 4), ("ffn_dim", INNER))}  # fmt: skip
BART: dict[str, Any] = {"d_model": H, "vocab_size": V, "no_repeat_ngram_size": 2} | SIDES | SPECIAL
ARCHITECTURES = {
    "gpt2": GPT2,
    "llama": tf.LlamaConfig(**LLAMA),
    "t5": tf.T5Config(**T5),
    "bart": tf.BartConfig(**BART),
}


def inputs(encoder: int, decoder: int, start: int) -> dict[str, torch.Tensor]:
    """What one row reads when the right tokens are given."""
    ids = {"input_ids": encoder, "decoder_input_ids": decoder} if encoder else {"input_ids": decoder}
    return {name: torch.zeros(1, n).long() for name, n in ids.items()}


def prompt(encoder: int, decoder: int, start: int) -> dict[str, torch.Tensor]:
    """What generation starts from."""
    return inputs(encoder, start, start)


def counter(config: Any, kind: type[FlopCounter] = FlopCounter) -> FlopCounter:
    skeleton = Model(name="shapes only").skeleton(auto_class(config), config)
    return kind(skeleton, {name for name, _ in skeleton.named_parameters()}, inputs, prompt=prompt)


def auto_class(config: Any) -> str:
    return "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"


def shape(config: Any, length: int) -> tuple[int, int, int]:
    return (length, 5, 1) if config.is_encoder_decoder else (0, length + 5, length)


def executed(config: Any, steps: int, length: int) -> int:
    """FLOPs of transformers' own generation with numbers in it, on the CPU."""
    model = getattr(tf, auto_class(config)).from_config(config, attn_implementation="eager").eval()
    plain = tf.GenerationConfig(max_new_tokens=steps, do_sample=False, num_beams=1, decoder_start_token_id=0)
    model.generation_config = plain  # without an end token, so that nothing stops early
    with FlopCounterMode(display=False) as mode, torch.no_grad():
        written = model.generate(torch.full((ROWS, length), 3), generation_config=plain)
    assert written.shape == (ROWS, steps + (1 if config.is_encoder_decoder else length))
    return mode.get_total_flops()


@pytest.mark.parametrize("steps", [1, 2, 3, 9])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_counted_is_what_is_executed(name: str, steps: int) -> None:
    config = ARCHITECTURES[name]
    found = counter(config)
    assert found.generate(ROWS, steps, *shape(config, 12)) == executed(config, steps, 12)
    assert found.without_formula == set()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_inference_mode_hides_nothing(name: str) -> None:
    """Lightning evaluates in it, and generation is counted after the evaluation that generated."""
    config = ARCHITECTURES[name]
    with torch.inference_mode():
        inside = counter(config).generate(ROWS, 4, *shape(config, 12))
    assert inside == counter(config).generate(ROWS, 4, *shape(config, 12))


def test_a_sliding_window_is_counted_token_by_token() -> None:
    config = tf.MistralConfig(**LLAMA, sliding_window=16)
    assert counter(config).generate(ROWS, 14, *shape(config, 8)) == executed(config, 14, 8)


def test_gpt2_equals_the_closed_form() -> None:
    """The head writes one position at a time, that of the prompt's last token first."""

    def read(tokens: int, seen: int) -> int:
        return LAYERS * (8 * tokens * H**2 + 4 * tokens * H * INNER + 4 * tokens * seen * H) + 2 * H * V

    found = counter(GPT2)
    for prompt_length in (8, 16, 24):
        for steps in (1, 2, 5, 40):
            closed = read(prompt_length, prompt_length)
            closed += sum(read(1, prompt_length + step) for step in range(1, steps))
            assert found.generate(7, steps, 0, 99, prompt_length) == 7 * closed


def test_t5_equals_the_closed_form() -> None:
    """The encoder runs once, and so do the keys and values that the decoder makes of its output."""
    found = counter(ARCHITECTURES["t5"])
    for source in (8, 16, 40):
        once = LAYERS * (8 * source * H**2 + 4 * source * H * INNER + 4 * source**2 * H)
        once += LAYERS * 4 * source * H**2
        for steps in (1, 3, 30):
            each = LAYERS * (8 * H**2 + 4 * H**2 + 4 * H * INNER + 4 * source * H) + 2 * H * V
            grows = LAYERS * 4 * H * sum(range(1, steps + 1))
            assert found.generate(2, steps, source, 5, 1) == 2 * (once + steps * each + grows)


def test_nothing_written_costs_nothing() -> None:
    assert counter(GPT2).generate(ROWS, 0, *shape(GPT2, 12)) == 0


class Tallied(FlopCounter):
    """Knows how often it really counted."""

    counted = 0

    def _count(self, row: Any, backward: bool) -> tuple[int, int]:
        self.counted += 1
        return super()._count(row, backward)

    def _totals(self, row: Any, steps: int) -> list[int]:
        self.counted += 1
        return super()._totals(row, steps)


def translated(source: int, target: int) -> int:
    """Forward of T5 for one row."""
    encoder, decoder = (8 * n * H**2 + 4 * n * H * INNER + 4 * n**2 * H for n in (source, target))
    cross = 4 * target * H**2 + 4 * source * H**2 + 4 * target * source * H
    return LAYERS * (encoder + decoder + cross) + 2 * target * H * V


def test_many_shapes_follow_from_a_few() -> None:
    found = counter(ARCHITECTURES["t5"], Tallied)
    for source, target in outside_in(product(range(8, 129, 8), range(8, 41, 8))):
        assert found.train(2, source, target, 1) == 6 * translated(source, target)
    assert isinstance(found, Tallied) and found.counted <= 10


def test_shapes_are_counted_one_by_one_where_no_polynomial_fits() -> None:
    class Chunks(torch.nn.Module):
        """Works on whole chunks of ten."""

        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(torch.nn.functional.pad(x, (0, 0, 0, -len(x) % 10)))

    with torch.device("meta"):
        model = Chunks()
    found = Tallied(model, set(), lambda length: {"x": torch.zeros(length, 8)})
    for length in [*range(1, 80), *range(80, 1, -3)]:
        assert found.forward(1, length) == 2 * 8 * 8 * -(-length // 10) * 10
    assert found.counted > 50

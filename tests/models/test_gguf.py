"""GGUF: quantised weights of an installed package are unpacked once, to the numbers that they stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import transformers as tf
from safetensors.numpy import load_file

from headstart.cache import cache_dir
from headstart.errors import WeightsError
from headstart.models import weights
from headstart.models.gguf import unpack
from headstart.models.model import Model

H, INNER, HEADS, VOCABULARY = 64, 128, 2, [*"abcdefghijklmnop", "ab", "<s>", "</s>", "<|endoftext|>"]
PACKED = gguf.GGMLQuantizationType.Q4_1
MATRICES = {
    "attn_q": (H, H), "attn_k": (H, H), "attn_v": (H, H), "attn_output": (H, H),
    "ffn_gate": (INNER, H), "ffn_up": (INNER, H), "ffn_down": (H, INNER),
}  # fmt: skip


def written(path: Path) -> dict[str, np.ndarray]:
    """A Llama of one layer in 4 bits, as llama.cpp's own writer leaves it; its tensors as numbers."""
    draw = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(32)
    writer.add_embedding_length(H)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(H // HEADS)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([1] * 17 + [3] * 3)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(17)
    writer.add_eos_token_id(18)
    writer.add_unk_token_id(19)
    writer.add_pad_token_id(18)
    numbers: dict[str, np.ndarray] = {}
    shapes = {"token_embd": (len(VOCABULARY), H)} | {f"blk.0.{name}": size for name, size in MATRICES.items()}
    for name, size in shapes.items():
        packed = gguf.quantize(draw.normal(0, 0.1, size).astype(np.float32), PACKED)
        numbers[name] = gguf.dequantize(packed, PACKED)
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=PACKED)
    for name in ("blk.0.attn_norm", "blk.0.ffn_norm", "output_norm"):
        numbers[name] = np.ones(H, np.float32)
        writer.add_tensor(f"{name}.weight", numbers[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return numbers


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in an installed package, in a folder of sys.path; an empty cache."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "site"
    info = place / "tiny_llama-1.0.dist-info"
    info.mkdir(parents=True)
    (place / "tiny_llama").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-llama\nVersion: 1.0\n", "utf8")
    (info / "RECORD").write_text("tiny_llama/tiny.Q4_1.gguf,,\n", "utf8")
    monkeypatch.syspath_prepend(place)
    weights._weights_in.cache_clear()
    return place / "tiny_llama" / "tiny.Q4_1.gguf"


def tiny(**settings: Any) -> Model:
    return Model(name="somebody/tiny", distribution="tiny-llama", max_length=16, **settings)


def test_a_package_with_packed_weights_is_a_checkpoint(package: Path) -> None:
    numbers = written(package)
    with pytest.raises(WeightsError, match="not on this machine"):
        tiny().find(fetch=False)  # a listing unpacks nothing
    checkpoint = tiny().find()
    assert checkpoint.origin.endswith("tiny-llama 1.0 (tiny.Q4_1.gguf, quantised, unpacked to float32)")
    (file,) = checkpoint.weights
    tensors = load_file(file)
    assert np.array_equal(tensors["model.embed_tokens.weight"], numbers["token_embd"])
    assert np.array_equal(tensors["model.layers.0.mlp.down_proj.weight"], numbers["blk.0.ffn_down"])
    assert tiny().find(fetch=False).folder == checkpoint.folder
    assert tiny(sha256=tiny().weights_digest()).weights_digest() == tiny().weights_digest()
    with pytest.raises(WeightsError, match=r"have sha256 .* but model.sha256 promises"):
        tiny(sha256="0" * 64).weights_digest()
    tokenizer = tiny().load_tokenizer()
    assert tokenizer("abc")["input_ids"] == [16, 2]
    assert tiny().model_type() == "llama" and tiny().transformers_config().num_hidden_layers == 1


def test_it_computes_what_transformers_computes_of_the_file(package: Path) -> None:
    import torch

    written(package)
    published = tf.AutoModelForCausalLM.from_pretrained(
        package.parent, gguf_file=package.name, dtype=torch.float32
    )
    ours = tf.AutoModelForCausalLM.from_pretrained(tiny().find().folder)
    ids = torch.arange(12)[None]
    assert torch.equal(ours(ids).logits, published(ids).logits)


def test_it_is_unpacked_once(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(package)
    folder = unpack(package)
    monkeypatch.setattr("headstart.models.gguf._write", lambda *_: pytest.fail("unpacked again"))
    assert unpack(package) == folder
    assert [path.name for path in (cache_dir() / "gguf").iterdir()] == [folder.name]  # nothing half made


@pytest.mark.parametrize("content", [b"", b"GGUF", b"<html>not found</html>"])
def test_a_file_that_is_none_is_named(content: bytes, package: Path) -> None:
    package.write_bytes(content)
    with pytest.raises(WeightsError, match=r"tiny.Q4_1.gguf: transformers cannot unpack it") as error:
        tiny().find()
    assert "\n" not in str(error.value) and not [*(cache_dir() / "gguf").iterdir()]


def test_without_its_library_it_says_what_to_install(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(package)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match=r"tiny.Q4_1.gguf needs gguf, which is not installed: pip install"):
        tiny().find()

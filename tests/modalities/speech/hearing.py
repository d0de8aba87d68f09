"""Tiny models of random weights that hear: an encoder of one second and a decoder of words."""

from __future__ import annotations

import numpy as np
import torch
from helpers import byte_level_bpe
from ifrs import _core

RATE = 16_000
SECONDS = 1


def extractor():
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(feature_size=16, chunk_length=SECONDS, n_fft=400)


def tokenizer():
    """With the marks that begin a text: start, plain text, and the first time stamps."""
    found = byte_level_bpe([f" {word}" for word in _core.response_words()], 4_000)
    marks = ["<|start|>", "<|plain|>", "<|0.00|>", "<|0.02|>"]
    found.add_special_tokens({"additional_special_tokens": marks})
    return found


def whisper(tokenizer, **changes):
    """Whisper of an encoder layer and two of the decoder, random weights."""
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    start, plain = tokenizer.convert_tokens_to_ids(["<|start|>", "<|plain|>"])
    marks = {
        "bos_token_id": tokenizer.eos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,  # whose row is zero, and could end no text
        "decoder_start_token_id": start,
    }
    settings = {
        "vocab_size": len(tokenizer),
        "num_mel_bins": 16,
        "d_model": 64,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 128,
        "decoder_ffn_dim": 128,
        "max_source_positions": 50 * SECONDS,
        "max_target_positions": 64,
        "init_std": 0.2,
        "suppress_tokens": None,
        "begin_suppress_tokens": None,
    }
    config = WhisperConfig(**{**settings, **marks, **changes})
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config).eval()
    model.generation_config = GenerationConfig(
        is_multilingual=False, no_timestamps_token_id=plain, max_length=64, **marks
    )
    return model


def murmur(count, seconds=1.5, seed=0):
    """Noise that rises and falls, as speech does; (rate, int16) each."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(count):
        noise = rng.normal(0, 4000, round(RATE * seconds))
        swell = np.abs(np.sin(np.linspace(0, rng.uniform(5, 20), len(noise))))
        found.append((RATE, (noise * swell).astype(np.int16)))
    return found
